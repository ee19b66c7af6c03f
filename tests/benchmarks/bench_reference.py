"""The neutral format against GLOP, HiGHS simplex, HiGHS interior point and PDLP on the plain model, in the same run.

Run by `pytest tests/benchmarks -o python_files='bench_*.py'`, or alone for other sizes:
`python -m tests.benchmarks.bench_reference [FILE.json | DEPOTS MUNICIPALITIES ITEMS] [--limit S]`. Times are CPU
seconds of one process each, with the solver imported before: ours from the file's bytes to the checked and proved
plan; a baseline's from the read problem to the last stage's values. The status of every stage is checked.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from optimizer.reference.allocate import Draft, Task, allocate, improve, stages_of
from optimizer.reference.baselines import SOLVERS, NotSolved, plain_plan
from optimizer.reference.check import Verdict, check
from optimizer.reference.plan import Plan
from optimizer.reference.problem import problem_from_json
from tests.optimizer.reference.reference_instances import simulated

INSTANCES = Path(__file__).parents[2] / "fixtures" / "instances" / "allocation"
OURS = "ours"
STAGE_LIMIT_SECONDS = 600.0


def ours(text: bytes) -> tuple[Verdict, str]:
    """Read, solve, check, prove: what the command does, in one process."""
    problem = problem_from_json(text)
    drafts: list[Draft] = []
    improve(Task(problem, "", 1e9), lambda content: drafts.append(content) if isinstance(content, Draft) else None)
    plan = Plan(problem.name, drafts[-1].lines)
    verdict = check(problem, plan)
    stages = stages_of(problem, drafts[-1].certificates, verdict, whole_packs=False)
    assert all(stage.status == "optimal" for stage in stages)
    return verdict, "optimal"


def plain(text: bytes, solver: str, limit_seconds: float) -> tuple[Verdict | None, str]:
    """A baseline, or why it has no plan."""
    problem = problem_from_json(text)
    try:
        return check(problem, plain_plan(problem, solver, limit_seconds=limit_seconds)), "optimal"
    except NotSolved as failure:
        return None, str(failure)


def measured(text: bytes, method: str, limit_seconds: float = STAGE_LIMIT_SECONDS) -> dict[str, object]:
    """CPU and wall seconds, peak memory and values of one method, in a process of its own."""
    ready, answer = multiprocessing.get_context("spawn").Pipe()
    child = multiprocessing.get_context("spawn").Process(target=_measure, args=(answer, text, method, limit_seconds))
    child.start()
    answer.close()
    try:
        found: dict[str, object] = ready.recv()
    except EOFError:
        found = {"method": method, "status": "the process died"}
    child.join()
    return found


def _measure(answer: object, text: bytes, method: str, limit_seconds: float) -> None:
    call: Callable[[], tuple[Verdict | None, str]] = (
        (lambda: ours(text)) if method == OURS else (lambda: plain(text, method, limit_seconds))
    )
    cpu, wall = time.process_time(), time.monotonic()
    verdict, status = call()
    found = {
        "method": method,
        "status": status,
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "wall_seconds": round(time.monotonic() - wall, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if verdict is not None:
        found |= {"feasible": verdict.feasible, "min_service": verdict.min_service}
        found |= {"weighted_served": verdict.weighted_served, "cost": verdict.cost}
    answer.send(found)  # type: ignore[attr-defined]


@pytest.mark.benchmark(group="reference")
def test_the_published_instance_is_solved_no_slower_than_by_any_solver_on_the_plain_model(
    benchmark: BenchmarkFixture,
) -> None:
    text = (INSTANCES / "20x200x100-s1.json").read_bytes()
    rows = [measured(text, method) for method in (OURS, *SOLVERS)]
    benchmark.extra_info["methods"] = rows
    solved = [float(str(row["cpu_seconds"])) for row in rows[1:] if row["status"] == "optimal" and row["feasible"]]
    assert float(str(rows[0]["cpu_seconds"])) <= min(solved)
    benchmark.pedantic(ours, args=(text,), rounds=3)


@pytest.mark.benchmark(group="reference")
def test_whole_packs_reach_the_goal_within_ten_seconds(benchmark: BenchmarkFixture) -> None:
    problem = problem_from_json((INSTANCES / "10x50x20-s1.json").read_bytes())

    def packs() -> Plan:
        return allocate(problem, whole="packs", limit_seconds=10)

    plan = benchmark.pedantic(packs, rounds=1)
    benchmark.extra_info["stages"] = [(one.name, one.value, one.bound, one.gap) for one in plan.stages]
    assert plan.stages[0].gap <= 1e-3
    assert plan.stages[1].gap <= 1e-3
    assert plan.stages[2].gap <= 1e-2


def _text(arguments: list[str]) -> bytes:
    if len(arguments) == 1:
        return Path(arguments[0]).read_bytes()
    depots, towns, items = map(int, arguments)
    return json.dumps(simulated(depots, towns, items)).encode()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("problem", nargs="+")
    parser.add_argument("--limit", type=float, default=STAGE_LIMIT_SECONDS)
    parser.add_argument("--methods", nargs="*", default=[OURS, *SOLVERS])
    chosen = parser.parse_args()
    content = _text(chosen.problem)
    for one in chosen.methods:
        print(json.dumps(measured(content, one, chosen.limit)), flush=True)  # noqa: T201
