"""Reading findings, and which of them are past due."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.journal import JournalEntry
from stockpile.transparency.findings import rules
from stockpile.transparency.findings.tables import AuditFinding


class UnknownFinding(NotFound):
    """No finding has this number."""

    code = "unknown_finding"


def finding(session: Session, number: int, *, lock: bool = False) -> AuditFinding:
    """One finding; `lock` holds it until the transaction ends."""
    found = session.get(AuditFinding, number, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise UnknownFinding(f"there is no finding {number}", field="finding", value=number)
    return found


def findings(session: Session, *, state: str | None = None) -> list[AuditFinding]:
    """Findings, the newest first."""
    query = select(AuditFinding).order_by(col(AuditFinding.id).desc())
    return list(session.exec(query.where(AuditFinding.state == state) if state else query))


def issued(session: Session, *, before: datetime) -> list[AuditFinding]:
    """Findings that were put to their office before that instant and are not over, the oldest first."""
    open_ = (rules.RESPONSE, rules.AGREED, rules.IN_PROGRESS)
    query = select(AuditFinding).where(col(AuditFinding.state).in_(open_), col(AuditFinding.written_at) < before)
    return list(session.exec(query.order_by(col(AuditFinding.id))))


def past_due(session: Session, found: AuditFinding, *, at: datetime) -> bool:
    """Whether its answer, or what was promised, is late at that instant."""
    if found.state == rules.RESPONSE:
        return found.answered_at is None and found.response_due is not None and found.response_due < at
    promised = found.state in (rules.AGREED, rules.IN_PROGRESS) and found.action_due is not None
    return promised and found.action_due < governance.local_day(session, at)  # type: ignore[operator]


@dataclass(frozen=True, slots=True)
class Said:
    """What was said to a finding at a step (`write`: as it was filed); `due`: until when what was answered is done."""

    step: str
    at: datetime
    by: str
    text: str
    due: date | None


def thread(session: Session, number: int) -> list[Said]:
    """Everything that was said to a finding, as the journal has it, in the order of its steps."""
    query = select(JournalEntry).where(JournalEntry.subject == f"finding:{number}").order_by(col(JournalEntry.id))
    return [_said(one) for one in session.exec(query)]


def _said(entry: JournalEntry) -> Said:
    due = json.loads(entry.payload).get("due")
    step = entry.action.removeprefix("finding.")
    return Said(step, entry.effective_at, entry.actor_name, entry.reason, date.fromisoformat(due) if due else None)
