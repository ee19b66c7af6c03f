"""Consumption as the ledger has it, put right; what was forecast, and what suppliers were told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.db import table_of
from stockpile.demand.forecasting import rules
from stockpile.demand.forecasting.rules import Corrected
from stockpile.demand.forecasting.tables import DemandHistory, Forecast
from stockpile.governance import queries as governance
from stockpile.inventory.rules import CONSUMPTION
from stockpile.inventory.tables import Balance, Lot, Movement, Posting

MOST_WEEKS: Final = 104
Pair = tuple[str, str]
"""Item and site; '' stands for all sites together."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an item's use at a site, per whole period; `starts` is the first day of the next one."""

    pair: Pair
    period: str
    first: date
    starts: date
    use: Corrected

    @property
    def season(self) -> int:
        """Periods after which use repeats: twelve months; weeks are too many to learn a year from."""
        return 12 if self.period == rules.MONTH else 1


@dataclass(frozen=True, slots=True)
class _Leg:
    """So many base units that came to (or left) an item's stock at a site; `used`: of them used up."""

    day: date
    change: int
    used: int


def known_use(session: Session, *, today: date) -> list[Known]:
    """Everything that is known of use, by item and site and for all sites together, up to yesterday.

    Months where history from before the ledger was loaded, continued by the
    ledger's whole months; else weeks that end yesterday, two years at most.
    Days on which a site had none, and its silences, count as unseen.
    """
    legs = _legs(session)
    blind = {pair: _blind(legs, pair, today) for pair in legs}
    history = _history(session)
    found = [_months(pair, rows, legs, blind, today) for pair, rows in history.items()]
    found += [_weeks(pair, legs[pair], blind[pair], today) for pair in sorted(legs) if pair not in history]
    known = [one for one in found if one is not None]
    return sorted([*known, *_totals(known, history)], key=lambda one: one.pair)


def _legs(session: Session) -> dict[Pair, list[_Leg]]:
    """Every change of an item's stock at a site where it was ever used, in the order of time, by local day."""
    zone = ZoneInfo(governance.region(session).time_zone)
    m, p = table_of(Movement).c, table_of(Posting).c
    found: dict[Pair, list[_Leg]] = defaultdict(list)
    for side, sign, other in (("from", -1, m.to_external), ("to", 1, m.from_external)):
        b, lot = table_of(Balance).c, table_of(Lot).c
        query = (
            select_columns(lot.item_code, b.site_code, p.effective_at, m.quantity, other)
            .join_from(table_of(Movement), table_of(Posting), p.id == m.posting_id)
            .join(table_of(Balance), b.id == m[f"{side}_balance_id"])
            .join(table_of(Lot), lot.id == m.lot_id)
            .order_by(p.effective_at, m.id)
        )
        for item, site, at, quantity, outside in session.connection().execute(query):
            used = -sign * quantity if outside == CONSUMPTION else 0
            found[item, site].append(_Leg(at.astimezone(zone).date(), sign * quantity, used))
    return {
        pair: sorted(legs, key=lambda one: one.day) for pair, legs in found.items() if any(one.used for one in legs)
    }


def _blind(legs: Mapping[Pair, list[_Leg]], pair: Pair, today: date) -> set[date]:
    """The days on which nothing of use could be seen: no stock all day, or a silence of the site."""
    mine = legs[pair]
    first = mine[0].day
    days = sorted({one.day for (_, site), all_of in legs.items() if site == pair[1] for one in all_of})
    return _without_stock(mine, today) | rules.silences(days, first=first, last=today - timedelta(days=1))


def _without_stock(legs: Iterable[_Leg], today: date) -> set[date]:
    changes: dict[date, list[int]] = defaultdict(list)
    for leg in legs:
        changes[leg.day].append(leg.change)
    days, level, found = sorted(changes), 0, set[date]()
    for day, following in zip(days, [*days[1:], today], strict=True):
        level += sum(changes[day])
        if level <= 0:
            found |= {day + timedelta(days=number) for number in range(1, (following - day).days)}
    return found


def _used(legs: Iterable[_Leg]) -> dict[date, int]:
    used: dict[date, int] = defaultdict(int)
    for leg in legs:
        used[leg.day] += leg.used
    return {day: max(0, quantity) for day, quantity in used.items()}


def used_by_day(session: Session, items: Iterable[str]) -> dict[str, dict[date, int]]:
    """Base units used of these items over all sites, less what was given back, by day of the region."""
    zone, m, p, lot = (
        ZoneInfo(governance.region(session).time_zone),
        *(table_of(t).c for t in (Movement, Posting, Lot)),
    )
    found: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for sign, outside in ((1, m.to_external), (-1, m.from_external)):
        query = (
            select_columns(lot.item_code, p.effective_at, func.sum(m.quantity))
            .join_from(table_of(Movement), table_of(Posting), p.id == m.posting_id)
            .join(table_of(Lot), lot.id == m.lot_id)
            .where(outside == CONSUMPTION, lot.item_code.in_(sorted(items)))
            .group_by(lot.item_code, p.effective_at)
        )
        for item, at, quantity in session.connection().execute(query):
            found[item][at.astimezone(zone).date()] += sign * int(quantity)
    return found


def _weeks(pair: Pair, legs: list[_Leg], blind: set[date], today: date) -> Known | None:
    count = min(MOST_WEEKS, (today - legs[0].day).days // 7)
    if count < 1:
        return None
    starts = [today - timedelta(days=7 * number) for number in range(count, 0, -1)]
    use = rules.corrected(_used(legs), starts=starts, ends=today, blind=blind)
    return Known(pair, rules.WEEK, starts[0], today, use) if _says_something(use) else None


def _months(
    pair: Pair,
    rows: list[DemandHistory],
    legs: Mapping[Pair, list[_Leg]],
    blind: Mapping[Pair, set[date]],
    today: date,
) -> Known | None:
    """History and then the ledger's whole months; what may lie between the two is left out."""
    mine = [pair] if pair[1] else [one for one in legs if one[0] == pair[0]]
    ends = today.replace(day=1)
    begins = min((legs[one][0].day for one in mine if one in legs), default=ends)
    months = [month for month in _month_starts(max(begins, rows[-1].month), ends) if month > rows[-1].month]
    used: dict[date, int] = defaultdict(int)
    for one in mine:
        for day, quantity in _used(legs.get(one, [])).items():
            used[day] += quantity
    hidden = blind.get(pair, set()) if pair[1] else set()
    since = rules.corrected(used, starts=months, ends=ends, blind=hidden) if months else Corrected((), 0, 0)
    before = tuple(None if row.quantity is None else float(row.quantity) for row in rows)
    values = before + since.values
    use = Corrected(values, since.corrected, sum(one is None for one in values))
    return Known(pair, rules.MONTH, rows[0].month, ends, use) if _says_something(use) else None


def _month_starts(first: date, ends: date) -> list[date]:
    """The first days of the whole months from that day on, up to `ends`."""
    month = first if first.day == 1 else following_month(first)
    found = []
    while month < ends:
        found.append(month)
        month = following_month(month)
    return found


def following_month(day: date) -> date:
    """The first day of the month after.

    >>> following_month(date(2020, 12, 31)).isoformat()
    '2021-01-01'
    """
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _says_something(use: Corrected) -> bool:
    return any(value is not None for value in use.values)


def _history(session: Session) -> dict[Pair, list[DemandHistory]]:
    found: dict[Pair, list[DemandHistory]] = defaultdict(list)
    for row in session.exec(select(DemandHistory).order_by(col(DemandHistory.month))):
        found[row.item_code, row.site_code].append(row)
    return dict(found)


def _totals(known: list[Known], history: Mapping[Pair, object]) -> list[Known]:
    """Each item over all its sites where no total of its own was loaded: sums over one kind of period."""
    by_item: dict[str, list[Known]] = defaultdict(list)
    for one in known:
        if one.pair[1] and (one.pair[0], "") not in history:
            by_item[one.pair[0]].append(one)
    return [_sum(item, _of_one_period(parts)) for item, parts in by_item.items()]


def _of_one_period(parts: list[Known]) -> list[Known]:
    months = [one for one in parts if one.period == rules.MONTH]
    return months or parts


def _sum(item: str, parts: list[Known]) -> Known:
    """The parts added up from the last period back; a period that one part does not know takes its usual use."""
    length = max(len(one.use.values) for one in parts)
    values: list[float | None] = [0.0] * length
    for part in parts:
        whole = rules.filled(part.use.values)
        for back in range(1, len(whole) + 1):
            values[-back] = (values[-back] or 0.0) + whole[-back]
    corrected = max(one.use.corrected + one.use.unknown for one in parts)
    first = min(one.first for one in parts)
    return Known((item, ""), parts[0].period, first, parts[0].starts, Corrected(tuple(values), corrected, 0))


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The newest forecast of an item at a site ('' for all): thousandths of a base unit per period of `days` days."""

    item: str
    site: str
    slot: str
    period: str
    days: int
    starts: date
    kind: str
    method: str
    means: tuple[int, ...]
    quantiles: Mapping[str, tuple[int, ...]]
    error_milli: int
    simple_error_milli: int
    bias_milli: int
    periods_seen: int
    periods_corrected: int
    periods_unknown: int


DAYS: Final = {rules.WEEK: 7, rules.MONTH: 30}


def newest_slot(session: Session, *, until: str | None = None) -> str | None:
    """The slot of the newest forecast, or of the newest until a slot."""
    query = select_columns(func.max(table_of(Forecast).c.slot))
    query = query.where(table_of(Forecast).c.slot <= until) if until else query
    found: str | None = session.connection().scalar(query)
    return found


def slots_before(slot: str) -> Any:
    """The statement that lists the slots of forecasts before that one."""
    f = table_of(Forecast).c
    return select_columns(f.slot).where(f.slot < slot).distinct()


def history_rows(session: Session) -> int:
    """How many months of history are known."""
    found: int = session.connection().scalar(select_columns(func.count()).select_from(table_of(DemandHistory))) or 0
    return found


def foreseen(
    session: Session,
    *,
    item: str | None = None,
    site: str | None = None,
    until: str | None = None,
    after: Pair | None = None,
    limit: int | None = None,
) -> list[Foreseen]:
    """The newest forecasts in the order of item and site, narrowed; `until`: the newest that existed at that slot."""
    slot = newest_slot(session, until=until)
    query = select(Forecast).where(Forecast.slot == slot).order_by(col(Forecast.item_code), col(Forecast.site_code))
    query = query.where(Forecast.item_code == item) if item is not None else query
    query = query.where(Forecast.site_code == site) if site is not None else query
    if after is not None:
        later = (col(Forecast.item_code) == after[0]) & (col(Forecast.site_code) > after[1])
        query = query.where((col(Forecast.item_code) > after[0]) | later)
    return [_foreseen(row) for row in session.exec(query.limit(limit))]


def _foreseen(row: Forecast) -> Foreseen:
    fields: dict[str, Any] = row.model_dump(exclude={"id", "item_code", "site_code", "means", "quantiles"})
    quantiles = {name: tuple(values) for name, values in json.loads(row.quantiles).items()}
    means = tuple(json.loads(row.means))
    return Foreseen(
        item=row.item_code, site=row.site_code, days=DAYS[row.period], means=means, quantiles=quantiles, **fields
    )


def local_today(session: Session, at: datetime) -> date:
    """The region's day."""
    return governance.local_day(session, at)
