"""HC, composite burden: shares by a published mix of burdens, such as cases and admissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from optimizer.sharing.rule import ALL, Move, Place, PolicyError, Property, Rest, Rule, Scope, climb, fraction


@dataclass(frozen=True, slots=True)
class CompositeBurden(Rule):
    """Weight_i = sum over factors k of w_k d_ik / sum_j d_jk; x_i = min(c_i, L weight_i).

    The US share of monoclonal antibodies of 2021: the mean of the share of admissions and that of
    cases over seven days. Not consistent: who leaves changes what a factor's sum is.
    """

    id = "composite_burden"
    place = Place.SHARING
    words = "Shares follow a published mix of burdens, such as cases and admissions; nobody gets more than they need."
    keeps = ALL - {Property.CONSISTENT}

    weights: tuple[Fraction, ...] = (Fraction(1, 2), Fraction(1, 2))

    def __post_init__(self) -> None:
        for weight in self.weights:
            fraction(self, "weights", weight)
        if sum(self.weights) != 1:
            raise PolicyError(f"{self.name}: weights add up to {sum(self.weights)}, not to 1")

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """One round at the pace of the composite shares of those in scope."""
        for _, one in scope.members():
            if len(one.burdens) != len(self.weights):
                raise PolicyError(
                    f"{self.name}: claimant {one.id} has {len(one.burdens)} burdens; weights has {len(self.weights)}"
                )
        sums = [sum(one.burdens[k] for _, one in scope.members()) for k in range(len(self.weights))]
        per_case = [w / total if total else Fraction(0) for w, total in zip(self.weights, sums, strict=True)]
        pace = {
            at: sum((d * per for d, per in zip(one.burdens, per_case, strict=True)), Fraction(0))
            for at, one in scope.members()
        }
        yield climb(self, scope, weight=lambda at, _, __: pace[at])
