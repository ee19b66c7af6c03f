"""PN, pro rata to validated need: the same part of the need for everyone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Move, Place, Property, Rest, Rule, Scope, climb


@dataclass(frozen=True, slots=True)
class ProRataNeed(Rule):
    """x_i = min(c_i, L n_i) with the level L that uses the supply; after other rounds n_i is what is still missing.

    Measured in domain.md section 3: useful share 1.000, lowest fill 0.60. It needs validation.
    """

    id = "pro_rata_need"
    place = Place.SHARING
    words = "Everyone gets the same part of what they were found to need."
    keeps = ALL - {Property.SOUND_NEEDS}

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the pace of what is still missing of the validated needs."""
        yield climb(self, scope, weight=lambda _, one, had: one.validated - had)
