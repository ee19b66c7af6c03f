"""Problems and plans over many weeks are read strictly; what contradicts itself is refused by field and reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optimizer.__main__ import main
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import ProblemError
from optimizer.reorder.horizon.reading import plan_from_json, problem_from_json
from tests.optimizer.reorder.horizon_instances import every_clause

Change = Callable[[dict[str, Any]], object]


def test_a_problem_and_a_plan_come_back_as_they_were_written() -> None:
    problem = every_clause()
    assert problem_from_json(problem.canonical()) == problem
    plan = plan_horizon(problem, rounds=3)
    assert plan_from_json(plan.canonical()) == plan


def line(given: dict[str, Any]) -> Any:
    return given["lines"][0]


def offer(given: dict[str, Any]) -> Any:
    return line(given)["offers"][0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.pop("weeks"), "weeks: is missing"),
        (lambda g: g.update(weeks=0), "weeks is 0"),
        (lambda g: g.update(weeks=True), "weeks: must be a whole number"),
        (lambda g: g.update(weeks=7), "demand has 6 weeks, not 7"),
        (lambda g: g.update(lines=[]), "lines is empty"),
        (lambda g: g.update(lines={}), "lines: must be a list"),
        (lambda g: g.update(surprise=1), "'surprise' is no key"),
        (lambda g: g["lines"].append(line(g)), "lines: gloves at a is given twice"),
        (lambda g: line(g).update(demand=[5, 6, 4, 7, 5, -6]), r"demand\[5\] is -6"),
        (lambda g: line(g).update(demand=[5, 6, 4, 7, 5, 1.5]), r"lines\[0\].demand\[5\]: must be a whole number"),
        (lambda g: line(g).update(shelf_life_weeks=0), "shelf_life_weeks is 0"),
        (lambda g: line(g).update(residual_minor=13), "residual_minor is 13, not 0 to 12"),
        (lambda g: line(g).update(later_demand=9000), "count the line in larger units"),
        (lambda g: line(g)["stock"][0].update(weeks_left=5), r"stock\[0\].weeks_left is 5, not 0 to 4"),
        (lambda g: line(g)["inbound"][0].update(week=6), r"inbound\[0\].week is 6"),
        (lambda g: offer(g).update(multiple_units=0), "offer near: multiple_units is 0"),
        (lambda g: offer(g).update(order_weeks=[6]), r"order_weeks\[0\] is 6"),
        (lambda g: offer(g).update(tiers=[]), "tiers do not begin at 1 unit"),
        (lambda g: offer(g)["tiers"][1].update(from_units=1), r"tiers\[1\].from_units is not above"),
        (lambda g: offer(g)["tiers"][1].update(price_minor=21), r"tiers\[1\].price_minor is above"),
        (lambda g: offer(g).update(id="far"), "offers: far is given twice"),
        (lambda g: g["capacities"][0].update(volume=[1]), "capacity of N: volume has 1 weeks"),
        (lambda g: g["budgets"][0].update(first_week=3), "last_week is 2, not 3 to 5"),
        (lambda g: g["budgets"].append(g["budgets"][0]), "budgets: .* is given twice"),
        (lambda g: g["shares"][0].update(permille=1001), "permille is 1001"),
        (lambda g: g["smoothing"].update(weeks=0), "smoothing: weeks is 0"),
    ],
)
def test_nonsense_is_refused_by_field_and_reason(change: Change, said: str) -> None:
    given = json.loads(every_clause().canonical())
    change(given)
    with pytest.raises(ProblemError, match=said):
        problem_from_json(json.dumps(given))


@pytest.mark.parametrize("text", ["", "[", "[]", "7", '{"weeks": 1, "weeks": 2}', "[" * 100_000, b"\xff"])
def test_what_is_no_problem_at_all_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProblemError):
        problem_from_json(text)


def test_the_commands_plan_check_and_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problem, plan, bad = tmp_path / "problem.json", tmp_path / "plan.json", tmp_path / "bad.json"
    problem.write_bytes(every_clause().canonical())
    assert main(["reorder", str(problem), "-o", str(plan), "--time-limit", "5"]) == 0
    assert "no plan below" in capsys.readouterr().out
    assert main(["check-reorder", str(problem), str(plan), "--bound"]) == 0
    assert "feasible: yes" in capsys.readouterr().out
    changed = json.loads(plan.read_text())
    changed["bound"] += 2000
    changed["orders"][0]["units"] += 1
    bad.write_text(json.dumps(changed))
    assert main(["check-reorder", str(problem), str(bad), "--bound"]) == 1
    told = capsys.readouterr().out
    assert "what the prices prove" in told
    assert "feasible: no" in told
    assert main(["reorder", str(plan), "-o", str(bad)]) == 2
    assert "is no key of this format" in capsys.readouterr().err
