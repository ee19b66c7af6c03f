"""Figures of availability and accuracy of stock. Sums over the region; no row tells a site."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility
from stockpile.inventory import queries as inventory
from stockpile.inventory.counts.tables import Count, CountLine
from stockpile.inventory.tables import Lot
from stockpile.transparency.kpis.rules import Found, Period

NEAR_DAYS = 90
YEAR_DAYS = 365


def end_of(session: Session, period: Period) -> datetime:
    """The instant at which the period ends, UTC."""
    zone = ZoneInfo(governance.region(session).time_zone)
    return datetime.combine(period.ends + timedelta(days=1), time(0), zone).astimezone(UTC)


def start_of(session: Session, period: Period) -> datetime:
    """The instant at which the period begins, UTC."""
    zone = ZoneInfo(governance.region(session).time_zone)
    return datetime.combine(period.starts, time(0), zone).astimezone(UTC)


def items(session: Session, period: Period) -> dict[str, Item]:
    """The items that a period is narrowed to; controlled ones are in no drill-down."""
    found = catalogue.items(session)
    return {code: item for code, item in found.items() if period.item in (None, code) and not item.controlled}


def _usable(session: Session, period: Period) -> dict[str, int]:
    """Usable base units of the pool now, by item."""
    wanted = items(session, period)
    sums: dict[str, int] = defaultdict(int)
    for one in inventory.usable_pool_stock(session, end_of(session, period)):
        if one.item in wanted:
            sums[one.item] += one.quantity
    return dict(sums)


def stock_out_rate(session: Session, period: Period) -> Found:
    """Items with a floor and nothing usable anywhere in the pool, over items with a floor."""
    floors, usable = inventory.floors(session, period.ends), _usable(session, period)
    due = [code for code in items(session, period) if floors.get(code, 0) > 0]
    out = [code for code in due if not usable.get(code)]
    return Found(len(out), len(due), tuple({"item": code, "out": code in out} for code in due))


def reserve_adequacy(session: Session, period: Period) -> Found:
    """Items at or above their floor, over items with one."""
    floors, usable = inventory.floors(session, period.ends), _usable(session, period)
    due = [code for code in items(session, period) if floors.get(code, 0) > 0]
    kept = [code for code in due if usable.get(code, 0) >= floors[code]]
    return Found(len(kept), len(due), tuple({"item": code, "kept": code in kept} for code in due))


def _packs(session: Session, period: Period, *, before_days: int) -> Found:
    """Packs of the pool that expire within so many days of the period's end, over all packs."""
    wanted, near, everything = items(session, period), 0, 0
    last = period.ends + timedelta(days=before_days)
    for one in inventory.pool_stock(session):
        if one.item in wanted:
            packs = one.quantity // wanted[one.item].pack_size
            everything += packs
            near += packs if not eligibility.lasts(one.expiry, on=last) else 0
    return Found(near, everything)


def near_expiry_share(session: Session, period: Period) -> Found:
    """Packs that expire within 90 days, over all packs of the pool as it stands."""
    return _packs(session, period, before_days=NEAR_DAYS)


def expiry_rate(session: Session, period: Period) -> Found:
    """Packs past their expiry that still stand in the pool, over all its packs."""
    return _packs(session, period, before_days=0)


def days_of_cover(session: Session, period: Period) -> Found:
    """Mean over items of usable stock over what the pool issues a day outside surges, at most a year an item."""
    usable, daily = _usable(session, period), items(session, period)
    days = [
        min(YEAR_DAYS, usable.get(code, 0) * 1000 / item.baseline_milli_per_day)
        for code, item in daily.items()
        if item.baseline_milli_per_day
    ]
    return Found(round(sum(days), 1), len(days))


def _count_lines(session: Session, period: Period) -> list[tuple[str, CountLine]]:
    query = (
        select(Lot.item_code, CountLine)
        .join(Lot, col(Lot.id) == col(CountLine.lot_id))
        .join(Count, col(Count.id) == col(CountLine.count_id))
        .where(Count.state == "approved", CountLine.counted_at >= start_of(session, period))
        .where(CountLine.counted_at < end_of(session, period))
        .order_by(col(CountLine.id))
    )
    wanted = items(session, period)
    return [(item, line) for item, line in session.exec(query) if item in wanted]


def inventory_accuracy(session: Session, period: Period) -> Found:
    """First counts that agree with the book, over all first counts."""
    lines = [line for _, line in _count_lines(session, period) if line.attempt == 1]
    return Found(sum(1 for line in lines if line.counted == line.book), len(lines))


def inventory_difference(session: Session, period: Period) -> Found:
    """Absolute difference of first counts and book, over the book, in base units."""
    lines = [line for _, line in _count_lines(session, period) if line.attempt == 1]
    return Found(sum(abs(line.counted - line.book) for line in lines), sum(line.book for line in lines))


FIGURES = {
    one.__name__: one
    for one in (
        stock_out_rate,
        reserve_adequacy,
        near_expiry_share,
        expiry_rate,
        days_of_cover,
        inventory_accuracy,
        inventory_difference,
    )
}
