"""How an item stands tonight, week by week. Pure functions; quantities in base units, rates in thousandths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, isqrt
from statistics import NormalDist
from typing import Final

from stockpile.demand import growth

WEEK: Final = 7
ON_TIME_PERMILLE: Final = 700
NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Use:
    """What a day uses, in thousandths: `now` in the next `days` days, `later` after them."""

    now: int
    days: int
    later: int

    def until(self, day: int) -> int:
        """Thousandths used before that day from tonight on."""
        return self.now * min(day, self.days) + self.later * max(0, day - self.days)

    def weeks(self, count: int) -> tuple[int, ...]:
        """Thousandths of a base unit used in each of the next weeks.

        >>> Use(now=2000, days=10, later=500).weeks(3)
        (14000, 8000, 3500)
        """
        ends = [self.until(WEEK * week) for week in range(count + 1)]
        return tuple(end - start for start, end in pairwise(ends))


@dataclass(frozen=True, slots=True)
class Lot:
    """Base units on hand and the whole days they last."""

    units: int
    days: int


@dataclass(frozen=True, slots=True)
class Position:
    """An item tonight.

    `unmet`: validated need of a surge that nothing serves yet. `floor`: what must lie there whatever comes, and what
    maintenance needs by then; `safety`: base units kept beyond the expected use. `inbound`: (whole days until it comes,
    base units).
    """

    use: Use
    lots: tuple[Lot, ...]
    inbound: tuple[tuple[int, int], ...]
    unmet: int
    floor: int
    safety: int


@dataclass(frozen=True, slots=True)
class Free:
    """What of stock and inbound serves use, and what is wanted besides it as soon as something can come."""

    lots: tuple[Lot, ...]
    inbound: tuple[tuple[int, int], ...]
    wanted: int


def free(position: Position) -> Free:
    """Stock less the floor (which keeps what lasts longest), inbound less what it owes to floor and unmet need.

    >>> free(Position(Use(0, 0, 0), (Lot(5, 10), Lot(4, 90)), ((14, 6),), unmet=3, floor=7, safety=0))
    Free(lots=(Lot(units=2, days=10),), inbound=((14, 3),), wanted=0)
    """
    floor, lots = position.floor, list[Lot]()
    for lot in sorted(position.lots, key=lambda one: -one.days):
        kept = min(floor, lot.units)
        floor -= kept
        lots += [Lot(lot.units - kept, lot.days)] if lot.units > kept else []
    wanted, inbound = floor + position.unmet, list[tuple[int, int]]()
    for days, units in sorted(position.inbound):
        owed = min(wanted, units)
        wanted -= owed
        inbound += [(days, units - owed)] if units > owed else []
    return Free(tuple(reversed(lots)), tuple(inbound), wanted)


def safety(*, mean_milli: int, high_milli: int, period_days: int, days: int) -> int:
    """Base units beyond the mean that `days` days may use, where a period of `period_days` may use `high_milli`.

    Both are thousandths per period. Periods are taken to vary independently, so
    that the margin grows with the root of their number; rounded up.

    >>> safety(mean_milli=10_000, high_milli=16_000, period_days=7, days=28)
    12
    """
    margin = max(0, high_milli - mean_milli)
    squared = margin * margin * days
    return -(-isqrt(squared // period_days) // 1000) if margin else 0


def for_delay(*, use_milli_per_day: int, expected_days: int, late_days: int) -> int:
    """Base units that are used while an order that was expected earlier comes as late as few do; rounded up.

    >>> for_delay(use_milli_per_day=1500, expected_days=14, late_days=21)
    11
    """
    return -(-use_milli_per_day * max(0, late_days - expected_days) // 1000)


@dataclass(frozen=True, slots=True)
class Surge:
    """What a surge uses: thousandths of a base unit a day until an order can arrive after the next look; base units
    kept for a course that is higher, or an order that comes late."""

    now_milli: int
    reserve: int


def surge(
    seen: Sequence[growth.Course], *, per_admission_milli: int, days: int, late_days: int, service_ppm: int
) -> Surge:
    """What the courses that a surge may take use of an item.

    `days`: until an order of tonight comes as expected, and one week of review more; `late_days`: where it comes as
    late as one in ten. The two stand for how long orders take by the weights of Swanson (30-40-30 for the 10 %, 50 %
    and 90 % quantiles; the early third counts as expected).

    >>> surge(growth.courses(7000, 0.0, weeks=8), per_admission_milli=2000, days=7, late_days=14, service_ppm=950_000)
    Surge(now_milli=2000, reserve=14)
    """
    if not seen or not per_admission_milli or days < 1:
        return Surge(0, 0)
    mean = growth.expected(seen, days)
    most = growth.at_most(
        seen, {days: ON_TIME_PERMILLE, max(days + 1, late_days): 1000 - ON_TIME_PERMILLE}, ppm=service_ppm
    )
    above = max(0, most - mean) * per_admission_milli
    return Surge(mean * per_admission_milli // days // 1000, -(-above // 1_000_000))


def for_service(margin_units: int, *, learned: float, service_ppm: int) -> int:
    """A margin that was learned for one quantile of use, widened or narrowed to the service asked; rounded up.

    Errors of a forecast over a lead time are sums of many and taken to be normal beyond what was learned.

    >>> for_service(100, learned=0.95, service_ppm=981_996)
    128
    """
    ratio = NORMAL.inv_cdf(service_ppm / 1_000_000) / NORMAL.inv_cdf(learned)
    return ceil(margin_units * ratio)


def counted(parts: Sequence[int], size: int) -> tuple[int, ...]:
    """Amounts in steps of `size`, so that no part of the running total is lost, each total rounded up.

    >>> counted((4, 4, 4), 5)
    (1, 1, 1)
    """
    total, before, found = 0, 0, []
    for part in parts:
        total += part
        now = -(-total // size)
        found.append(now - before)
        before = now
    return tuple(found)


def servable(demand: Sequence[int], stock: int, inbound: Mapping[int, int], first_week: int) -> tuple[int, ...]:
    """The demand without what is wanted before any order can arrive and neither stock nor inbound serves.

    >>> servable((4, 4, 4), 5, {}, 2)
    (4, 1, 4)
    """
    held, found = stock, list(demand)
    for week in range(min(first_week, len(demand))):
        held += inbound.get(week, 0)
        found[week] = min(held, demand[week])
        held -= found[week]
    return tuple(found)


def course(lots: Sequence[Lot], inbound: Sequence[tuple[int, int]], used: Sequence[int]) -> tuple[int, ...]:
    """Base units on hand at the end of each of the next days; what expires first is used first.

    `used`: base units wanted up to each day, the first of them tomorrow. What is expired is not on hand, and what
    comes is taken to last.

    >>> course([Lot(5, 2), Lot(4, 90)], [(4, 10)], [1, 2, 3, 4, 5])
    (8, 7, 3, 12, 11)
    """
    held, coming = sorted([one.days, one.units] for one in lots), dict[int, int]()
    for days, units in inbound:
        coming[days] = coming.get(days, 0) + units
    fresh, before, found = 0, 0, list[int]()
    for day, total in enumerate(used, start=1):
        held = [one for one in held if one[0] >= day and one[1]]
        fresh, wanted, before = fresh + coming.get(day, 0), total - before, total
        for one in held:
            taken = min(one[1], wanted)
            one[1], wanted = one[1] - taken, wanted - taken
        fresh -= min(fresh, wanted)
        found.append(fresh + sum(units for _, units in held))
    return tuple(found)


def spread(milli: Sequence[int], *, period_days: int, passed: int, days: int) -> tuple[int, ...]:
    """Thousandths used up to each of the next days, where a forecast gives so many per period; its last one goes on.

    `passed`: days of the first period that lie behind.

    >>> spread([700, 1400], period_days=7, passed=6, days=3)
    (100, 300, 500)
    """
    total, found = 0, []
    for day in range(days):
        total += milli[min(max(0, passed + day) // period_days, len(milli) - 1)]
        found.append(total // period_days)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Move:
    """Base units that a depot has beyond its own use and another lacks."""

    source: str
    target: str
    units: int


def moves(have: Mapping[str, int], wanted: Mapping[str, int]) -> list[Move]:
    """What depots with a surplus can send to those that lack: the largest lack first, from the largest surplus.

    Only depots whose need is known take part.

    >>> moves({"a": 30, "b": 2, "c": 5}, {"a": 10, "b": 12})
    [Move(source='a', target='b', units=10)]
    """
    surplus = {site: have.get(site, 0) - need for site, need in wanted.items()}
    found = []
    for target in sorted((site for site in surplus if surplus[site] < 0), key=lambda one: (surplus[one], one)):
        for source in sorted((site for site in surplus if surplus[site] > 0), key=lambda one: (-surplus[one], one)):
            units = min(surplus[source], -surplus[target])
            if units > 0:
                found.append(Move(source, target, units))
                surplus[source] -= units
                surplus[target] += units
    return found
