"""Figures of stock against plan, need and expiry: lines and periods without stock, worth that expires."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.allocation.rules import LIMITED, UNREACHABLE
from stockpile.allocation.tables import PlanLine
from stockpile.contracts import queries as contracts
from stockpile.contracts.tables import PriceTier
from stockpile.db import table_of
from stockpile.demand.scenarios import queries as scenarios
from stockpile.demand.scenarios.rules import YEARS
from stockpile.governance import queries as governance
from stockpile.inventory import eligibility
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.tables import Balance, Lot, Movement, Posting
from stockpile.reorder.tables import BuyingPolicy
from stockpile.transparency.kpis import sharing, stocking
from stockpile.transparency.kpis.rules import UNKNOWN_LEVELS, UNKNOWN_REVIEW, UNKNOWN_SURGE, Found, Period, within
from stockpile.transparency.kpis.stocking import end_of, items, start_of

NEAR_DAYS = 90


def line_stock_outs(session: Session, period: Period) -> Found:
    """Lines with a need that found nothing usable in the pool's depots when they were decided, over those with a need.

    What others took in the same plan was not there for a line. One for which usable stock lay beyond law, road or hour
    after the plan had taken all that it takes, or that limits of carrying held back, was not without stock.
    """
    decided = [one.result for one in sharing.decided(session, period)]
    taken = _taken(session, {row.plan_id for row in decided})
    told = tuple(
        {"request": row.request_id, "plan": row.plan_id, "item": row.item_code}
        | {
            "out": row.got == 0
            and nothing_there(row.reason_code, row.barred, taken.get((row.plan_id, row.item_code), 0))
        }
        for row in decided
        if row.validated
    )
    return Found(sum(1 for row in told if row["out"]), len(told), told)


def _taken(session: Session, plans: Collection[int]) -> dict[tuple[int, str], int]:
    """Base units of each item's own lots that plans took for anybody, by plan and item."""
    query = select(PlanLine.plan_id, Lot.item_code, func.sum(PlanLine.quantity))
    query = query.join(Lot, col(Lot.id) == col(PlanLine.lot_id)).where(col(PlanLine.plan_id).in_(plans))
    rows = session.exec(query.group_by(col(PlanLine.plan_id), col(Lot.item_code)))
    return {(plan, item): int(units) for plan, item, units in rows}


def nothing_there(code: str, barred: str, taken: int) -> bool:
    """Whether a line that got nothing, for that reason, found nothing usable.

    `barred`: the pool's base units that could not serve it, by what barred them (JSON); `taken`: what the plan took.

    >>> nothing_there("unreachable:no_stock", "{}", 0), nothing_there("unreachable:recalled", '{"recalled": 40}', 0)
    (True, True)
    >>> nothing_there("unreachable:no_lane", '{"no_lane": 40}', 40), nothing_there("carrying_limits", "{}", 0)
    (False, False)
    >>> [nothing_there("stock_shared_out", '{"no_lane": 40}', taken) for taken in (40, 39)]
    [True, False]
    """
    kind, _, obstacle = code.partition(":")
    if code == LIMITED or (kind == UNREACHABLE and obstacle in eligibility.OUT_OF_REACH):
        return False
    beyond = sum(units for why, units in json.loads(barred).items() if why in eligibility.OUT_OF_REACH)
    return bool(beyond <= taken)


def resupply_stock_outs(session: Session, period: Period) -> Found:
    """Periods between two looks of the buying policy with a day without stock of an item, over all such periods.

    Counted from the first day of the period on, by item with a floor.
    """
    policy = session.get(BuyingPolicy, 1)
    if policy is None:
        return Found(None, None, note=UNKNOWN_REVIEW)
    told: list[dict[str, Any]] = []
    for item, seen in stocking.floored_days(session, period).items():
        out: dict[int, bool] = defaultdict(bool)
        for one in seen:
            out[(one.day - period.starts).days // policy.review_days] |= one.stood == 0
        told.append({"item": item, "out": sum(out.values()), "of": len(out)})
    return Found(sum(row["out"] for row in told), sum(row["of"] for row in told), tuple(told))


def stocked_to_plan(session: Session, period: Period) -> Found:
    """Days on which an item of the pool lay between its floor and the most that is planned, over days with both.

    The most is the floor and what is used every day until an order that the next look makes has come: the longest lead
    time of its contracts and the days between two looks of the buying policy.
    """
    policy, found = session.get(BuyingPolicy, 1), items(session, period)
    valid = contracts.contracts_valid(session, period.ends)
    lead: dict[str, int] = {}
    for line in contracts.contract_lines(session):
        if line.contract_code in valid:
            lead[line.item_code] = max(lead.get(line.item_code, 0), valid[line.contract_code].lead_time_days)
    told: list[dict[str, Any]] = []
    for item, seen in stocking.floored_days(session, period).items() if policy else ():
        assert policy is not None
        if item in lead and found[item].baseline_milli_per_day:
            room = -(-found[item].baseline_milli_per_day * (lead[item] + policy.review_days) // 1000)
            kept = sum(one.floor <= one.stood <= one.floor + room for one in seen)
            told.append({"item": item, "kept": kept, "days": len(seen)})
    if not told:
        return Found(None, None, note=UNKNOWN_LEVELS)
    return Found(sum(row["kept"] for row in told), sum(row["days"] for row in told), tuple(told))


def surge_cover(session: Session, period: Period) -> Found:
    """Usable stock over what a surge would use, at most all of it, by item; the need that 95 of 100 scenarios keep to.

    Scenarios that the region keeps, those of years apart. No row tells how much lies there.
    """
    kept = [one.name for one in scenarios.scenarios(session) if one.kind != YEARS]
    if not kept:
        return Found(None, None, note=UNKNOWN_SURGE)
    curves, there = [scenarios.curve(session, name) for name in kept], stocking.usable(session, period)
    told: dict[str, float] = {}
    for code, item in sorted(items(session, period).items()):
        use = [c.used(code, item.use_per_admission_milli, days=len(c.daily_milli)) for c in curves]
        need = within([float(one[-1]) if one else 0.0 for one in use], 950)
        if need:
            told[code] = min(1.0, there.get(code, 0) / need)
    rows = tuple({"item": code, "kept": share >= 1} for code, share in told.items())
    return Found(round(sum(told.values()), 6), len(told), rows)


def _pack_prices(session: Session) -> dict[str, int]:
    """The dearest price of a pack under any contract, in minor units, by item."""
    query = select(PriceTier.item_code, func.max(PriceTier.pack_price_minor)).group_by(col(PriceTier.item_code))
    return dict(session.exec(query).all())


def _worth(session: Session, period: Period, units: dict[str, int]) -> int:
    """What so many base units of items are worth in minor units, at the dearest price; without a price: nothing."""
    prices, found = _pack_prices(session), items(session, period)
    known = ((code, quantity) for code, quantity in units.items() if code in found and code in prices)
    return sum(quantity * prices[code] // found[code].pack_size for code, quantity in known)


def near_expiry_share(session: Session, period: Period) -> Found:
    """Worth of what expires within 90 days, over the worth of all that the pool has, as it stands."""
    near: dict[str, int] = defaultdict(int)
    everything: dict[str, int] = defaultdict(int)
    for one in inventory.pool_stock(session):
        everything[one.item] += one.quantity
        if not eligibility.lasts(one.expiry, on=period.ends + timedelta(days=NEAR_DAYS)):
            near[one.item] += one.quantity
    return Found(_worth(session, period, near), _worth(session, period, everything))


def expiry_rate(session: Session, period: Period) -> Found:
    """Worth of what expired in the period while the pool had it, over what it had at the start and what came then."""
    expired: dict[str, int] = defaultdict(int)
    for item, expiry, day, units in _standing_of_expiring(session, period):
        if eligibility.lasts(expiry, on=day):
            expired[item] += units
    return Found(_worth(session, period, expired), _worth(session, period, _had(session, period)))


def _standing_of_expiring(session: Session, period: Period) -> Iterator[tuple[str, date, date, int]]:
    """What came to the pool (left it: below zero) of lots that expire in the period: item, expiry, day, base units."""
    zone = ZoneInfo(governance.region(session).time_zone)
    m, b, p, lot = table_of(Movement).c, table_of(Balance).c, table_of(Posting).c, table_of(Lot).c
    for sign, side in ((1, m.to_balance_id), (-1, m.from_balance_id)):
        legs = (
            select_columns(lot.item_code, lot.expiry, p.effective_at, m.quantity)
            .join_from(table_of(Movement), table_of(Balance), b.id == side)
            .join(table_of(Posting), p.id == m.posting_id)
            .join(table_of(Lot), lot.id == m.lot_id)
            .where(b.owner == stock.POOL, lot.expiry >= period.starts, lot.expiry < period.ends)
        )
        for item, expiry, at, units in session.execute(legs):
            yield item, expiry, at.astimezone(zone).date(), sign * int(units)


def _had(session: Session, period: Period) -> dict[str, int]:
    """Base units that the pool had as the period began, and that came from suppliers in it, by item."""
    first, last = start_of(session, period), end_of(session, period)
    m, b, p, lot = table_of(Movement).c, table_of(Balance).c, table_of(Posting).c, table_of(Lot).c
    before, came = p.effective_at < first, (m.from_external == stock.SUPPLIER) & (p.effective_at >= first)
    found: dict[str, int] = defaultdict(int)
    for sign, side, when in ((1, m.to_balance_id, before | came), (-1, m.from_balance_id, before)):
        legs = (
            select_columns(lot.item_code, func.sum(m.quantity))
            .join_from(table_of(Movement), table_of(Balance), b.id == side)
            .join(table_of(Posting), p.id == m.posting_id)
            .join(table_of(Lot), lot.id == m.lot_id)
            .where(b.owner == stock.POOL, p.effective_at < last, when)
            .group_by(lot.item_code)
        )
        for item, units in session.execute(legs):
            found[item] += sign * int(units)
    return found


FIGURES = {
    one.__name__: one
    for one in (
        line_stock_outs,
        resupply_stock_outs,
        stocked_to_plan,
        surge_cover,
        near_expiry_share,
        expiry_rate,
    )
}
STORED = tuple(name for name in FIGURES if name != line_stock_outs.__name__)
"""Those that would tell, of a single item or municipality, how much lies in store."""
