"""CEL, equal losses: what is missing is the same number for everyone, as far as the claims allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Amount, Move, Place, Property, Rest, Round, Rule, Scope, Stretch


@dataclass(frozen=True, slots=True)
class EqualLosses(Rule):
    """x_i = max(0, c_i - L): constrained equal losses. It favours the large, and inflated needs pay."""

    id = "equal_losses"
    place = Place.SHARING
    words = "Everyone goes without the same number of packs; small needs may go away empty-handed."
    keeps = ALL - {Property.SOUND_NEEDS}

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round in which the greatest loss is always the next to be lessened."""

        def stretches(awarded: Sequence[Amount]) -> list[Stretch]:
            missing = ((at, one.cap - awarded[at]) for at, one in scope.members())
            return [Stretch(at, width, 1, start=-width) for at, width in missing if width > 0]

        yield Round(rule=self.name, stretches=stretches)
