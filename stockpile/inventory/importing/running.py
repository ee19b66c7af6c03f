"""Running imports: in this process one at a time, beside what else it serves.

What is needed to run an import lies in the database. A runner that is killed
leaves nothing half-written, for all rows are posted in one transaction that
also marks the import done; its silence lets another runner begin it anew.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.governance.tables import Account
from stockpile.inventory.importing import operations, queries, rules
from stockpile.inventory.importing.matching import Doubt
from stockpile.inventory.importing.operations import TakenOver
from stockpile.inventory.importing.reading import opened
from stockpile.inventory.importing.rules import Finding, Row, RowReader
from stockpile.inventory.importing.sheet import Line, Unreadable

Clock = Callable[[], datetime]
LOOKED_FOR_EVERY: Final = 5.0
"""Seconds between looks for imports that another process accepted or left."""
TOLD_EVERY: Final = 0.5
ROWS_BETWEEN_LOOKS: Final = 2000
ATTEMPTS_AT_POSTING: Final = 3
log = logging.getLogger(__name__)


class Stopped(Exception):
    """This process ends: what is in hand goes back."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far an import is: what is done now, percent of the whole, rows read and rows posted."""

    stage: str
    percent: int
    rows_read: int = 0
    rows_posted: int = 0


class Hand:
    """One import in hand: how far it is, told to whoever wants to know and, every half second, to the database."""

    def __init__(
        self, engine: Engine, number: int, runner: str, clock: Clock, tell: Callable[[Step], None] = lambda _step: None
    ) -> None:
        self.engine, self.number, self.runner, self.clock, self._tell = engine, number, runner, clock, tell
        self.step = Step("reading", 0)
        self.stopping = threading.Event()
        self._told_at = time.monotonic()

    def at(self, step: Step, *, posting: bool = False) -> None:
        """Note the step; SQLite's one writer is at work while rows are posted, so nothing is stored then."""
        self.step = step
        self._tell(step)
        if self.stopping.is_set():
            raise Stopped
        now = time.monotonic()
        if now - self._told_at < TOLD_EVERY or (posting and self.engine.dialect.name == "sqlite"):
            return
        self._told_at = now
        values = {"stage": step.stage, "percent": step.percent, "rows_read": step.rows_read}
        values |= {"rows_posted": step.rows_posted, "heartbeat_at": self.clock()}
        self.write(operations.keep, held_by=self.runner, **values)

    def write(self, work: Callable[..., Any], **given: Any) -> None:
        """One short transaction about this import."""
        transact(self.engine, lambda session: work(session, self.number, **given))


@dataclass(slots=True)
class _Rows:
    """What was read of a file: rows, what is wrong (the first of it, and how much), batch codes of unread receipts."""

    rows: list[Row]
    findings: list[Finding]
    total: int
    read: int
    doubtful: set[Doubt]

    def found(self, wrong: list[Finding]) -> None:
        self.total += len(wrong)
        self.findings += wrong[: max(0, rules.MOST_FINDINGS - len(self.findings))]

    def broken(self, why: Finding) -> None:
        """Why no more is read: told whatever else is wrong."""
        self.total += 1
        self.findings = [*self.findings[: rules.MOST_FINDINGS - 1], why]


def run(hand: Hand) -> str:
    """Run a claimed import to its end; returns the state it ends in.

    Raises TakenOver where another runner has it, Stopped where this process ends.
    """
    with reading(hand.engine) as session:
        one = queries.import_of(session, hand.number)
        content = queries.content(session, hand.number)
    if one.attempts > operations.MOST_ATTEMPTS:
        return _end(hand, rules.FAILED, outcome=f"interrupted {one.attempts - 1} times: it is not begun again")
    found = _read(hand, content, form=one.form)
    if not found.rows and not found.total:
        found.found([Finding(0, "", "", "the file has no rows below the header")])
    if not one.dry_run and not found.total and _posted(hand, found.rows):
        return rules.DONE
    return _judged(hand, one.dry_run, found)


def _posted(hand: Hand, rows: list[Row]) -> bool:
    """Whether all rows could be posted; nothing is where they could not."""
    total = len(rows)
    hand.at(Step("posting", 45, total))

    def told(count: int) -> None:
        hand.at(Step("posting", 45 + 54 * count // total, total, count), posting=True)

    def work(session: Session) -> None:
        act = _act(session, hand)
        operations.post(session, act, number=hand.number, runner=hand.runner, rows=rows, told=told)

    try:
        transact(hand.engine, work)
    except TakenOver:
        raise
    except Refusal as refusal:
        log.info("import %s is refused: %s", hand.number, refusal.message)
        return False
    return True


def _judged(hand: Hand, dry_run: bool, found: _Rows) -> str:
    """The end of an import that is not posted: everything that is wrong with it, or that it would be posted."""
    hand.at(Step("checking", 45, found.read))

    def work(session: Session) -> list[Finding]:
        act = _act(session, hand)
        return operations.rehearse(session, act, number=hand.number, rows=found.rows, doubtful=found.doubtful)

    found.found(transact(hand.engine, work, keep=False))
    if found.total:
        found.findings.sort()
        told = "1 finding" if found.total == 1 else f"{found.total:,} findings"
        given = {"outcome": f"{told}: nothing was posted", "findings": found.findings}
        return _end(hand, rules.REFUSED, total=found.total, rows_read=found.read, **given)
    if not dry_run:
        outcome = "stock moved while this was posted and has moved back since: send it again"
        return _end(hand, rules.FAILED, outcome=outcome)
    return _end(hand, rules.DONE, rows_read=found.read, outcome=f"{len(found.rows):,} rows would be posted")


def _end(hand: Hand, state: str, **given: Any) -> str:
    hand.write(operations.finish, runner=hand.runner, at=hand.clock(), state=state, **given)
    return state


def _act(session: Session, hand: Hand) -> Act:
    """Who sent the import, with the rights of now, at the region's clock."""
    account = session.get_one(Account, queries.import_of(session, hand.number).requested_by)
    real_now = hand.clock()
    actor = governance.actor_of(session, account, real_now=real_now)
    if not account.active:
        actor = type(actor)(actor.id, actor.name, ())
    return Act(actor, governance.effective_now(session, real_now=real_now), real_now)


def _read(hand: Hand, content: bytes, *, form: str) -> _Rows:
    """Every row of the file; a file that breaks off is judged up to there."""
    found = _Rows([], [], 0, 0, set())
    try:
        source = opened(content, form=form)
        lines = source.lines()
        header = next(lines, Line(1, (), ()))
        wrong = rules.header_findings(header.cells)
        if wrong:
            found.found(wrong)
            return found
        reader = RowReader(header.cells)
        for count, line in enumerate(lines, start=1):
            if count > rules.MOST_ROWS:
                found.broken(Finding(line.number, "", "", f"is beyond {rules.MOST_ROWS:,} rows: send several files"))
                break
            found.read = count
            _take(found, reader, header.cells, line)
            if count % ROWS_BETWEEN_LOOKS == 0:
                hand.at(Step("reading", min(40, 40 * count // max(1, source.rows_expected)), count))
    except Unreadable as refusal:
        row = refusal.facts.get("row")
        found.broken(Finding(row if isinstance(row, int) else 0, "", "", refusal.message))
    return found


def _take(found: _Rows, reader: RowReader, header: Any, line: Line) -> None:
    if line.faults:
        names = dict(enumerate(header))
        found.found([Finding(line.number, names.get(at, ""), rules.shown(v), why) for at, v, why in line.faults])
        read: Row | list[Finding] = []
    else:
        read = reader.read(line.number, line.cells)
    if isinstance(read, Row):
        found.rows.append(read)
        return
    found.found(read)
    given = dict(zip(header, line.cells, strict=False))
    if given.get("lot") and given.get("to_site"):
        found.doubtful |= {(given["lot"], given["to_site"]), (given["lot"], "")}


class Runner:
    """The imports of one process: a thread that runs what waits, one after the other."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock
        self._name = uuid4().hex
        self._bell, self._stopping = threading.Event(), threading.Event()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="imports")
        self._thread = threading.Thread(target=self._loop, name="imports-watch", daemon=True)
        self.hand: Hand | None = None

    def start(self) -> None:
        """Begin to look for work."""
        self._thread.start()

    def ring(self) -> None:
        """There is work."""
        self._bell.set()

    def stop(self) -> None:
        """Put back what is in hand, and end."""
        self._stopping.set()
        if self.hand is not None:
            self.hand.stopping.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._worker.shutdown(wait=False, cancel_futures=True)

    def step(self, number: int) -> Step | None:
        """How far this process is with an import, or None where it is not in its hand."""
        hand = self.hand
        return hand.step if hand is not None and hand.number == number else None

    def drain(self) -> int:
        """Run all that waits, here and now; how many were run."""
        count = 0
        while self._once():
            count += 1
        return count

    def _loop(self) -> None:
        while not self._stopping.is_set():
            attempt = self._worker.submit(self._once)
            failure = attempt.exception()
            if failure is not None:
                log.error("imports: the database did not answer as it should", exc_info=failure)
            if failure is not None or not attempt.result():
                self._bell.wait(LOOKED_FOR_EVERY)
                self._bell.clear()

    def _once(self) -> bool:
        """Whether there was an import to run."""
        at = self._clock()
        with reading(self._engine) as session:
            number = queries.next_to_run(session, silent_since=at - operations.SILENCE)
        if number is None or self._stopping.is_set():
            return False
        return run_one(self._engine, number, runner=self._name, clock=self._clock, taken=self._take) is not None

    def _take(self, hand: Hand | None) -> None:
        self.hand = hand


def run_one(
    engine: Engine,
    number: int,
    *,
    runner: str,
    clock: Clock,
    taken: Callable[[Hand | None], None] = lambda _hand: None,
    tell: Callable[[Step], None] = lambda _step: None,
) -> str | None:
    """Claim an import and run it to its end; the state it ends in, or None where it is in other hands or went back.

    What fails for a fault of ours ends the import as failed, with a number under which it is logged.
    """
    if not transact(engine, lambda session: operations.claim(session, number, runner=runner, at=clock())):
        return None
    hand = Hand(engine, number, runner, clock, tell)
    taken(hand)
    try:
        return _run_safely(hand)
    finally:
        taken(None)


@dataclass(frozen=True, slots=True)
class End:
    """How an import ended, with the findings that are kept."""

    number: int
    state: str
    outcome: str
    findings: list[Finding]


def import_file(
    engine: Engine, act: Act, path: Path, *, dry_run: bool, clock: Clock, tell: Callable[[Step], None]
) -> End:
    """Import a file of this computer here and now; refuses what cannot be read (reading.opened), or is not there."""
    content = _content(path)
    form = rules.XLSX if path.suffix.lower() == ".xlsx" else rules.CSV
    file = opened(content, form=form)

    def take(session: Session) -> int:
        one = operations.accept(session, act, name=path.name, content=content, opened=file, dry_run=dry_run)
        assert one.id is not None
        return one.id

    number = transact(engine, take)
    run_one(engine, number, runner=uuid4().hex, clock=clock, tell=tell)
    with reading(engine) as session:
        one = queries.import_of(session, number)
        listed = queries.findings(session, number, limit=rules.MOST_FINDINGS)
        found = [Finding(each.row_number, each.column_name, each.value, each.reason) for each in listed]
    posted = f"{one.rows_posted:,} rows are posted in {one.postings} postings"
    return End(number, one.state, one.outcome or posted, found)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(rules.LARGEST_FILE + 1)
    except OSError as failure:
        raise Unreadable(f"{path} cannot be read: {failure.strerror}", field="file") from failure


def _run_safely(hand: Hand) -> str | None:
    with ThreadPoolExecutor(1, thread_name_prefix="import") as alone:
        attempt = alone.submit(run, hand)
        failure = attempt.exception()
    if failure is None:
        return attempt.result()
    if isinstance(failure, TakenOver):
        return None
    if isinstance(failure, Stopped | OperationalError):
        hand.write(operations.put_back, runner=hand.runner)
        return None
    fault = uuid4().hex[:12]
    log.error("fault %s in import %s", fault, hand.number, exc_info=failure)
    return _end(hand, rules.FAILED, outcome=f"something failed on our side; it is logged as {fault}")
