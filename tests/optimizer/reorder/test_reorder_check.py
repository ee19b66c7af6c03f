"""The checker sees every planted fault, and passes what is right."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optimizer.reorder import check as check_module
from optimizer.reorder.assemble import assemble
from optimizer.reorder.check import check
from optimizer.reorder.model import reorder
from optimizer.reorder.order import index, score
from optimizer.reorder.plan import LeftOut, Plan
from optimizer.reorder.problem import Contract, Offer, Problem, Shortage, Tier

TIERS = (Tier(1, 100), Tier(10, 90))
GIVEN = Problem(
    budget_minor=3000,
    shortages=(
        Shortage("gloves", 1, 100, 120, 30),
        Shortage("masks", 2, 55, 80),
        Shortage("soap", 3, 40, 60),
        Shortage("tape", 4, 5, 9),
    ),
    contracts=(Contract("north", 500, 2000), Contract("south", 700, 2000)),
    offers=(
        Offer("north", "gloves", 10, 2, 2, 12, 5, TIERS),
        Offer("north", "masks", 10, 1, 1, 8, 5, TIERS),
        Offer("south", "masks", 5, 2, 1, 30, 5, TIERS),
        Offer("south", "soap", 10, 1, 1, 30, 5, (Tier(1, 200),)),
        Offer("south", "paper", 10, 1, 1, 30, 5, (Tier(1, 200),)),
    ),
)
RIGHT = reorder(GIVEN)
UNNEEDED = "covers 0 of 100 missing units; tier from 10 packs at 0.90"
Mutant = Callable[[Plan], Plan]


def line(at: int, **changes: Any) -> Mutant:
    return lambda plan: replace(
        plan, lines=tuple(replace(row, **changes) if n == at else row for n, row in enumerate(plan.lines))
    )


def stage(at: int, *, value: int = 0, bound: int = 0) -> Mutant:
    def change(plan: Plan) -> Plan:
        rows = list(plan.stages)
        rows[at] = replace(rows[at], value=rows[at].value + value, bound=rows[at].bound + bound)
        return replace(plan, stages=tuple(rows))

    return change


def unproven(at: int, *, bound: int) -> Mutant:
    def change(plan: Plan) -> Plan:
        rows = list(plan.stages)
        rows[at] = replace(rows[at], bound=bound, proven=False)
        return replace(plan, stages=tuple(rows), status="FEASIBLE")

    return change


def head(**changes: Any) -> Mutant:
    return lambda plan: replace(plan, **changes)


def packs(**changes: int) -> Mutant:
    """A plan that adds up in every figure and claims to be optimal, but orders other packs."""

    def change(plan: Plan) -> Plan:
        count = {(row.contract, row.item): row.packs for row in plan.lines}
        count.update({(key.split("_")[0], key.split("_")[1]): many for key, many in changes.items()})
        data = index(GIVEN)
        return assemble(data, count, score(data, {key: many for key, many in count.items() if many}))

    return change


REPORTS: dict[str, Mutant] = {
    "another problem": head(problem_digest="0" * 64),
    "status lowered": head(status="FEASIBLE"),
    "spend": head(spend_minor=RIGHT.spend_minor - 1),
    "nothing uncovered": head(uncovered=()),
    "uncovered units": lambda p: replace(p, uncovered=(replace(p.uncovered[0], units=1), *p.uncovered[1:])),
    "nothing left out": head(left_out=()),
    "false excuse": lambda p: replace(p, left_out=tuple(LeftOut(r.item, "it is dear") for r in p.left_out)),
    "empty excuse": lambda p: replace(p, left_out=tuple(LeftOut(r.item, "") for r in p.left_out)),
    "stage missing": lambda p: replace(p, stages=p.stages[:-1]),
    "proof kept back": unproven(4, bound=RIGHT.stages[4].value),
    "unproven bound above": unproven(4, bound=RIGHT.stages[4].value + 1),
    "unproven bound below zero": unproven(4, bound=-1),
    "units": line(0, units=1),
    "price": line(0, pack_price_minor=1),
    "cost": line(0, cost_minor=1),
    "covers": line(0, covers_units=1),
    "reason": line(0, reason="it is wanted"),
    "packs alone": line(0, packs=RIGHT.lines[0].packs + 2),
    "no packs": line(0, packs=0),
    "packs as a float": line(0, packs=float(RIGHT.lines[0].packs)),
    "unknown contract": line(0, contract="west"),
    "not offered": line(0, item="tape"),
    "not short": lambda p: replace(p, lines=(*p.lines, replace(p.lines[0], contract="south", item="paper"))),
    "line twice": lambda p: replace(p, lines=(p.lines[0], *p.lines)),
    "line twice, covering nothing": lambda p: replace(
        p, lines=(p.lines[0], replace(p.lines[0], covers_units=0, reason=UNNEEDED), *p.lines[1:])
    ),
    "line lost": lambda p: replace(p, lines=p.lines[1:]),
    "lines turned": lambda p: replace(p, lines=p.lines[::-1]),
    **{f"value of stage {n}": stage(n, value=1) for n in range(7)},
    **{f"value and bound of stage {n}": stage(n, value=1, bound=1) for n in range(7)},
    **{f"bound above value in stage {n}": stage(n, bound=1) for n in range(7)},
}
BROKEN: dict[str, Mutant] = {
    "14 packs are above the maximum of 12": packs(north_gloves=14),
    "9 packs are no multiple of 2": packs(north_gloves=9),
    "1 packs are below the minimum of 2": packs(south_masks=1),
    "masks: 90 units are more than the most of 80": packs(north_masks=8, south_masks=2),
    "contract south: 600 is below its minimum order of 700": packs(south_masks=0, south_soap=3),
    "contract south: 2100 is above what its ceiling leaves, 2000": packs(
        north_gloves=6, north_masks=0, south_masks=9, south_soap=6
    ),
    "spend of 3080 is above the budget of 3000": packs(north_gloves=12, north_masks=8, south_masks=0, south_soap=6),
}
WORSE: dict[str, Mutant] = {
    "tier 1 left short": packs(north_gloves=8),
    "nothing from the south": packs(south_masks=0, south_soap=0),
    "masks one short": packs(north_masks=5),
    "soap one too many": packs(south_soap=5),
    "masks from two contracts": packs(north_masks=4, south_masks=4),
    "gloves too many": packs(north_gloves=12),
}


def test_the_right_plan_is_accepted() -> None:
    assert check(GIVEN, RIGHT).findings == ()
    assert check(GIVEN, RIGHT).accepted
    assert len(RIGHT.lines) >= 3
    assert RIGHT.uncovered


@pytest.mark.parametrize("name", REPORTS)
def test_a_false_report_is_found(name: str) -> None:
    mutant = REPORTS[name](RIGHT)
    assert mutant.canonical() != RIGHT.canonical()
    assert not check(GIVEN, mutant).accepted


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_called_infeasible(name: str) -> None:
    verdict = check(GIVEN, BROKEN[name](RIGHT))
    assert not verdict.feasible
    assert any(name in finding for finding in verdict.findings)


@pytest.mark.parametrize("name", WORSE)
def test_a_plan_called_optimal_with_a_better_one_a_line_away_is_found(name: str) -> None:
    verdict = check(GIVEN, WORSE[name](RIGHT))
    assert verdict.feasible
    assert any("would be better" in finding for finding in verdict.findings)


def test_a_dearer_price_tier_that_buys_less_is_found() -> None:
    given = Problem(
        9999, (Shortage("a", 1, 9, 20),), (Contract("c", 0, 9999),), (Offer("c", "a", 1, 1, 1, 20, 1, TIERS[:1]),)
    )
    cheaper = replace(given, offers=(replace(given.offers[0], tiers=(Tier(1, 100), Tier(12, 50))),))
    data = index(cheaper)
    nine = {("c", "a"): 9}
    assert any("12 instead of 9" in one for one in check(cheaper, assemble(data, nine, score(data, nine))).findings)


def test_the_checker_knows_neither_the_solver_nor_the_model() -> None:
    tree = ast.parse(Path(check_module.__file__).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name for name in names if name and name.startswith("optimizer")} == {
        "optimizer.reorder.plan",
        "optimizer.reorder.problem",
    }
    assert not any(name and name.startswith("ortools") for name in names)
    assert not any(isinstance(node, ast.Import) for node in ast.walk(tree))
