"""The checker of plans over many weeks sees every planted fault, and needs no solver to do so."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from optimizer.reorder.horizon import check as check_module
from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.plan import Cost, Order, Plan, Service
from optimizer.reorder.horizon.problem import Problem
from tests.optimizer.reorder.horizon_instances import every_clause, gloves

PROBLEM = every_clause()
PLAN = plan_horizon(PROBLEM, gap=0.0, rounds=50)


def mutants() -> Iterator[tuple[str, Plan]]:
    """Every number of the plan one off, every order dropped, doubled or moved by a week, every text changed."""
    for at, order in enumerate(PLAN.orders):
        for field in ("units", "week", "cost_minor"):
            for step in (-1, 1):
                changed = replace(order, **{field: getattr(order, field) + step})
                yield f"order {at} {field} {step:+}", _with(at, changed)
        other = "far" if order.offer == "near" else "near"
        yield f"order {at} offer", _with(at, replace(order, offer=other))
        yield f"order {at} dropped", replace(PLAN, orders=PLAN.orders[:at] + PLAN.orders[at + 1 :])
        yield f"order {at} doubled", replace(PLAN, orders=(*PLAN.orders, order))
    for field in fields(Cost):
        yield (
            f"cost {field.name}",
            replace(PLAN, cost=replace(PLAN.cost, **{field.name: getattr(PLAN.cost, field.name) + 1})),
        )
    for at, service in enumerate(PLAN.services):
        for name in ("demand", "unmet", "expired"):
            changed_service = replace(service, **{name: getattr(service, name) + 1})
            yield (
                f"service {at} {name}",
                replace(PLAN, services=(*PLAN.services[:at], changed_service, *PLAN.services[at + 1 :])),
            )
    yield "service dropped", replace(PLAN, services=PLAN.services[1:])
    yield "service of a stranger", replace(PLAN, services=(*PLAN.services, Service("x", 0, 0, 0)))
    yield "status", replace(PLAN, status="PROVEN")
    yield "digest", replace(PLAN, problem_digest="0")
    yield "bound", replace(PLAN, bound=PLAN.cost.total + 1)
    yield "gap", replace(PLAN, asked_gap_ppm=10**6)


def _with(at: int, order: Order) -> Plan:
    return replace(PLAN, orders=(*PLAN.orders[:at], order, *PLAN.orders[at + 1 :]))


def test_the_right_plan_passes() -> None:
    assert check(PROBLEM, PLAN).findings == ()
    assert check(PROBLEM, PLAN).accepted


def test_every_mutant_is_found() -> None:
    assert len(PLAN.orders) >= 4
    assert [name for name, plan in mutants() if check(PROBLEM, plan).accepted] == []


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (replace(PROBLEM, budgets=tuple(replace(one, minor=1) for one in PROBLEM.budgets)), "budget of a weeks 0 to 2"),
        (replace(PROBLEM, ceilings=(replace(PROBLEM.ceilings[0], minor=1),)), "ceiling of contract K1"),
        (replace(PROBLEM, reservations=(replace(PROBLEM.reservations[0], units=1),)), "reservation of a"),
        (replace(PROBLEM, shares=(replace(PROBLEM.shares[0], permille=1),)), "share of N in gloves"),
        (replace(PROBLEM, storages=(replace(PROBLEM.storages[0], volume=(1,) * 6),)), "storage dry"),
        (replace(PROBLEM, capacities=(replace(PROBLEM.capacities[0], volume=(1,) * 6),)), "capacity of N"),
    ],
)
def test_a_plan_that_breaks_a_clause_is_refused_by_the_clauses_name(problem: Problem, said: str) -> None:
    verdict = check(problem, PLAN)
    assert not verdict.feasible
    assert any(finding.startswith(said) for finding in verdict.findings)


def test_an_order_outside_its_offer_is_refused_by_reason() -> None:
    problem = Problem(6, (gloves(),))
    right = plan_horizon(problem, gap=0.0, rounds=20)
    for order, said in (
        (Order("gloves at a", "near", 0, 2, 55, ""), "below the minimum of 4"),
        (Order("gloves at a", "near", 0, 5, 115, ""), "no multiple of 2"),
        (Order("gloves at a", "far", 2, 6, 82, ""), "the order calendar is closed"),
        (Order("gloves at a", "near", 5, 4, 95, ""), "after the horizon"),
        (Order("gloves at a", "near", 0, 90, 1545, ""), "lifts the stock above"),
        (Order("gloves at a", "none", 0, 4, 95, ""), "there is no offer none"),
        (Order("gloves at a", "near", -1, 4, 95, ""), "outside the horizon"),
    ):
        verdict = check(problem, replace(right, orders=(order,)))
        assert not verdict.feasible
        assert any(said in finding for finding in verdict.findings), said


def test_the_checker_runs_where_neither_numpy_nor_ortools_is() -> None:
    script = (
        "import sys; sys.modules.update(numpy=None, ortools=None);"
        "import optimizer.reorder.horizon.proof, optimizer.reorder.horizon.reading"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    tree = ast.parse(Path(check_module.__file__).read_text(encoding="utf-8"))
    called = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not called & {"usable", "most_on_hand", "least_orders"}, "the checker restates these"
