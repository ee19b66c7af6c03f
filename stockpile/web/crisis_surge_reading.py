"""What the map through time and the surge's curve show, read through the queries of the domains."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from stockpile.allocation.carrying import queries as carrying
from stockpile.catalogue import queries as catalogue
from stockpile.demand import queries as demand
from stockpile.demand import rules
from stockpile.demand.tables import CaseloadReport
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.inventory.periods import queries as periods
from stockpile.inventory.rules import DEPOT, POOL

FLAGGED_BACK = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Course:
    """Admissions of the region by day: as reported, as accepted (thousandths), and the flagged reports of late.

    `usual_milli`: what validation reckons with a day; `lowest_milli`, `highest_milli`: of the last seven days.
    """

    days: list[date]
    reported: list[int]
    accepted_milli: list[int]
    usual_milli: int
    lowest_milli: int
    highest_milli: int
    flagged: list[CaseloadReport]


@dataclass(frozen=True, slots=True)
class Under:
    """A shipment under way: from which depot to which place."""

    origin: str
    origin_name: str
    end: tuple[float, float]
    end_name: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What can be carried in a day and what is left of it, in millilitres; names, or empty for all."""

    depot: str
    member: str
    volume_ml: int
    left_ml: int


@dataclass(frozen=True, slots=True)
class Moment:
    """The region at an instant, of one item: need a day and own stock by member, pool stock by depot, base units.

    Without an item, need is expected admissions a day in thousandths. `carried`: the limits of that day.
    """

    need: dict[str, int]
    stock: dict[str, int]
    depots: dict[str, int]
    ways: list[Under]
    carried: list[Carried]


def course(session: Session, now: datetime) -> Course:
    """The course of the surge up to that instant."""
    today = governance.local_day(session, now)
    reported: dict[date, int] = defaultdict(int)
    accepted: dict[date, int] = defaultdict(int)
    flagged = []
    for one in demand.reports(session):
        if one.day <= today:
            reported[one.day] += one.admissions or 0
            accepted[one.day] += one.accepted_milli or 0
            if one.flag and one.day >= today - FLAGGED_BACK:
                flagged.append(one)
    days = sorted(reported)
    last = [accepted[one] for one in days[-rules.TRAILING_DAYS :]] or [0]
    usual = sum(demand.usual_admissions(session, today).values())
    return Course(
        days, [reported[one] for one in days], [accepted[one] for one in days], usual, min(last), max(last), flagged
    )


def moment(session: Session, at: datetime, item: str) -> Moment:
    """The region at an instant, of one item ('' for none in particular)."""
    usual = demand.usual_admissions(session, governance.local_day(session, at))
    stock: dict[str, int] = defaultdict(int)
    depots: dict[str, int] = defaultdict(int)
    need = usual
    if item:
        use = catalogue.item(session, item).use_per_admission_milli
        need = {
            member: rules.expected_use(admissions_milli_per_day=milli, use_per_admission_milli=use, days=1)
            for member, milli in usual.items()
        }
        for one in periods.stock_at(session, at, limit=None, item=item):
            if one.owner == POOL:
                depots[one.site] += one.quantity
            else:
                stock[one.owner] += one.quantity
    return Moment(need, dict(stock), dict(depots), _under_way(session, at), _carried(session, at))


def _carried(session: Session, at: datetime) -> list[Carried]:
    limits = carrying.counting(session, governance.local_day(session, at))
    if not limits:
        return []
    left, sites, members = carrying.left(session, at).limits, inventory.sites(session), governance.members(session)
    return [
        Carried(sites[depot].name if depot else "", members[member].name if member else "", volume, left[depot, member])
        for (depot, member), volume in limits.items()
    ]


def _under_way(session: Session, at: datetime) -> list[Under]:
    sites = inventory.sites(session)
    found = []
    for one in inventory.transfers(session):
        left = one.dispatched_at is not None and one.dispatched_at <= at
        if left and (one.received_at is None or one.received_at > at) and sites[one.origin].kind == DEPOT:
            there = sites[one.destination]
            place = (there.latitude, there.longitude)
            found.append(Under(one.origin, sites[one.origin].name, place, there.name))
    return found
