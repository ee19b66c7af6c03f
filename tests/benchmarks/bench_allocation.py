"""The fair plan by minimum cuts against HiGHS on the iterated max-min linear program, same problem, same run.

Run by `pytest tests/benchmarks`. The program shares packs that may be cut, one
tier, and stops at the fills: no whole packs, no first-expiring routing. It does less, and
the comparison favours it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import timedelta

import pytest
from ortools.math_opt.python import mathopt
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import PoolPlan
from optimizer.allocation.problem import Pool
from tests.benchmarks.regions import synthetic_region
from tests.optimizer.allocation.sharing_instances import region

TOLERANCE = 1e-6


class FillProgram:
    """The max-min program in fractions over some pools: one level variable each, or one for all.

    Rounds: raise the lowest fill, hold every claim whose row has a price, until all are held.
    """

    def __init__(self, pools: Sequence[Pool], *, one_level: bool) -> None:
        self.model = mathopt.Model()
        self.levels: list[mathopt.Variable] = []
        self.rows: list[mathopt.LinearConstraint] = []
        self.needs: list[int] = []
        self.owner: list[mathopt.Variable] = []
        level = self.model.add_variable(lb=0, ub=1)
        for pool in pools:
            self._add(pool, level)
            self.levels.append(level)
            level = level if one_level else self.model.add_variable(lb=0, ub=1)
        self.fills = [-1.0] * len(self.rows)
        self.model.maximize(mathopt.fast_sum(list(dict.fromkeys(self.levels))))

    def _add(self, pool: Pool, level: mathopt.Variable) -> None:
        model = self.model
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
        drops_of: dict[str, list[str]] = {claim.id: [] for claim in pool.claims}
        for drop in pool.drops:
            drops_of[drop.claim].append(drop.id)
        for claim, need in pool.needs().items():
            packs = mathopt.fast_sum([one for drop in drops_of[claim] for one in by_drop[drop]])
            self.rows.append(model.add_linear_constraint(packs - need * level >= 0))
            self.needs.append(need)
            self.owner.append(level)

    def solve(self, solver_type: mathopt.SolverType, *, limit_seconds: float) -> bool:
        """All rounds; whether every fill was found before the limit (wall time)."""
        solver = mathopt.IncrementalSolver(self.model, solver_type)
        deadline = time.monotonic() + limit_seconds
        while min(self.fills) < 0:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            result = solver.solve(params=mathopt.SolveParameters(time_limit=timedelta(seconds=left)))
            if result.termination.reason != mathopt.TerminationReason.OPTIMAL:
                return False
            self._hold(result)
        return True

    def _hold(self, result: mathopt.SolveResult) -> None:
        """Hold what is tight: its row has a price. A level all of whose claims are held drops out of the objective."""
        prices, reached = result.dual_values(self.rows), result.variable_values()
        open_rows = [at for at, fill in enumerate(self.fills) if fill < 0]
        held = [at for at in open_rows if abs(prices[at]) > TOLERANCE / self.needs[at]]
        for at in held or open_rows:
            self.fills[at] = reached[self.owner[at]]
            self.rows[at].set_coefficient(self.owner[at], 0)
            self.rows[at].lower_bound = self.needs[at] * (self.fills[at] - TOLERANCE / 100)
        for level in dict.fromkeys(self.owner):
            if all(self.fills[at] >= 0 for at, one in enumerate(self.owner) if one is level):
                self.model.objective.set_linear_coefficient(level, 0)


def max_min_fills(pool: Pool) -> list[float]:
    """Fills of one pool's claims by HiGHS."""
    program = FillProgram([pool], one_level=True)
    assert program.solve(mathopt.SolverType.HIGHS, limit_seconds=20)
    return program.fills


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


PROGRAM_LIMIT_SECONDS = float(os.environ.get("STOCKPILE_BENCH_PROGRAM_SECONDS", "60"))


@pytest.mark.benchmark(group="allocation")
@pytest.mark.parametrize("solver", [mathopt.SolverType.HIGHS, mathopt.SolverType.GLOP], ids=lambda one: one.name)
@pytest.mark.parametrize("way", ["program per item", "one level per item", "one level for all"])
def test_twenty_items_by_every_linear_program(
    benchmark: BenchmarkFixture, way: str, solver: mathopt.SolverType
) -> None:
    """20 items x 200 towns x 50 depots beside the fair plan in whole packs, in the same run; programs are cut off."""
    compact = synthetic_region(1, items=20, towns=200, depots=50)
    pools = [Pool(p.item, p.shareable_packs, p.lots, p.claims, p.drops, p.lanes) for p in compact.pools]
    started = time.process_time()
    plan = benchmark.pedantic(share, args=(compact,), rounds=1)
    cuts = cpu_seconds(started)
    assert check(compact, plan).fair
    groups = [[pool] for pool in pools] if way == "program per item" else [pools]
    started = time.process_time()
    deadline = time.monotonic() + PROGRAM_LIMIT_SECONDS
    programs = [FillProgram(group, one_level=way != "one level per item") for group in groups]
    ended = [one.solve(solver, limit_seconds=max(0.0, deadline - time.monotonic())) for one in programs]
    spent = cpu_seconds(started)
    benchmark.extra_info["program_cpu_seconds"] = round(spent, 2)
    benchmark.extra_info["cuts_cpu_seconds"] = round(cuts, 3)
    benchmark.extra_info["fills_found"] = f"{sum(fill >= 0 for one in programs for fill in one.fills)} of 4000"
    benchmark.extra_info["times_faster"] = f"{'' if all(ended) else 'over '}{spent / cuts:.0f}"


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
