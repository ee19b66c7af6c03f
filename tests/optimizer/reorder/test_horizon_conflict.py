"""Where not every need can be served, the fewest clauses that conflict are named, and the cheapest way out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimizer.__main__ import main
from optimizer.reorder.horizon.conflict import Asked, Finding, Way, exceeded
from optimizer.reorder.horizon.infeasible import find_conflicts
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.plan import UNSERVED
from optimizer.reorder.horizon.problem import (
    Budget,
    Capacity,
    Ceiling,
    Inbound,
    Line,
    Lot,
    Offer,
    Problem,
    Reservation,
    Share,
    Storage,
    Tier,
)
from tests.optimizer.reorder.conflict_brute_force import truth

SECONDS = 60.0


def line(**changes: object) -> Line:
    """Ten units wanted in week 1 that must be served; one offer at 10 minor units, a week away."""
    offer = Offer("only", "S", "K", (Tier(1, 10),), 1)
    given = Line("a", "p", "m", "dry", 2, (0, 10, 0), 4, 0, 0, None, (offer,))
    return replace(given, **changes)  # type: ignore[arg-type]


def offer(**changes: object) -> tuple[Offer, ...]:
    return (replace(line().offers[0], **changes),)  # type: ignore[arg-type]


CASES = {
    "budget of m weeks 0 to 2": (line(), {"budgets": (Budget("m", 0, 2, 70),)}, 30, "minor units", 30),
    "ceiling of contract K": (line(), {"ceilings": (Ceiling("K", 95),)}, 5, "minor units", 5),
    "capacity of S": (line(), {"capacities": (Capacity("S", (8, 0, 9)),)}, 12, "volume", 60),
    "reservation of m for p in contract K": (
        line(),
        {"reservations": (Reservation("K", "p", "m", 7),)},
        3,
        "units",
        30,
    ),
    "share of S in p": (line(), {"shares": (Share("S", "p", 600),)}, 4, "units", 40),
    "offer only of a": (line(offers=offer(most_units=4)), {}, 6, "units", 60),
    "calendar of offer only of a": (line(offers=offer(order_weeks=(1, 2))), {}, 10, "units", 100),
}


@pytest.mark.parametrize("clause", CASES)
def test_a_clause_that_alone_keeps_a_need_from_being_served_is_named_with_how_much_it_lacks(clause: str) -> None:
    one, clauses, amount, unit, cost = CASES[clause]
    found = find_conflicts(Problem(3, (one,), **clauses), limit_seconds=SECONDS)  # type: ignore[arg-type]
    assert found.servable is False
    assert [(told.clauses, told.smallest) for told in found.conflicts] == [((clause,), True)]
    assert found.relaxation == (Way(clause, amount, unit, cost),)
    assert found.conflicts[0].alone == found.relaxation
    assert found.at_least_minor == found.cost_minor == cost


def test_two_clauses_that_exclude_one_another_are_named_together_and_each_way_out_is_priced() -> None:
    """Five units stay for week 2; the store has room for two of them, or the calendar must open once more."""
    one = line(demand=(0, 5, 5), offers=offer(order_weeks=(0,)))
    problem = Problem(3, (one,), storages=(Storage("dry", (0, 4, 0)),))
    found = find_conflicts(problem, limit_seconds=SECONDS)
    assert [set(told.clauses) for told in found.conflicts] == [{"calendar of offer only of a", "storage dry"}]
    assert {way.clause: (way.amount, way.cost_minor) for way in found.conflicts[0].alone} == {
        "calendar of offer only of a": (3, 30),
        "storage dry": (6, 30),
    }
    assert found.cost_minor == 30


def test_a_least_order_that_the_budget_cannot_pay_is_seen_though_the_need_itself_could_be_paid() -> None:
    one = line(offers=offer(minimum_units=15, multiple_units=5))
    found = find_conflicts(Problem(3, (one,), budgets=(Budget("", 0, 2, 120),)), limit_seconds=SECONDS)
    assert [set(told.clauses) for told in found.conflicts] == [
        {"budget of all weeks 0 to 2", "minimum order of offer only of a"}
    ]
    assert {way.clause: way.amount for way in found.conflicts[0].alone} == {
        "budget of all weeks 0 to 2": 30,
        "minimum order of offer only of a": 3,
    }
    assert found.cost_minor == 30


def test_the_least_order_under_a_contract_conflicts_with_its_ceiling() -> None:
    problem = Problem(3, (line(later_demand=9),), ceilings=(Ceiling("K", 150),))
    found = find_conflicts(problem, Asked(minimums=(("K", 200),)), limit_seconds=SECONDS)
    assert [set(told.clauses) for told in found.conflicts] == [{"ceiling of contract K", "minimum order of contract K"}]
    assert found.cost_minor == 50


def test_a_floor_that_stock_and_budget_cannot_fill_is_named_as_the_floor() -> None:
    """Of the ten units wanted, four are a floor's: the budget pays for seven."""
    problem = Problem(3, (line(unmet_minor=3),), budgets=(Budget("", 0, 2, 70),))
    asked = Asked(lines=("a",), floors=(("a", (0, 4, 0)),))
    found = find_conflicts(problem, asked, limit_seconds=SECONDS)
    assert [set(told.clauses) for told in found.conflicts] == [{"budget of all weeks 0 to 2", "floor of a"}]
    assert found.relaxation == (Way("floor of a", 3, "units", 9),), "as it is told, an unmet unit costs 3"


def test_stock_that_may_not_fall_below_the_floor_asks_for_more() -> None:
    problem = Problem(3, (line(floor=2, later_demand=2),), ceilings=(Ceiling("K", 100),))
    assert find_conflicts(problem, limit_seconds=SECONDS).servable is True
    found = find_conflicts(problem, Asked(keep_floors=True), limit_seconds=SECONDS)
    assert [set(told.clauses) for told in found.conflicts] == [{"ceiling of contract K", "floor of a"}]
    assert found.relaxation == (Way("ceiling of contract K", 20, "minor units", 20),)


def test_two_conflicts_that_share_nothing_are_both_named() -> None:
    other = line(id="b", product="q", offers=offer(contract="L", supplier="T"))
    problem = Problem(3, (line(), other), ceilings=(Ceiling("K", 90), Ceiling("L", 80)))
    found = find_conflicts(problem, limit_seconds=SECONDS)
    assert sorted(told.clauses for told in found.conflicts) == [("ceiling of contract K",), ("ceiling of contract L",)]
    assert found.cost_minor == 30


def test_what_no_change_of_a_clause_can_serve_is_told_apart() -> None:
    late = line(demand=(4, 10, 0), stock=(Lot(1, 3),))
    alone = line(id="b", offers=(), inbound=(Inbound(2, 3),), demand=(0, 2, 4))
    found = find_conflicts(Problem(3, (late, alone)), limit_seconds=SECONDS)
    assert found.servable is True, "the rest can be served"
    assert [(one.line, one.units, one.reason) for one in found.beyond] == [
        ("a", 3, "the quickest order arrives in week 1"),
        ("b", 3, "nobody offers it"),
    ]


def random_problem(seed: int) -> Problem:
    """Two lines of two weeks with all kinds of clauses, small enough to try every order."""
    random = np.random.default_rng(seed)

    def number(low: int, high: int) -> int:
        return int(random.integers(low, high))

    def one(name: str) -> Line:
        tiers = (Tier(1, number(6, 9)), Tier(3, number(3, 6)))[: number(1, 3)]
        calendar = ((), (0,), (1,))[number(0, 3)]
        most = number(1, 5) if random.random() < 0.3 else None
        sold = Offer("o", "S", "K", tiers, number(0, 2), number(1, 4), number(1, 3), 0, 1, calendar, most)
        stock, demand = (Lot(number(0, 3), number(0, 3)),), (number(0, 3), number(0, 4))
        return Line(name, "p", name, "dry", number(1, 3), demand, number(2, 4), 0, 0, None, (sold,), stock)

    return Problem(
        2,
        (one("x"), one("y")),
        capacities=(Capacity("S", (number(3, 14), number(3, 14))),),
        storages=(Storage("dry", (number(0, 6), number(0, 6))),),
        budgets=(Budget("", 0, 1, number(15, 60)),),
        ceilings=(Ceiling("K", number(15, 60)),),
        reservations=(Reservation("K", "p", "x", number(1, 7)),),
    )


def test_conflicts_and_the_cheapest_way_out_are_those_found_by_trying_everything() -> None:
    kinds = []
    for seed in range(30):
        problem = random_problem(seed)
        true = truth(problem, Asked())
        found = find_conflicts(problem, limit_seconds=SECONDS)
        assert found.servable is (true.fewest == 0), seed
        assert found.cost_minor == true.cost_minor, seed
        assert found.at_least_minor <= true.cost_minor, seed
        for told in found.conflicts:
            names = frozenset(told.clauses)
            assert told.smallest
            assert true.conflicting(names), seed
            assert not any(true.conflicting(names - {name}) for name in names), seed
        if found.conflicts:
            assert len(found.conflicts[0].clauses) == true.fewest, seed
        kinds.append(true.fewest)
    assert {0, 1, 2} <= set(kinds), "all kinds were tried"


def relaxed(problem: Problem, found: Finding) -> Problem:
    """The problem with the clauses changed by as much as is told."""
    more = {way.clause: way.amount for way in found.relaxation}
    budgets = (replace(one, minor=one.minor + more.get("budget of all weeks 0 to 2", 0)) for one in problem.budgets)
    ceilings = (replace(one, minor=one.minor + more.get("ceiling of contract K", 0)) for one in problem.ceilings)
    return replace(problem, budgets=tuple(budgets), ceilings=tuple(ceilings))


def test_the_planner_serves_all_once_the_clauses_give_as_much_and_not_with_one_less() -> None:
    problem = Problem(3, (line(), line(id="b")), ceilings=(Ceiling("K", 150),), budgets=(Budget("", 0, 2, 130),))
    found = find_conflicts(problem, limit_seconds=SECONDS)
    assert plan_horizon(problem, rounds=10).status == UNSERVED
    changed = relaxed(problem, found)
    assert plan_horizon(changed, rounds=10).status != UNSERVED
    less = replace(changed, ceilings=(replace(changed.ceilings[0], minor=changed.ceilings[0].minor - 1),))
    assert plan_horizon(less, rounds=10).status == UNSERVED
    assert exceeded(changed, Asked(), found.orders) == ()


def test_the_command_prints_it_and_ends_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "problem.json"
    file.write_bytes(Problem(3, (line(),), ceilings=(Ceiling("K", 95),)).canonical())
    assert main(["conflict-reorder", str(file)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["conflicts"][0]["clauses"] == ["ceiling of contract K"]
    assert told["relaxation"][0]["amount"] == 5
    file.write_bytes(Problem(3, (line(),)).canonical())
    assert main(["conflict-reorder", str(file), "--floors"]) == 0
    file.write_text("{}")
    assert main(["conflict-reorder", str(file)]) == 2


def test_of_a_large_problem_only_what_a_known_plan_misses_is_looked_at_and_nothing_untrue_is_said() -> None:
    """With other lines' orders standing a way out may be dearer than need be; a conflict is one in earnest."""
    seen = several = 0
    for seed in range(30):
        problem = random_problem(seed)
        plan = plan_horizon(problem, rounds=20)
        missed = tuple(one.line for one in plan.services if one.unmet)
        asked = Asked(missed=missed, standing=plan.orders)
        true, found = truth(problem, Asked()), find_conflicts(problem, asked, limit_seconds=SECONDS)
        assert not found.relaxation or found.cost_minor >= true.cost_minor >= found.at_least_minor, seed
        assert all(true.conflicting(frozenset(told.clauses)) for told in found.conflicts), seed
        assert found.servable is not True or true.fewest == 0, seed
        for told in found.conflicts:
            names = frozenset(told.clauses)
            assert not told.minimal or not any(true.conflicting(names - {name}) for name in names), seed
            assert told.minimal or not told.smallest
        assert not found.conflicts or not found.conflicts[0].smallest or len(names_of(found)) == true.fewest, seed
        several += bool(found.conflicts) and len(names_of(found)) > 1 and found.conflicts[0].smallest
        seen += bool(found.conflicts) and len(missed) == 1
    assert seen >= 3, "the other line's orders stand"
    assert several >= 1, "a smallest conflict of several clauses is proven of a large problem too"


def names_of(found: Finding) -> tuple[str, ...]:
    """The clauses of the first conflict told."""
    return found.conflicts[0].clauses
