"""The unrounded answer of a round: the common level at which exactly the supply is used, in exact fractions."""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby

from optimizer.sharing.rule import Amount, Stretch


def levelled(stretches: list[Stretch], supply: Amount, *, size: int) -> list[Fraction]:
    """Units per claim (`size` of them) when everyone rises together until the supply or the stretches are used up.

    >>> [str(x) for x in levelled([Stretch(0, 2, 1), Stretch(1, 9, 2)], 5, size=2)]
    ['5/3', '10/3']
    """
    gains = [Fraction(0)] * size
    left = Fraction(supply)
    for _, phase in groupby(sorted(stretches, key=lambda one: one.phase), key=lambda one: one.phase):
        members = list(phase)
        total = sum(Fraction(one.width) for one in members)
        level = None if left >= total else _level(members, left)
        for one in members:
            gain = Fraction(one.width) if level is None else _risen(one, level)
            gains[one.claim] += gain
            left -= gain
    return gains


def _risen(one: Stretch, level: Fraction) -> Fraction:
    return min(max(level * one.weight - one.start, Fraction(0)), Fraction(one.width))


def _level(members: list[Stretch], supply: Fraction) -> Fraction:
    """The level that uses `supply`, which is less than all widths together: a sweep over the ends of stretches."""
    turns = [(Fraction(one.start) / one.weight, Fraction(one.weight)) for one in members]
    turns += [(Fraction(one.start + one.width) / one.weight, -Fraction(one.weight)) for one in members]
    turns.sort()
    pace, used, level = Fraction(0), Fraction(0), turns[0][0]
    for at, change in turns:
        gained = pace * (at - level)
        if used + gained > supply:
            break
        used, level, pace = used + gained, at, pace + change
    return level + (supply - used) / pace if pace else level
