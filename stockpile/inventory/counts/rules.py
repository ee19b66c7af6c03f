"""When a count must be repeated. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

OPEN: Final = "open"
APPROVED: Final = "approved"
ABANDONED: Final = "abandoned"

RECOUNT_PERCENT: Final = 2
RECOUNT_UNITS: Final = 5


def needs_recount(*, counted: int, book: int) -> bool:
    """Whether a difference is so large that another count must confirm it.

    More than five base units and more than two percent of the book.

    >>> needs_recount(counted=95, book=100), needs_recount(counted=90, book=100), needs_recount(counted=990, book=1000)
    (False, True, False)
    """
    difference = abs(counted - book)
    return difference > RECOUNT_UNITS and difference * 100 > book * RECOUNT_PERCENT


def settled(differences: list[int]) -> bool:
    """Whether the last two attempts agree on the difference to the book; one attempt settles nothing by itself."""
    return len(differences) >= 2 and differences[-1] == differences[-2]


A, B, C = "A", "B", "C"
EVERY_DAYS: Final = {A: 30, B: 90, C: 180}
"""Days between two counts of an item of each class, at one site: monthly, quarterly, twice a year."""
A_PERCENT: Final = 80
B_PERCENT: Final = 95


def classes(worth: Mapping[str, int]) -> dict[str, str]:
    """The class of each item by its worth at a site (minor units of one currency), by Pareto's rule.

    Items that make up the first 80 percent of the worth are A, up to 95 percent B, the rest C.

    >>> classes({"dear": 90, "fair": 7, "cheap": 3})
    {'dear': 'A', 'fair': 'B', 'cheap': 'C'}
    """
    total, before, found = sum(worth.values()), 0, {}
    for item in sorted(worth, key=lambda one: (-worth[one], one)):
        found[item] = A if 100 * before < A_PERCENT * total else B if 100 * before < B_PERCENT * total else C
        before += worth[item]
    return found
