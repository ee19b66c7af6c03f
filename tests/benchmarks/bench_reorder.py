"""Reorder plans over 52 weeks with their proven gap, beside HiGHS, SCIP and CP-SAT on the plain program, same run.

Run by `pytest tests/benchmarks` with `-k reorder`. The instances are made from a seed: demand with seasons and surges,
3 suppliers, 3 all-units price tiers, minimum orders, lead times, shelf life, capacity per supplier and week, storage,
four-week budgets. The solvers get the plain mixed-integer program, cut off; its quantities may be fractions, which is
easier: their optimum is at most ours, so no bound of theirs may be above our cost.

    STOCKPILE_PLAIN_SECONDS=150 pytest tests/benchmarks/bench_reorder.py -k "beside and 200"

gives the solvers that long instead of 60 s each, STOCKPILE_PLAN_SECONDS the plans that long instead of their target.
"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass
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
SOLVERS = ("HIGHS", "GSCIP", "CP_SAT")
CUT_OFF_SECONDS = float(os.environ.get("STOCKPILE_PLAIN_SECONDS", "60"))
PLAN_SECONDS = float(os.environ.get("STOCKPILE_PLAN_SECONDS", "0"))
"""How long a plan may take; 0: as long as its target says."""
MOST_MEMORY_GB = 2.0


@pytest.mark.parametrize("case", CASES)
def test_reorder_plan_with_its_gap(case: str, benchmark: BenchmarkFixture) -> None:
    lines, tight, gap, limit = CASES[case]
    problem = large(lines, tight)
    plan = benchmark.pedantic(lambda: plan_horizon(problem, gap=gap, limit_seconds=PLAN_SECONDS or limit), rounds=1)
    assert check(problem, plan).findings == ()
    assert proven_bound(problem, {one.clause: one.price for one in plan.prices}) >= plan.bound
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    benchmark.extra_info.update(
        case=case, cost=plan.cost.total, bound=plan.bound, gap=f"{plan.gap:.4%}", peak_memory_gb=round(memory, 2)
    )
    assert plan.gap <= TARGETS[lines]
    assert memory < MOST_MEMORY_GB


@dataclass(frozen=True, slots=True)
class Said:
    """What a solver says of the plain program when it is cut off; cost and bound in minor units."""

    cost: float | None
    bound: float
    seconds: float
    failure: str = ""

    def __str__(self) -> str:
        gap = "no plan" if self.cost is None else f"cost {self.cost:,.0f}, gap {self.gap:.2%}"
        return f"{self.failure or gap}, bound {self.bound:,.0f}, {self.seconds:.0f} s"

    @property
    def gap(self) -> float:
        """How far the cost is above the solver's own bound, as a share of the cost."""
        return 1.0 if not self.cost else (self.cost - self.bound) / abs(self.cost)


@pytest.mark.parametrize("case", ["20 lines, very tight", "200 lines, capacities bind"])
def test_our_plan_beside_the_solvers_on_the_plain_program(case: str, benchmark: BenchmarkFixture) -> None:
    lines, tight, gap, limit = CASES[case]
    problem = large(lines, tight)
    plan = benchmark.pedantic(lambda: plan_horizon(problem, gap=gap, limit_seconds=PLAN_SECONDS or limit), rounds=1)
    assert check(problem, plan).findings == ()
    said = {solver: _solved(problem, solver) for solver in SOLVERS}
    ours = f"cost {plan.cost.total / 1000:,.0f}, gap {plan.gap:.3%}, bound {plan.bound / 1000:,.0f}"
    benchmark.extra_info.update(case=case, ours=ours, **{name: str(one) for name, one in said.items()})
    assert plan.gap <= TARGETS[lines]
    for name, one in said.items():
        assert one.bound <= plan.cost.total / 1000 * (1 + 1e-6), f"{name}: no plan could cost what ours does"
    if lines == 200:
        assert all(one.cost is None or one.gap > plan.gap for one in said.values()), "none of them proves as much"


def _solved(problem: Problem, solver: str) -> Said:
    program = PlainProgram(problem)
    threads = 2 if solver == "CP_SAT" else None  # HiGHS of MathOpt fails when told a number
    limit = mathopt.SolveParameters(time_limit=timedelta(seconds=CUT_OFF_SECONDS), threads=threads)
    began = time.monotonic()
    try:
        result = mathopt.solve(program.model, mathopt.SolverType[solver], params=limit)
    except (RuntimeError, AttributeError, ValueError) as failure:  # MathOpt hides a failed status behind other errors
        return Said(None, 0.0, time.monotonic() - began, f"ended with {type(failure).__name__}")
    found = result.objective_value() if result.has_primal_feasible_solution() else None
    return Said(found, result.termination.objective_bounds.dual_bound, time.monotonic() - began)
