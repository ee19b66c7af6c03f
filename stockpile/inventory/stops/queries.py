"""The stops that stand, and what a fault touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import or_, select, union
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.inventory.keeping import LedgerStop
from stockpile.inventory.rules import Fault
from stockpile.inventory.tables import Balance, Movement


class UnknownStop(NotFound):
    """There is no stop of that number."""

    code = "unknown_stop"


class Touched(NamedTuple):
    """A lot at a site; None: all of them."""

    lot_id: int | None
    site: str | None


def stops(session: Session, *, standing: bool, after: int = 0, limit: int | None = None) -> list[LedgerStop]:
    """Stops in the order set, after that number; `standing`: only those that nobody has lifted."""
    query = select_rows(LedgerStop).where(col(LedgerStop.id) > after).order_by(col(LedgerStop.id)).limit(limit)
    return list(session.exec(query.where(col(LedgerStop.lifted_at).is_(None)) if standing else query))


def stop(session: Session, number: int) -> LedgerStop:
    """The stop of that number; refuses where there is none."""
    found = session.get(LedgerStop, number)
    if found is None:
        raise UnknownStop(f"there is no stop {number}", field="number", value=number)
    return found


def touched(session: Session, fault: str) -> Sequence[Touched]:
    """The lots and sites that a fault touches; all of them where it does not say."""
    if not isinstance(fault, Fault):
        return [Touched(None, None)]
    found = {Touched(lot, None) for lot in fault.lots}
    b, m = table_of(Balance).c, table_of(Movement).c
    ends = union(
        select(m.from_balance_id).where(m.posting_id.in_(fault.postings)),
        select(m.to_balance_id).where(m.posting_id.in_(fault.postings)),
    )
    if fault.balances or fault.postings:
        query = select(b.lot_id, b.site_code).where(or_(b.id.in_(fault.balances), b.id.in_(ends)))
        found |= {Touched(lot, site) for lot, site in session.connection().execute(query)}
    return sorted(found, key=lambda one: (one.lot_id or 0, one.site or "")) or [Touched(None, None)]
