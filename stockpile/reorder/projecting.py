"""Where the stock of an item goes if nothing more is ordered: expected, with a band, and by a scenario. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from typing import Final

from stockpile.demand.forecasting.queries import Foreseen
from stockpile.demand.scenarios.queries import Curve
from stockpile.reorder import rules
from stockpile.reorder.queries import Standing

LOWEST, HIGHEST = "0.05", "0.95"
"""The quantiles of use that the band of a projection shows."""
UNKNOWN, LEARNED, SURGE, BOTH = "", "learned", "surge", "surge and learned"
ORIGINS: Final = (UNKNOWN, LEARNED, SURGE, BOTH)
"""What a band comes from: nothing is known; a forecast; the courses of the surge; the one on top of the other."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Base units on hand at the end of each of the next days: expected, and with higher and lower use where known.

    `use`: what is expected to be used up to each day, `use_most` and `use_least` by the band (() where unknown).
    `scenario`: with the use of a supposed course of things instead of the surge's. `short_on`: the first day on which
    what is expected lies below the reserve, None where it never does; `short_early`: the same with the highest use of
    the band. `band`: what the band comes from (ORIGINS).
    """

    expected: tuple[int, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    scenario: tuple[int, ...]
    use: tuple[int, ...]
    use_most: tuple[int, ...]
    use_least: tuple[int, ...]
    short_on: date | None
    short_early: date | None
    band: str


def project(one: Standing, *, days: int, curve: Curve | None = None) -> Projection:
    """Where the stock of an item goes if nothing more is ordered.

    The band is as wide as the courses that the nightly run plans for a surge to take, from the one that needs least of
    the item to the one that needs most; and as the 5 % and 95 % quantiles of its forecast, as if every period turned
    out high or low together. A scenario's use comes on top of what is used outside surges.
    """
    position, used = one.position, [-(-one.position.use.until(day) // 1000) for day in range(1, days + 1)]
    expected = rules.course(position.lots, position.inbound, used)
    supposed: tuple[int, ...] = ()
    if curve is not None:
        asked = curve.used(one.item.code, one.item.use_per_admission_milli, days=days)
        usual = [-(-position.use.later * day // 1000) for day in range(1, days + 1)]
        wanted = [a + b for a, b in zip(usual, asked, strict=True)]
        supposed = rules.course(position.lots, position.inbound, wanted)
    surges, learned = bool(one.courses and one.item.use_per_admission_milli), one.learned is not None
    high, low = _band(one, used, surges=surges) if surges or learned else ([], [])
    most, least = (rules.course(position.lots, position.inbound, used_) if used_ else () for used_ in (high, low))
    return Projection(
        expected=expected,
        lowest=most,
        highest=least,
        scenario=supposed,
        use=tuple(used),
        use_most=tuple(high),
        use_least=tuple(low),
        short_on=_short(one, expected),
        short_early=_short(one, most or expected),
        band=ORIGINS[learned + 2 * surges],
    )


def _short(one: Standing, course: tuple[int, ...]) -> date | None:
    """The first day on which less lies there than the reserve."""
    first = next((day for day, units in enumerate(course, start=1) if units < one.reserve), None)
    return one.today + timedelta(days=first) if first else None


def _band(one: Standing, used: list[int], *, surges: bool) -> tuple[list[int], list[int]]:
    """Base units used up to each day: the highest and the lowest use that is planned for."""
    high, low = _surging(one, used) if surges else (used, used)
    if one.learned is not None:
        high, low = _shifted(one, one.learned, high, HIGHEST), _shifted(one, one.learned, low, LOWEST)
    return high, low


def _surging(one: Standing, used: list[int]) -> tuple[list[int], list[int]]:
    """Base units used up to each day by the course of the surge that needs most, and by the one that needs least.

    What is expected lies within: beyond the time that an order takes it counts on usual use alone, for tonight's
    order must not assume that the surge lasts.
    """
    high, low = list[int](), list[int]()
    for day, expected in enumerate(used, start=1):
        usual = one.position.use.later * day // 1000
        by_course = [
            usual + -(-course.until(day) * one.item.use_per_admission_milli // 1_000_000) for course in one.courses
        ]
        high.append(max(expected, *by_course))
        low.append(min(expected, *by_course))
    return high, low


def _shifted(one: Standing, learned: Foreseen, used: list[int], quantile: str) -> list[int]:
    """As much more or less use as a quantile of the forecast lies from its mean."""
    given: dict[str, int] = {"period_days": learned.days, "passed": (one.today - learned.starts).days}
    means = rules.spread(learned.means, **given, days=len(used))
    others = rules.spread(learned.quantiles[quantile], **given, days=len(used))
    shifted = [max(0, day + (b - a) // 1000) for day, a, b in zip(used, means, others, strict=True)]
    return list(accumulate(shifted, max))
