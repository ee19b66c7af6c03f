"""The demonstration's real region on its first morning, as the application answers: processor time against targets.

Run by `pytest tests/benchmarks/bench_real_region.py -o python_files='bench_*.py' -n 0`. Seconds of the processor, of
this process and of the solver's child with its start; the targets are those of the promise: plan with explanation and
check 1 s (stretch 0.3), six rules side by side 3 s, a what-if 1 s. `no_child`: the same by the optimizer alone,
the solver imported already.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sqlalchemy import Engine

from optimizer.allocation.check import check
from optimizer.allocation.explain import explain
from optimizer.allocation.model import share
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json
from optimizer.allocation.whatif import LoseDepot, what_if
from optimizer.sharing.compare import Question, compare_asked
from stockpile.allocation import planning as plans
from stockpile.allocation.alternatives import planning, queries
from stockpile.allocation.alternatives.planning import Lost
from stockpile.allocation.policies import rules as policies
from stockpile.allocation.tables import Plan
from stockpile.db import open_engine, reading
from stockpile.demo.story import Story
from tests.allocation.real_region import SIX_RULES, acting_in, first_morning, first_plan
from tests.benchmarks.cpu import spent

Answer = TypeVar("Answer")
Region = tuple[Engine, Story, Plan]
TARGETS = {"plan": 1.0, "six_rules": 3.0, "what_if": 1.0}


@pytest.fixture(scope="module")
def real(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """The region loaded, everybody has asked, and there is a plan."""
    path = tmp_path_factory.mktemp("real") / "region.db"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    told = first_morning(engine)
    yield engine, told, first_plan(engine, told)
    engine.dispose()


def timed(benchmark: BenchmarkFixture, name: str, work: Callable[[], Answer], no_child: Callable[[], object]) -> Answer:
    """Run both and note their processor seconds beside the target."""
    started = spent(None, None).client
    answer: Answer = benchmark.pedantic(work, rounds=1)
    whole = spent(None, None).client - started
    no_child()
    started = spent(None, None).client
    no_child()
    alone = spent(None, None).client - started
    benchmark.extra_info["cpu_seconds"] = round(whole, 2)
    benchmark.extra_info["no_child_cpu_seconds"] = round(alone, 2)
    benchmark.extra_info["target_seconds"] = TARGETS[name]
    benchmark.extra_info["part_of_target"] = round(whole / TARGETS[name], 2)
    benchmark.extra_info["no_child_part_of_target"] = round(alone / TARGETS[name], 2)
    return answer


@pytest.mark.benchmark(group="the real region")
def test_the_first_morning_is_planned_explained_and_checked(benchmark: BenchmarkFixture, real: Region) -> None:
    engine, told, plan = real
    act, problem = acting_in(told.actors, "coordinator"), problem_from_json(plan.problem)

    def alone() -> None:
        made = share(problem)
        explain(problem, made)
        assert check(problem, made).fair

    def drafted() -> plans.Draft:
        return plans.draft(engine, act, surge_id=plan.surge_id, limit_seconds=120)

    draft = timed(benchmark, "plan", drafted, alone)
    assert draft.verdict.fair


@pytest.mark.benchmark(group="the real region")
def test_six_rules_are_compared(benchmark: BenchmarkFixture, real: Region) -> None:
    engine, _, plan = real

    def compared() -> planning.Compared:
        return planning.compare(engine, plan=plan.id or 0, chosen=SIX_RULES, limit_seconds=120)

    with reading(engine) as session:
        facts = queries.case(session, plan.id or 0).facts
    known = policies.selectable()
    question = Question(problem_from_json(plan.problem), tuple(known[rule] for rule in SIX_RULES), facts)
    found = timed(benchmark, "six_rules", compared, lambda: compare_asked(question))
    assert len(found.rules) == 6


@pytest.mark.benchmark(group="the real region")
def test_a_lost_depot_is_supposed(benchmark: BenchmarkFixture, real: Region) -> None:
    engine, _, plan = real
    problem, answer = problem_from_json(plan.problem), plan_from_json(plan.answer)

    def supposed() -> planning.Supposed:
        lost = [Lost("depot-genk")]
        return planning.what_if(engine, surge=plan.surge_id, plan=plan.id, circumstances=lost, limit_seconds=120)

    found = timed(benchmark, "what_if", supposed, lambda: what_if(problem, answer, [LoseDepot("depot-genk")]))
    assert found.proven
