"""Movements per second of an import end to end: uploaded, read, checked, posted, committed, told.

Run by `pytest tests/benchmarks/bench_import.py -o python_files='bench_*.py'`; the figures are printed.
In the same run the same rows are copied into an indexed table like that of the
movements, which is what the disk and the indexes cost alone. Client, server
and database share the machine; what is asserted is a quarter of the target, so
that a busy machine does not fail it.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator
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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/csv"}
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


def cpu_seconds() -> float:
    """Seconds of CPU that this machine's processes named after us or the database have used so far."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        if "postgres" in text or int(fields[1]) == os.getpid():
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


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
    rates = []
    with served(room.address, workers=1) as port:
        imported(port, room.token, a_file("warm"))
        for number in range(ROUNDS):
            analyse(room.address)
            plain = copy_rate(room.address)
            content, before = a_file(f"R{number}"), cpu_seconds()
            seconds, accepted, state = imported(port, room.token, content)
            assert (state["state"], state["rows_posted"]) == ("done", ROWS), state
            rates.append(ROWS / seconds)
            say(
                f"import of {ROWS:,} rows ({len(content) / 1e6:.1f} MB, {state['postings']} postings): "
                f"{rates[-1]:,.0f} movements/s in {seconds:.1f} s, accepted after {accepted:.2f} s, "
                f"{cpu_seconds() - before:.1f} s of CPU; plain COPY {plain:,.0f} rows/s: {rates[-1] / plain:.2f}"
            )
        seconds, _, state = imported(port, room.token, a_file("dry"), dry_run=True)
        assert state["state"] == "done", state
        say(f"dry run of {ROWS:,} rows, each judged alone: {ROWS / seconds:,.0f} rows/s")
    say(f"best {max(rates):,.0f} movements/s; target {TARGET:,}/s")
    assert max(rates) >= TARGET / 4


def test_the_books_are_right_after_all_that(room: Room) -> None:
    engine = open_engine(room.address)
    with reading(engine) as session:
        assert list(ledger.discrepancies(session)) == []
    engine.dispose()
