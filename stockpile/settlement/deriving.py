"""Booking the costs that recorded events give, so that nobody types what the ledger and the orders know already."""

from __future__ import annotations

from collections import defaultdict

from sqlmodel import Session, col, select

from stockpile.actor import Act
from stockpile.governance.rules import require
from stockpile.settlement import operations, queries, rules
from stockpile.settlement.operations import PeriodState
from stockpile.settlement.queries import Recorded
from stockpile.settlement.tables import CostEvent

REASON = {
    rules.PURCHASE: "what was delivered and kept, at the price of its order",
    rules.TRANSPORT: "what was sent, at the price of its way",
}


def book_recorded(session: Session, act: Act, *, period: int) -> list[CostEvent]:
    """Book what deliveries and transfers of the period cost, each once; returns what was booked now.

    Where an event that is booked already costs something else by now (a delivery was rejected later), the difference
    is booked as an entry that names the old one, whichever period that is in. Refuses a closed period.
    """
    require(act.actor, "settlement.book")
    found = queries.period(session, period, lock=True)
    if found.state == rules.CLOSED:
        raise PeriodState(f"period {found.name} is closed: book in an open one", state=found.state)
    known = _booked(session)
    made = []
    for one in queries.recorded(session, until=min(found.ends_at, act.at)):
        before = known.get(one.reference, [])
        missing = one.amount_minor - sum(event.amount_minor for event in before)
        if missing and (before or one.at >= found.starts_at):
            made.append(_book(session, act, one, before, period=period, missing=missing))
    return made


def _booked(session: Session) -> dict[str, list[CostEvent]]:
    """What is booked for each reference, in the order booked."""
    found: dict[str, list[CostEvent]] = defaultdict(list)
    for event in session.exec(select(CostEvent).order_by(col(CostEvent.id))):
        found[event.reference].append(event)
    return found


def _book(
    session: Session, act: Act, one: Recorded, before: list[CostEvent], *, period: int, missing: int
) -> CostEvent:
    return operations.book(
        session,
        act,
        period=period,
        kind=one.kind,
        incurred_at=one.at,
        amount_minor=missing,
        paid_by=rules.POOL,
        borne_by=one.borne_by,
        reference=one.reference,
        reason=REASON[one.kind],
        corrects=before[0].id if before else None,
    )
