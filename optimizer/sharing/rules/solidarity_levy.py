"""SL, solidarity levy: those who cede give up a part of their share per head to a pot for those in want."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.rule import ALL, Move, Place, Property, Rest, Rule, Scope, climb, fraction, required


@dataclass(frozen=True, slots=True)
class SolidarityLevy(Rule):
    """kept_i = (1 - rate if i cedes, else 1) S p_i / sum p, capped; the pot goes to those who draw, by missing need.

    The EU's decision of 1 April 2021: 24 of 27 states ceded 30 % of their share of 10 million doses
    to five of them, AT, CZ and SI kept all, and later deliveries repaid it. What nobody who draws
    can use goes to the others by missing need. Not consistent: the pot is a part of what is at hand.
    """

    id = "solidarity_levy"
    place = Place.SHARING
    words = "Those who take part give up a part of their share per head for those in want, and are paid back later."
    keeps = ALL - {Property.CONSISTENT, Property.SOUND_NEEDS}
    exact_on_networks = False

    rate: Fraction = Fraction(3, 10)

    def __post_init__(self) -> None:
        fraction(self, "rate", self.rate)

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """The kept shares, the pot, and what the pot could not use."""
        required(self, "people", scope)
        people = sum(one.people for _, one in scope.members())
        if not people:
            return
        ceded = self.rate * Fraction(sum(one.people for _, one in scope.members() if one.cedes), people)
        portions = (1 - ceded, ceded, Fraction(0))
        keeping = 1 - self.rate
        yield climb(
            self, scope, weight=lambda _, one, __: one.people * (keeping if one.cedes else 1), portions=portions, at=0
        )
        drawing = scope.only(lambda one: one.draws)
        yield climb(self, drawing, weight=lambda _, one, had: one.validated - had, portions=portions, at=1)
        yield climb(self, scope, weight=lambda _, one, had: one.validated - had, portions=portions, at=2)
