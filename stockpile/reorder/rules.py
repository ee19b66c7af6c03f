"""How much of an item is missing tonight. Pure functions; quantities in base units."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt


@dataclass(frozen=True, slots=True)
class Position:
    """One item tonight: daily use (thousandths), days to cover, what maintenance needs by then, and what there is.

    `safety`: base units kept beyond the expected use, for it may turn out higher.
    """

    use_milli_per_day: int
    days: int
    unmet: int
    floor: int
    on_hand: int
    inbound: int
    safety: int = 0
    maintenance: int = 0


def missing(position: Position) -> int:
    """What must be ordered so that use until the next order can arrive is covered and the floor is kept.

    >>> missing(Position(use_milli_per_day=2500, days=20, unmet=30, floor=10, on_hand=40, inbound=5))
    45
    """
    wanted = -(-position.use_milli_per_day * position.days // 1000) + position.safety
    wanted += position.maintenance + position.unmet + position.floor
    return max(0, wanted - position.on_hand - position.inbound)


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


def at_most(*, missing_units: int, largest_step: int, use_milli_per_day: int, shelf_life_days: int) -> int:
    """The most that may be ordered: room for packs and minimum orders, but not what would expire unused.

    `largest_step`: the largest minimum or pack multiple on offer. What is used
    within the shelf life on delivery bounds the room, never what is missing.
    """
    room = max(missing_units * 3 // 2, missing_units + largest_step)
    used_in_time = use_milli_per_day * shelf_life_days // 1000
    return max(missing_units + largest_step, min(room, used_in_time)) if used_in_time else room
