"""Reading what can be carried: the limits of a day, and what plans approved that day already take of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.allocation.carrying.tables import CarryingLimit
from stockpile.allocation.tables import Plan, PlanLine, Request
from stockpile.catalogue import queries as catalogue
from stockpile.db import table_of
from stockpile.governance import queries as governance
from stockpile.inventory.room import packed_ml
from stockpile.inventory.tables import Lot

Place = tuple[str, str]
"""A depot and a member; "" where the limit is on all of them."""


@dataclass(frozen=True, slots=True)
class Left:
    """What may still be sent on a day, in millilitres, by depot and member ("" for all); less than nothing counts 0."""

    limits: dict[Place, int]


def left(session: Session, at: datetime) -> Left:
    """The limits that count at that instant, less what plans approved on the same day send."""
    limits = counting(session, governance.local_day(session, at))
    return Left(less_sent(session, limits, at=at))


def less_sent(
    session: Session, limits: Mapping[Place, int], *, at: datetime, plans: Collection[int] | None = None
) -> dict[Place, int]:
    """These limits less what plans approved on the day of that instant send; `plans`: only these are counted."""
    if not limits:
        return {}
    sent = _sent(session, governance.local_day(session, at), at, plans)
    return {place: max(0, volume - sent[place]) for place, volume in limits.items()}


def counting(session: Session, on: date) -> dict[Place, int]:
    """The limits that count on a day, in millilitres, by depot and member ("" for all)."""
    query = select(CarryingLimit).where(CarryingLimit.effective_from <= on)
    order = col(CarryingLimit.effective_from), col(CarryingLimit.id)
    found = {
        (row.site_code or "", row.member_code or ""): row.volume_ml for row in session.exec(query.order_by(*order))
    }
    return {place: volume for place, volume in sorted(found.items()) if volume is not None}


def _sent(session: Session, today: date, at: datetime, plans: Collection[int] | None) -> dict[Place, int]:
    """The volume that plans approved on the day send, by depot and member, and by each of them alone."""
    plan, line, request, lot = table_of(Plan).c, table_of(PlanLine).c, table_of(Request).c, table_of(Lot).c
    query = (
        select_columns(plan.approved_at, line.site_code, request.member_code, line.quantity, lot.item_code)
        .join_from(table_of(Plan), table_of(PlanLine), line.plan_id == plan.id)
        .join(table_of(Request), request.id == line.request_id)
        .join(table_of(Lot), lot.id == line.lot_id)
        .where(plan.approved_at > at - timedelta(days=2))
    )
    query = query if plans is None else query.where(plan.id.in_(plans))
    items = catalogue.items(session)
    sent: dict[Place, int] = defaultdict(int)
    for approved, site, member, quantity, item in session.connection().execute(query):
        if governance.local_day(session, approved) == today:
            goods = items[item]
            volume = packed_ml(int(quantity), volume_ml=goods.volume_ml, pack_size=goods.pack_size)
            for place in ((site, member), (site, ""), ("", member)):
                sent[place] += volume
    return sent


def listed(session: Session, *, site: str | None = None, member: str | None = None) -> Sequence[CarryingLimit]:
    """Every limit ever set, narrowed by depot and member, in the order in which they were set."""
    query = select(CarryingLimit).order_by(col(CarryingLimit.id))
    query = query.where(CarryingLimit.site_code == site) if site else query
    return session.exec(query.where(CarryingLimit.member_code == member) if member else query).all()
