"""An import's way: accepted, claimed by a runner, posted whole or refused with findings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, or_, update
from sqlmodel import Session, col

from stockpile import bulk, journal
from stockpile.actor import Act, Actor
from stockpile.counting import count_on_commit
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Refusal
from stockpile.governance.rules import Missing, holds
from stockpile.inventory import ledger, opening, recording
from stockpile.inventory.importing import matching, queries, rules
from stockpile.inventory.importing.matching import Doubt
from stockpile.inventory.importing.reading import Opened
from stockpile.inventory.importing.rules import Finding, Row
from stockpile.inventory.importing.tables import StockImport, StockImportFile, StockImportFinding

SILENCE: Final = timedelta(seconds=90)
"""After so long without a sign of life a runner counts as gone: longer than a statement may take."""
MOST_ATTEMPTS: Final = 3


class TakenOver(Conflict):
    """Another runner has this import in hand."""

    code = "taken_over"


class NotAsRead(Conflict):
    """The rows are not posted: `findings`, or the one refusal that the ledger gave."""

    code = "import_refused"


@dataclass(frozen=True, slots=True)
class Posted:
    """How many postings and movements an import made."""

    postings: int
    rows: int


def require_some(actor: Actor) -> None:
    """Refuse who may record no kind of row at all, before anything of a file is read."""
    if not any(holds(actor, kind.right) for kind in recording.KINDS.values()):
        raise Missing(f"{actor.name} may not record stock: no row of a file would be accepted", right="stock.*")


def accept(session: Session, act: Act, *, name: str, content: bytes, opened: Opened, dry_run: bool) -> StockImport:
    """Take a file in, to be run by the next free runner; refuses who may record no kind of row at all."""
    require_some(act.actor)
    found = StockImport(
        name=name,
        form=opened.form,
        divider=opened.divider,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        dry_run=dry_run,
        state=rules.WAITING,
        requested_by=act.actor.id,
        requested_at=act.recorded_at,
    )
    session.add(found)
    session.flush()
    assert found.id is not None
    session.add(StockImportFile(import_id=found.id, content=content))
    session.flush()
    return found


def claim(session: Session, number: int, *, runner: str, at: datetime) -> bool:
    """Take an import in hand if it waits or its runner is silent; `at` is the real instant, UTC."""
    silent = (col(StockImport.state) == rules.RUNNING) & (col(StockImport.heartbeat_at) < at - SILENCE)
    free = update(StockImport).where(
        col(StockImport.id) == number, or_(col(StockImport.state) == rules.WAITING, silent)
    )
    values = {"state": rules.RUNNING, "runner": runner, "heartbeat_at": at, "stage": "reading", "percent": 0}
    return rows_changed(session, free.values(attempts=StockImport.attempts + 1, **values)) == 1


def keep(session: Session, number: int, *, held_by: str, **values: Any) -> None:
    """Write how far an import is; refuses where another runner has it by now (TakenOver)."""
    mine = update(StockImport).where(
        col(StockImport.id) == number, col(StockImport.state) == rules.RUNNING, col(StockImport.runner) == held_by
    )
    if rows_changed(session, mine.values(**values)) != 1:
        raise TakenOver(f"import {number} is in other hands", number=number)


def put_back(session: Session, number: int, *, runner: str) -> None:
    """Let go of an import, so that the next runner begins it anew."""
    keep(session, number, held_by=runner, state=rules.WAITING, runner="", stage="")


def post(
    session: Session, act: Act, *, number: int, runner: str, rows: Sequence[Row], told: ledger.Told | None = None
) -> Posted:
    """Post all rows or none, and mark the import done, in the caller's transaction.

    Raises NotAsRead where a row is refused, TakenOver where another runner has the import.
    """
    found = matching.matched(act, rows, queries.known(session, rows))
    if found.findings:
        raise NotAsRead("rows are refused", findings=found.findings)
    meant = _born(session, act, found)
    records = list(matching.postings(act, number, meant))
    refusal = _first_refusal(recording.record_each(session, records, told=told))
    if refusal is not None:
        raise NotAsRead(refusal.message)
    done = Posted(len(records), len(meant))
    _journal(session, act, number, done)
    finish(session, number, runner=runner, at=act.recorded_at, state=rules.DONE, posted=done)
    return done


def _first_refusal(outcomes: Sequence[int | Refusal]) -> Refusal | None:
    return next((one for one in outcomes if isinstance(one, Refusal)), None)


def _born(session: Session, act: Act, found: matching.Matched) -> list[matching.Meant]:
    """The rows with the numbers of the lots that are opened for them."""
    if not found.unborn:
        return found.meant
    wanted = found.wanted()
    opening.open_lots(session, act, wanted)
    born = queries.lots(session, [(batch.gtin, batch.code) for batch in wanted])
    numbers = {}
    for provisional, (batch, expiry) in found.unborn.items():
        now = born[batch.gtin, batch.code]
        if now.expiry != expiry:
            raise opening.expiry_differs(batch.item, batch.code, on_record=now.expiry, given=expiry)
        numbers[provisional] = now.number
    return [one._replace(line=_numbered(one.line, numbers)) if one.line.lot_id < 0 else one for one in found.meant]


def _numbered(line: recording.Line, numbers: dict[int, int]) -> recording.Line:
    return recording.Line(numbers[line.lot_id], line.quantity, line.owner, line.status, line.document, line.origin)


def rehearse(session: Session, act: Act, *, number: int, rows: Sequence[Row], doubtful: set[Doubt]) -> list[Finding]:
    """Everything that posting these rows would be refused for, by row; the caller undoes the transaction.

    `doubtful` as in `matching.matched`: what other rows lack of those lots is not told. What is refused of the rows
    together, and of none of them alone, such as losses of too large a value, is told of the file.
    """
    found = matching.matched(act, rows, queries.known(session, rows), doubtful=doubtful)
    meant = _born(session, act, found)
    refusal = None
    if not found.findings and not doubtful:
        with session.begin_nested() as whole:
            records = list(matching.postings(act, number, meant))
            refusal = _first_refusal(recording.record_each(session, records, rehearsal=True))
            whole.rollback()
        if refusal is None:
            return []
    records = matching.one_by_one(act, number, meant)
    outcomes = recording.record_each(session, records, rehearsal=True)
    findings = sorted([*found.findings, *matching.refused(meant, outcomes, found)])
    return findings or ([Finding(0, "", "", refusal.message)] if refusal is not None else [])


def finish(
    session: Session,
    number: int,
    *,
    runner: str,
    at: datetime,
    state: str,
    posted: Posted | None = None,
    findings: Sequence[Finding] = (),
    total: int = 0,
    rows_read: int = 0,
    outcome: str = "",
) -> None:
    """Bring an import to its end: done, refused with findings, or failed; the file's bytes go."""
    done = posted or Posted(0, 0)
    count_on_commit(session.info, "stockpile_import_rows_total", done.rows)
    keep(
        session,
        number,
        held_by=runner,
        state=state,
        stage="",
        percent=100,
        rows_read=max(rows_read, done.rows),
        rows_posted=done.rows,
        postings=done.postings,
        findings_total=total,
        outcome=outcome,
        ended_at=at,
    )
    told = [
        {"import_id": number, "number": at, "row_number": one.row, "column_name": one.column}
        | {"value": one.value, "reason": one.reason}
        for at, one in enumerate(findings[: rules.MOST_FINDINGS], start=1)
    ]
    if told:
        bulk.insert(session, StockImportFinding, told)
    session.connection().execute(delete(StockImportFile).where(col(StockImportFile.import_id) == number))


def _journal(session: Session, act: Act, number: int, done: Posted) -> None:
    one = queries.import_of(session, number)
    payload = {"name": one.name, "sha256": one.sha256, "rows": done.rows, "postings": done.postings}
    journal.record(session, act, action="stock.import", subject=f"import:{number}", payload=payload)
