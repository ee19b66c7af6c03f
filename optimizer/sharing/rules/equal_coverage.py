"""EC, equal coverage: all rise together to the same part of their population, up to a common target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.rule import ALL, Move, Place, Rest, Rule, Scope, climb, fraction, required


@dataclass(frozen=True, slots=True)
class EqualCoverage(Rule):
    """Raise a common level L up to `target`: x_i = min(L p_i, c_i); above the target nothing is given.

    COVAX phase 1: 3 % of every population first, then all to 20 % or less if less was asked. The
    first steps lie on the same rise, so the target alone decides. Who is not ready has an obstacle.
    """

    id = "equal_coverage"
    place = Place.SHARING
    words = "All rise together: nobody's second step before everybody's first, up to the same part of the population."
    keeps = ALL

    target: Fraction = Fraction(1, 5)

    def __post_init__(self) -> None:
        fraction(self, "target", self.target)

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the pace of the populations up to the target (whole units of it)."""
        required(self, "people", scope)
        yield climb(self, scope, weight=lambda _, one, __: one.people, limit=lambda one: int(one.people * self.target))
