"""PC, per capita capped: the same number per inhabitant, but nobody more than they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope, climb, required


@dataclass(frozen=True, slots=True)
class PerCapita(Rule):
    """x_i = min(c_i, L p_i): S p_i / sum p, capped, and what the cap leaves shared again.

    The EU's default for vaccines, the first part of the SNS. No gaming; it ignores need.
    """

    id = "per_capita"
    place = Place.SHARING
    words = "Everyone gets the same number per inhabitant, but nobody more than they need."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the pace of the populations."""
        required(self, "people", scope)
        yield climb(self, scope, weight=lambda _, one, __: one.people)
