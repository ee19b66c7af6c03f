"""Six rules side by side on a problem of the demonstration's size: 103 items, 203 claims each, ten depots.

Run by `pytest tests/benchmarks`. The rows of processor time are this process's alone: one worker.
"""

from __future__ import annotations

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.sharing.compare import compare
from optimizer.sharing.policy import policy_of
from tests.optimizer.allocation.sharing_instances import region

RULES = ("leximin", "pro_rata_need", "per_capita", "equal_units", "equal_losses", "talmud")


@pytest.mark.parametrize("lots", [10, 30])
@pytest.mark.benchmark(group="six rules, 103 items, 203 claims, ten depots")
def test_six_rules_on_the_demonstrations_size(benchmark: BenchmarkFixture, lots: int) -> None:
    problem = region(1, pools=103, lots=lots, claims=203, lane_share=0.24)
    facts = {f"town-{at}": {"people": 1000 + at * at * 37 % 60000} for at in range(203)}
    policies = [policy_of(rule) for rule in RULES]
    started = time.process_time()
    found = benchmark.pedantic(compare, args=(problem, policies), kwargs={"facts": facts}, rounds=1)
    benchmark.extra_info["cpu_seconds"] = round(time.process_time() - started, 2)
    assert [outcome.rule for outcome in found.outcomes] == [f"{rule}/1" for rule in RULES]
