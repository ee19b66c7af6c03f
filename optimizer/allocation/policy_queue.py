"""The rules of sharing in the check's own words: from a policy's JSON to the place of every pack in one queue.

Nothing of `optimizer.sharing` is used, so that a slip there is seen here. A policy is a sequence of rounds; in a
round each claim climbs from what it had, and its next pack stands at the level

    (packs climbed in this round + start, and half a pack where the rule reads the middle) / weight

    rule                    weight                  up to                         start
    leximin (read at foot)  need - had              cap; ties: smaller need
    pro_rata_need           need - had              cap
    pro_rata_request        asked - had             cap
    per_capita              people                  cap
    equal_coverage          people                  cap, target x people
    equal_units             1                       cap
    equal_losses            1                       cap                           -(cap - had)
    talmud                  1, two halves           cap                           second half: -(its length)
    harm_avoided            need                    first_fill x need; then cap
    entitlement             what is guaranteed      cap, what is guaranteed
    tranches                people                  cap, a part of what is at hand
    solidarity_levy         people; need - had      cap, parts of what is at hand

where the cap is the lesser of need and request. Everyone's packs are served in the order of (round, half, level, tie,
rank) as far as they can be brought; the rank is drawn by the lottery, or the order of the claims. Tiers make rounds
of their own; `lawful` and `useful_minimum` reorder nothing; facts that a problem does not hold (what is committed,
harm curves, severity, who cedes and who draws) count as nothing, as they do for the rule itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from optimizer.allocation.problem import CompactPool, ItemPolicy, Pool

HALF = Fraction(1, 2)
Turn = tuple[int, int, Fraction, int, int]
"""A pack's place in the queue: round, half, level, tie, rank of the claim."""


class NotRestatedError(Exception):
    """A rule that the check cannot judge, or a fact without which it cannot; the message says which."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim as rules weigh it, in packs; `people`: inhabitants."""

    need: int
    cap: int
    requested: int
    tier: int
    people: int
    entitled: int


class Climb(NamedTuple):
    """A way of `packs` packs at one weight in a round; `half` orders a claim's ways in one round."""

    packs: int
    weight: int
    start: int = 0
    half: int = 0
    tie: int = 0


Ways = Callable[[Claimed, int], list[Climb]]
"""From a claim and what it had to its ways through a round."""


@dataclass(frozen=True, slots=True)
class Rise:
    """One round among the claims `within`; with `parts`: number `at` of rounds that use these parts of the rest."""

    within: tuple[int, ...]
    ways: Ways
    foot: bool = False
    parts: tuple[Fraction, ...] = ()
    at: int = 0


@dataclass(frozen=True, slots=True)
class Keep:
    """This part of what is left stays, rounded up to whole packs."""

    part: Fraction


class Stated:
    """An item's policy as stated: `moves` are its rounds and what stays; `rank` settles ties between claims."""

    def __init__(self, pool: Pool | CompactPool, named: ItemPolicy, *, aside: frozenset[int] = frozenset()) -> None:
        """Raises NotRestatedError where a step is not known here, or weighs people that are not known."""
        written: dict[str, Any] = json.loads(named.policy)
        self.steps: list[dict[str, Any]] = written["steps"]
        self.foot = written.get("rounding", "webster") == "leximin"
        self.claims = _claimed(pool, named)
        self.rank = _ranks(self.steps, pool, named.seed)
        within = tuple(at for at in range(len(self.claims)) if at not in aside)
        self.moves: tuple[Rise | Keep, ...] = tuple(self._followed(self.steps, within))

    @property
    def in_parts(self) -> bool:
        """Whether rounds take parts of what is at hand: then only counting anew tells the outcome."""
        return any(isinstance(move, Rise) and move.parts for move in self.moves)

    def level(self, rise: Rise, number: int, way: Climb, climbed: int, claim: int) -> Turn:
        """The place of the pack after `climbed` packs of this way of the claim, in round `number`."""
        middle = Fraction(0) if self.foot or rise.foot else HALF
        return number, way.half, (climbed + way.start + middle) / way.weight, way.tie, self.rank[claim]

    def _followed(self, steps: list[dict[str, Any]], within: tuple[int, ...]) -> Iterator[Rise | Keep]:
        if not steps:
            return
        (step, *rest), name = steps, _name(steps[0])
        if name == "tiers":
            for tier in sorted({self.claims[at].tier for at in within}):
                yield from self._followed(rest, tuple(at for at in within if self.claims[at].tier == tier))
            return
        if name in ("lawful", "continuity", "useful_minimum", "lottery"):
            yield from self._followed(rest, within)
        elif name == "ring_fence":
            yield Keep(Fraction(step.get("buffer", "1/20")))
            yield from self._followed(rest, within)
        elif name == "entitlement":
            yield Rise(within, lambda one, had: _up_to(one, had, one.entitled, limit=one.entitled))
            yield from self._followed(rest, within)
        else:
            yield from self._shared(name, step, within)

    def _shared(self, name: str, step: Mapping[str, Any], within: tuple[int, ...]) -> Iterator[Rise | Keep]:
        if name in ("per_capita", "equal_coverage", "tranches", "solidarity_levy"):
            self._people_known(name, within)
        if name == "tranches":
            yield from _tranches(step, within)
        elif name == "solidarity_levy":
            yield from _levy(within)
        elif name == "harm_avoided":
            first = Fraction(step.get("first_fill", "0"))
            yield Rise(within, lambda one, had: _up_to(one, had, one.need, limit=int(one.need * first)))
            yield Rise(within, lambda one, had: _up_to(one, had, one.need))
        elif name == "equal_coverage":
            target = Fraction(step.get("target", "1/5"))
            yield Rise(within, lambda one, had: _up_to(one, had, one.people, limit=int(one.people * target)))
        elif name in _PLAIN:
            yield Rise(within, _PLAIN[name], foot=name == "leximin")
        else:
            raise NotRestatedError(f"the rule {step['rule']} is not restated in this check")

    def _people_known(self, name: str, within: tuple[int, ...]) -> None:
        if any(self.claims[at].cap and not self.claims[at].people for at in within):
            raise NotRestatedError(f"{name} weighs inhabitants, and the problem does not hold them for every claim")


def _up_to(one: Claimed, had: int, weight: int, *, limit: int | None = None, tie: int = 0) -> list[Climb]:
    """One way at this weight up to the cap, or to the limit if that is less; nobody climbs at weight 0."""
    packs = min(one.cap, one.cap if limit is None else limit) - had
    return [Climb(packs, weight, tie=tie)] if packs > 0 and weight > 0 else []


def _halves(one: Claimed, had: int) -> list[Climb]:
    """The rule of the Talmud: the same number up to half of what is missing, then the same loss."""
    missing = one.cap - had
    later = missing // 2
    ways = [Climb(missing - later, 1), Climb(later, 1, start=-later, half=1)]
    return [way for way in ways if way.packs > 0]


_PLAIN: dict[str, Ways] = {
    "leximin": lambda one, had: _up_to(one, had, one.need - had, tie=one.need),
    "pro_rata_need": lambda one, had: _up_to(one, had, one.need - had),
    "pro_rata_request": lambda one, had: _up_to(one, had, one.requested - had),
    "per_capita": lambda one, had: _up_to(one, had, one.people),
    "equal_units": lambda one, had: _up_to(one, had, 1),
    "equal_losses": lambda one, had: [Climb(one.cap - had, 1, start=had - one.cap)] if one.cap > had else [],
    "talmud": _halves,
}


def _tranches(step: Mapping[str, Any], within: tuple[int, ...]) -> Iterator[Rise | Keep]:
    """By population, then by severity (which no problem holds: nobody climbs); the rest stays."""
    people, severity = Fraction(step.get("by_people", "1/4")), Fraction(step.get("by_severity", "1/4"))
    yield Keep(1 - people - severity)
    if people + severity:
        parts = (people / (people + severity), severity / (people + severity))
        yield Rise(within, lambda one, had: _up_to(one, had, one.people), parts=parts)
        yield Rise(within, lambda one, had: [], parts=parts, at=1)


def _levy(within: tuple[int, ...]) -> Iterator[Rise | Keep]:
    """Nobody is known to cede or to draw: everything per head; what the caps leave, by what is missing."""
    parts = (Fraction(1), Fraction(0), Fraction(0))
    yield Rise(within, lambda one, had: _up_to(one, had, one.people), parts=parts)
    yield Rise(within, lambda one, had: [], parts=parts, at=1)
    yield Rise(within, lambda one, had: _up_to(one, had, one.need - had, tie=had), parts=parts, at=2)


def _name(step: Mapping[str, Any]) -> str:
    """The rule's id; this check restates the first version of each rule."""
    name, _, version = str(step["rule"]).partition("/")
    if version != "1":
        raise NotRestatedError(f"the rule {step['rule']} is not restated in this check")
    return name


def _claimed(pool: Pool | CompactPool, named: ItemPolicy) -> list[Claimed]:
    facts = {fact.claim: fact for fact in named.facts}
    needs, found = pool.needs(), []
    for claim in pool.claims:
        need, fact = needs[claim.id], facts.get(claim.id)
        asked = fact.requested if fact and fact.requested else need
        people, entitled = (fact.people, fact.entitled) if fact else (0, 0)
        found.append(Claimed(need, min(need, asked), asked, claim.tier, people, entitled))
    return found


def _ranks(steps: list[dict[str, Any]], pool: Pool | CompactPool, seed: str) -> list[int]:
    """Drawn by SHA-256 of seed, item and claim with a zero character between; else the order of the claims."""
    names = [claim.id for claim in pool.claims]
    drawing = next((step for step in steps if step["rule"] == "lottery/1"), None)
    if drawing is None:
        return list(range(len(names)))
    if hashlib.sha256(seed.encode()).hexdigest() != drawing.get("commitment"):
        raise NotRestatedError("the lottery's seed is not the one that was committed")
    tickets = [hashlib.sha256("\0".join((seed, pool.item, name)).encode()).digest() for name in names]
    ranks = [0] * len(names)
    for rank, at in enumerate(sorted(range(len(names)), key=tickets.__getitem__)):
        ranks[at] = rank
    return ranks
