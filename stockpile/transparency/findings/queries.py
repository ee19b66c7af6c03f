"""Reading findings, and which of them are past due."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.governance import queries as governance
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
