"""What a figure is and is worth, and the statistics of response times and of the peer benchmark. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

PERCENT: Final = "percent"
DAYS: Final = "days"
HOURS: Final = "hours"
RATIO: Final = "ratio"
PPM: Final = "parts per million"
_SCALES: Final = {PERCENT: 100, PPM: 1_000_000}
FEWEST_PEERS: Final = 5
UNKNOWN_OUTSIDE: Final = "unknown: no municipality has told what it bought outside"
UNKNOWN_SIZE: Final = "unknown: the size of no supplier is told"
UNKNOWN_REVIEW: Final = "unknown: there is no buying policy that says how often is looked"
UNKNOWN_LEVELS: Final = "unknown: no item has a floor, everyday use, a contract and a buying policy"
UNKNOWN_SURGE: Final = "unknown: no scenario of a surge is kept"
UNKNOWN_PLAN: Final = "unknown: no nightly run has told what it spends week by week"
UNKNOWNS: Final = (UNKNOWN_OUTSIDE, UNKNOWN_SIZE, UNKNOWN_REVIEW, UNKNOWN_LEVELS, UNKNOWN_SURGE, UNKNOWN_PLAN)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day through the last, in the region's zone; narrowed by member, item, surge level or surge."""

    starts: date
    ends: date
    member: str | None = None
    item: str | None = None
    level: int | None = None
    surge: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A figure with what it is made of; `rows` drill down to single facts. No denominator: there is nothing to tell."""

    numerator: float | None
    denominator: float | None
    rows: tuple[dict[str, Any], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure's description: its parts in words, its unit, and what it should be. `public`: whether drill-down is.

    `stored`: its parts are quantities in store. Two of them, told before and after a depot opens or is counted,
    would differ by what lies there: outside they are told without parts, to whole units.
    """

    code: str
    name: str
    numerator: str
    denominator: str
    unit: str = PERCENT
    target: str = ""
    public: bool = True
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Headline:
    """A promise of buying and storing together, by the figure that shows whether it is kept."""

    kpi: str
    promise: str
    less_is_better: bool


HEADLINES: Final = (
    Headline("cycle_time", "shorter procurement cycles", True),
    Headline("lcc", "lower costs over the life of what is used", True),
    Headline("fill_rate", "a more reliable service", False),
)
"""What is told before and after: each beside the baseline of the time before members joined."""


def change_percent(before: float | None, after: float | None) -> float | None:
    """By how many percent of the value before it changed; None where there is nothing to compare.

    >>> change_percent(200, 150), change_percent(0, 5), change_percent(None, 5)
    (-25.0, None, None)
    """
    return None if not before or after is None else round((after - before) * 100 / before, 1)


def value(kpi: Kpi, found: Found) -> float | None:
    """Numerator over denominator in the figure's unit, or None where there is nothing to tell.

    >>> value(Kpi("x", "", "", ""), Found(1, 4)), value(Kpi("x", "", "", "", PPM), Found(1, 4))
    (25.0, 250000.0)
    """
    if found.numerator is None or not found.denominator:
        return None
    return round(found.numerator * _SCALES.get(kpi.unit, 1) / found.denominator, 3)


def parts(kpi: Kpi, found: Found, *, outside: bool) -> dict[str, float | None]:
    """Numerator, denominator and value; `outside` those who sign in, without what two of them would give away.

    >>> parts(Kpi("x", "", "", "", stored=True), Found(1234, 9876), outside=True)
    {'numerator': None, 'denominator': None, 'value': 12}
    """
    worth = value(kpi, found)
    if not (outside and kpi.stored):
        return {"numerator": found.numerator, "denominator": found.denominator, "value": worth}
    return {"numerator": None, "denominator": None, "value": None if worth is None else round(worth)}


def within(values: Sequence[float], permille: int) -> float:
    """The smallest of the values that so many thousandths of them do not exceed (nearest rank).

    >>> within([1, 2, 3, 4, 5, 6, 7, 8, 9, 100], 900), within([7], 900), within([1, 2], 500)
    (9, 7, 1)
    """
    ordered = sorted(values)
    return ordered[-(-permille * len(ordered) // 1000) - 1]


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of the median by order statistics (binomial): (low, high).

    >>> median_interval([1, 2, 3, 4, 5, 6, 7, 8, 9])
    (2, 8)
    """
    ordered, n = sorted(values), len(values)
    rank = 0
    while rank < n // 2 and 2 * sum(math.comb(n, k) for k in range(rank + 1)) / 2**n <= 0.05:
        rank += 1
    rank = max(0, rank - 1)
    return ordered[rank], ordered[n - 1 - rank]


def quartile(value_: float, peers: Sequence[float]) -> int:
    """Which quarter of its peers a value is in, 1 the lowest: by how many are lower.

    >>> [quartile(v, [1, 2, 3, 4]) for v in (1, 2, 3, 4)]
    [1, 2, 3, 4]
    """
    lower = sum(1 for peer in peers if peer < value_)
    return min(4, lower * 4 // len(peers) + 1)


@dataclass(frozen=True, slots=True)
class Disparity:
    """What a figure shows to be unequal or amiss, of a municipality or of the whole region, and which office acts."""

    kpi: str
    member: str | None
    words: str
    owner: str


def missed(kpi: Kpi, worth: float | None) -> bool:
    """Whether a value is not what its figure should be; False where there is nothing to tell, or no target.

    >>> [missed(Kpi("x", "", "", "", target=one), 50.0) for one in (">= 96", "<= 1", "100", "50", "")]
    [True, True, True, False, False]
    """
    if worth is None or not kpi.target:
        return False
    sign, _, number = kpi.target.rpartition(" ")
    due = float(number)
    return {">=": worth < due, "<=": worth > due}.get(sign, worth != due)


def far_below(fill: int, *, peer_median: int, low: int) -> bool:
    """Whether a fill (thousandths) is below what chance explains and under half of its peers' median.

    >>> far_below(200, peer_median=500, low=400), far_below(300, peer_median=500, low=400)
    (True, False)
    """
    return fill < low and fill * 2 < peer_median
