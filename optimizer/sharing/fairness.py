"""Figures that say how even an outcome is; exact, or in whole parts per million where many fills are taken together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MILLION = 10**6

ALERT_RATIO = 5
"""A per-head ratio above this deserves a question (120,900 respirators each for Vermont and Texas made 40.2)."""


def lowest_fill(awards: Sequence[int], needs: Sequence[int]) -> Fraction:
    """The least part of its need that anyone gets; 1 where nobody needs anything.

    >>> lowest_fill([1, 4], [3, 4])
    Fraction(1, 3)
    """
    least, of = 1, 1
    for got, need in zip(awards, needs, strict=True):
        if got * of < least * need:
            least, of = got, need
    return Fraction(least, of)


def fills_ppm(awards: Sequence[int], needs: Sequence[int]) -> list[int]:
    """Fills in parts per million, rounded down, of those who need something."""
    return [got * MILLION // need for got, need in zip(awards, needs, strict=True) if need]


def gini_ppm(values: Sequence[int]) -> int:
    """Gini's coefficient in parts per million, rounded down: 0 where all are equal.

    Sum over all pairs of |a - b|, over 2 n times the sum; by the ranks of the sorted values.

    >>> gini_ppm([1, 1, 1, 1]), gini_ppm([0, 0, 0, 1])
    (0, 750000)
    """
    total, size = sum(values), len(values)
    if not total:
        return 0
    weighed = sum((2 * rank - size - 1) * value for rank, value in enumerate(sorted(values), start=1))
    return MILLION * weighed // (size * total)


def jain_ppm(values: Sequence[int]) -> int:
    """Jain's index in parts per million, rounded down: a million where all are equal, 1/n of it where one has all.

    >>> jain_ppm([3, 3]), jain_ppm([0, 7])
    (1000000, 500000)
    """
    squares = sum(value * value for value in values)
    return MILLION * sum(values) ** 2 // (len(values) * squares) if squares else MILLION


@dataclass(frozen=True, slots=True)
class PerHead:
    """Award per inhabitant of the best over that of the worst served; None where the worst gets nothing."""

    ratio: Fraction | None

    @property
    def alert(self) -> bool:
        """Whether the ratio deserves a question."""
        return self.ratio is None or self.ratio > ALERT_RATIO


def per_head(awards: Sequence[int], people: Sequence[int]) -> PerHead:
    """Compare awards per head of places with inhabitants.

    >>> per_head([120900, 120900], [625741, 25145561]).alert
    True
    """
    rates = [Fraction(got, heads) for got, heads in zip(awards, people, strict=True) if heads]
    if not rates or not max(rates):
        return PerHead(Fraction(1))
    return PerHead(max(rates) / min(rates) if min(rates) else None)
