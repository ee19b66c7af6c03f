"""A whole region at once: 1,000 items x 500 municipalities x 50 depots, exact and checked, in CPU seconds.

Run by `pytest tests/benchmarks`. The solver is imported before the clock starts; each figure is of one
process. The floors are those of the promise: 10 CPU seconds for the plan, 2 for the check, 3 GB.
"""

from __future__ import annotations

import resource
import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.allocation.check import check
from optimizer.allocation.explain import explain
from optimizer.allocation.joint import fractional_levels
from optimizer.allocation.model import share
from optimizer.allocation.plan import Plan
from optimizer.allocation.whatif import LoseDepot, what_if
from tests.benchmarks.regions import synthetic_region
from tests.optimizer.allocation.sharing_instances import region


def cpu_seconds(started: float) -> float:
    return round(time.process_time() - started, 3)


@pytest.mark.benchmark(group="region")
def test_a_thousand_items_are_shared_and_checked(benchmark: BenchmarkFixture) -> None:
    problem = synthetic_region(1, items=1000, towns=500, depots=50)
    share(synthetic_region(1, items=1, towns=50, depots=5))
    started = time.process_time()
    plan = benchmark.pedantic(share, args=(problem,), rounds=1)
    planned = cpu_seconds(started)
    started = time.process_time()
    verdict = check(problem, plan)
    checked = cpu_seconds(started)
    assert verdict.fair, verdict.findings[:3]
    benchmark.extra_info["plan_cpu_seconds"] = planned
    benchmark.extra_info["check_cpu_seconds"] = checked
    benchmark.extra_info["lines"] = sum(len(pool.lines) for pool in plan.pools)
    benchmark.extra_info["memory_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    assert benchmark.extra_info["memory_gb"] < 3


@pytest.mark.benchmark(group="region")
def test_a_thousand_items_that_share_dispatch_have_exact_fractional_fills(benchmark: BenchmarkFixture) -> None:
    problem = synthetic_region(1, items=1000, towns=500, depots=50, dispatch=0.5)
    started = time.process_time()
    levels = benchmark.pedantic(fractional_levels, args=(problem,), rounds=1)
    benchmark.extra_info["cpu_seconds"] = cpu_seconds(started)
    benchmark.extra_info["levels"] = len(levels)
    assert sum(len(level.claims) for level in levels) == 500_000


@pytest.mark.benchmark(group="demo region")
def test_the_demonstration_region_is_planned_explained_and_checked(benchmark: BenchmarkFixture) -> None:
    """103 items x 203 municipalities x ten depots, lane by lane, two tiers; then a depot is lost."""
    problem = region(1, pools=103, lots=30, claims=203, lane_share=0.2)

    def all_three() -> Plan:
        plan = share(problem)
        explain(problem, plan)
        assert check(problem, plan).fair
        return plan

    started = time.process_time()
    plan = benchmark.pedantic(all_three, rounds=1)
    benchmark.extra_info["plan_explanation_check_cpu_seconds"] = cpu_seconds(started)
    started = time.process_time()
    answer = what_if(problem, plan, [LoseDepot("depot-1")])
    benchmark.extra_info["what_if_cpu_seconds"] = cpu_seconds(started)
    benchmark.extra_info["items_shared_again"] = len(answer.again)
