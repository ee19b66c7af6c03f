"""Anyone can share and check from two files, and the exit status tells the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from sharing_instances import problem_of, region_pool
from test_sharing_compact import compact_pool
from test_sharing_promises import contradicting_pool

from optimizer.__main__ import main
from optimizer.allocation.baselines import pro_rata


@pytest.fixture
def problem_file(tmp_path: Path) -> Path:
    file = tmp_path / "problem.json"
    file.write_bytes(problem_of(region_pool(2, lots=6, claims=12)).canonical())
    return file


def test_a_shared_problem_checks_as_fair(
    problem_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["share", str(problem_file)]) == 0
    plan_file = tmp_path / "plan.json"
    plan_file.write_text(capsys.readouterr().out)
    assert main(["check", str(problem_file), str(plan_file)]) == 0
    assert capsys.readouterr().out == "feasible: yes\nfair: yes\n"


def test_a_fallback_ends_with_one_and_says_why(
    problem_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_file = tmp_path / "plan.json"
    plan_file.write_bytes(pro_rata(problem_of(region_pool(2, lots=6, claims=12))).canonical())
    assert main(["check", str(problem_file), str(plan_file)]) == 1
    assert capsys.readouterr().out.endswith(
        "fair: no\n- the plan is pro_rata: it is not claimed to be fair\nwhat it says of itself holds: yes\n"
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"rule": "leximin/9", "pools": []}'])
def test_a_file_that_is_no_problem_ends_with_two(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "problem.json"
    file.write_text(text)
    assert main(["share", str(file)]) == 2
    assert capsys.readouterr().err.startswith("cannot read: ")


def test_a_region_in_columns_is_checked_from_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problem, plan = tmp_path / "problem.json", tmp_path / "plan.json"
    problem.write_bytes(problem_of(compact_pool(4, sites=3, claims=9, largest=9)).canonical())
    assert main(["share", str(problem)]) == 0
    plan.write_text(capsys.readouterr().out)
    assert main(["check", str(problem), str(plan)]) == 0
    assert capsys.readouterr().out == "feasible: yes\nfair: yes\n"


def test_promises_that_cannot_be_kept_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "problem.json"
    file.write_bytes(problem_of(contradicting_pool()).canonical())
    assert main(["share", str(file)]) == 2
    assert "6 packs are promised to a, b and only 5 can reach them" in capsys.readouterr().err
