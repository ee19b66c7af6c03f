"""Judge any plan against its problem, without a solver and without a line of the model's code.

Feasible means: each line is a whole number of packs on a lane of the problem; no
lot gives more than it holds, the item not more than may be shared, no drop gets
more than it asks; a claim gets nothing or at least its useful minimum; claims set
aside get nothing; floors, buffers, picked lines and the volumes that items share are
kept. Fair means, besides, what `proof` proves, and that the published bottlenecks add up.
Items that the problem shares by a policy are proven against the policy as `policy_queue` restates it; such a plan
keeps its rules, and is never called fair. What a plan that is not called fair says of itself (its label, bound and gap)
is found again by `bound_check`. The verdict says of every item what was checked and what was not.
Which claims are set aside for their useful minimum is decided by a stated heuristic:
here it is only asked that each has such a minimum and could not be served at nobody's expense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from optimizer.allocation.bound_check import false_claims
from optimizer.allocation.compact_check import Tally, tally, unfair
from optimizer.allocation.compact_check import worse_routing as priced_routing
from optimizer.allocation.compact_check import wrong_bottlenecks as compact_bottlenecks
from optimizer.allocation.limit_check import bound_findings, broken_limits, swapped
from optimizer.allocation.plan import (
    BEST,
    BY_POLICY,
    FAIR,
    FIRST_COME,
    OWN_ROUTING,
    PRO_RATA,
    Bottleneck,
    CompactPlan,
    Plan,
    PoolPlan,
)
from optimizer.allocation.policy_check import NotRestatedError, named_rule, policy_flaws, way_of_proof
from optimizer.allocation.problem import RULE, CompactPool, Pool, Problem
from optimizer.allocation.proof import needless_set_asides, unfairness, worse_routing
from optimizer.allocation.standing import Standing, standing_after

FEASIBLE = "all lines: whole packs on lawful lanes, within lots, needs, reserves, buffers, promises and picked lines"
FAIR_PROOF = (
    f"{RULE}: no pack can pass to a claim that comes earlier by the rule; first-expiring, cheapest routing; "
    "bottlenecks; nobody set aside for a useful minimum could be served at nobody's expense (who is, is a heuristic's)"
)
LIMITED_PROOF = (
    f"{RULE}: no pack can pass to a claim that comes earlier by the rule. NOT checked: whether another routing within "
    "the shared limits would be cheaper"
)

BOUND_PROOF = (
    "best_found: place, bound and gap found again, from shares without the shared limits that are proven fair. "
    "NOT checked: whether a better plan within the limits exists below the bound"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fair` implies `kept`, which implies `feasible`; `findings` say in plain words what is wrong.

    `kept`: every item is proven to be shared as its own rule or policy says. `checked`: what was proven, and in which
    way, and what was not looked at. `labelled`: what the plan claims of itself (to be fair, to be by its policies, or
    its bound and gap) was found again and holds; `kept` implies it.
    """

    feasible: bool
    fair: bool
    findings: tuple[str, ...]
    kept: bool = False
    checked: tuple[str, ...] = ()
    labelled: bool = False


def check(problem: Problem, plan: Plan) -> Verdict:
    """Whether the plan is feasible and fair for the problem; a plan by another method is never called fair."""
    broken = list(_mismatches(problem, plan))
    if broken:
        return Verdict(feasible=False, fair=False, findings=tuple(broken))
    judged = [_Judged(pool, pool_plan) for pool, pool_plan in zip(problem.pools, plan.pools, strict=True)]
    broken = [finding for one in judged for finding in one.broken]
    if broken:
        return Verdict(feasible=False, fair=False, findings=tuple(broken))
    if problem.shared_limits():
        broken = swapped(problem, plan, [one.whole() for one in judged])
        broken += [finding for one in judged for finding in one.excesses()] if plan.swaps else []
        broken = broken or list(broken_limits(problem, plan))
        if broken:
            return Verdict(feasible=False, fair=False, findings=tuple(broken))
    if plan.method not in (FAIR, BY_POLICY):
        return _as_labelled(problem, plan, judged)
    limited = problem.shared_limits()
    own_routing = plan.bound is not None and plan.bound.source == OWN_ROUTING
    findings, checked = _proofs(problem, judged, routed=not limited or own_routing)
    if plan.method == FAIR and problem.policies:
        findings.append("the plan is called fair, and the problem names policies")
    if plan.swaps:
        findings.append(f"the plan is called {plan.method}, and substitutes stand in, which that does not know")
    findings += bound_findings(plan) if limited else ()
    kept = not findings
    return Verdict(True, kept and plan.method == FAIR, tuple(findings), kept, (FEASIBLE, *checked), labelled=kept)


def _as_labelled(problem: Problem, plan: Plan, judged: list[_Judged]) -> Verdict:
    """The verdict on a plan that is not called fair: whether it is what it says."""
    wrong = tuple(false_claims(problem, plan, {one.pool.item: one.whole() for one in judged}))
    why = f"the plan is {plan.method}: it is not claimed to be fair"
    way = BOUND_PROOF if plan.method == BEST else f"the rule of thumb {plan.method} was followed again"
    return Verdict(True, False, (why, *wrong), checked=(FEASIBLE, way), labelled=not wrong)


def _proofs(problem: Problem, judged: list[_Judged], *, routed: bool) -> tuple[list[str], list[str]]:
    """What keeps items from being shared as their rules say; and how each was judged, for the reader."""
    policies = {one.item: one for one in problem.policies}
    findings: list[str] = []
    ways: dict[str, list[str]] = {}
    for one in judged:
        named, item = policies.get(one.pool.item), one.pool.item
        if named is None:
            findings += one.flaws(routed=routed)
            ways.setdefault(FAIR_PROOF if routed else LIMITED_PROOF, []).append(item)
            continue
        try:
            findings += policy_flaws(one.whole(), one.plan, named)
            ways.setdefault(f"{named_rule(named)}: {way_of_proof(one.whole(), named)}", []).append(item)
        except NotRestatedError as failure:
            findings.append(f"{item}: how it is shared is not checked: {failure}")
            ways.setdefault(f"NOT checked: {failure}", []).append(item)
    return findings, [f"{_some(items)}: {way}" for way, items in ways.items()]


def _some(items: list[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


class _Judged:
    """One item's plan: what is broken, and what keeps it from being fair."""

    def __init__(self, pool: Pool | CompactPool, plan: PoolPlan | CompactPlan) -> None:
        self.tally: Tally | None = None
        self.pool, self.plan = pool, plan
        simple = isinstance(pool, CompactPool) and not any(pool.claim_minimum) and not plan.set_aside
        if isinstance(pool, CompactPool) and isinstance(plan, CompactPlan):
            self.tally, self.broken = tally(pool, plan)
            if simple:
                return
        self.standing, findings = standing_after(pool, plan)
        known = self.broken if self.tally else []
        self.broken = [*known, *(findings or _excesses(self.standing, plan))]
        self.tally = self.tally if simple else None

    def whole(self) -> Standing:
        """Where the plan leaves the item, lane by lane."""
        if not hasattr(self, "standing"):
            self.standing = standing_after(self.pool, self.plan)[0]
        return self.standing

    def excesses(self) -> Iterator[str]:
        """Limits of the item that are broken as it stands now, swaps booked."""
        return _excesses(self.whole(), self.plan)

    def flaws(self, *, routed: bool) -> Iterator[str]:
        """What keeps a feasible plan from being the fair one; `routed`: also by first-expiring, cheapest routing."""
        if self.tally and isinstance(self.plan, CompactPlan):
            yield from unfair(self.tally)
            yield from priced_routing(self.tally, self.plan) if routed else ()
            yield from compact_bottlenecks(self.tally, self.plan)
        else:
            yield from _flaws(self.standing, self.plan, routed=routed)


def _mismatches(problem: Problem, plan: Plan) -> Iterator[str]:
    if plan.problem_digest != problem.digest():
        yield "the plan was made for another problem: the digests differ"
    if problem.rule != RULE or plan.rule != RULE:
        yield f"the problem names the rule {problem.rule}, the plan {plan.rule}; only {RULE} can be checked"
    if plan.method not in (FAIR, PRO_RATA, FIRST_COME, BEST, BY_POLICY):
        yield f"the plan's method {plan.method} is not known"
    if [pool.item for pool in problem.pools] != [pool.item for pool in plan.pools]:
        yield "the plan's items are not the problem's items in the same order"


def _excesses(standing: Standing, plan: PoolPlan | CompactPlan) -> Iterator[str]:
    """Limits that the lines break together."""
    pool = standing.pool
    if standing.root_left < 0:
        yield f"{pool.item}: {-standing.root_left} packs more than the {pool.shareable_packs} that may be shared"
    for lot, left in zip(pool.lots, standing.lot_left, strict=True):
        if left < 0:
            movable = lot.packs - lot.immovable_packs
            yield f"{pool.item}: lot {lot.id} gives {-left} packs more than the {movable} it holds"
    for buffer, left in zip(pool.buffers, standing.site_left, strict=True):
        if left < 0:
            yield f"{pool.item}: {-left} packs more leave {buffer.site} than its buffer of {buffer.packs} allows"
    for drop, room in zip(pool.drops, standing.drop_room, strict=True):
        if room < 0:
            yield f"{pool.item}: drop {drop.id} gets {-room} packs more than the {drop.packs} it asks"
    yield from _broken_promises(standing)
    yield from _wrong_set_asides(standing, plan)


def _broken_promises(standing: Standing) -> Iterator[str]:
    """Claims below their floor, or below what is useful."""
    pool = standing.pool
    for at, claim in enumerate(pool.claims):
        if standing.total[at] < standing.floor[at]:
            promised = f"{standing.floor[at]} are promised to it"
            yield f"{pool.item}: claim {claim.id} gets {standing.total[at]} packs and {promised}"
        if 0 < standing.total[at] < standing.useful(at):
            yield f"{pool.item}: claim {claim.id} gets {standing.total[at]} packs, useful from {standing.useful(at)} on"


def _wrong_set_asides(standing: Standing, plan: PoolPlan | CompactPlan) -> Iterator[str]:
    item = standing.pool.item
    if len(set(plan.set_aside)) < len(plan.set_aside):
        yield f"{item}: a claim is set aside twice"
    for name in plan.set_aside:
        claim = standing.claim_at.get(name)
        if claim is None:
            yield f"{item}: claim {name} is set aside and not in the problem"
        elif standing.total[claim]:
            yield f"{item}: claim {name} is set aside and gets {standing.total[claim]} packs"


def _flaws(standing: Standing, plan: PoolPlan | CompactPlan, *, routed: bool) -> Iterator[str]:
    """What keeps a feasible plan from being the fair one."""
    aside = {standing.claim_at[name] for name in plan.set_aside}
    for claim in sorted(aside):
        if standing.useful(claim) < 2:
            yield f"{standing.pool.item}: claim {standing.pool.claims[claim].id} is set aside, but any pack helps it"
    yield from unfairness(standing, aside)
    yield from needless_set_asides(standing, aside)
    yield from worse_routing(standing) if routed else ()
    yield from _wrong_bottlenecks(standing, plan, aside)


def _wrong_bottlenecks(standing: Standing, plan: PoolPlan | CompactPlan, aside: set[int]) -> Iterator[str]:
    """Each claim that is served stands in one bottleneck, and each bottleneck adds up."""
    listed = [name for bottleneck in plan.bottlenecks for name in bottleneck.claims]
    served = {
        claim.id
        for at, claim in enumerate(standing.pool.claims)
        if standing.need[at] > standing.floor[at] and at not in aside
    }
    if len(set(listed)) < len(listed) or set(listed) != served:
        yield f"{standing.pool.item}: the bottlenecks do not name each claim that shares in it once"
        return
    for bottleneck in plan.bottlenecks:
        if not _adds_up(standing, bottleneck):
            yield f"{standing.pool.item}: the bottleneck of {', '.join(bottleneck.claims[:3])} ... does not add up"


def _adds_up(standing: Standing, bottleneck: Bottleneck) -> bool:
    claims = [standing.claim_at[name] for name in bottleneck.claims]
    lots = [standing.lot_at.get(name) for name in bottleneck.lots]
    reached = {lot for claim in claims for drop in standing.drops_of[claim] for lot in standing.lanes[drop]}
    return (
        bool(claims)
        and reached.issuperset(lots)
        and all(standing.pool.claims[claim].tier == bottleneck.tier for claim in claims)
        and sum(standing.need[claim] for claim in claims) == bottleneck.need
        and sum(standing.total[claim] for claim in claims) == min(bottleneck.packs, bottleneck.need)
    )
