"""A million journal entries: how long sealing and the whole verification take, and what sealing costs writers."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from stockpile import journal, migrations
from stockpile.actor import Act, Actor, Grant
from stockpile.db import open_engine, reading, transact
from stockpile.transparency.sealing import operations, queries, rules
from tests.conftest import unguard

ENTRIES = 1_000_000
NOW = datetime(2020, 3, 30, 8, tzinfo=UTC)
ACT = Act(actor=Actor(id=1, name="logistics", grants=(Grant("logistics"),)), at=NOW, recorded_at=NOW)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def journal_of_a_million(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine whose journal holds ENTRIES entries like those of postings."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path_factory.mktemp('million') / 'stockpile.db'}"
    else:
        address = request.getfixturevalue("postgres_address")
    engine = open_engine(address)
    migrations.upgrade(engine)
    for start in range(0, ENTRIES, 20_000):
        notes = [
            journal.Note(ACT, "stock.post", f"posting:{n}", {"digest": f"{n:064x}", "kind": "issue", "key": f"key-{n}"})
            for n in range(start, start + 20_000)
        ]
        transact(engine, lambda session, notes=notes: journal.record_each(session, notes))  # type: ignore[misc]
    yield engine
    engine.dispose()


def test_a_million_entries_are_sealed_and_verified(
    journal_of_a_million: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, signer = journal_of_a_million, operations.signer(tmp_path, log="stockpile/bench")
    began, cpu = time.perf_counter(), time.process_time()
    assert operations.seal(engine, signer, at=NOW + timedelta(seconds=1)) == ENTRIES
    sealing, sealing_cpu = time.perf_counter() - began, time.process_time() - cpu
    began, cpu = time.perf_counter(), time.process_time()
    assert faults(engine, signer) == []
    verifying, verifying_cpu = time.perf_counter() - began, time.process_time() - cpu
    say(capsys, f"\n  {engine.dialect.name}: {ENTRIES:,} entries sealed in {sealing:.1f} s ({sealing_cpu:.1f} CPU s)")
    say(
        capsys, f"  {engine.dialect.name}: verified whole in {verifying:.1f} s ({verifying_cpu:.1f} CPU s); target 30 s"
    )
    found = forged_and_found(engine, signer)
    say(
        capsys, f"  one row edited, one deleted, two exchanged, one slipped in: all found in {found:.1f} s; target 30 s"
    )


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """A line for the reader of the run."""
    with capsys.disabled():
        sys.stdout.write(line + "\n")


def forged_and_found(engine: Engine, signer: rules.Signer) -> float:
    """Edit an entry, delete one, exchange two, and slip one in that is sealed later; all must be named. Seconds."""
    edited, deleted, one, other = random.Random(1).sample(range(1, ENTRIES + 1), 4)
    with engine.begin() as connection:
        unguard(connection)
        connection.execute(text("UPDATE journal_entry SET reason = 'forged' WHERE id = :id"), {"id": edited})
        connection.execute(text("DELETE FROM journal_entry WHERE id = :id"), {"id": deleted})
        for old, new in ((one, -1), (other, one), (-1, other)):
            moved = {"old": old, "new": new}
            connection.execute(text("UPDATE journal_entry SET id = :new WHERE id = :old"), moved)
    early = Act(actor=ACT.actor, at=NOW - timedelta(days=2), recorded_at=NOW - timedelta(days=2))
    transact(
        engine,
        lambda session: journal.record_each(
            session, [journal.Note(early, "stock.post", "posting:0", {}, "slipped in")]
        ),
    )
    operations.seal(engine, signer, at=NOW + timedelta(seconds=2))
    began = time.perf_counter()
    found = faults(engine, signer)
    seconds = time.perf_counter() - began
    for number in (edited, one, other):
        assert any(f"journal entry {number} " in fault for fault in found), found
    assert any(f"journal entry {deleted}," in fault for fault in found), found
    assert any("an earlier head has it not" in fault for fault in found), found
    return seconds


def faults(engine: Engine, signer: rules.Signer) -> list[str]:
    """What the verification finds."""
    with reading(engine) as session:
        return list(queries.discrepancies(session, verifier_key=signer.verifier_key))
