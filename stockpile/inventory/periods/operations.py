"""Closing a period, and setting the figures of the storeroom."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.governance.tables import Region
from stockpile.inventory.periods import queries, rules
from stockpile.inventory.periods.tables import Period, StoreroomFigure


class ClosedAlready(Conflict):
    """A period up to that instant or a later one is closed."""

    code = "period_closed_already"


def close(
    session: Session, act: Act, *, ends_at: datetime | None = None, month: date | None = None, reason: str = ""
) -> Period:
    """Close everything before an instant, or through a month (any day of it) in the region's time zone, for ever.

    Refuses what has not ended yet, and what lies before the last closed period.
    """
    require(act.actor, "period.close")
    session.exec(select(Region.id).with_for_update()).all()
    end = _end(session, ends_at, month)
    if end > act.at - rules.CLOCK_TOLERANCE:
        raise Invalid(
            f"a period is closed once it is over: {end:%Y-%m-%d %H:%M} UTC has not passed yet", field="ends_at"
        )
    last = queries.closed_before(session)
    if last is not None and end <= last:
        raise ClosedAlready(
            f"everything before {last:%Y-%m-%d %H:%M} UTC is closed already, and a closed period is not opened again",
            closed_before=last,
        )
    period = Period(
        ends_at=end,
        closed_by=act.actor.id,
        closed_at=act.at,
        recorded_at=act.recorded_at,
        reason=reason,
        stock_digest=queries.stock_digest(session, end),
    )
    session.add(period)
    session.flush()
    payload = {"ends_at": end.isoformat(), "stock": period.stock_digest}
    journal.record(session, act, action="period.close", subject=f"period:{period.id}", payload=payload, reason=reason)
    return period


def _end(session: Session, ends_at: datetime | None, month: date | None) -> datetime:
    if (ends_at is None) == (month is None):
        raise Invalid("give the instant before which all is closed, or the month, and not both", field="ends_at")
    if ends_at is not None:
        return ends_at
    assert month is not None
    return rules.month_end(month, governance.region(session).time_zone)


def set_figure(session: Session, act: Act, *, name: str, value: int, reason: str) -> StoreroomFigure:
    """Set a figure of the storeroom within its limits, such as how many hours late an entry may be."""
    require(act.actor, "figure.set")
    known = rules.FIGURES.get(name)
    if known is None:
        raise Invalid(f"there is no figure {name}: there are {', '.join(sorted(rules.FIGURES))}", field="name")
    if not known.least <= value <= known.most:
        raise Invalid(f"{name}: {value} is not from {known.least} to {known.most} ({known.meaning})", field="value")
    if not reason.strip():
        raise Invalid("a new figure needs a reason", field="reason")
    old = queries.figure(session, name)
    found = session.merge(StoreroomFigure(name=name, value=value, set_by=act.actor.id, set_at=act.at))
    payload = {"old": old, "new": value}
    journal.record(session, act, action="figure.set", subject=f"figure:{name}", payload=payload, reason=reason)
    return found
