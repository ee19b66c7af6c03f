"""CEA, equal units: the same number for everyone, but nobody more than they claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope, climb


@dataclass(frozen=True, slots=True)
class EqualUnits(Rule):
    """x_i = min(c_i, L): constrained equal awards, the uniform rule; it favours the small, and nobody can game it."""

    id = "equal_units"
    place = Place.SHARING
    words = "Everyone gets the same number of packs, but nobody more than they need."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the same pace for all."""
        yield climb(self, scope, weight=lambda *_: 1)
