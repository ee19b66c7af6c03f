"""Scores and learned distributions. Pure; days are calendar days, shares come with numerator and denominator.

The delivery score is that of the Supplier Performance Risk System as
published: 0.6 x 100 x on-time lines / lines + 0.4 x max(0, 100 - days late /
lines). A quantile's interval is that of order statistics (binomial): it needs
no assumption on the shape of the distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

CONFIDENCE: Final = 0.90
LEARNED_PERMILLES: Final = (100, 500, 900, 950)
FEWEST_TO_LEARN: Final = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is due: whether all of it came and was accepted, whether by the day, and how many days late."""

    complete: bool
    on_time: bool
    days_late: int


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, and in thousandths; None of none."""

    of: int
    kept: int

    @property
    def permille(self) -> int | None:
        """The share in thousandths, to the nearest."""
        return (2000 * self.kept + self.of) // (2 * self.of) if self.of else None

    def told(self) -> dict[str, int | None]:
        """Numerator, denominator and share, as they are published."""
        return {"kept": self.kept, "of": self.of, "permille": self.permille}


def in_full_on_time(lines: Sequence[Line]) -> Share:
    """Lines that came complete and by their day, of all that were due."""
    return Share(len(lines), sum(line.complete and line.on_time for line in lines))


def delivery_score(*, lines: int, on_time: int, days_late: int) -> Fraction | None:
    """The published delivery score, from 0 to 100; None without a line.

    >>> float(delivery_score(lines=20, on_time=18, days_late=30))
    93.4
    """
    if not lines:
        return None
    punctual = Fraction(6, 10) * 100 * Fraction(on_time, lines)
    return punctual + Fraction(4, 10) * max(Fraction(0), 100 - Fraction(days_late, lines))


@dataclass(frozen=True, slots=True)
class Quantile:
    """A learned quantile in days with the ends of its interval; None: the deliveries are too few to bound it there."""

    permille: int
    days: int
    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Learned:
    """What so many deliveries teach about a number of days; `confidence_permille` is that of each interval."""

    deliveries: int
    mean_milli: int
    quantiles: tuple[Quantile, ...]
    confidence_permille: int = round(CONFIDENCE * 1000)


def learned(days: Sequence[int], *, permilles: Sequence[int] = LEARNED_PERMILLES) -> Learned | None:
    """Quantiles of what was seen, each with its interval; None where nothing was seen."""
    if not days:
        return None
    ordered = sorted(days)
    mean = round(Fraction(1000 * sum(ordered), len(ordered)))
    return Learned(len(ordered), mean, tuple(_quantile(ordered, permille) for permille in permilles))


def _quantile(ordered: Sequence[int], permille: int) -> Quantile:
    count = len(ordered)
    place = max(1, -(-count * permille // 1000))
    low, high = ranks(count, permille / 1000)
    return Quantile(
        permille,
        ordered[place - 1],
        ordered[low - 1] if low is not None else None,
        ordered[high - 1] if high is not None else None,
    )


def ranks(count: int, share: float) -> tuple[int | None, int | None]:
    """The ranks (from 1) between which the true quantile lies with CONFIDENCE; None where no rank bounds it.

    >>> ranks(100, 0.5), ranks(10, 0.95)
    ((42, 59), (8, None))
    """
    tail, below, low, high = (1 - CONFIDENCE) / 2, 0.0, None, None
    for rank in range(1, count + 1):
        below += _chance(count, rank - 1, share)
        if below <= tail:
            low = rank
        if high is None and below >= 1 - tail:
            high = rank
    return low, high


def _chance(count: int, hits: int, share: float) -> float:
    """How likely so many hits of so many tries are."""
    logs = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(logs + hits * math.log(share) + (count - hits) * math.log1p(-share))
