"""What every claim would get under other policies, and how even each outcome is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from optimizer.allocation.compact import spread
from optimizer.allocation.problem import Pool, Problem
from optimizer.crew import worked
from optimizer.sharing.division import Note
from optimizer.sharing.fairness import PerHead, fills_ppm, gini_ppm, jain_ppm, lowest_fill, per_head
from optimizer.sharing.network import Facts, Ground, Shares
from optimizer.sharing.policy import Policy
from optimizer.sharing.problem import Estate

FORMAT = "comparison/1"
_Found: TypeAlias = tuple[Estate, list[tuple[Shares, int, int]]]
"""Of one item under each policy: shares, cost, packs that stay in lots that expire soon."""


@dataclass(frozen=True, slots=True)
class ItemOutcome:
    """One item under one policy: packs per claim, what stays by rule and for want of takers, who gave way.

    `soon_left`: packs that stay in lots that expire by the day asked about.
    """

    item: str
    packs: dict[str, int]
    held: int
    left: int
    set_aside: tuple[str, ...]
    soon_left: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What is compared: a problem under policies, with facts by item, then by claim or municipality.

    `soon`: count what stays in lots that expire by that day.
    """

    problem: Problem
    policies: tuple[Policy, ...]
    facts: Mapping[str, Facts]
    soon: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A problem under one policy.

    `lowest_fill`: over all claims; `gini_ppm`, `jain_ppm`: of the fills of all claims; `unserved`: claims with
    a need and no pack. `per_head_ratio`: the greatest of any item, best over worst served municipality with
    a need, and None where one of them gets nothing or no populations are known (`per_head_known`).
    `cost`: minor money units of the routing, first-expiring first, then cheapest.
    """

    policy: str
    policy_digest: str
    rule: str
    words: str
    served_packs: int
    lowest_fill: Fraction
    gini_ppm: int
    jain_ppm: int
    unserved: int
    per_head_known: bool
    per_head_ratio: Fraction | None
    per_head_item: str | None
    per_head_alert: bool
    cost: int
    notes: tuple[Note, ...]
    items: tuple[ItemOutcome, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes of policies on one problem (by digest), in the order asked for."""

    problem_digest: str
    outcomes: tuple[Outcome, ...]

    def canonical(self) -> bytes:
        """The comparison as canonical JSON: same inputs, same bytes. Fractions are texts such as "3/5"."""
        written = {"format": FORMAT, **asdict(self)}
        return json.dumps(written, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def compare(
    problem: Problem,
    policies: Sequence[Policy],
    *,
    facts: Facts | None = None,
    seed: str | None = None,
    workers: int = 1,
) -> Comparison:
    """Every policy on every pool, as near to its rule as the lanes allow (`network`).

    The items are shared out among `workers` forked processes; the outcome is the same for any number.
    Raises PolicyError where a policy weighs a fact that is missing, EstateError where a fact is no such fact.
    """

    pools = problem.pools
    found = worked(
        lambda at: _under_each(spread(pools[at]), policies, facts or {}, seed=seed), len(pools), workers=workers
    )
    return _compared(problem, policies, found)


def compare_asked(question: Question, *, progress: Callable[[int, int], object] | None = None) -> Comparison:
    """As `compare`, in this process alone; `progress` hears of every item done."""
    found = []
    for done, pool in enumerate(question.problem.pools, start=1):
        facts = question.facts.get(pool.item, {})
        found.append(_under_each(spread(pool), question.policies, facts, soon=question.soon))
        if progress is not None:
            progress(done, len(question.problem.pools))
    return _compared(question.problem, question.policies, found)


def _under_each(
    pool: Pool, policies: Sequence[Policy], facts: Facts, *, seed: str | None = None, soon: date | None = None
) -> _Found:
    """One item under each policy."""
    ground = Ground(pool, facts)
    found = []
    for policy in policies:
        shares = ground.share(policy, seed=seed)
        lines = ground.lines(shares)
        left = {lot.id: lot.packs - lot.immovable_packs for lot in pool.lots if soon and lot.expiry <= soon}
        for line in lines:
            if line.lot in left:
                left[line.lot] -= line.packs
        found.append((shares, ground.cost(lines), sum(left.values())))
    return ground.estate, found


def _compared(problem: Problem, policies: Sequence[Policy], found: Sequence[_Found]) -> Comparison:
    outcomes = []
    for at, policy in enumerate(policies):
        rows = zip(problem.pools, found, strict=True)
        items = [_Item(spread(pool), estate, *outcome[at]) for pool, (estate, outcome) in rows]
        outcomes.append(_outcome(policy, items))
    return Comparison(problem_digest=problem.digest(), outcomes=tuple(outcomes))


@dataclass(frozen=True, slots=True)
class _Item:
    """One pool under one policy, with the cost of its routing."""

    pool: Pool
    estate: Estate
    shares: Shares
    cost: int
    soon_left: int

    @property
    def outcome(self) -> ItemOutcome:
        names = (claim.id for claim in self.pool.claims)
        return ItemOutcome(
            item=self.shares.item,
            packs=dict(zip(names, self.shares.packs, strict=True)),
            held=self.shares.held,
            left=self.shares.left,
            set_aside=self.shares.set_aside,
            soon_left=self.soon_left,
        )

    @property
    def per_head(self) -> PerHead:
        """Between municipalities with a need."""
        got: dict[str, int] = {}
        people: dict[str, int] = {}
        for claim, claimant, packs in zip(self.pool.claims, self.estate.claimants, self.shares.packs, strict=True):
            if claimant.validated:
                got[claim.municipality] = got.get(claim.municipality, 0) + packs
                people[claim.municipality] = claimant.people
        return per_head(list(got.values()), list(people.values()))


def _outcome(policy: Policy, items: list[_Item]) -> Outcome:
    awards = [got for one in items for got in one.shares.packs]
    needs = [claimant.validated for one in items for claimant in one.estate.claimants]
    fills = fills_ppm(awards, needs)
    known = bool(items) and all(who.people for one in items for who in one.estate.claimants if who.validated)
    worst_item, worst = _least_even(items) if known else (None, PerHead(None))
    return Outcome(
        policy=policy.name,
        policy_digest=policy.digest(),
        rule=policy.sharing.name,
        words=policy.sharing.words,
        served_packs=sum(awards),
        lowest_fill=lowest_fill(awards, needs),
        gini_ppm=gini_ppm(fills),
        jain_ppm=jain_ppm(fills),
        unserved=sum(1 for got, need in zip(awards, needs, strict=True) if need and not got),
        per_head_known=known,
        per_head_ratio=worst.ratio,
        per_head_item=worst_item,
        per_head_alert=known and worst.alert,
        cost=sum(one.cost for one in items),
        notes=tuple(dict.fromkeys(note for one in items for note in one.shares.notes)),
        items=tuple(one.outcome for one in items),
    )


def _least_even(items: list[_Item]) -> tuple[str | None, PerHead]:
    """The item with the greatest per-head ratio (one that leaves a municipality without: greater than all)."""
    found: tuple[str | None, PerHead] = (None, PerHead(Fraction(1)))
    for one in items:
        ratio = one.per_head
        if ratio.ratio is None:
            return one.pool.item, ratio
        if ratio.ratio > (found[1].ratio or 1):
            found = one.pool.item, ratio
    return found
