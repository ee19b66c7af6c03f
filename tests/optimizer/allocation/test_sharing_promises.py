"""Promises and stock that stays: floors, buffers, picked and immovable packs, held against trying everything."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest
from sharing_brute_force import Flows, all_flows, best_routing, fair_totals, needs_of, routing_of, totals_of
from sharing_instances import problem_of, region_pool, tiny_pool

from optimizer.allocation.baselines import first_come, pro_rata
from optimizer.allocation.check import check
from optimizer.allocation.conflict import ContradictionError
from optimizer.allocation.model import share
from optimizer.allocation.plan import Line, PoolPlan
from optimizer.allocation.problem import Buffer, Claim, Drop, Lane, Lot, Picked, Pool, problem_from_json

DAY = date(2030, 1, 1)


def promising_pool(seed: int) -> Pool:
    """A tiny pool with some of: two depots, buffers, immovable packs, floors and picked lines."""
    rng = random.Random(seed)
    pool = tiny_pool(seed)
    lots = tuple(
        replace(lot, site=rng.choice(("north", "south")), immovable_packs=rng.randint(0, lot.packs) // 2)
        for lot in pool.lots
    )
    claims = tuple(
        replace(claim, entitled_packs=rng.choice((0, 0, 1, 2)), protected_packs=rng.choice((0, 0, 0, 3)))
        for claim in pool.claims
    )
    buffers = (Buffer("north", rng.randrange(3)),) if rng.random() < 0.5 else ()
    pool = replace(pool, lots=lots, claims=claims, buffers=buffers)
    lane = rng.choice(pool.lanes) if pool.lanes else None
    movable = {lot.id: lot.packs - lot.immovable_packs for lot in lots}
    if lane and rng.random() < 0.5 and movable[lane.lot] and pool.shareable_packs:
        return replace(pool, picked=(Picked(lane.lot, lane.drop, 1),))
    return pool


def keeps_promises(pool: Pool, flows: Flows) -> bool:
    """Word by word: immovable packs, buffers (unless picked packs broke them), picked lines and floors."""
    left = {lot.id: lot.packs for lot in pool.lots}
    sent = {(lane.lot, lane.drop): packs for lane, packs in zip(pool.lanes, flows, strict=True)}
    for (lot, _), packs in sent.items():
        left[lot] -= packs
    picked_from = {buffer.site: 0 for buffer in pool.buffers}
    for one in pool.picked:
        site = next(lot.site for lot in pool.lots if lot.id == one.lot)
        if site in picked_from:
            picked_from[site] += one.packs
    held = all(left[lot.id] >= lot.immovable_packs for lot in pool.lots)
    for buffer in pool.buffers:
        stock = sum(lot.packs for lot in pool.lots if lot.site == buffer.site)
        stays = sum(left[lot.id] for lot in pool.lots if lot.site == buffer.site)
        held = held and stays >= min(buffer.packs, max(0, stock - picked_from[buffer.site]))
    picked = all(sent[one.lot, one.drop] >= one.packs for one in pool.picked)
    totals = zip(pool.claims, totals_of(pool, flows), needs_of(pool), strict=True)
    return held and picked and all(total >= claim.floor(need) for claim, total, need in totals)


def flows_of(pool: Pool, plan: PoolPlan) -> Flows:
    packs = {(line.lot, line.drop): line.packs for line in plan.lines}
    return tuple(packs.get((lane.lot, lane.drop), 0) for lane in pool.lanes)


@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_promises_are_kept_and_the_rest_is_shared_as_trying_everything_finds(start: int) -> None:
    refused = 0
    for seed in range(start, start + 100):
        pool = promising_pool(seed)
        every = [flows for flows in all_flows(pool) if keeps_promises(pool, flows)]
        if not every:
            refused += 1
            with pytest.raises(ContradictionError):
                share(problem_of(pool))
            continue
        plan = share(problem_of(pool))
        flows = flows_of(pool, plan.pools[0])
        best = fair_totals(pool, {totals_of(pool, one) for one in every})
        assert totals_of(pool, flows) == best, seed
        routed = best_routing(pool, [one for one in every if totals_of(pool, one) == best])
        assert routing_of(pool, flows) == routed, seed
        assert check(problem_of(pool), plan).findings == (), seed
    assert refused < 80


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_plans_that_break_a_promise_are_found_out(start: int) -> None:
    for seed in range(start, start + 100):
        pool = promising_pool(seed)
        every = list(all_flows(pool))
        if not any(keeps_promises(pool, flows) for flows in every):
            continue
        plan = share(problem_of(pool))
        for flows in random.Random(seed).sample(every, min(40, len(every))):
            lines = (Line(a.lot, a.drop, packs) for a, packs in zip(pool.lanes, flows, strict=True) if packs)
            changed = replace(plan, pools=(replace(plan.pools[0], lines=tuple(lines)),))
            assert check(problem_of(pool), changed).feasible == keeps_promises(pool, flows), (seed, flows)


@pytest.mark.parametrize("rule", [pro_rata, first_come])
def test_rules_of_thumb_keep_promises_that_can_be_kept(rule: type) -> None:
    kept = 0
    for seed in range(200):
        pool = promising_pool(seed)
        if any(keeps_promises(pool, flows) for flows in all_flows(pool)):
            verdict = check(problem_of(pool), rule(problem_of(pool)))
            assert verdict.feasible, (seed, verdict.findings)
            kept += 1
    assert kept > 50


def contradicting_pool() -> Pool:
    """Five packs for a and b together, of which six are promised; c is not part of it."""
    lots = (Lot("lot", "depot", DAY, 8), Lot("other", "elsewhere", DAY, 9))
    claims = (Claim("a", "a", 1, 0, 3), Claim("b", "b", 2, 0, 0, 3), Claim("c", "c", 1, 0, 4))
    drops = (Drop("a", "a", 9), Drop("b", "b", 4), Drop("c", "c", 4))
    lanes = (Lane("lot", "a", 1), Lane("lot", "b", 1), Lane("other", "c", 1))
    return Pool("serum", 17, lots, claims, drops, lanes, buffers=(Buffer("depot", 3),))


def test_promises_in_conflict_are_named_with_the_cheapest_way_out() -> None:
    with pytest.raises(ContradictionError) as refused:
        share(problem_of(contradicting_pool()))
    conflict = refused.value.conflict
    assert (conflict.claims, conflict.floors, conflict.reachable) == (("a", "b"), 6, 5)
    assert conflict.cuts == (("b", 1),)
    assert "depot keeps a buffer of 3" in str(refused.value)
    eased = tuple(replace(one, protected_packs=2) if one.id == "b" else one for one in contradicting_pool().claims)
    assert check(
        problem_of(replace(contradicting_pool(), claims=eased)),
        share(problem_of(replace(contradicting_pool(), claims=eased))),
    ).fair


@pytest.mark.parametrize("seed", range(4))
def test_regions_with_promises_pass_the_check_and_read_back(seed: int) -> None:
    pool = region_pool(seed, lots=15, claims=50, second_drops=0.3)
    first = share(problem_of(pool)).pools[0]
    picked = tuple(Picked(line.lot, line.drop, -(-line.packs // 2)) for line in first.lines[::5])
    got = totals_of(pool, flows_of(pool, first))
    claims = tuple(replace(claim, entitled_packs=packs // 2) for claim, packs in zip(pool.claims, got, strict=True))
    left = {lot.id: lot.packs for lot in pool.lots}
    for line in first.lines:
        left[line.lot] -= line.packs
    sites = sorted({lot.site for lot in pool.lots})
    buffers = tuple(Buffer(site, sum(left[lot.id] for lot in pool.lots if lot.site == site)) for site in sites)
    changed = replace(pool, picked=picked, claims=claims, buffers=buffers)
    problem = problem_of(changed)
    assert problem_from_json(problem.canonical()) == problem
    plan = share(problem)
    assert check(problem, plan).findings == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"buffers": (Buffer("depot", -1),)}, "buffer at depot is -1 packs"),
        ({"buffers": (Buffer("depot", 1), Buffer("depot", 2))}, "buffer depot is given twice"),
        ({"picked": (Picked("lot", "a", 0),)}, "not above zero"),
        ({"picked": (Picked("lot", "c", 1),)}, "no lane allows it"),
        ({"picked": (Picked("lot", "x", 1),)}, "unknown drop x"),
        ({"picked": (Picked("lot", "a", 9),)}, "9 packs of lot lot are picked, and only 8 may move"),
        ({"picked": (Picked("lot", "b", 5),)}, "5 packs are picked for drop b, which asks 4"),
        ({"unit_volume": -1}, "unit_volume is -1"),
        ({"lots": (Lot("lot", "depot", DAY, 8, 9), Lot("other", "elsewhere", DAY, 9))}, "9 immovable packs, not 0 to"),
    ],
)
def test_a_promise_that_contradicts_the_stock_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        replace(contradicting_pool(), **change)
