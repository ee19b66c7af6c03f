"""RF, ring-fence and buffer: what stays in the stockpile before anything is shared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.rule import ALL, Hold, Move, Place, Property, Rest, Rule, Scope, fraction


@dataclass(frozen=True, slots=True)
class RingFence(Rule):
    """S = on hand - floor - buffer; the buffer is a part of what is above the floor, rounded up to whole packs.

    COVAX kept a humanitarian buffer of 5 % (domain.md section 0). Not consistent: who leaves with
    an award shrinks what the buffer is a part of.
    """

    id = "ring_fence"
    place = Place.RESERVE
    words = "A reserve stays in the stockpile first; it is released only by a named decision."
    keeps = ALL - {Property.CONSISTENT}

    buffer: Fraction = Fraction(1, 20)

    def __post_init__(self) -> None:
        fraction(self, "buffer", self.buffer)

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """Hold back, then the rest."""
        yield Hold(rule=self.name, part=self.buffer, floor=True)
        yield from rest(scope)
