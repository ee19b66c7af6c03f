"""Limits that items share: the plan keeps them, says whether it is the best one, and its bound is one."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from ortools.math_opt.python import mathopt
from sharing_brute_force import Flows, all_flows, needs_of, totals_of
from sharing_instances import problem_of, region_pool, tiny_pool

from optimizer.allocation.check import check
from optimizer.allocation.joint import fractional_levels
from optimizer.allocation.model import share
from optimizer.allocation.plan import BEST, FAIR, Bound, Line, Plan, Swap, plan_from_json
from optimizer.allocation.problem import (
    RULE,
    Claim,
    DispatchLimit,
    Drop,
    Lane,
    LaneLimit,
    Lot,
    Pool,
    Problem,
    ProblemError,
    StorageLimit,
    Substitute,
    problem_from_json,
)

DAY = date(2030, 1, 1)


def limited_problem(seed: int) -> Problem:
    """Two tiny items from two depots, with some dispatch, lane and storage limits."""
    rng = random.Random(seed)
    pools = []
    for item in ("serum", "filter"):
        pool = tiny_pool(rng.randrange(10**6), item=item)
        lots = tuple(replace(lot, site=rng.choice(("north", "south"))) for lot in pool.lots)
        claims = tuple(replace(claim, tier=1) for claim in pool.claims[:3])
        drops = tuple(drop for drop in pool.drops if drop.claim in {claim.id for claim in claims})[:3]
        claims = tuple(claim for claim in claims if claim.id in {drop.claim for drop in drops})
        lanes = tuple(lane for lane in pool.lanes if lane.drop in {drop.id for drop in drops})
        pools.append(Pool(item, pool.shareable_packs, lots, claims, drops, lanes, unit_volume=rng.randint(1, 3)))
    return Problem(
        RULE,
        tuple(pools),
        dispatch=tuple(DispatchLimit(site, rng.randint(0, 12)) for site in ("north", "south") if rng.random() < 0.6),
        vehicles=tuple(LaneLimit("north", f"town-{at}", rng.randint(0, 6)) for at in range(2) if rng.random() < 0.4),
        storage=tuple(StorageLimit(f"town-{at}", rng.randint(0, 8)) for at in range(2) if rng.random() < 0.4),
    )


def keeps(problem: Problem, flows: tuple[Flows, ...]) -> bool:
    used: dict[tuple[str, str], int] = {}
    for pool, one in zip(problem.pools, flows, strict=True):
        sites = {lot.id: lot.site for lot in pool.lots}
        towns = {claim.id: claim.municipality for claim in pool.claims}
        owner = {drop.id: drop.claim for drop in pool.drops}
        for lane, packs in zip(pool.lanes, one, strict=True):
            key = sites[lane.lot], towns[owner[lane.drop]]
            used[key] = used.get(key, 0) + packs * pool.unit_volume
    out = all(sum(v for (s, _), v in used.items() if s == d.site) <= d.volume for d in problem.dispatch)
    way = all(used.get((one.site, one.municipality), 0) <= one.volume for one in problem.vehicles)
    return (
        out
        and way
        and all(sum(v for (_, t), v in used.items() if t == s.municipality) <= s.volume for s in problem.storage)
    )


def sorted_fills(problem: Problem, totals: list[tuple[int, ...]]) -> list[Fraction]:
    rows = zip(problem.pools, totals, strict=True)
    return sorted(Fraction(n, d) for pool, packs in rows for n, d in zip(packs, needs_of(pool), strict=True))


def flows_of(pool: Pool, lines: tuple[Line, ...]) -> Flows:
    packs = {(line.lot, line.drop): line.packs for line in lines}
    return tuple(packs.get((lane.lot, lane.drop), 0) for lane in pool.lanes)


def best_by_trying(problem: Problem) -> list[Fraction] | None:
    """The best sorted fills within the limits, or None where there are too many plans to try."""
    every = [list(itertools.islice(all_flows(pool), 400)) for pool in problem.pools]
    if max(len(flows) for flows in every) == 400:
        return None
    kept = (pair for pair in itertools.product(*every) if keeps(problem, pair))
    return max(
        sorted_fills(problem, [totals_of(p, f) for p, f in zip(problem.pools, pair, strict=True)]) for pair in kept
    )


@pytest.mark.parametrize("start", range(0, 240, 40))
def test_plans_within_limits_are_feasible_and_proven_ones_are_the_best_of_all(start: int) -> None:
    proven = tried = 0
    for seed in range(start, start + 40):
        problem = limited_problem(seed)
        best = best_by_trying(problem)
        if best is None:
            continue
        tried += 1
        plan = share(problem)
        verdict = check(problem, plan)
        assert verdict.feasible, (seed, verdict.findings)
        rows = zip(problem.pools, plan.pools, strict=True)
        reached = sorted_fills(problem, [totals_of(pool, flows_of(pool, one.lines)) for pool, one in rows])
        if problem.shared_limits():
            assert plan.bound is not None
            assert verdict.fair == (plan.method == FAIR), seed
            if plan.bound.proven:
                assert reached == best, seed
                proven += 1
            else:
                at = plan.bound.rank - 1
                assert reached[at] == Fraction(plan.bound.reached), seed
                assert best[: at + 1] <= [*reached[:at], Fraction(plan.bound.at_most)], seed
    assert tried > 15
    assert proven > 5


@pytest.mark.parametrize("seed", range(6))
def test_the_joint_fills_are_those_of_the_linear_program(seed: int) -> None:
    """Lowest fill and packs of three items whose depots can dispatch half of what they hold."""
    pools = tuple(
        replace(
            region_pool(10 * seed + at, lots=9, claims=15, tiers=1, lane_share=0.7, item=f"i{at}"),
            shareable_packs=1 << 40,
            unit_volume=1 + at,
        )
        for at in range(3)
    )
    sites = sorted({lot.site for pool in pools for lot in pool.lots})
    held = {s: sum(lot.packs * p.unit_volume for p in pools for lot in p.lots if lot.site == s) for s in sites}
    problem = Problem(RULE, pools, dispatch=tuple(DispatchLimit(site, held[site] // 2) for site in sites))
    levels = fractional_levels(problem)
    positive = min(level.fill for level in levels if level.fill)
    empty = {claim for level in levels if not level.fill for claim in level.claims}
    assert float(positive) == pytest.approx(lowest_fill_by_program(problem, empty), abs=1e-7)
    assert sum(len(level.claims) for level in levels) == 45


def lowest_fill_by_program(problem: Problem, empty: set[tuple[int, int]]) -> float:
    model = mathopt.Model()
    level = model.add_variable(lb=0, ub=1)
    out: dict[str, list[mathopt.LinearExpression]] = {limit.site: [] for limit in problem.dispatch}
    for number, pool in enumerate(problem.pools):
        sites = {lot.id: lot.site for lot in pool.lots}
        packs = [model.add_variable(lb=0) for _ in pool.lanes]
        for lane, moved in zip(pool.lanes, packs, strict=True):
            out[sites[lane.lot]].append(pool.unit_volume * moved)
        for lot in pool.lots:
            rows = [m for a, m in zip(pool.lanes, packs, strict=True) if a.lot == lot.id]
            model.add_linear_constraint(mathopt.fast_sum(rows) <= lot.packs)
        for at, (claim, need) in enumerate(pool.needs().items()):
            drops = {drop.id: drop.packs for drop in pool.drops if drop.claim == claim}
            got = []
            for drop, asked in drops.items():
                rows = [m for a, m in zip(pool.lanes, packs, strict=True) if a.drop == drop]
                model.add_linear_constraint(mathopt.fast_sum(rows) <= asked)
                got += rows
            if (number, at) not in empty:
                model.add_linear_constraint(mathopt.fast_sum(got) >= need * level)
    for limit in problem.dispatch:
        model.add_linear_constraint(mathopt.fast_sum(out[limit.site]) <= limit.volume)
    model.maximize(level)
    result = mathopt.solve(model, mathopt.SolverType.GLOP)
    assert result.termination.reason == mathopt.TerminationReason.OPTIMAL
    return result.objective_value()


def two_ways() -> Problem:
    """Two depots hold four packs each for one town; the nearer one can dispatch two."""
    lots = (Lot("a", "near", DAY, 4), Lot("b", "far", DAY, 4))
    lanes = (Lane("a", "town", 1), Lane("b", "town", 9))
    pool = Pool("serum", 8, lots, (Claim("town", "town", 1),), (Drop("town", "town", 4),), lanes, unit_volume=10)
    return Problem(RULE, (pool,), dispatch=(DispatchLimit("near", 25),))


def test_the_same_packs_by_another_way_are_still_the_fair_plan() -> None:
    plan = share(two_ways())
    assert plan.method == FAIR
    assert plan.bound is not None
    assert plan.bound.proven
    assert {(line.lot, line.packs) for line in plan.pools[0].lines} == {("a", 2), ("b", 2)}
    assert check(two_ways(), plan).fair
    assert plan_from_json(plan.canonical()) == plan
    assert problem_from_json(two_ways().canonical()) == two_ways()


@pytest.mark.parametrize(
    ("limits", "gap"),
    [
        ({"storage": (StorageLimit("town", 35),)}, Fraction(1, 4)),
        ({"vehicles": (LaneLimit("near", "town", 9), LaneLimit("far", "town", 15))}, Fraction(3, 4)),
        ({"dispatch": (DispatchLimit("near", 15), DispatchLimit("far", 14))}, Fraction(29, 40) - Fraction(2, 4)),
    ],
)
def test_what_limits_forbid_is_told_with_bound_and_gap(limits: dict[str, object], gap: Fraction) -> None:
    problem = replace(two_ways(), **{"dispatch": (), **limits})
    plan = share(problem)
    assert plan.method == BEST
    assert plan.bound is not None
    assert Fraction(plan.bound.gap) == gap
    verdict = check(problem, plan)
    assert verdict.feasible
    assert not verdict.fair


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        ((Line("a", "town", 3), Line("b", "town", 1)), "near dispatches a volume of 30, 5 more than the limit of 25"),
        ((Line("a", "town", 2), Line("b", "town", 3)), "drop town gets 1 packs more"),
    ],
)
def test_the_check_counts_shared_limits_itself(lines: tuple[Line, ...], finding: str) -> None:
    plan = share(two_ways())
    verdict = check(two_ways(), replace(plan, pools=(replace(plan.pools[0], lines=lines),)))
    assert not verdict.feasible
    assert any(finding in one for one in verdict.findings), verdict.findings


def with_substitute() -> Problem:
    """Three packs of serum for five; gel is plentiful, and two packs of gel stand in for one of serum."""
    serum = Pool(
        "serum",
        3,
        (Lot("s", "depot", DAY, 3),),
        (Claim("town", "town", 1),),
        (Drop("d", "town", 5),),
        (Lane("s", "d", 1),),
    )
    lot, city, drop = Lot("g", "depot", DAY, 7), Claim("city", "city", 1), Drop("e", "city", 4)
    gel = Pool("gel", 7, (lot,), (city,), (drop,), (Lane("g", "e", 1),))
    return Problem(RULE, (serum, gel), substitutes=(Substitute("gel", "g", "serum", "d", 2, 1),))


def test_substitutes_come_from_what_their_own_claims_leave() -> None:
    plan = share(with_substitute())
    assert plan.swaps == (Swap("gel", "g", "serum", "d", 1),)
    verdict = check(with_substitute(), plan)
    assert verdict.feasible
    assert verdict.labelled, verdict.findings
    assert plan.bound is not None
    assert plan.bound.proven, "three packs of gel stay, so one swap of two is all that there can be"
    assert plan_from_json(plan.canonical()) == plan


@pytest.mark.parametrize("times", [0, 2, -1])
def test_swaps_beyond_the_stock_are_found_out(times: int) -> None:
    plan: Plan = share(with_substitute())
    changed = replace(plan, swaps=(replace(plan.swaps[0], times=times),))
    assert not check(with_substitute(), changed).feasible


def test_promises_beyond_a_shared_limit_are_refused() -> None:
    problem = two_ways()
    promised = replace(problem.pools[0], claims=(Claim("town", "town", 1, 0, 4),))
    with pytest.raises(ProblemError, match="storage town: promised and picked packs need more"):
        share(replace(problem, pools=(promised,), dispatch=(), storage=(StorageLimit("town", 39),)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dispatch": (DispatchLimit("near", -1),)}, "below zero"),
        ({"storage": (StorageLimit("t", 1), StorageLimit("t", 2))}, "storage limit t is given twice"),
        ({"substitutes": (Substitute("gel", "g", "serum", "town", 1, 1),)}, "unknown lot g"),
        ({"substitutes": (Substitute("serum", "a", "serum", "town", 1, 1),)}, "cannot stand in"),
    ],
)
def test_a_shared_limit_that_contradicts_itself_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ProblemError, match=reason):
        replace(two_ways(), **change)


def test_a_problem_without_shared_limits_has_no_bound_to_tell() -> None:
    plan = share(problem_of(tiny_pool(3)))
    assert plan.bound is None
    assert b"bound" not in plan.canonical()


@pytest.mark.parametrize("seed", range(0, 240, 3))
def test_what_a_plan_within_limits_claims_is_found_again_and_every_other_claim_refused(seed: int) -> None:
    problem = limited_problem(seed)
    plan = share(problem)
    assert check(problem, plan).labelled, check(problem, plan).findings
    if plan.bound is None or plan.bound.proven:
        return
    told = plan.bound
    better = Fraction(told.at_most) - Fraction(1, 1000)
    lies = (
        replace(told, rank=told.rank + 1),
        replace(told, at_most=str(better), gap=str(better - Fraction(told.reached))),
        replace(told, at_most=told.reached, gap="0", proven=True, rank=0),
        replace(told, reached=told.at_most, gap="0"),
        replace(told, relaxed=()),
        replace(told, relaxed=plan.pools),
        replace(told, unshared=("filter",)),
    )
    for lie in lies:
        other_proof = (lie.relaxed, lie.unshared) != (told.relaxed, told.unshared) and _same_fills(told, lie)
        assert other_proof or not check(problem, replace(plan, bound=lie)).labelled, (seed, lie)
    assert not check(problem, replace(plan, method=FAIR)).labelled


def _same_fills(one: Bound, other: Bound) -> bool:
    """Other rows that prove the same bound are no lie."""
    return (one.rank, one.reached, one.at_most) == (other.rank, other.reached, other.at_most)


def one_of_two_takes_gel(stock: int = 4, packs: int = 2) -> Problem:
    """Four packs of serum for two towns that need four each; only the north takes gel, `packs` of it for one serum."""
    lots, lanes = (Lot("s", "depot", DAY, 4),), (Lane("s", "north", 1), Lane("s", "south", 1))
    claims = Claim("north", "north", 1), Claim("south", "south", 1)
    serum = Pool("serum", 4, lots, claims, (Drop("north", "north", 4), Drop("south", "south", 4)), lanes)
    gel = Pool("gel", stock, (Lot("g", "depot", DAY, stock),), (), (), ())
    return Problem(RULE, (gel, serum), substitutes=(Substitute("gel", "g", "serum", "north", packs, 1),))


def test_who_takes_a_substitute_leaves_the_item_itself_to_who_cannot() -> None:
    """Two swaps make six packs of eight: three for each, though only one of the two can take gel."""
    problem = one_of_two_takes_gel()
    plan = share(problem)
    assert plan.swaps == (Swap("gel", "g", "serum", "north", 2),)
    assert {(line.drop, line.packs) for line in plan.pools[1].lines} == {("north", 1), ("south", 3)}
    assert plan.bound is not None
    assert plan.bound.proven
    assert check(problem, plan).labelled, check(problem, plan).findings


@pytest.mark.parametrize("seed", range(40))
def test_plans_with_substitutes_reach_what_trying_every_number_of_swaps_finds(seed: int) -> None:
    rng = random.Random(seed)
    problem = one_of_two_takes_gel(rng.randint(0, 9), rng.randint(1, 3))
    offer = replace(problem.substitutes[0], counts_as=rng.randint(1, 2))
    problem = replace(problem, substitutes=(offer,))
    plan = share(problem)
    verdict = check(problem, plan)
    assert verdict.feasible, verdict.findings
    assert verdict.labelled, verdict.findings
    best = max(
        sorted((min(4, own + times * offer.counts_as), 4 - own))
        for own in range(5)
        for times in range(problem.pools[0].shareable_packs // offer.packs + 1)
    )
    got = {line.drop: line.packs for line in plan.pools[1].lines}
    brought = sum(swap.times for swap in plan.swaps) * offer.counts_as
    reached = sorted((min(4, got.get("north", 0) + brought), got.get("south", 0)))
    assert plan.bound is not None
    if plan.bound.proven:
        assert reached == best, (problem, plan)
    assert reached <= best <= sorted((4, 4))
    assert reached[0] == best[0] or not plan.bound.proven
