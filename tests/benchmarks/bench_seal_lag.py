"""How long an entry waits for its seal while writers write, and by how much sealing slows them.

Writers commit entries one by one while a sealer seals once a second, as the server does; then the same without it,
in turns, so that what else runs on the machine weighs on both alike. The lag is taken by the real clock, from an
entry's commit to the commit of the head that covers it. What else runs weighs less on processor time, so that of
this process and the database's together is told for an entry, with and without the sealer.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act, Actor, Grant
from stockpile.db import reading, transact
from stockpile.transparency.sealing import operations
from stockpile.transparency.sealing.rules import Signer
from stockpile.transparency.sealing.tables import SealedEntry
from tests.benchmarks.cpu import spent

TURNS, SECONDS, WRITERS = 4, 4.0, 4
EVERY_SECONDS = 1.0
ACTOR = Actor(id=1, name="logistics", grants=(Grant("logistics"),))


def test_an_entry_is_sealed_within_seconds_and_writers_hardly_notice(
    engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signer = operations.signer(tmp_path, log="stockpile/bench")
    rates: dict[bool, list[float]] = {True: [], False: []}
    costs: dict[bool, list[float]] = {True: [], False: []}
    lags: list[float] = []
    folder = _folder(engine)
    _written(engine, SECONDS / 4)
    for turn in range(2 * TURNS):
        sealed = turn % 4 in (0, 3)
        operations.seal(engine, signer, at=datetime.now(UTC))
        before = spent(None, folder)
        done, covered = _with_sealer(engine, signer) if sealed else (_written(engine, SECONDS), [])
        costs[sealed].append(spent(None, folder).per_request(before, len(done)).total())
        rates[sealed].append(len(done) / SECONDS)
        lag = _lags(engine, done, covered) if sealed else []
        lags += lag
    lags.sort()
    slower = 100 * (1 - median(rates[True]) / median(rates[False]))
    with capsys.disabled():
        sys.stdout.write(
            f"\n  {engine.dialect.name}: {len(lags):,} entries, lag p50 {lags[len(lags) // 2]:.2f} s, "
            f"p99 {lags[len(lags) * 99 // 100]:.2f} s (target 5); {WRITERS} writers: {median(rates[True]):,.0f}/s with "
            f"the sealer, {median(rates[False]):,.0f}/s without: {slower:+.1f} % slower (target 5), turns "
            f"{[round(one) for one in rates[True]]} and {[round(one) for one in rates[False]]}; processor time of an "
            f"entry {median(costs[True]):.0f} us with the sealer, {median(costs[False]):.0f} without: "
            f"{100 * (median(costs[True]) / median(costs[False]) - 1):+.1f} %\n"
        )
    assert lags[len(lags) * 99 // 100] <= 5


def _folder(engine: Engine) -> str | None:
    """Where the database keeps its files; None of a database without processes of its own."""
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect() as connection:
        return str(connection.execute(text("SHOW data_directory")).scalar_one())


def _written(engine: Engine, seconds: float) -> dict[int, float]:
    """What writers committed in so many seconds: when, by the entry's number."""
    done: dict[int, float] = {}
    ends, numbers = time.monotonic() + seconds, count()

    def write() -> None:
        while time.monotonic() < ends:
            done[transact(engine, lambda session: _noted(session, next(numbers)))] = time.monotonic()

    _all_at_once([write] * WRITERS)
    return done


def _noted(session: Session, number: int) -> int:
    now = datetime.now(UTC)
    act = Act(actor=ACTOR, at=now, recorded_at=now)
    entry = journal.record(
        session, act, action="bench.note", subject=f"note:{number}", payload={"n": number}, reason="a note"
    )
    session.flush()
    assert entry.id is not None
    return entry.id


def _with_sealer(engine: Engine, signer: Signer) -> tuple[dict[int, float], list[tuple[int, float]]]:
    """What writers committed beside the sealer, and how many entries it had covered when."""
    covered: list[tuple[int, float]] = []
    over = threading.Event()

    def run() -> None:
        last = False
        while not last:
            last = over.wait(EVERY_SECONDS)
            covered.append((operations.seal(engine, signer, at=datetime.now(UTC)), time.monotonic()))

    sealer = threading.Thread(target=run)
    sealer.start()
    done = _written(engine, SECONDS)
    over.set()
    sealer.join()
    return done, covered


def _lags(engine: Engine, done: dict[int, float], covered: list[tuple[int, float]]) -> list[float]:
    with reading(engine) as session:
        rows = session.exec(
            select(SealedEntry.position, SealedEntry.entry_id).order_by(col(SealedEntry.position))
        ).all()
    heads = iter(covered)
    size, at = next(heads)
    lags = []
    for position, entry in rows:
        while position >= size:
            size, at = next(heads)
        if entry in done:
            lags.append(max(0.0, at - done[entry]))
    assert len(lags) == len(done), "every entry was sealed"
    return lags


def _all_at_once(work: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=one) for one in work]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
