"""When a count must be repeated. Pure functions."""

from __future__ import annotations

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
