"""What a computed plan means, line by line and request by request, with the reason of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from optimizer.allocation import check as checker
from optimizer.allocation.binding import Full, holding_back
from optimizer.allocation.plan import BEST, PRO_RATA, Bottleneck, CompactPlan, Plan, PoolPlan, Swap, plan_from_json
from optimizer.allocation.problem import problem_from_json
from stockpile import journal
from stockpile.allocation import rules, snapshot
from stockpile.allocation.snapshot import Snapshot
from stockpile.allocation.tables import PlanLine, PlanResult, Request
from stockpile.inventory.eligibility import OBSTACLES
from stockpile.inventory.rules import arrival

WITHIN_LIMITS: Final = BEST
"""The method of plans that keep limits on what is carried, or substitutes, with a bound instead of a fairness proof."""


@dataclass(frozen=True)
class Draft:
    """A plan that has been computed and checked and is not stored yet."""

    surge_id: int
    snapshot: Snapshot
    plan: Plan
    verdict: checker.Verdict
    solve_ms: int
    note: str

    @cached_property
    def full(self) -> dict[tuple[str, str], tuple[Full, ...]]:
        """What can be carried and holds claims back, by (item, claim)."""
        return holding_back(self.snapshot.problem, self.plan)


@dataclass(frozen=True, slots=True)
class Held:
    """A limit of a stored plan without room for another pack: kind (carrying.tables), depot, member, millilitres."""

    kind: str
    site: str
    member: str
    volume_ml: int
    used_ml: int


def held_back(problem: str, answer: str, *, item: str, claim: str) -> list[Held]:
    """What can be carried in a day and holds a claim on an item back, found again in a plan's stored files."""
    given = problem_from_json(problem)
    found = holding_back(given, plan_from_json(answer, given)).get((item, claim), ())
    return [Held(one.kind, one.site, one.municipality, one.volume, one.used) for one in found]


@dataclass(frozen=True, slots=True)
class _StandIn:
    """A swap of the plan: packs of the substitute that leave, and packs of the item that they count as."""

    swap: Swap
    packs: int
    counts: int


def lines(plan_id: int, made: Draft) -> list[PlanLine]:
    """The lines of a plan, those of substitutes last; quantities in base units of what leaves."""
    own = [
        _line(plan_id, made, pool.item, lot=line.lot, drop=line.drop, packs=line.packs)
        for pool in made.plan.pools
        for line in pool.lines
    ]
    return own + [_stand_in_line(plan_id, made, one) for one in _stand_ins(made)]


def _stand_ins(made: Draft) -> Iterator[_StandIn]:
    """The swaps with what each counts as: the last one at a request may bring more than it misses."""
    problem = made.snapshot.problem
    offers = {(one.of, one.lot, one.item, one.drop): one for one in problem.substitutes}
    items = {swap.item for swap in made.plan.swaps}
    room: dict[tuple[str, str], int] = {}
    for pool, rows in zip(problem.pools, made.plan.pools, strict=True):
        if pool.item in items:
            room |= {(pool.item, drop.id): drop.packs for drop in pool.drops}
            for line in rows.lines:
                room[pool.item, line.drop] -= line.packs
    for swap in made.plan.swaps:
        offer = offers[swap.of, swap.lot, swap.item, swap.drop]
        counts = min(swap.times * offer.counts_as, room[swap.item, swap.drop])
        room[swap.item, swap.drop] -= counts
        yield _StandIn(swap, swap.times * offer.packs, counts)


def _line(plan_id: int, made: Draft, item_code: str, *, lot: str, drop: str, packs: int) -> PlanLine:
    taken = made.snapshot
    stock, request, item = taken.stock[lot], taken.requests[int(drop[1:])], taken.items[item_code]
    route = taken.routes[stock.site, request.point_of_use]
    assert request.id is not None
    return PlanLine(
        plan_id=plan_id,
        request_id=request.id,
        lot_id=stock.lot_id,
        site_code=stock.site,
        quantity=packs * item.pack_size,
        arrives_at=arrival(route, taken.at),
        reason_code=rules.FALLBACK if made.plan.method == PRO_RATA else rules.FIRST_EXPIRING,
        reason=rules.sentence_line(
            packs=packs,
            pack_size=item.pack_size,
            lot=stock.lot,
            expiry=stock.expiry.isoformat(),
            origin=stock.site,
            minutes=route.minutes,
        ),
    )


def _stand_in_line(plan_id: int, made: Draft, one: _StandIn) -> PlanLine:
    taken, swap = made.snapshot, one.swap
    line = _line(plan_id, made, swap.of, lot=swap.lot, drop=swap.drop, packs=one.packs)
    other, item = taken.items[swap.of], taken.items[swap.item]
    line.stands_for = one.counts * item.pack_size
    line.reason_code = rules.STANDS_IN
    line.reason = rules.sentence_stand_in(
        quantity=line.quantity,
        unit=f"{other.base_unit} of {other.code}",
        counts=line.stands_for,
        base_unit=item.base_unit,
        item=item.code,
        origin=line.site_code,
    )
    return line


def results(plan_id: int, made: Draft) -> list[PlanResult]:
    """What the plan means for each request; quantities in base units of the item asked for."""
    got: dict[str, int] = defaultdict(int)
    for pool in made.plan.pools:
        for line in pool.lines:
            got[line.drop] += line.packs
    swapped: dict[str, int] = defaultdict(int)
    for one in _stand_ins(made):
        swapped[one.swap.drop] += one.counts
    pools = {pool.item: pool for pool in made.plan.pools}
    ties = {pool.item: _ties(pool) for pool in made.plan.pools}
    found = []
    for request in made.snapshot.requests.values():
        drop, size = snapshot.drop_id(request), made.snapshot.items[request.item_code].pack_size
        brought = (got[drop] + swapped[drop]) * size
        reason = _reason(made, request, brought, swapped[drop] * size, pools=pools, ties=ties)
        found.append(_result(plan_id, made, request, brought, reason))
    return found


def _ties(pool: PoolPlan | CompactPlan) -> dict[str, tuple[str, Bottleneck]]:
    return {
        claim: (f"{pool.item}#{number}", bottleneck)
        for number, bottleneck in enumerate(pool.bottlenecks, start=1)
        for claim in bottleneck.claims
    }


def _result(plan_id: int, made: Draft, request: Request, got: int, reason: tuple[str, str, str]) -> PlanResult:
    assert request.id is not None
    code, sentence, tie = reason
    return PlanResult(
        plan_id=plan_id,
        request_id=request.id,
        member_code=request.member_code,
        item_code=request.item_code,
        asked=request.quantity,
        validated=request.validated,
        got=got,
        reachable=request.id not in made.snapshot.unreachable,
        reason_code=code,
        reason=sentence,
        tie=tie,
        barred=journal.canonical(made.snapshot.kept.get(request.id, {})),
    )


def _reason(
    made: Draft,
    request: Request,
    got: int,
    swapped: int,
    *,
    pools: Mapping[str, PoolPlan | CompactPlan],
    ties: Mapping[str, Mapping[str, tuple[str, Bottleneck]]],
) -> tuple[str, str, str]:
    """Code, sentence and tie of a request's result; `swapped` of what it got are substitutes."""
    item = made.snapshot.items[request.item_code]
    obstacle = made.snapshot.unreachable.get(request.id or 0)
    if obstacle is not None:
        sentence = f"nothing can lawfully and in time reach its point of use: {OBSTACLES[obstacle]}"
        return f"{rules.UNREACHABLE}:{obstacle}", sentence, ""
    claim = snapshot.claim_id(request)
    if claim in pools[item.code].set_aside:
        sentence = rules.sentence_set_aside(minimum=request.minimum_useful, base_unit=item.base_unit)
        return rules.SET_ASIDE, sentence, ""
    tie, bottleneck = ties[item.code].get(claim, ("", Bottleneck(request.priority, (claim,), (), 0, 0)))
    share_ = rules.Share(
        got=got,
        validated=request.validated,
        base_unit=item.base_unit,
        pack_size=item.pack_size,
        tied=len(bottleneck.claims),
        tied_need=bottleneck.need * item.pack_size,
        tied_supply=bottleneck.packs * item.pack_size,
    )
    code, sentence = _short_or_filled(made, request, share_, tie=tie)
    if swapped:
        sentence += f". {swapped:,} of it by substitutes that a pharmacist has approved"
        code = rules.SWAPPED if code == rules.FILLED else code
    return code, sentence, tie


def _short_or_filled(made: Draft, request: Request, share_: rules.Share, *, tie: str) -> tuple[str, str]:
    if share_.got >= request.validated:
        return rules.FILLED, rules.sentence_filled(share_)
    item = request.item_code
    policy = made.snapshot.policies[item]
    shared_quickly = made.plan.bound is not None and item in made.plan.bound.unshared
    if made.plan.method == PRO_RATA or shared_quickly:
        part = rules.percent(share_.got, request.validated)
        return rules.FALLBACK, f"{part} under the pro-rata fallback: {made.note}"
    full = made.full.get((item, snapshot.claim_id(request)), ())
    if made.plan.method == BEST and (full or (policy.fair_rule and not tie)):
        return rules.LIMITED, rules.sentence_limited(share_, full=[_full(one) for one in full])
    if not policy.fair_rule:
        return rules.BY_POLICY, rules.sentence_policy(share_, policy=policy.label, words=policy.words)
    first = any(promised == item for _, promised in made.snapshot.owed)
    return rules.SHORT, rules.sentence_short(share_) + (rules.GUARANTEED_FIRST if first else "")


def _full(one: Full) -> str:
    return rules.sentence_full(
        kind=one.kind, site=one.site, member=one.municipality, volume_ml=one.volume, used_ml=one.used
    )
