"""Booking the costs that recorded events give, so that nobody types what the ledger and the orders know already.

Of storing the ledger knows all but the rate: that is noted here, with its source or as an assumption that says so.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.settlement import operations, queries, rules
from stockpile.settlement.operations import PeriodState
from stockpile.settlement.queries import Recorded
from stockpile.settlement.tables import CostEvent, StorageRate

REASON = {
    rules.PURCHASE: "what was delivered and kept, at the price of its order",
    rules.TRANSPORT: "what was sent, at the price of its way",
    rules.OPTION: "the fee of a surge option that an order exercised",
    rules.STORAGE: "what stood there as each day ended, at the rate of the place",
}


def book_recorded(session: Session, act: Act, *, period: int) -> list[CostEvent]:
    """Book what deliveries, transfers, options and storing cost in the period, each once; returns what is new.

    Storing is booked once the period is over.

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


def set_rate(
    session: Session,
    act: Act,
    *,
    site: str,
    storage_class: str,
    effective_from: date,
    milli_per_m3_day: int,
    source: str,
) -> StorageRate:
    """Note what a cubic metre of a storage class costs at a site a day (thousandths of a minor unit), and its source.

    For a day that is past it changes what storing cost then: the next booking books the difference.
    """
    require(act.actor, "figure.set")
    inventory.site(session, site)
    if storage_class not in rules.STORAGE_CLASSES:
        raise Invalid(f"a storage class is one of {', '.join(rules.STORAGE_CLASSES)}", field="storage_class")
    if milli_per_m3_day < 0:
        raise Invalid("a rate is not below zero", field="milli_per_m3_day")
    if not source.strip():
        raise Invalid("say where the rate is written, or that it is assumed and by whom", field="source")
    given: dict[str, Any] = {"site_code": site, "storage_class": storage_class, "effective_from": effective_from}
    given |= {"milli_per_m3_day": milli_per_m3_day, "source": source}
    row = StorageRate(**given, set_by=act.actor.id, set_at=act.at)
    session.add(row)
    session.flush()
    told = given | {"effective_from": effective_from.isoformat()}
    journal.record(session, act, action="storage.rate", subject=f"site:{site}", payload=told, reason=source)
    return row


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
