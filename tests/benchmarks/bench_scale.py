"""What posting, lists, plan, nightly run, verification and sealing cost as the region grows, on PostgreSQL.

    python -m tests.benchmarks.bench_scale [--factors 1,5,20] [--address postgresql://...]

fills an empty database for each factor (see scale_region; 20: ten million movements, some 15 GB of disk and an hour)
and prints the cost of each per unit, and how it grew. `pytest tests/benchmarks/bench_scale.py -o
python_files='bench_*.py'` does the same at a fiftieth. Without an address it starts a server of its own.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlmodel import Session

from stockpile import journal, migrations
from stockpile.allocation import operations as surges
from stockpile.allocation import planning
from stockpile.allocation.operations import RequestDraft
from stockpile.app import build
from stockpile.db import open_engine, reading, transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Account as Person
from stockpile.inventory import ledger, rules
from stockpile.inventory.ledger import Account, Move
from stockpile.jobs import operations as jobs
from stockpile.jobs.schedule import act_of_scheduler
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from tests.benchmarks.scale_region import Filled, depot, fill, item, member
from tests.campaign.cluster import Cluster
from tests.conftest import NOW

ROUNDS = 60
NIGHT = ("expiry", "reservations", "dates", "figures", "reorder")
LIMIT_SECONDS = 600.0
SERVER = ("shared_buffers='2GB'", "effective_cache_size='6GB'", "max_wal_size='8GB'", "checkpoint_timeout='15min'")
"""How a server of its own is set: as one would be for a region of this size; what was committed is on the disk."""
Costs = dict[str, float]


def say(line: str) -> None:
    """A line for the reader of the run."""
    sys.stdout.write(f"  {line}\n")
    sys.stdout.flush()


def measured(engine: Engine, folder: Path, factor: float) -> Costs:
    """Fill the empty migrated database and measure everything; the names say the unit."""
    began = time.perf_counter()
    filled = fill(engine, folder, factor, say=say)
    movements = filled.size.movements
    costs: Costs = {"filling, s per million movements": (time.perf_counter() - began) / movements * 1e6}
    for part in (_posting, _lists, _plan, _night, _verify, _seal):
        for name, cost in part(engine, filled, folder).items():
            costs[name] = cost
            say(f"{name}: {cost:,.2f}")
    return costs


def _posting(engine: Engine, filled: Filled, _folder: Path) -> Costs:
    chance = Random(4)

    def one(number: int, lines: int) -> float:
        chosen = chance.sample(filled.lots, lines)
        shelves = [Account(lot, depot(lot % filled.size.depots), rules.POOL, rules.AVAILABLE) for lot in chosen]
        moves = [Move(shelf.lot_id, 1, shelf, rules.CONSUMPTION, "issue") for shelf in shelves]
        given: dict[str, Any] = {"kind": "issue", "key": f"measured/{lines}/{number}", "moves": moves}
        began = time.perf_counter()
        transact(engine, lambda session: ledger.post(session, filled.act, **given))
        return (time.perf_counter() - began) * 1000

    lines = min(100, len(filled.lots))
    return {
        "posting, ms each (median)": statistics.median(one(n, 1) for n in range(ROUNDS)),
        "posting of 100 lines, ms each (median)": statistics.median(one(n, lines) for n in range(ROUNDS // 4)),
    }


def _lists(engine: Engine, filled: Filled, folder: Path) -> Costs:
    chance, most = Random(5), max(filled.lots)
    paths: dict[str, Callable[[], str]] = {
        "lots": lambda: f"lots?after={chance.randrange(most)}",
        "stock of an item": lambda: f"stock?item={item(chance.randrange(filled.size.items))}",
        "movements": lambda: f"movements?after={chance.randrange(filled.size.movements)}",
    }

    def issued(session: Session) -> str:
        account = session.get_one(Person, filled.act.actor.id)
        return governance.issue_token(session, account, real_now=datetime.now(UTC), hours=9)[0]

    token = transact(engine, issued)
    found: Costs = {}
    with TestClient(build(engine, Settings(home=folder), scheduled=False)) as client:
        for name, path in paths.items():
            took = []
            for _ in range(ROUNDS // 2):
                began = time.perf_counter()
                answer = client.get(f"/api/v1/{path()}", headers={"Authorization": f"Bearer {token}"})
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, answer.text
            found[f"list of {name}, ms (median)"] = statistics.median(took)
    return found


def _plan(engine: Engine, filled: Filled, _folder: Path) -> Costs:
    """A surge in which every municipality asks for one item of ten; the plan is solved, checked and not stored."""
    asked = max(3, filled.size.items // 10)
    plain: dict[str, Any] = {"need_by": NOW + timedelta(days=1), "justification": "the ward is full", "own_stock": 0}
    drafts = [
        RequestDraft(member=member(n), item=item((n + k) % asked), quantity=400, **plain)
        for n in range(filled.size.members)
        for k in range(3)
    ]

    def ask(session: Session) -> int:
        given = {"hazard": "epidemic", "level": 2, "evidence": "admissions doubled", "cover_days": 3}
        surge = surges.declare_surge(session, filled.act, review_by=NOW + timedelta(days=14), **given)
        assert surge.id is not None
        surges.submit(session, filled.act, surge_id=surge.id, drafts=drafts)
        return surge.id

    number = transact(engine, ask)
    began = time.perf_counter()
    made = planning.draft(engine, filled.act, surge_id=number, limit_seconds=LIMIT_SECONDS)
    seconds = time.perf_counter() - began
    assert made.verdict.kept, made.note
    return {"plan, ms per request": seconds / len(drafts) * 1000, "plan, s": seconds}


def _night(engine: Engine, filled: Filled, folder: Path) -> Costs:
    found: Costs = {}
    act = act_of_scheduler(engine)
    for job in NIGHT:
        began = time.perf_counter()
        jobs.run(engine, act, job=job, limit_seconds=LIMIT_SECONDS, home=folder)
        found[f"night: {job}, ms per item"] = (time.perf_counter() - began) / filled.size.items * 1000
    found["night, s"] = sum(found.values()) * filled.size.items / 1000
    return found


def _verify(engine: Engine, filled: Filled, _folder: Path) -> Costs:
    began = time.perf_counter()
    with reading(engine) as session:
        session.connection().execute(text("SET LOCAL statement_timeout = 0"))
        session.connection().execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        assert [*ledger.discrepancies(session), *journal.discrepancies(session)] == []
    return {"verify, s per million movements": (time.perf_counter() - began) / filled.size.movements * 1e6}


def _seal(engine: Engine, _filled: Filled, folder: Path) -> Costs:
    with reading(engine) as session:
        signer = sealing.signer_of(session, folder)
        entries: int = session.connection().execute(text("SELECT count(*) FROM journal_entry")).scalar_one()
    began = time.perf_counter()
    sealing.seal(engine, signer, at=datetime.now(UTC))
    return {"seal, s per million entries": (time.perf_counter() - began) / entries * 1e6}


@contextmanager
def database(address: str) -> Iterator[Engine]:
    """An empty migrated database on that server, dropped afterwards."""
    name = f"scale_{uuid4().hex[:10]}"
    with open_engine(address, pooled=False).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        engine = open_engine(make_url(address).set(database=name).render_as_string(hide_password=False))
        try:
            migrations.upgrade(engine)
            yield engine
        finally:
            engine.dispose()
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def table(found: dict[float, Costs]) -> str:
    """The costs by factor, and the exponent by which each grew from the first to the last (0: not at all)."""
    import math

    factors = list(found)
    lines = [
        "| cost | " + " | ".join(f"x{one:g}" for one in factors) + " | growth |",
        "|---" * (len(factors) + 2) + "|",
    ]
    for name in found[factors[0]]:
        costs = [found[one][name] for one in factors]
        wide = len(factors) > 1 and costs[0] > 0 and costs[-1] > 0
        grew = f"{math.log(costs[-1] / costs[0]) / math.log(factors[-1] / factors[0]):+.2f}" if wide else ""
        lines.append(f"| {name} | " + " | ".join(f"{cost:,.2f}" for cost in costs) + f" | {grew} |")
    return "\n".join(lines)


def test_the_region_is_filled_and_everything_is_measured(postgres_address: str, tmp_path: Path) -> None:
    with database(postgres_address) as engine:
        found = {0.02: measured(engine, tmp_path, 0.02)}
    assert all(cost > 0 for cost in found[0.02].values())
    say(table(found))


def main() -> None:
    """Measure each factor on a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factors", default="1,5,20")
    parser.add_argument("--address", default="", help="a server, as a role that may create databases")
    given = parser.parse_args()
    server = None if given.address else Cluster(*SERVER)
    given.address = server.address("postgres") if server else given.address
    address = make_url(given.address).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    found: dict[float, Costs] = {}
    try:
        for factor in map(float, given.factors.split(",")):
            say(f"x{factor:g}")
            with database(address) as engine, TemporaryDirectory() as folder:
                found[factor] = measured(engine, Path(folder), factor)
        sys.stdout.write(table(found) + "\n")
    finally:
        if server is not None:
            server.delete()


if __name__ == "__main__":
    main()
