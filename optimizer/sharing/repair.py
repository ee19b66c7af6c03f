"""The repair of awards that are too small to be of use: who is set aside, and who is taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Shared = Callable[[frozenset[int]], list[int]]
"""From the claims set aside to everyone's awards without them."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Per claim: the useful minimum (at most the need), the need, and the tier."""

    useful: list[int]
    need: list[int]
    tier: list[int]


def repaired(
    shared: Shared, claims: Claims, *, hopeless: Callable[[int, list[int]], bool] = lambda *_: False
) -> tuple[list[int], frozenset[int]]:
    """Awards in which nobody gets less than is useful, and who was set aside for it (steps: rule useful_minimum).

    `hopeless(claim, awards)` may rule out cheaply that a claim can be taken back.
    """
    aside: frozenset[int] = frozenset()
    awards = shared(aside)
    while (worst := _worst(claims, awards)) is not None:
        aside |= {worst}
        awards = shared(aside)
    while (back := _taken_back(shared, claims, awards, aside, hopeless)) is not None:
        awards, aside = back
    return awards, aside


def _worst(claims: Claims, awards: list[int]) -> int | None:
    """The claim that misses the greatest part of its need to be useful (of equals the later), first tier first."""
    short = [at for at, got in enumerate(awards) if 0 < got < claims.useful[at]]
    if not short:
        return None
    tier = min(claims.tier[at] for at in short)
    in_tier = [at for at in short if claims.tier[at] == tier]
    return max(in_tier, key=lambda at: (Fraction(claims.useful[at] - awards[at], claims.need[at]), at))


def _taken_back(
    shared: Shared,
    claims: Claims,
    awards: list[int],
    aside: frozenset[int],
    hopeless: Callable[[int, list[int]], bool],
) -> tuple[list[int], frozenset[int]] | None:
    """The first claim set aside that can be served after all at nobody's expense."""
    for claim in sorted(aside, key=lambda at: (claims.need[at], at)):
        if hopeless(claim, awards):
            continue
        again = shared(aside - {claim})
        if again[claim] >= claims.useful[claim] and all(new >= old for new, old in zip(again, awards, strict=True)):
            return again, aside - {claim}
    return None
