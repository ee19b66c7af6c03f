"""GE, entitlement then surplus: what a member has paid for or been guaranteed comes first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope, climb


@dataclass(frozen=True, slots=True)
class Entitlement(Rule):
    """base_i = min(e_i, c_i), in proportion to e_i where not even that is there; then the rest shares the surplus.

    STEP's pool of transformers, MSF's reserved stock, quantities reserved in the EU's joint
    procurement. What continuity has given counts towards the entitlement.
    """

    id = "entitlement"
    place = Place.ENTITLEMENT
    words = "Everyone first gets what they have paid for, as far as they need it; what is left is shared."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round up to the entitlements, then the rest."""
        yield climb(self, scope, weight=lambda _, one, __: one.entitled, limit=lambda one: min(one.entitled, one.cap))
        yield from rest(scope)
