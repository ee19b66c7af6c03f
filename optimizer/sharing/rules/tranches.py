"""TR, tranches: one part by population, one by severity, and the rest held in reserve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.rule import (
    ALL,
    Hold,
    Move,
    Place,
    PolicyError,
    Property,
    Rest,
    Rule,
    Scope,
    climb,
    fraction,
    required,
)


@dataclass(frozen=True, slots=True)
class Tranches(Rule):
    """x_i = min(c_i, a S p_i / sum p + b S s_i / sum s), capped shares passed on; (1 - a - b) S stays.

    The SNS in 2020: 25 % by population, 25 % by severity, 50 % strategic reserve. Not consistent:
    the parts are taken of what is at hand.
    """

    id = "tranches"
    place = Place.SHARING
    words = "One part is shared by population, one by how hard the crisis strikes; the rest stays in reserve."
    keeps = ALL - {Property.CONSISTENT}
    exact_on_networks = False

    by_people: Fraction = Fraction(1, 4)
    by_severity: Fraction = Fraction(1, 4)

    def __post_init__(self) -> None:
        fraction(self, "by_people", self.by_people)
        fraction(self, "by_severity", self.by_severity)
        if self.by_people + self.by_severity > 1:
            raise PolicyError(f"{self.name}: by_people and by_severity are more than the whole")

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """The reserve aside, then a round of each kind."""
        required(self, "people", scope)
        shared = self.by_people + self.by_severity
        yield Hold(rule=self.name, part=1 - shared)
        if shared:
            portions = (self.by_people / shared, self.by_severity / shared)
            yield climb(self, scope, weight=lambda _, one, __: one.people, portions=portions, at=0)
            yield climb(self, scope, weight=lambda _, one, __: one.severity, portions=portions, at=1)
