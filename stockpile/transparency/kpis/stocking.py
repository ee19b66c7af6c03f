"""Figures of availability and accuracy of stock. Sums over the region; no row tells a site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import table_of
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.counts.tables import Count, CountLine
from stockpile.inventory.tables import Balance, Lot, Movement, Posting, ReserveFloor
from stockpile.transparency.kpis.rules import Found, Period

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


def usable(session: Session, period: Period) -> dict[str, int]:
    """Usable base units of the pool now, by item."""
    wanted = items(session, period)
    sums: dict[str, int] = defaultdict(int)
    for one in inventory.usable_pool_stock(session, end_of(session, period)):
        if one.item in wanted:
            sums[one.item] += one.quantity
    return dict(sums)


def stock_out_rate(session: Session, period: Period) -> Found:
    """Items with a floor and nothing usable anywhere in the pool, over items with a floor."""
    floors, there = inventory.floors(session, period.ends), usable(session, period)
    due = [code for code in items(session, period) if floors.get(code, 0) > 0]
    out = [code for code in due if not there.get(code)]
    return Found(len(out), len(due), tuple({"item": code, "out": code in out} for code in due))


def reserve_adequacy(session: Session, period: Period) -> Found:
    """Items at or above their floor, over items with one."""
    floors, there = inventory.floors(session, period.ends), usable(session, period)
    due = [code for code in items(session, period) if floors.get(code, 0) > 0]
    kept = [code for code in due if there.get(code, 0) >= floors[code]]
    return Found(len(kept), len(due), tuple({"item": code, "kept": code in kept} for code in due))


def days_of_cover(session: Session, period: Period) -> Found:
    """Mean over items of usable stock over what the pool issues a day outside surges, at most a year an item."""
    there, daily = usable(session, period), items(session, period)
    days = [
        min(YEAR_DAYS, there.get(code, 0) * 1000 / item.baseline_milli_per_day)
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
    """Absolute difference of first counts and book, over what was counted, in base units."""
    lines = [line for _, line in _count_lines(session, period) if line.attempt == 1]
    return Found(sum(abs(line.counted - line.book) for line in lines), sum(line.counted for line in lines))


def time_below_floor(session: Session, period: Period) -> Found:
    """Days on which an item of the pool was below its floor as the day ended, over days on which it had one.

    Counted from the day on which the region first had anything.
    """
    return _days_when(session, period, "below", lambda stood, floor: stood < floor)


def stock_out_days(session: Session, period: Period) -> Found:
    """Days on which the pool had nothing available of an item with a floor as the day ended, over days with a floor."""
    return _days_when(session, period, "out", lambda stood, floor: stood == 0)


def _days_when(session: Session, period: Period, name: str, so: Callable[[int, int], bool]) -> Found:
    """Days on which what stood in the pool and the floor were so, under this name, over days with a floor."""
    told: list[tuple[str, int, int]] = []
    for item, seen in floored_days(session, period).items():
        told.append((item, sum(so(one.stood, one.floor) for one in seen), len(seen)))
    rows = tuple({"item": item, name: short, "days": counted} for item, short, counted in told)
    return Found(sum(short for _, short, _ in told), sum(counted for _, _, counted in told), rows)


@dataclass(frozen=True, slots=True)
class Day:
    """What of an item the pool had available as a day ended, and its floor then; base units."""

    day: date
    stood: int
    floor: int


def floored_days(session: Session, period: Period) -> dict[str, list[Day]]:
    """By item that has a floor, the days of the period on which it had one; from the first stock of the region on."""
    known: dict[Period, dict[str, list[Day]]] = session.info.setdefault("days with a floor of periods", {})
    if period not in known:
        known[period] = _read_floored_days(session, period)
    return known[period]


def _read_floored_days(session: Session, period: Period) -> dict[str, list[Day]]:
    zone = ZoneInfo(governance.region(session).time_zone)
    floors = _floors(session, items(session, period))
    standing = _standing(session, set(floors), end_of(session, period), zone)
    began = min((steps[0][0] for steps in standing.values()), default=None)
    if began is None:
        return {}
    found: dict[str, list[Day]] = {}
    for item, due in sorted(floors.items()):
        found[item] = [
            Day(day, stood, floor)
            for day, stood in _each_day(standing.get(item, []), max(period.starts, began), period.ends)
            if (floor := next((quantity for since, quantity in reversed(due) if since <= day), 0))
        ]
    return found


def _each_day(steps: Sequence[tuple[date, int]], first: date, last: date) -> Iterator[tuple[date, int]]:
    """Every day with what stood there as it ended, by the steps of it in the order of days."""
    stood = place = 0
    for day in days(first, last):
        while place < len(steps) and steps[place][0] <= day:
            stood += steps[place][1]
            place += 1
        yield day, stood


def _floors(session: Session, wanted: Mapping[str, Item]) -> dict[str, list[tuple[date, int]]]:
    """By item, its floors with the day from which each counts, in their order."""
    found: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for row in session.exec(select(ReserveFloor).order_by(col(ReserveFloor.effective_from))):
        if row.item_code in wanted:
            found[row.item_code].append((row.effective_from, row.quantity))
    return dict(found)


def days(first: date, last: date) -> Iterator[date]:
    """Every day from the first through the last."""
    while first <= last:
        yield first
        first += timedelta(days=1)


def _standing(session: Session, wanted: set[str], until: datetime, zone: ZoneInfo) -> dict[str, list[tuple[date, int]]]:
    """By item, how much came to what the pool has available (or left it), by day of the region."""
    m, b, p, lot = table_of(Movement).c, table_of(Balance).c, table_of(Posting).c, table_of(Lot).c
    changes: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for sign, side in ((1, m.to_balance_id), (-1, m.from_balance_id)):
        legs = (
            select_columns(lot.item_code, p.effective_at, func.sum(m.quantity))
            .join_from(table_of(Movement), table_of(Balance), b.id == side)
            .join(table_of(Posting), p.id == m.posting_id)
            .join(table_of(Lot), lot.id == m.lot_id)
            .where(b.owner == stock.POOL, b.status == stock.AVAILABLE, p.effective_at < until)
            .where(lot.item_code.in_(sorted(wanted)))
            .group_by(lot.item_code, p.effective_at)
        )
        for item, at, units in session.execute(legs):
            changes[item][at.astimezone(zone).date()] += sign * int(units)
    return {item: sorted(days.items()) for item, days in sorted(changes.items())}


FIGURES = {
    one.__name__: one
    for one in (
        stock_out_rate,
        reserve_adequacy,
        time_below_floor,
        stock_out_days,
        days_of_cover,
        inventory_accuracy,
        inventory_difference,
    )
}
