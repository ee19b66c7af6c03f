"""Legal feasibility: who may not be served at all takes no part (licence, label, cold chain, residual life)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope


@dataclass(frozen=True, slots=True)
class Lawful(Rule):
    """The rest of the policy, for claimants without an obstacle (domain.md section 3, order of composition).

    On a network single lots are barred by missing lanes; an obstacle bars the claimant from every lot.
    """

    id = "lawful"
    place = Place.LAW
    words = "Whoever the law or the goods themselves forbid to serve takes no part, and the reason is named."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """The rest without the barred."""
        return rest(scope.only(lambda one: not one.obstacle))
