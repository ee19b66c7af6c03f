"""TAL, the rule of the Talmud: equal units up to half of each claim, equal losses beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Amount, Move, Place, Property, Rest, Round, Rule, Scope, Stretch


@dataclass(frozen=True, slots=True)
class Talmud(Rule):
    """x = CEA(c / 2) while S <= sum c / 2, else c / 2 + CEL(c / 2).

    Aumann and Maschler, "Game theoretic analysis of a bankruptcy problem from the Talmud", 1985.
    """

    id = "talmud"
    place = Place.SHARING
    words = "Up to half of each claim everyone gets the same number; beyond that everyone goes without the same number."
    keeps = ALL - {Property.SOUND_NEEDS}

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """Two phases: equal units over the first halves, equal losses over the second."""

        def stretches(awarded: Sequence[Amount]) -> list[Stretch]:
            found = []
            for at, one in scope.members():
                width = one.cap - awarded[at]
                if width > 0:
                    found += _halves(at, width)
            return found

        yield Round(rule=self.name, stretches=stretches)


def _halves(at: int, width: Amount) -> list[Stretch]:
    """An odd whole claim's middle unit has its middle exactly at the half: it belongs to the first phase."""
    first = (width + 1) // 2 if isinstance(width, int) else width / 2
    second = width - first
    halves = [Stretch(at, first, 1)]
    if second:
        halves.append(Stretch(at, second, 1, start=-second, phase=1))
    return halves
