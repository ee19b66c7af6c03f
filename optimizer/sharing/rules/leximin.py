"""Leximin of fill: the worst served is served as well as possible, then the next worst, and so on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optimizer.sharing.rule import ALL, Amount, Move, Place, Property, Rest, Round, Rounding, Rule, Scope, Stretch


@dataclass(frozen=True, slots=True)
class Leximin(Rule):
    """The vector of fills x_i / n_i, sorted ascending, lexicographically greatest; x_i <= c_i.

    Whole units go where the fill before them is lowest (rounded at the foot of the pack); of equal
    fills to the smaller need. Frank and Murota, "Fair integral network flows", arXiv 1907.02673.
    """

    id = "leximin"
    place = Place.SHARING
    words = "The town that is worst supplied is supplied as well as possible; then the next worst, and so on."
    keeps = ALL - {Property.SOUND_NEEDS}

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the pace of the needs, read at the foot of each pack."""

        def stretches(awarded: Sequence[Amount]) -> list[Stretch]:
            found = []
            for at, one in scope.members():
                need, width = one.validated - awarded[at], one.cap - awarded[at]
                if width > 0:
                    found.append(Stretch(at, width, need, tie=one.validated))
            return found

        yield Round(rule=self.name, stretches=stretches, rounding=Rounding.LEXIMIN)
