"""CT, continuity first: what has been begun is carried on before anything new starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope, climb


@dataclass(frozen=True, slots=True)
class Continuity(Rule):
    """x_i = min(committed_i, c_i) first, in proportion where not even that is there; then the rest.

    COVAX's exceptional round for second doses (domain.md section 0); also therapies and repairs under way.
    """

    id = "continuity"
    place = Place.CONTINUITY
    words = "Treatments and repairs that have begun are supplied before new ones start."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round up to what is committed, then the rest."""
        yield climb(
            self, scope, weight=lambda _, one, had: one.committed - had, limit=lambda one: min(one.committed, one.cap)
        )
        yield from rest(scope)
