"""From promises in base units to whole packs. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Pair = tuple[str, str]
"""A member and an item."""


def spread(entitled: int, needs: Sequence[int]) -> list[int]:
    """An entitlement in packs over a member's claims, the most urgent first, as far as each needs it.

    >>> spread(5, [3, 4])
    [3, 2]
    """
    found = []
    for need in needs:
        found.append(min(entitled, need))
        entitled -= found[-1]
    return found


def still_owed(promised: Mapping[Pair, int], given: Mapping[Pair, int]) -> dict[Pair, int]:
    """What of each promise has not been given yet, by (member, item), in base units."""
    return {pair: left for pair, quantity in promised.items() if (left := quantity - given.get(pair, 0)) > 0}
