"""What is compared and supposed, and how the answers are told, in base units. Pure functions and values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from optimizer.allocation.plan import Plan
from optimizer.allocation.problem import CompactPool, Pool, Problem
from optimizer.allocation.whatif import Answer
from optimizer.sharing.compare import Comparison, Outcome
from optimizer.sharing.network import Facts
from stockpile.allocation import rules

Pair = tuple[str, str]
"""A municipality and an item."""

LEFT_ASIDE = {
    "dispatch": "Rules are compared without the limits on what depots dispatch in a day, which the plan keeps.",
    "vehicles": "Rules are compared without the limits on what vehicles carry in a day, which the plan keeps.",
    "storage": "Rules are compared without the limits on what municipalities can take in, which the plan keeps.",
    "substitutes": "Rules are compared without substitutes, which the plan uses where nothing else is left.",
}
"""What a comparison leaves aside of a problem, by the part of it."""


@dataclass(frozen=True, slots=True)
class Case:
    """A stored plan as the optimizer knows it, with what is needed to tell it to people.

    `facts` by item and claim, `pack_size` and `volume_ml` (of a pack) by item, `names` of municipalities by code.
    """

    number: int
    surge: int
    at: datetime
    problem: Problem
    plan: Plan
    facts: Mapping[str, Facts]
    pack_size: Mapping[str, int]
    volume_ml: Mapping[str, int]
    names: Mapping[str, str]

    @property
    def entitled(self) -> bool:
        """Whether anything is guaranteed to a member in this plan: then every rule serves that first."""
        in_claims = any(claim.entitled_packs for pool in self.problem.pools for claim in pool.claims)
        return in_claims or any(fact.entitled for policy in self.problem.policies for fact in policy.facts)


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """All items under one rule: how even it is, what it costs, and what would be left to expire.

    `lowest_permille` over the claims that lawful stock can reach; `gini_ppm` (0: all alike) and `jain_ppm` (a
    million: all alike) of their fills; `per_head_ratio` best over worst served per inhabitant, None where one gets
    nothing. `expiring`: packs that stay in lots that expire within 30 days.
    """

    rule: str
    words: str
    digest: str
    lowest_permille: int
    gini_ppm: int
    jain_ppm: int
    unserved: int
    packs: int
    per_head_ratio: str | None
    per_head_item: str | None
    cost_minor: int
    expiring: int
    notes: list[str]


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What one municipality gets of one item under the plan and under each rule, in base units."""

    member: str
    name: str
    item: str
    validated: int
    planned: int
    got: dict[str, int]


@dataclass(frozen=True, slots=True)
class Compared:
    """A plan beside what other rules would make of the same stock and needs. `seconds` of computing.

    `without`: what the plan kept and the comparison leaves aside, in sentences.
    """

    plan: int
    problem_digest: str
    currency: str
    seconds: float
    rules: list[RuleOutcome]
    members: list[PairOutcome]
    without: list[str]


@dataclass(frozen=True, slots=True)
class Shifted:
    """What a supposition changes for a municipality and an item, in base units and thousandths of the need."""

    member: str
    name: str
    item: str
    validated: int
    before: int
    after: int
    before_permille: int
    after_permille: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Supposed:
    """The answer to a what-if on a plan: who gains and who loses; nothing is stored.

    `proven`: the independent checker proved that the supposed plan is what its rules say; `method` as plans have it.
    """

    plan: int
    method: str
    proven: bool
    findings: list[str]
    seconds: float
    shared_again: list[str]
    notes: list[str]
    gains: int
    loses: int
    lowest_permille_before: int
    lowest_permille_after: int
    shifts: list[Shifted]


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a plan changed against the one that waited before it; quantities in base units.

    `came` and `gone`: requests by number that only this one, or only the earlier one, looks at; `revised`: with
    another validated need; `reasons`: what else differs. What is reserved or picked is in neither plan.
    """

    plan: int
    earlier: int
    came: list[int]
    gone: list[int]
    revised: list[int]
    reasons: list[str]
    gains: int
    loses: int
    shifts: list[Shifted]


def different(earlier: Problem, later: Problem) -> list[str]:
    """What differs between two problems besides who asks, in words: stock, ways and policies of which items."""
    before, after = ({pool.item: pool for pool in one.pools} for one in (earlier, later))
    both = sorted(before.keys() & after.keys())
    stock = [item for item in both if _stock(before[item]) != _stock(after[item])]
    ways = [item for item in both if item not in stock and _rerouted(before[item], after[item])]
    old, new = ({one.item: one.policy for one in problem.policies} for problem in (earlier, later))
    ruled = [item for item in both if old.get(item) != new.get(item)]
    told = (("stock or reserve", stock), ("what may reach whom", ways), ("the sharing policy", ruled))
    return [f"{what} differs for {_few(items)}" for what, items in told if items]


def _stock(pool: Pool | CompactPool) -> tuple[object, ...]:
    return tuple(pool.lots), pool.shareable_packs


def _rerouted(before: Pool | CompactPool, after: Pool | CompactPool) -> bool:
    """Whether the ways to the requests that both know are others."""
    both = {drop.id for drop in before.drops} & {drop.id for drop in after.drops}
    old, new = ({lane for lane in pool.lanes if lane.drop in both} for pool in (before, after))
    return old != new


def _few(items: list[str]) -> str:
    return ", ".join(items[:5]) + (f" and {len(items) - 5} more" if len(items) > 5 else "")


def rerun(earlier: Case, later: Case, *, needs: Mapping[int, int], before: Mapping[int, int]) -> Rerun:
    """What the later plan changed; `needs` and `before`: validated need by request in the later and earlier plan."""
    shifts = shifted(later, (earlier.problem, earlier.plan), (later.problem, later.plan))
    return Rerun(
        plan=later.number,
        earlier=earlier.number,
        came=sorted(needs.keys() - before.keys()),
        gone=sorted(before.keys() - needs.keys()),
        revised=sorted(one for one in needs.keys() & before.keys() if needs[one] != before[one]),
        reasons=different(earlier.problem, later.problem),
        gains=sum(1 for one in shifts if one.after > one.before),
        loses=sum(1 for one in shifts if one.after < one.before),
        shifts=shifts,
    )


def shifted(case: Case, earlier: tuple[Problem, Plan], later: tuple[Problem, Plan]) -> list[Shifted]:
    """Who gets more or less in the later plan, largest change of the fill first."""
    before, after = packs_by_pair(*earlier), packs_by_pair(*later)
    needs = needs_by_pair(earlier[0]) | needs_by_pair(later[0])
    found = [
        _shifted(case, pair, needs[pair], (before.get(pair, 0), after.get(pair, 0)))
        for pair in sorted(needs)
        if before.get(pair, 0) != after.get(pair, 0)
    ]
    return sorted(found, key=lambda one: (-abs(one.after_permille - one.before_permille), one.item, one.member))


def packs_by_pair(problem: Problem, plan: Plan) -> dict[Pair, int]:
    """Packs of a plan by municipality and item, substitutes as what they stand for; who gets nothing counts 0."""
    found: dict[Pair, int] = {}
    counts = {(one.of, one.lot, one.item, one.drop): one.counts_as for one in problem.substitutes}
    for pool, rows in zip(problem.pools, plan.pools, strict=True):
        member = {claim.id: claim.municipality for claim in pool.claims}
        owner = {drop.id: member[drop.claim] for drop in pool.drops}
        found |= {(name, pool.item): 0 for name in member.values()}
        for line in rows.lines:
            found[owner[line.drop], pool.item] += line.packs
        for one in plan.swaps:
            if one.item == pool.item:
                found[owner[one.drop], pool.item] += one.times * counts[one.of, one.lot, one.item, one.drop]
    return found


def needs_by_pair(problem: Problem) -> dict[Pair, int]:
    """Packs needed by municipality and item."""
    return _by_pair(problem, lambda pool: pool.needs())


def _by_pair(problem: Problem, packs: Callable[[Pool | CompactPool], Mapping[str, int]]) -> dict[Pair, int]:
    found: dict[Pair, int] = defaultdict(int)
    for pool in problem.pools:
        given = packs(pool)
        for claim in pool.claims:
            found[claim.municipality, pool.item] += given.get(claim.id, 0)
    return dict(found)


def compared(
    case: Case,
    comparison: Comparison,
    *,
    planned: Mapping[Pair, int],
    seconds: float,
    currency: str,
    wanted: Callable[[Pair], bool],
    without: list[str],
) -> Compared:
    """The comparison in words and base units, for the municipalities and items that are wanted."""
    needs = needs_by_pair(case.problem)
    got = {one.rule: _outcome_by_pair(case, one) for one in comparison.outcomes}
    rows = [
        PairOutcome(
            member=member,
            name=case.names[member],
            item=item,
            validated=needs[member, item] * case.pack_size[item],
            planned=planned[member, item] * case.pack_size[item],
            got={rule: packs[member, item] * case.pack_size[item] for rule, packs in got.items()},
        )
        for member, item in sorted(needs)
        if wanted((member, item))
    ]
    told = [_told(one) for one in comparison.outcomes]
    return Compared(case.number, case.plan.problem_digest, currency, seconds, told, rows, without)


def left_aside(problem: Problem) -> list[str]:
    """What rules are compared without, of what this problem has, in words."""
    return [words for part, words in LEFT_ASIDE.items() if getattr(problem, part)]


def _outcome_by_pair(case: Case, outcome: Outcome) -> dict[Pair, int]:
    packs = {one.item: one.packs for one in outcome.items}
    return _by_pair(case.problem, lambda pool: packs[pool.item])


def _told(one: Outcome) -> RuleOutcome:
    return RuleOutcome(
        rule=one.rule,
        words=one.words,
        digest=one.policy_digest,
        lowest_permille=int(one.lowest_fill * 1000),
        gini_ppm=one.gini_ppm,
        jain_ppm=one.jain_ppm,
        unserved=one.unserved,
        packs=one.served_packs,
        per_head_ratio=None if one.per_head_ratio is None else f"{float(one.per_head_ratio):.1f}",
        per_head_item=one.per_head_item,
        cost_minor=one.cost,
        expiring=sum(item.soon_left for item in one.items),
        notes=[note.words for note in one.notes],
    )


def supposed(
    case: Case, answer: Answer, *, proven: bool, findings: Iterable[str], seconds: float, notes: Iterable[str]
) -> Supposed:
    """The answer to a supposition, largest change of the fill first."""
    before, after = packs_by_pair(case.problem, case.plan), packs_by_pair(answer.problem, answer.plan)
    needs = needs_by_pair(case.problem) | needs_by_pair(answer.problem)
    shifts = shifted(case, (case.problem, case.plan), (answer.problem, answer.plan))
    return Supposed(
        plan=case.number,
        method=answer.plan.method,
        proven=proven,
        findings=list(findings),
        seconds=seconds,
        shared_again=list(answer.again),
        notes=list(notes),
        gains=sum(1 for one in shifts if one.after > one.before),
        loses=sum(1 for one in shifts if one.after < one.before),
        lowest_permille_before=_lowest(before, needs),
        lowest_permille_after=_lowest(after, needs),
        shifts=shifts,
    )


def _lowest(packs: Mapping[Pair, int], needs: Mapping[Pair, int]) -> int:
    return min((rules.permille(packs.get(pair, 0), need) for pair, need in needs.items()), default=1000)


def _shifted(case: Case, pair: Pair, need: int, packs: tuple[int, int]) -> Shifted:
    (member, item), size = pair, case.pack_size[pair[1]]
    before, after = packs[0] * size, packs[1] * size
    way = "gains" if after > before else "loses"
    fills = f"{rules.percent(packs[0], need)} to {rules.percent(packs[1], need)} of its need"
    return Shifted(
        member=member,
        name=case.names[member],
        item=item,
        validated=need * size,
        before=before,
        after=after,
        before_permille=rules.permille(packs[0], need),
        after_permille=rules.permille(packs[1], need),
        sentence=f"{case.names[member]} {way} {abs(after - before):,} of {item}: from {fills}",
    )
