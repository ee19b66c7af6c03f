"""The explanation says what more service costs and who stands in the way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer.__main__ import main
from optimizer.reorder.horizon.explain import explain
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import Budget, Line, Offer, Problem, Tier


def line(**changes: object) -> Line:
    """Ten units wanted in week 1; six at 10 are worth it, the dear offer at 30 is not while a missing unit costs 20."""
    cheap = Offer("cheap", "S", "K", (Tier(1, 10),), 1, most_units=6)
    given = Line("a", "p", "m", "dry", 1, (0, 10), 4, 0, 0, 20, (cheap, Offer("dear", "T", "L", (Tier(1, 30),), 1)))
    return replace(given, **changes)  # type: ignore[arg-type]


def test_the_next_unit_of_service_costs_what_the_dear_offer_asks() -> None:
    problem = Problem(2, (line(),))
    told = explain(problem, plan_horizon(problem, gap=0.0, rounds=20)).services[0]
    assert told.served_permille == 600
    assert told.extra_milli_per_unit == 30_000


def test_a_budget_cut_loses_what_the_unserved_need_costs() -> None:
    problem = Problem(2, (line(offers=line().offers[:1]),), budgets=(Budget("m", 0, 1, 40),))
    told = explain(problem, plan_horizon(problem, gap=0.0, rounds=20)).scarce
    assert [one.clause for one in told] == ["budget of m weeks 0 to 1"]
    assert float(told[0].loss_milli_per_unit) == pytest.approx(1000, rel=1e-3), "10 save 20: a unit of money earns one"


def test_who_leaves_a_line_unserved_is_told() -> None:
    late = line(unmet_minor=None, demand=(3, 10))
    problem = Problem(2, (late,), budgets=(Budget("m", 0, 1, 120),))
    told = explain(problem, plan_horizon(problem, gap=0.0, rounds=20)).unserved[0]
    assert told.alone == 3
    assert "the quickest offer takes 1 weeks" in told.reason
    assert "budget of m weeks 0 to 1" in told.reason


def test_the_command_prints_it_and_refuses_another_problems_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other, plan = tmp_path / "one.json", tmp_path / "other.json", tmp_path / "plan.json"
    problem = Problem(2, (line(),))
    one.write_bytes(problem.canonical())
    other.write_bytes(Problem(2, (line(id="b"),)).canonical())
    plan.write_bytes(plan_horizon(problem, rounds=5).canonical())
    assert main(["explain-reorder", str(one), str(plan)]) == 0
    assert json.loads(capsys.readouterr().out)["services"][0]["served_permille"] == 600
    assert main(["explain-reorder", str(other), str(plan)]) == 1
    assert "another problem" in capsys.readouterr().err
