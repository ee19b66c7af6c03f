"""The checker accepts exactly the best plans: every other one, down to a single pack, is found out."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from sharing_brute_force import Flows, all_flows, best_routing, fair_totals, routing_of, totals_of
from sharing_instances import problem_of, region_pool, tiny_pool

from optimizer.allocation.check import Verdict, check
from optimizer.allocation.model import share
from optimizer.allocation.plan import Line, Plan, PoolPlan
from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool, Problem


def with_lines(plan: Plan, lines: tuple[Line, ...]) -> Plan:
    return replace(plan, pools=(replace(plan.pools[0], lines=lines),))


def lines_of(pool: Pool, flows: Flows) -> tuple[Line, ...]:
    return tuple(Line(lane.lot, lane.drop, packs) for lane, packs in zip(pool.lanes, flows, strict=True) if packs)


def flows_of(pool: Pool, plan: PoolPlan) -> Flows:
    packs = {(line.lot, line.drop): line.packs for line in plan.lines}
    return tuple(packs.get((lane.lot, lane.drop), 0) for lane in pool.lanes)


def called_fair(verdict: Verdict) -> bool:
    """Whether the proof passes, leaving aside that the bottlenecks of another plan cannot add up."""
    return verdict.feasible and all("bottleneck" in finding for finding in verdict.findings)


def one_pack_mutants(flows: Flows) -> Iterator[Flows]:
    """One pack less or more on each lane, and one pack moved between each two lanes."""
    for at in range(len(flows)):
        yield (*flows[:at], flows[at] + 1, *flows[at + 1 :])
        if flows[at]:
            yield (*flows[:at], flows[at] - 1, *flows[at + 1 :])
    for here, there in itertools.permutations(range(len(flows)), 2):
        if flows[here]:
            moved = list(flows)
            moved[here] -= 1
            moved[there] += 1
            yield tuple(moved)


def as_good(pool: Pool, flows: Flows, best: Flows) -> bool:
    """Feasible, with the same packs for every claim, the same packs per expiry date and the same cost."""
    lots = {lot.id: lot.packs for lot in pool.lots}
    drops = {drop.id: drop.packs for drop in pool.drops}
    for lane, packs in zip(pool.lanes, flows, strict=True):
        lots[lane.lot] -= packs
        drops[lane.drop] -= packs
    feasible = min([*lots.values(), *drops.values(), pool.shareable_packs - sum(flows)]) >= 0
    same = totals_of(pool, flows) == totals_of(pool, best) and routing_of(pool, flows) == routing_of(pool, best)
    return feasible and same


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_of_all_plans_of_tiny_pools_exactly_the_best_are_called_fair(start: int) -> None:
    for seed in range(start, start + 100):
        pool = tiny_pool(seed)
        plan = share(problem_of(pool))
        every = list(all_flows(pool))
        best = fair_totals(pool, {totals_of(pool, flows) for flows in every})
        routing = best_routing(pool, [flows for flows in every if totals_of(pool, flows) == best])
        for flows in random.Random(seed).sample(every, min(60, len(every))):
            is_best = totals_of(pool, flows) == best and routing_of(pool, flows) == routing
            verdict = check(problem_of(pool), with_lines(plan, lines_of(pool, flows)))
            assert called_fair(verdict) == is_best, (seed, flows, verdict)


@pytest.mark.parametrize("start", range(0, 400, 100))
def test_every_one_pack_mutant_of_a_tiny_plan_is_rejected_unless_exactly_as_good(start: int) -> None:
    for seed in range(start, start + 100):
        pool = tiny_pool(seed)
        plan = share(problem_of(pool))
        best = flows_of(pool, plan.pools[0])
        for flows in one_pack_mutants(best):
            verdict = check(problem_of(pool), with_lines(plan, lines_of(pool, flows)))
            assert called_fair(verdict) == as_good(pool, flows, best), (seed, flows, verdict)


@pytest.mark.parametrize("seed", range(4))
def test_one_pack_mutants_of_a_region_are_rejected_unless_exactly_as_good(seed: int) -> None:
    pool = region_pool(seed, lots=9, claims=25, second_drops=0.3, lane_share=0.5)
    plan = share(problem_of(pool))
    best = flows_of(pool, plan.pools[0])
    for flows in random.Random(seed).sample(list(one_pack_mutants(best)), 300):
        verdict = check(problem_of(pool), with_lines(plan, lines_of(pool, flows)))
        assert called_fair(verdict) == as_good(pool, flows, best), (seed, verdict)


def small_problem() -> Problem:
    """Two lots, two claims, five packs for a need of eight."""
    lots = (Lot("lot-1", "depot", date(2030, 1, 1), 3), Lot("lot-2", "depot", date(2030, 2, 1), 4))
    claims = (Claim("claim-1", "town-1", 1, 2), Claim("claim-2", "town-2", 1))
    drops = (Drop("drop-1", "claim-1", 4), Drop("drop-2", "claim-2", 4))
    lanes = (Lane("lot-1", "drop-1", 1), Lane("lot-2", "drop-1", 1), Lane("lot-2", "drop-2", 1))
    return problem_of(Pool("serum", 5, lots, claims, drops, lanes))


@pytest.mark.parametrize(
    ("lines", "finding"),
    [
        ([("lot-9", "drop-1", 1)], "lot lot-9 to drop drop-1: the lot is not in the problem"),
        ([("lot-1", "drop-9", 1)], "the drop is not in the problem"),
        ([("lot-1", "drop-2", 1)], "no lane allows it"),
        ([("lot-1", "drop-1", 0)], "not a positive whole number"),
        ([("lot-1", "drop-1", -1)], "not a positive whole number"),
        ([("lot-1", "drop-1", 2.5)], "not a positive whole number"),
        ([("lot-1", "drop-1", True)], "not a positive whole number"),
        ([("lot-1", "drop-1", 1), ("lot-1", "drop-1", 2)], "given twice"),
        ([("lot-1", "drop-1", 4)], "lot lot-1 gives 1 packs more than the 3 it holds"),
        ([("lot-1", "drop-1", 3), ("lot-2", "drop-1", 2)], "drop drop-1 gets 1 packs more than the 4 it asks"),
        ([("lot-1", "drop-1", 3), ("lot-2", "drop-2", 3)], "1 packs more than the 5 that may be shared"),
        ([("lot-1", "drop-1", 1)], "claim claim-1 gets 1 packs, useful from 2 on"),
    ],
)
def test_an_infeasible_line_is_named_in_plain_words(lines: list[tuple[str, str, int]], finding: str) -> None:
    problem = small_problem()
    plan = with_lines(share(problem), tuple(Line(*line) for line in lines))
    verdict = check(problem, plan)
    assert not verdict.feasible
    assert not verdict.fair
    assert any(finding in one for one in verdict.findings), verdict.findings


@pytest.mark.parametrize(
    ("changed", "finding"),
    [
        ({"problem_digest": "0" * 64}, "another problem"),
        ({"rule": "leximin/2"}, "only leximin/1 can be checked"),
        ({"method": "magic"}, "method magic is not known"),
        ({"pools": ()}, "items are not the problem's items"),
    ],
)
def test_a_plan_for_something_else_is_refused(changed: dict[str, object], finding: str) -> None:
    problem = small_problem()
    verdict = check(problem, replace(share(problem), **changed))
    assert not verdict.feasible
    assert finding in verdict.findings[0]


@pytest.mark.parametrize(
    ("set_aside", "finding"),
    [
        (("claim-9",), "not in the problem"),
        (("claim-2",), "is set aside and gets"),
        (("claim-1", "claim-1"), "set aside twice"),
    ],
)
def test_a_false_set_aside_is_refused(set_aside: tuple[str, ...], finding: str) -> None:
    problem = small_problem()
    plan = share(problem)
    verdict = check(problem, replace(plan, pools=(replace(plan.pools[0], set_aside=set_aside),)))
    assert not verdict.feasible
    assert any(finding in one for one in verdict.findings)


def test_a_claim_set_aside_that_free_packs_would_serve_is_found() -> None:
    pool = small_problem().pools[0]
    drops = (Drop("drop-1", "claim-1", 3), pool.drops[1])
    problem = problem_of(replace(pool, shareable_packs=7, drops=drops))
    plan = with_lines(share(problem), (Line("lot-2", "drop-2", 4),))
    verdict = check(problem, replace(plan, pools=(replace(plan.pools[0], set_aside=("claim-1",)),)))
    assert verdict.feasible
    assert any("is set aside; free packs would bring it 3" in one for one in verdict.findings), verdict.findings


def test_a_claim_that_any_pack_helps_is_not_set_aside() -> None:
    problem = small_problem()
    plan = with_lines(share(problem), (Line("lot-1", "drop-1", 3),))
    verdict = check(problem, replace(plan, pools=(replace(plan.pools[0], set_aside=("claim-2",)),)))
    assert any("claim-2 is set aside, but any pack helps it" in one for one in verdict.findings), verdict.findings


@pytest.mark.parametrize("changed", [{"packs": 4}, {"need": 9}, {"tier": 2}, {"claims": ()}, {"lots": ("lot-9",)}])
def test_a_false_bottleneck_is_not_called_fair(changed: dict[str, object]) -> None:
    problem = small_problem()
    plan = share(problem)
    assert check(problem, plan).fair
    bottlenecks = tuple(replace(one, **changed) for one in plan.pools[0].bottlenecks)
    verdict = check(problem, replace(plan, pools=(replace(plan.pools[0], bottlenecks=bottlenecks),)))
    assert verdict.feasible
    assert not verdict.fair


def test_an_unfair_plan_is_explained_by_the_two_claims() -> None:
    problem = small_problem()
    verdict = check(problem, with_lines(share(problem), (Line("lot-1", "drop-1", 3), Line("lot-2", "drop-1", 1))))
    assert any(
        "claim claim-2 (tier 1) has 0 of 4 packs, and free packs can reach it" in one for one in verdict.findings
    )
    assert any("the last one that claim claim-1 (tier 1) has 4 of 4 packs" in one for one in verdict.findings)


def test_the_checker_and_the_fallback_load_no_solver_no_numpy_and_no_model() -> None:
    told = (
        "import sys, optimizer.allocation.check, optimizer.allocation.baselines;"
        "banned = ('ortools', 'numpy', 'optimizer.allocation.model', 'optimizer.solver');"
        "print([name for name in banned if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
