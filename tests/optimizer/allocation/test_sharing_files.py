"""Problems and plans in strangers' files: each fault is refused with the row and the field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sharing_instances import problem_of, region_pool

from optimizer.__main__ import main
from optimizer.allocation.model import share
from optimizer.allocation.plan import Plan
from optimizer.allocation.problem import Problem
from optimizer.allocation.reading import plan_from_file, problem_from_file


def example() -> tuple[Problem, Plan]:
    problem = problem_of(region_pool(3, lots=4, claims=5, tiers=2, lane_share=0.8))
    return problem, share(problem)


def without(*path: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        del data[path[-1]]

    return change


def put(value: Any, *path: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for step in path[:-1]:
            data = data[step]
        data[path[-1]] = value

    return change


def test_what_this_package_wrote_is_read_as_it_was() -> None:
    problem, plan = example()
    assert problem_from_file(problem.canonical()) == problem
    assert plan_from_file(plan.canonical(), problem) == plan


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("rule"), "problem: rule is missing"),
        (without("pools"), "problem: pools is missing"),
        (put(5, "pools"), "problem: pools is not a list"),
        (put("x", "pools", 0), "problem: pools, row 1: is not an object"),
        (without("pools", 0, "lots", 1, "packs"), "problem: pools, row 1: lots, row 2: packs is missing"),
        (put(1.5, "pools", 0, "lots", 0, "packs"), "lots, row 1: packs is 1.5, not a whole number"),
        (put(True, "pools", 0, "lots", 0, "packs"), "packs is true, not a whole number"),
        (put("soon", "pools", 0, "lots", 0, "expiry"), "expiry is 'soon', not a day like 2030-01-31"),
        (put(7, "pools", 0, "claims", 0, "municipality"), "claims, row 1: municipality is 7, not a text"),
        (put(1, "pools", 0, "lanes", 0, "colour"), "lanes, row 1: colour is no field here"),
        (put(["x"], "dispatch"), "problem: dispatch, row 1: is not an object"),
        (put([{"site": "a"}], "dispatch"), "problem: dispatch, row 1: volume is missing"),
    ],
)
def test_a_malformed_problem_is_refused_with_row_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], None], said: str
) -> None:
    data = json.loads(example()[0].canonical())
    change(data)
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(data))
    assert main(["share", str(file)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("method"), "plan: method is missing"),
        (put(3, "pools", 0), "plan: pools, row 1: is not an object"),
        (put("2", "pools", 0, "lines", 0, "packs"), 'lines, row 1: packs is "2", not a whole number'),
        (without("pools", 0, "set_aside"), "plan: pools, row 1: set_aside is missing"),
        (put({"proven": 1}, "bound"), "plan: bound: proven is 1, neither true nor false"),
    ],
)
def test_a_malformed_plan_is_refused_with_row_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Any], None], said: str
) -> None:
    problem, plan = example()
    data = json.loads(plan.canonical())
    change(data)
    (tmp_path / "problem.json").write_bytes(problem.canonical())
    (tmp_path / "plan.json").write_text(json.dumps(data))
    assert main(["check", str(tmp_path / "problem.json"), str(tmp_path / "plan.json")]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", ["[]", "7", "{", "[" * 100_000, '{"rule": NaN}'])
def test_what_is_no_problem_at_all_gets_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "problem.json"
    file.write_text(text)
    assert main(["share", str(file)]) == 2
    assert capsys.readouterr().err.startswith("cannot read: ProblemError: problem: ")
