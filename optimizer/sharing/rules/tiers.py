"""TP, priority tiers: an earlier tier is served as far as possible before the next one gets anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope


@dataclass(frozen=True, slots=True)
class Tiers(Rule):
    """For t ascending: the rest of the policy among the claims of tier t, on what the tiers before left.

    ICG, monoclonal antibodies in the US, EMA. In strict order (emergencies of level 3 and more) tiers
    stand before entitlements, so that no later tier gets anything while an earlier one is short.
    """

    id = "tiers"
    place = Place.TIERS
    words = "The most urgent class of needs is met first; the next one shares what is left."
    keeps = ALL

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """The rest, tier by tier."""
        for tier in sorted({one.tier for _, one in scope.members()}):
            yield from rest(_of(scope, tier))


def _of(scope: Scope, tier: int) -> Scope:
    return scope.only(lambda one: one.tier == tier)
