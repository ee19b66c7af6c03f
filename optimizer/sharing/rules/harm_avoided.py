"""TV, expected harm avoided: each unit goes where it averts most, after a first fill for everyone if wished."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.problem import Claimant
from optimizer.sharing.rule import (
    ALL,
    Amount,
    Move,
    Place,
    Property,
    Rest,
    Round,
    Rule,
    Scope,
    Stretch,
    climb,
    fraction,
)


@dataclass(frozen=True, slots=True)
class HarmAvoided(Rule):
    """Maximise the sum of harm avoided, concave per claim, after everyone has `first_fill` of their need.

    Threat times vulnerability (COVAX phase 2). A claim's harm curve is a list of steps: so many
    units, each avoiding so much. Equal steps rise together; what lies beyond a curve comes last, by need.
    Minimising total deprivation alone can be arbitrarily unfair, hence `first_fill`.
    """

    id = "harm_avoided"
    place = Place.SHARING
    words = "Each pack goes where it prevents the most harm, once everyone has a first part of their need."
    keeps = ALL - {Property.SOUND_NEEDS}

    first_fill: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        fraction(self, "first_fill", self.first_fill)

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """A round up to the first fill (whole units of it), then one phase for each worth of a unit."""
        if self.first_fill:
            yield climb(
                self,
                scope,
                weight=lambda _, one, __: one.validated,
                limit=lambda one: int(one.validated * self.first_fill),
            )
        worths = sorted({worth for _, one in scope.members() for _, worth in one.harm}, reverse=True)
        phase_of = {worth: phase for phase, worth in enumerate(worths)}

        def stretches(awarded: Sequence[Amount]) -> list[Stretch]:
            found: list[Stretch] = []
            for at, one in scope.members():
                found += _steps(at, one, awarded[at], phase_of)
            return found

        yield Round(rule=self.name, stretches=stretches)


def _steps(at: int, one: Claimant, had: Amount, phase_of: dict[int, int]) -> Iterator[Stretch]:
    """The rest of the claim's curve above what it had, up to its cap."""
    foot: Amount = 0
    for units, worth in one.harm:
        top = min(foot + units, one.cap)
        width = top - max(foot, had)
        if width > 0:
            yield Stretch(at, width, units, start=max(had - foot, 0), phase=phase_of[worth])
        foot = max(foot, top)
    width = one.cap - max(foot, had)
    if width > 0:
        yield Stretch(at, width, one.validated, phase=len(phase_of))
