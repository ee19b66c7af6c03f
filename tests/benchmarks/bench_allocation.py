"""The fair plan by minimum cuts against HiGHS on the iterated max-min linear program, same problem, same run.

Run by `pytest tests/benchmarks`. The program shares packs that may be cut, one
tier, and stops at the fills: no whole packs, no first-expiring routing. It does less, and
the comparison favours it.
"""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from ortools.math_opt.python import mathopt
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import PoolPlan
from optimizer.allocation.problem import Pool
from tests.optimizer.allocation.sharing_instances import region

TOLERANCE = 1e-6


def max_min_fills(pool: Pool) -> list[float]:
    """Fills of the claims by rounds of HiGHS: raise the lowest fill, then hold the claims whose row has a price."""
    model = mathopt.Model(name=pool.item)
    level = model.add_variable(lb=0, ub=1)
    lanes = [model.add_variable(lb=0) for _ in pool.lanes]
    by_lot: dict[str, list[mathopt.Variable]] = {lot.id: [] for lot in pool.lots}
    by_drop: dict[str, list[mathopt.Variable]] = {drop.id: [] for drop in pool.drops}
    for lane, packs in zip(pool.lanes, lanes, strict=True):
        by_lot[lane.lot].append(packs)
        by_drop[lane.drop].append(packs)
    model.add_linear_constraint(mathopt.fast_sum(lanes) <= pool.shareable_packs)
    for lot in pool.lots:
        model.add_linear_constraint(mathopt.fast_sum(by_lot[lot.id]) <= lot.packs)
    for drop in pool.drops:
        model.add_linear_constraint(mathopt.fast_sum(by_drop[drop.id]) <= drop.packs)
    model.maximize(level)
    return _raise_levels(pool, model, level, by_drop)


def _raise_levels(
    pool: Pool, model: mathopt.Model, level: mathopt.Variable, by_drop: dict[str, list[mathopt.Variable]]
) -> list[float]:
    rows, needs = [], []
    for claim in pool.claims:
        drops = [drop for drop in pool.drops if drop.claim == claim.id]
        needs.append(sum(drop.packs for drop in drops))
        packs = mathopt.fast_sum([one for drop in drops for one in by_drop[drop.id]])
        rows.append(model.add_linear_constraint(packs - needs[-1] * level >= 0))
    fills = [-1.0] * len(rows)
    solver = mathopt.IncrementalSolver(model, mathopt.SolverType.HIGHS)
    while min(fills) < 0:
        result = solver.solve(params=mathopt.SolveParameters(time_limit=timedelta(seconds=20)))
        assert result.termination.reason == mathopt.TerminationReason.OPTIMAL
        reached, prices = result.objective_value(), result.dual_values(rows)
        held = [at for at, price in enumerate(prices) if fills[at] < 0 and abs(price) > TOLERANCE / needs[at]]
        for at in held or [at for at, fill in enumerate(fills) if fill < 0]:
            fills[at] = reached
            rows[at].set_coefficient(level, 0)
            rows[at].lower_bound = needs[at] * (reached - TOLERANCE / 100)
    return fills


def cpu_seconds(started: float) -> float:
    return time.process_time() - started


@pytest.mark.benchmark(group="allocation")
def test_the_fair_plan_is_found_faster_than_by_a_linear_program(benchmark: BenchmarkFixture) -> None:
    problem = region(1, pools=6, lots=30, claims=203, tiers=1)
    started = time.process_time()
    fills = [max_min_fills(pool) for pool in problem.pools]
    program = cpu_seconds(started)
    started = time.process_time()
    plan = share(problem)
    cuts = cpu_seconds(started)
    benchmark.extra_info["program_cpu_seconds"] = round(program, 3)
    benchmark.extra_info["cuts_cpu_seconds"] = round(cuts, 3)
    benchmark.extra_info["times_faster"] = round(program / cuts, 1)
    for pool, pool_plan, levels in zip(problem.pools, plan.pools, fills, strict=True):
        assert_levels_agree(pool, levels, totals_of(pool, pool_plan))
    assert benchmark.pedantic(share, args=(problem,), rounds=3) == plan


def totals_of(pool: Pool, plan: PoolPlan) -> dict[str, int]:
    """Packs per claim."""
    owner = {drop.id: drop.claim for drop in pool.drops}
    totals = {claim.id: 0 for claim in pool.claims}
    for line in plan.lines:
        totals[owner[line.drop]] += line.packs
    return totals


def assert_levels_agree(pool: Pool, levels: list[float], totals: dict[str, int]) -> None:
    """Both hand out the same number of packs; the lowest fill in whole packs is at most the program's."""
    needs = {claim.id: 0 for claim in pool.claims}
    for drop in pool.drops:
        needs[drop.claim] += drop.packs
    packs = sum(level * need for level, need in zip(levels, needs.values(), strict=True))
    assert packs == pytest.approx(sum(totals.values()), rel=1e-4)
    assert min(totals[claim] / need for claim, need in needs.items()) <= min(levels) + 1e-4


@pytest.mark.benchmark(group="allocation")
def test_sixty_items_are_shared(benchmark: BenchmarkFixture) -> None:
    problem = region(1, pools=60, lots=30, claims=203)
    benchmark.pedantic(share, args=(problem,), rounds=3)


@pytest.mark.benchmark(group="allocation")
def test_sixty_items_are_checked(benchmark: BenchmarkFixture) -> None:
    problem = region(1, pools=60, lots=30, claims=203)
    plan = share(problem)
    assert benchmark.pedantic(check, args=(problem, plan), rounds=3).fair
