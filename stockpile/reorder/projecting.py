"""Where the stock of an item goes if nothing more is ordered: expected, with a band, and by a scenario. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

from stockpile.demand.scenarios.queries import Curve
from stockpile.reorder import rules
from stockpile.reorder.queries import Standing

LOWEST, HIGHEST = "0.05", "0.95"
"""The quantiles of use that the band of a projection shows."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Base units on hand at the end of each of the next days: expected, and with higher and lower use where learned.

    `scenario`: with the use of a supposed course of things instead of the surge's. `short_on`: the first day on which
    what is expected lies below the reserve, None where it never does.
    """

    expected: tuple[int, ...]
    lowest: tuple[int, ...]
    highest: tuple[int, ...]
    scenario: tuple[int, ...]
    short_on: date | None


def project(one: Standing, *, days: int, curve: Curve | None = None) -> Projection:
    """Where the stock of an item goes if nothing more is ordered.

    The band is as wide as the 5 % and 95 % quantiles of its forecast, as if every period turned out high or low
    together. A scenario's use comes on top of what is used outside surges.
    """
    position, used = one.position, [-(-one.position.use.until(day) // 1000) for day in range(1, days + 1)]
    expected = rules.course(position.lots, position.inbound, used)
    short = next((day for day, units in enumerate(expected, start=1) if units < one.reserve), None)
    supposed: tuple[int, ...] = ()
    if curve is not None:
        asked = curve.used(one.item.code, one.item.use_per_admission_milli, days=days)
        usual = [-(-position.use.later * day // 1000) for day in range(1, days + 1)]
        wanted = [a + b for a, b in zip(usual, asked, strict=True)]
        supposed = rules.course(position.lots, position.inbound, wanted)
    return Projection(
        expected=expected,
        lowest=_band(one, used, HIGHEST, days),
        highest=_band(one, used, LOWEST, days),
        scenario=supposed,
        short_on=one.today + timedelta(days=short) if short else None,
    )


def _band(one: Standing, used: list[int], quantile: str, days: int) -> tuple[int, ...]:
    """The course with as much more or less use as a quantile of the forecast lies from its mean; () where unknown."""
    if one.learned is None:
        return ()
    passed = (one.today - one.learned.starts).days
    given: dict[str, int] = {"period_days": one.learned.days, "passed": passed, "days": days}
    means = rules.spread(one.learned.means, **given)
    others = rules.spread(one.learned.quantiles[quantile], **given)
    shifted = [max(0, day + (b - a) // 1000) for day, a, b in zip(used, means, others, strict=True)]
    rising = list(accumulate(shifted, max))
    return rules.course(one.position.lots, one.position.inbound, rising)
