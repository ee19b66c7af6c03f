"""Movements per second of an import end to end: uploaded, read, checked, posted, committed, told.

Run by `pytest tests/benchmarks/bench_import.py -o python_files='bench_*.py'`; the figures are printed.
In the same run the same rows are copied into an indexed table like that of the
movements, which is what the disk and the indexes cost alone. Client, server
and database share the machine; what is asserted is a share of that plain copy, so
that a busy machine does not fail it. RESULTS.md keeps what was measured.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from stockpile.db import open_engine, reading
from stockpile.inventory import ledger
from stockpile.inventory.importing.rules import COLUMNS
from tests.benchmarks.posting_room import SITES, Room, analyse, furnish, machine, served
from tests.conftest import _admin, _named

ROWS = int(os.environ.get("STOCKPILE_BENCH_ROWS", "100000"))
ROUNDS = int(os.environ.get("STOCKPILE_BENCH_ROUNDS", "3"))
SHELVES = 10_000
TARGET = 20_000
NEW_LOTS = 2_000
Say = Callable[[str], None]
COPIED = """
CREATE TABLE copied (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, posting_id bigint NOT NULL,
  line int NOT NULL, lot_id bigint NOT NULL, quantity bigint NOT NULL CHECK (quantity > 0),
  from_external text, to_balance_id bigint, to_seq bigint, to_after bigint CHECK (to_after >= 0),
  document text NOT NULL,
  UNIQUE (posting_id, line), UNIQUE (to_balance_id, to_seq));
CREATE INDEX ON copied (lot_id); CREATE INDEX ON copied (document)
"""


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a line with the load average, through pytest's capture."""

    def line(text: str) -> None:
        with capsys.disabled():
            print(f"  {text} [load {os.getloadavg()[0]:.1f}]")  # noqa: T201

    return line


@pytest.fixture(scope="module")
def room(postgres_address: str, postgres_template: str) -> Iterator[Room]:
    """A storeroom on PostgreSQL."""
    name = f"bench_{uuid4().hex}"
    _admin(postgres_address, f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY WAL_LOG")
    yield furnish(_named(postgres_address, name), shelves=SHELVES)
    _admin(postgres_address, f"DROP DATABASE {name} WITH (FORCE)")


def a_file(tag: str) -> bytes:
    """So many rows in no order: receipts, of new lots too, losses, stock set aside, at two depots."""
    random = Random(tag)
    rows = [",".join(COLUMNS)]
    for _ in range(ROWS):
        row = dict.fromkeys(COLUMNS, "")
        kind = random.choices(("receipt", "new", "adjustment", "set_aside"), (4, 1, 4, 1))[0]
        lot = f"BENCH{random.randrange(SHELVES // len(SITES))}"
        row |= {
            "item": "TAB",
            "lot": lot,
            "quantity": str(random.randint(1, 9)),
            "document": f"DN{random.randrange(99)}",
        }
        site = random.choice(SITES)
        if kind in ("receipt", "new"):
            row |= {"kind": "receipt", "expiry": "2030-01-01", "to_site": site}
            row |= {"lot": f"{tag}-{random.randrange(NEW_LOTS)}"} if kind == "new" else {}
        else:
            row |= {"kind": kind, "from_site": site, "reason": "broken in the store"}
        rows.append(",".join(row.values()))
    return ("\r\n".join(rows) + "\r\n").encode()


def imported(port: int, token: str, content: bytes, *, dry_run: bool = False) -> tuple[float, float, dict[str, object]]:
    """Seconds until the import says it is done, seconds until it was accepted, and what it says."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        started = time.perf_counter()
        connection.request("POST", f"/api/v1/imports?dry_run={str(dry_run).lower()}", content, headers)
        answer = connection.getresponse()
        accepted = json.loads(answer.read())
        assert answer.status == 202, accepted
        accepted_after = time.perf_counter() - started
        while True:
            connection.request("GET", accepted["progress"], headers=headers)
            state = json.loads(connection.getresponse().read())
            if state["state"] not in ("waiting", "running"):
                return time.perf_counter() - started, accepted_after, state
            time.sleep(0.05)


def cpu_seconds(address: str) -> tuple[float, float]:
    """Seconds of CPU used so far by the served application, and by the database server with its backends."""
    engine = open_engine(address)
    with engine.connect() as connection:
        backend = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
        processes = dict(_processes())
        database = processes[backend][0]
    engine.dispose()
    tick = os.sysconf("SC_CLK_TCK")
    ours = sum(own for parent, own, _ in processes.values() if parent == os.getpid())
    theirs = sum(own for parent, own, _ in processes.values() if parent == database) + sum(processes[database][1:])
    return ours / tick, theirs / tick


def _processes() -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Each process: its parent, its own ticks, and those of its children that have ended."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        yield (
            int(path.parent.name),
            (int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])),
        )


def copy_rate(address: str) -> float:
    """Rows per second of COPY into an indexed table like that of the movements."""
    engine = open_engine(address)
    rows = "".join(
        f"{n // 1000}\t{n % 1000}\t{n % 5000}\t{n % 9 + 1}\tsupplier\t{n % 10_000}\t{n // 10_000}\t{n}\tDN{n % 99}\n"
        for n in range(ROWS)
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS copied")
        connection.exec_driver_sql(COPIED)
    started = time.perf_counter()
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        columns = "posting_id, line, lot_id, quantity, from_external, to_balance_id, to_seq, to_after, document"
        with driver.cursor() as cursor, cursor.copy(f"COPY copied ({columns}) FROM STDIN") as to:
            to.write(rows)
    rate = ROWS / (time.perf_counter() - started)
    engine.dispose()
    return rate


def test_an_import_end_to_end_beside_a_plain_copy(room: Room, say: Say) -> None:
    say(machine(room.address))
    rates, shares = [], []
    with served(room.address, workers=1) as server:
        port = server.port
        imported(port, room.token, a_file("warm"))
        for number in range(ROUNDS):
            analyse(room.address)
            plain = copy_rate(room.address)
            content, before = a_file(f"R{number}"), cpu_seconds(room.address)
            seconds, accepted, state = imported(port, room.token, content)
            assert (state["state"], state["rows_posted"]) == ("done", ROWS), json.dumps(state)
            application, database = (now - then for now, then in zip(cpu_seconds(room.address), before, strict=True))
            rates.append(ROWS / seconds)
            shares.append(rates[-1] / plain)
            say(
                f"import of {ROWS:,} rows ({len(content) / 1e6:.1f} MB, {state['postings']} postings): "
                f"{rates[-1]:,.0f} movements/s in {seconds:.1f} s, accepted after {accepted:.2f} s, "
                f"{application:.1f} s of CPU in the application and {database:.1f} s in the database; "
                f"plain COPY {plain:,.0f} rows/s: {shares[-1]:.2f}"
            )
        seconds, _, state = imported(port, room.token, a_file("dry"), dry_run=True)
        assert state["state"] == "done", state
        say(f"dry run of {ROWS:,} rows, each judged alone: {ROWS / seconds:,.0f} rows/s")
    say(f"best {max(rates):,.0f} movements/s; target {TARGET:,}/s")
    assert max(shares) >= 0.04


def test_the_books_are_right_after_all_that(room: Room) -> None:
    engine = open_engine(room.address)
    with reading(engine) as session:
        assert list(ledger.discrepancies(session)) == []
    engine.dispose()
