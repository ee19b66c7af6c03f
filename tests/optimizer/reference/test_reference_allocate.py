"""Whatever the solver does, the plan that comes out was checked, says how it ended and what is proved."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import failing_solvers
import pytest
from reference_instances import problem_of, simulated

from optimizer.__main__ import main
from optimizer.reference.allocate import allocate
from optimizer.reference.check import check
from optimizer.reference.plan import plan_from_json

CONTENT = simulated(4, 12, 8)
PROBLEM = problem_of(CONTENT)


@pytest.fixture
def problem_file(tmp_path: Path) -> Path:
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(CONTENT))
    return file


def test_a_plan_is_optimal_and_its_file_is_the_same_each_time() -> None:
    heard: list[str] = []
    one, other = allocate(PROBLEM, report=heard.append), allocate(PROBLEM)
    assert one.status == "optimal"
    assert one.ending == "finished"
    assert one.canonical() == other.canonical()
    assert one.seconds["all"] > 0
    assert any("lowest service" in words for words in heard)
    assert all(stage.gap <= 1e-6 and stage.source for stage in one.stages)


@pytest.mark.parametrize("solver", [failing_solvers.too_much, failing_solvers.dies])
def test_a_solver_that_lies_or_dies_is_not_believed(solver: object) -> None:
    heard: list[str] = []
    plan = allocate(PROBLEM, child=solver, report=heard.append)  # type: ignore[arg-type]
    assert plan.ending == "failed"
    assert plan.status == "feasible"
    assert check(PROBLEM, plan).feasible
    assert any("not used any more" in words for words in heard)


def test_what_was_good_before_a_wrong_answer_is_kept() -> None:
    plan = allocate(PROBLEM, child=failing_solvers.honest_then_wrong)
    assert plan.ending == "failed"
    assert plan.solver == "honest"
    assert check(PROBLEM, plan).feasible


def test_a_time_limit_gives_the_best_plan_so_far_with_its_bounds() -> None:
    started = time.monotonic()
    plan = allocate(PROBLEM, child=failing_solvers.never_ends, limit_seconds=1.0)
    assert time.monotonic() - started < 10
    assert plan.ending == "time limit"
    assert check(PROBLEM, plan).feasible
    best = allocate(PROBLEM)
    for stage, proved in zip(plan.stages[:2], best.stages, strict=False):
        assert stage.value <= proved.value * (1 + 1e-9) or stage.name != "min_service"
        assert stage.bound >= proved.value * (1 - 1e-6) or stage.name != "min_service"
        assert stage.gap > 0


def test_a_search_for_whole_packs_that_ran_out_of_time_says_so() -> None:
    problem = problem_of(simulated(8, 60, 40))
    plan = allocate(problem, whole="packs", limit_seconds=3.0)
    assert plan.ending == "time limit"
    assert check(problem, plan).feasible


@pytest.mark.parametrize("whole", ["packs", "units"])
def test_whole_quantities_are_whole_and_near_their_bound(whole: str) -> None:
    problem = PROBLEM if whole == "packs" else PROBLEM.in_units()
    plan = allocate(PROBLEM, whole=whole, limit_seconds=60)  # type: ignore[arg-type]
    verdict = check(problem, plan)
    assert verdict.feasible
    assert verdict.lines_not_whole_packs == 0
    assert plan.whole == whole
    assert 0 < plan.stages[0].value <= plan.stages[0].bound * (1 + 1e-9)
    assert plan.stages[1].value <= plan.stages[1].bound * (1 + 1e-9)
    assert plan.stages[2].value >= plan.stages[2].bound * (1 - 1e-9)


def test_ctrl_c_writes_the_best_plan_so_far(problem_file: Path, tmp_path: Path) -> None:
    plan_file = tmp_path / "plan.json"
    program = (
        "import signal, sys, failing_solvers, optimizer.reference.allocate as a;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # ignored by what a shell began in the background
        "a.improve = failing_solvers.never_ends;"
        "from optimizer.__main__ import main;"
        f"sys.exit(main(['allocate', {str(problem_file)!r}, '-o', {str(plan_file)!r}]))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as running:
        assert running.stderr is not None
        while "still solving" not in running.stderr.readline():
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
        assert running.wait(timeout=60) == 130
    assert "best plan so far" in said
    plan = plan_from_json(plan_file.read_bytes(), problem_of(CONTENT))
    assert plan.lines


def test_the_command_writes_a_plan_that_checks(
    problem_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_file = tmp_path / "plan.json"
    assert main(["allocate", str(problem_file), "-o", str(plan_file)]) == 0
    capsys.readouterr()
    assert main(["check", str(problem_file), str(plan_file)]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {
        "feasible", "violations", "n_violations", "min_service", "median_service", "weighted_served", "cost", "lines",
        "lines_not_whole_packs", "units_expiring_day31_120_left", "units_expiring_day31_120",
    }  # fmt: skip
    broken = json.loads(plan_file.read_bytes())
    broken["allocations"][0]["quantity"] += 1e6
    plan_file.write_text(json.dumps(broken))
    assert main(["check", str(problem_file), str(plan_file)]) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["feasible"] is False
    assert printed["n_violations"] >= len(printed["violations"]) > 0


def test_a_plan_that_cannot_be_written_ends_with_two(
    problem_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["allocate", str(problem_file), "-o", str(tmp_path / "missing" / "plan.json")]) == 2
    assert "missing" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "soon"])
def test_a_time_limit_must_be_a_number_of_seconds(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["allocate", "problem.json", "-o", "plan.json", "--time-limit", limit])
    assert ended.value.code == 2
    assert "time-limit" in capsys.readouterr().err
