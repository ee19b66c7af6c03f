"""Reorder plans over 52 weeks with their proven gap, beside HiGHS, SCIP and CP-SAT on the plain program, same run.

Run by `pytest tests/benchmarks` with `-k reorder`. The instances are made from a seed: demand with seasons and surges,
3 suppliers, 3 all-units price tiers, minimum orders, lead times, shelf life, capacity per supplier and week, storage,
four-week budgets. The solvers get the plain mixed-integer program, cut off; its quantities may be fractions, which is
easier.
"""

from __future__ import annotations

import resource
import time
from datetime import timedelta

import pytest
from ortools.math_opt.python import mathopt
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import Problem
from optimizer.reorder.horizon.proof import proven_bound
from tests.benchmarks.lot_sizing import PlainProgram, large

CASES = {
    "200 lines, loose": (200, 2.0, 0.0005, 60.0),
    "200 lines, capacities bind": (200, 0.7, 0.0005, 60.0),
    "500 lines, capacities bind": (500, 0.7, 0.0005, 120.0),
    "20 lines, very tight": (20, 0.7, 0.03, 60.0),
}
TARGETS = {200: 0.005, 500: 0.005, 20: 0.15}
CUT_OFF_SECONDS = 60.0
MOST_MEMORY_GB = 2.0


@pytest.mark.parametrize("case", CASES)
def test_reorder_plan_with_its_gap(case: str, benchmark: BenchmarkFixture) -> None:
    lines, tight, gap, limit = CASES[case]
    problem = large(lines, tight)
    plan = benchmark.pedantic(lambda: plan_horizon(problem, gap=gap, limit_seconds=limit), rounds=1)
    assert check(problem, plan).findings == ()
    assert proven_bound(problem, {one.clause: one.price for one in plan.prices}) >= plan.bound
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    benchmark.extra_info.update(
        case=case, cost=plan.cost.total, bound=plan.bound, gap=f"{plan.gap:.4%}", peak_memory_gb=round(memory, 2)
    )
    assert plan.gap <= TARGETS[lines]
    assert memory < MOST_MEMORY_GB


@pytest.mark.parametrize("solver", ["HIGHS", "GSCIP", "CP_SAT"])
@pytest.mark.parametrize(("lines", "tight"), [(20, 0.7), (200, 0.7)])
def test_plain_program_of_the_same_problem(lines: int, tight: float, solver: str, benchmark: BenchmarkFixture) -> None:
    said = benchmark.pedantic(lambda: _solved(large(lines, tight), solver), rounds=1)
    benchmark.extra_info.update(lines=lines, solver=solver, said=said)


def _solved(problem: Problem, solver: str) -> str:
    """What a solver says of the plain program when it is cut off."""
    program = PlainProgram(problem)
    threads = 2 if solver == "CP_SAT" else None  # HiGHS of MathOpt fails when told a number
    limit = mathopt.SolveParameters(time_limit=timedelta(seconds=CUT_OFF_SECONDS), threads=threads)
    began = time.monotonic()
    try:
        result = mathopt.solve(program.model, mathopt.SolverType[solver], params=limit)
    except (RuntimeError, AttributeError, ValueError) as failure:  # MathOpt hides a failed status behind other errors
        return f"ended with {type(failure).__name__}"
    seconds = time.monotonic() - began
    found = result.objective_value() if result.has_primal_feasible_solution() else None
    bound = result.termination.objective_bounds.dual_bound
    gap = "no plan" if found is None else f"cost {found:,.0f}, gap {(found - bound) / abs(found):.2%}"
    return f"{gap}, bound {bound:,.0f}, {seconds:.0f} s"
