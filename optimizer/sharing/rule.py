"""What every rule of sharing is made of: rounds, in which claims rise along ladders until the supply is used up.

A claim's award in a round runs along a *stretch*: at position t (units, from 0 to its
width) it stands at the level (t + start) / weight of its phase. Everyone rises
together: phases in order, within a phase the lowest level first. So

    pro rata        level t / weight          the same part of the weight for everyone
    equal units     level t                   the same number for everyone
    equal losses    level t - claim           the greatest loss first
    Talmud          two phases: equal units up to half the claim, then equal losses

(Young, "On dividing an amount according to individual claims or liabilities", 1987,
calls such rules parametric; they are the symmetric, continuous and consistent ones.)
Whole units climb the same ladder rung by rung: the unit from t to t + 1 is served in
the order of the level at its middle (a divisor method after Webster and Sainte-Laguë)
or at its foot (leximin). A rung once reached is never lost when more supply comes, so
every round keeps "more supply, no less for anyone".

A rule yields rounds for the claims in its scope; a rule that stands before others (a
reserve, entitlements, tiers) yields some of its own and passes scopes on to the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from fractions import Fraction
from typing import ClassVar, NamedTuple

from optimizer.sharing.problem import Claimant

Amount = int | Fraction
"""Units; whole, or exact fractions of a unit where a rule is asked for its unrounded answer."""


class PolicyError(ValueError):
    """A policy, or a step of one, that cannot be followed; the message names the field and the reason."""


class Place(IntEnum):
    """Where a rule stands in a policy; a policy's steps never go down, but for tiers in strict order."""

    LAW = 0
    RESERVE = 1
    CONTINUITY = 2
    ENTITLEMENT = 3
    TIERS = 4
    SHARING = 5
    REPAIR = 6
    TIES = 7


class Property(Enum):
    """What a rule may promise of awards in one common pack; each promise is tested, each absence shown by an example.

    A rule that does not share by itself promises not to break what the rest of the policy keeps
    (tested and shown with per_capita, which keeps everything).
    """

    MONOTONE = "more supply, no less for anyone"
    SYMMETRIC = "equal claims differ by one pack at most"
    BOUNDED = "nobody gets more than the lesser of request and validated need"
    CONSISTENT = "if one leaves with the award, sharing the rest anew changes nothing"
    SOUND_REQUESTS = "asking for more than the validated need brings nothing"
    SOUND_NEEDS = "even an overstated validated need brings nothing that is needed"


ALL = frozenset(Property)


class Rounding(Enum):
    """Where in a pack its level is read: at its foot (leximin) or in its middle (Webster, Sainte-Laguë)."""

    LEXIMIN = "leximin"
    WEBSTER = "webster"


class Stretch(NamedTuple):
    """A claim's way through a round: `width` units, from level start / weight to (width + start) / weight.

    Levels of a claim's stretches rise from phase to phase. `tie`: of equal levels the smaller goes first.
    """

    claim: int
    width: Amount
    weight: Amount
    start: Amount = 0
    phase: int = 0
    tie: int = 0


Stretches = Callable[[Sequence[Amount]], list[Stretch]]
"""From the awards of all claims so far to the stretches of a round."""


@dataclass(frozen=True, slots=True)
class Round:
    """One common rise. With `portions` it is number `at` of rounds that may use these parts of what is at hand.

    What a portion cannot use passes to the next one of the same rule. `rounding`: None for the policy's.
    """

    rule: str
    stretches: Stretches
    portions: tuple[Fraction, ...] = ()
    at: int = 0
    rounding: Rounding | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep back the estate's floor if `floor` is true, and this part of the rest, rounded up to whole packs."""

    rule: str
    part: Fraction
    floor: bool = False


Move = Round | Hold


@dataclass(frozen=True, slots=True)
class Scope:
    """All claimants, and the positions of those that take part."""

    claimants: tuple[Claimant, ...]
    within: tuple[int, ...]

    def members(self) -> Iterator[tuple[int, Claimant]]:
        """Position and claimant of those that take part."""
        return ((at, self.claimants[at]) for at in self.within)

    def only(self, wanted: Callable[[Claimant], bool]) -> Scope:
        """The same scope without the others."""
        return replace(self, within=tuple(at for at in self.within if wanted(self.claimants[at])))


Rest = Callable[[Scope], Iterator[Move]]
"""What the following steps of the policy do with a scope."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. Its fields are its parameters; subclasses say what it is called, promises and does."""

    id: ClassVar[str]
    version: ClassVar[int] = 1
    place: ClassVar[Place]
    words: ClassVar[str]
    keeps: ClassVar[frozenset[Property]]
    exact_on_networks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Id and version, as policies and plans state them."""
        return f"{self.id}/{self.version}"

    def moves(self, scope: Scope, rest: Rest) -> Iterator[Move]:
        """What to do for the claims in scope; by default what the rest of the policy does."""
        return rest(scope)

    def order(self, item: str, claimants: tuple[Claimant, ...], *, seed: str | None) -> list[int] | None:
        """Ranks that settle ties, the smallest first; None where this rule does not settle them."""
        return None


def climb(
    rule: Rule,
    scope: Scope,
    *,
    weight: Callable[[int, Claimant, Amount], Amount],
    limit: Callable[[Claimant], Amount] | None = None,
    portions: tuple[Fraction, ...] = (),
    at: int = 0,
) -> Round:
    """A round in which everyone in scope rises at the pace of `weight(position, claimant, awarded)` up to `limit`.

    Nobody rises above the cap, whatever the limit; a claim of weight 0 takes no part.
    """

    def stretches(awarded: Sequence[Amount]) -> list[Stretch]:
        found = []
        for position, one in scope.members():
            had, cap = awarded[position], one.cap
            width = (min(limit(one), cap) if limit else cap) - had
            pace = weight(position, one, had) if width > 0 else 0
            if pace > 0:
                # Of equals in a later portion the one that got less of the earlier ones goes first.
                found.append(Stretch(position, width, pace, tie=int(had) if at else 0))
        return found

    return Round(rule=rule.name, stretches=stretches, portions=portions, at=at)


def required(rule: Rule, field: str, scope: Scope) -> None:
    """Refuse with PolicyError where a claimant lacks a fact without which this rule cannot weigh it."""
    for _, one in scope.members():
        if one.cap and not getattr(one, field):
            raise PolicyError(f"{rule.name}: claimant {one.id} has no {field}; this rule cannot share without it")


def fraction(rule: Rule, field: str, value: Fraction, *, least: Fraction = Fraction(0)) -> None:
    """Refuse with PolicyError a parameter that is not a part from `least` to 1."""
    if not isinstance(value, Fraction) or not least <= value <= 1:
        raise PolicyError(f"{rule.name}: {field} is {value}, not a fraction from {least} to 1")
