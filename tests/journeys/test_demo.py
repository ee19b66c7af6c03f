"""The demonstration on PostgreSQL, and cut off by kill -9 at the worst moments: nothing is lost or doubled."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.journeys.demo_run import PATIENCE_SECONDS, demo, environment, facts

EXPECTED = {
    "simulated": True,
    "municipalities": 203,
    "countries": 3,
    "depots": 10,
    "items": 103,
    "plans": 7,
    "calloffs_received": 1,
    "checker_accepted": True,
    "ledger_verified": True,
}
"""What every run of the demonstration gives, wherever it runs."""

KILLER = """
import os, signal, sys
from stockpile.allocation import approval, planning
from stockpile.inventory import ledger
where, countdown = sys.argv[1], int(sys.argv[2])

def deadly(work):
    def die_at_last(*args, **kwargs):
        global countdown
        countdown -= 1
        if countdown == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args, **kwargs)
    return die_at_last

module, name = {
    "posting": (ledger, "_store"),
    "solving": (planning, "_solved"),
    "approving": (approval, "_conclude"),
}[where]
setattr(module, name, deadly(getattr(module, name)))
sys.argv = ["stockpile", "demo", "--no-serve"]
from stockpile.cli import main
main()
"""
"""The demonstration, killed the n-th time that it is about to store balances, to solve, or to conclude an approval."""


def kill_while(home: Path, where: str, countdown: int) -> None:
    """Run the demonstration until it kills itself with SIGKILL half-way through that work."""
    ran = subprocess.run(
        [sys.executable, "-c", KILLER, where, str(countdown)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == -signal.SIGKILL, ran.stdout + ran.stderr


@pytest.fixture
def postgres(postgres_address: str) -> Iterator[str]:
    """A database of its own on PostgreSQL."""
    name = f"demo_{uuid4().hex}"
    admin = create_engine(postgres_address, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    address = make_url(postgres_address).set(drivername="postgresql", database=name)
    yield address.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def test_killed_while_posting_solving_and_approving_it_neither_loses_nor_doubles_a_movement(
    tmp_path: Path, postgres: str
) -> None:
    """Cut off on SQLite and gone on with: every movement is one of the undisturbed run, which PostgreSQL holds."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    told, undisturbed = demo(whole, STOCKPILE_DATABASE_URL=postgres)
    assert undisturbed | EXPECTED | {"database": "postgresql"} == undisturbed
    assert "SIMULATED" in told
    assert "NL reports 270 admissions" in told
    kill_while(cut, "posting", 60)
    kill_while(cut, "solving", 1)
    kill_while(cut, "posting", 120)
    kill_while(cut, "approving", 2)
    said, report = demo(cut)
    assert "going on where the demo stopped" in said
    assert report["database"] == "sqlite"
    assert facts(report) == facts(undisturbed)
    assert _movements(f"sqlite:///{cut / 'stockpile.db'}") == _movements(postgres)


def _movements(address: str) -> list[tuple[object, ...]]:
    """Every movement with what it belongs to, without the numbers and instants that a second try may change."""
    engine = create_engine(address)
    query = (
        "SELECT posting.key, movement.line, lot.code, movement.quantity, movement.from_after, movement.to_after "
        "FROM movement JOIN posting ON posting.id = movement.posting_id JOIN lot ON lot.id = movement.lot_id"
    )
    with engine.connect() as connection:
        rows = sorted((tuple(row) for row in connection.execute(text(query))), key=repr)
    engine.dispose()
    return rows
