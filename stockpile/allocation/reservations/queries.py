"""Reading pre-emptions."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile.allocation.reservations.tables import Preemption
from stockpile.errors import NotFound


class UnknownPreemption(NotFound):
    """No pre-emption has this number."""

    code = "unknown_preemption"


def preemption(session: Session, number: int, *, lock: bool = False) -> Preemption:
    """One pre-emption; refuses an unknown number. `lock` holds it against other writers."""
    found = session.get(Preemption, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise UnknownPreemption(f"there is no pre-emption {number}", field="preemption", value=number)
    return found


def preemptions(session: Session, *, after: int = 0, limit: int = 100, member: str | None = None) -> list[Preemption]:
    """Pre-emptions with numbers greater than `after`, in their order, or those that one member loses by."""
    query = select(Preemption).where(col(Preemption.id) > after).order_by(col(Preemption.id)).limit(limit)
    return list(session.exec(query.where(Preemption.member_code == member) if member else query))
