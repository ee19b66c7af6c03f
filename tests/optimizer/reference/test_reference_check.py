"""The checker sees every kind of broken limit, and measures as the format says."""

from __future__ import annotations

import dataclasses
import random

import pytest
from reference_instances import problem_of, simulated

from optimizer.reference.check import check
from optimizer.reference.fields import FormatError
from optimizer.reference.limits import lines_of, network_of
from optimizer.reference.model import solve
from optimizer.reference.plan import Line, Plan, plan_from_json
from optimizer.reference.problem import Problem
from optimizer.reference.quick import quick_lines

PROBLEM = problem_of(simulated(7, 12, 8))


@pytest.fixture(scope="module")
def plan() -> Plan:
    network = network_of(PROBLEM)
    return Plan(PROBLEM.name, lines_of(network, solve(network).quantities))


def with_lines(plan: Plan, *lines: Line) -> Plan:
    return dataclasses.replace(plan, lines=lines)


def test_every_line_made_much_larger_breaks_a_limit(plan: Plan) -> None:
    for at, line in enumerate(plan.lines):
        more = dataclasses.replace(line, quantity=line.quantity + PROBLEM.lots[line.lot].quantity + 1)
        verdict = check(PROBLEM, with_lines(plan, *plan.lines[:at], more, *plan.lines[at + 1 :]))
        assert any(words.startswith(f"lot {line.lot}: ") for words in verdict.violations)


def test_a_line_given_twice_adds_up(plan: Plan) -> None:
    line = max(plan.lines, key=lambda one: one.quantity / PROBLEM.lots[one.lot].quantity)
    verdict = check(PROBLEM, with_lines(plan, line, line))
    assert not verdict.feasible
    assert verdict.lines == 2


def test_each_kind_of_broken_limit_is_named(plan: Plan) -> None:
    line = plan.lines[0]
    lot = PROBLEM.lots[line.lot]
    lane = PROBLEM.lanes[lot.depot, line.municipality]
    broken = {
        "demand": {"demands": {**PROBLEM.demands, (line.municipality, lot.item): 0.0}},
        "lane": {"lanes": {**PROBLEM.lanes, (lot.depot, line.municipality): dataclasses.replace(lane, capacity=0.0)}},
        "depot": {"depots": {**PROBLEM.depots, lot.depot: 0.0}},
        f"lot {line.lot}": {"lots": {**PROBLEM.lots, line.lot: dataclasses.replace(lot, quantity=0.0)}},
    }
    for kind, change in broken.items():
        other = dataclasses.replace(PROBLEM, **change)  # type: ignore[arg-type]
        assert any(words.startswith(kind) for words in check(other, plan).violations), kind


def test_a_lot_that_expires_too_soon_may_not_be_given(plan: Plan) -> None:
    line = next(one for one in plan.lines if PROBLEM.lots[one.lot].expiry_day is not None)
    lot = dataclasses.replace(PROBLEM.lots[line.lot], expiry_day=PROBLEM.min_shelf_life_days)
    other = dataclasses.replace(PROBLEM, lots={**PROBLEM.lots, line.lot: lot})
    assert any("too soon" in words for words in check(other, plan).violations)


def test_a_pair_without_a_lane_and_a_negative_quantity_are_refused(plan: Plan) -> None:
    lot = plan.lines[0].lot
    stranger = next(town for town in PROBLEM.municipalities if (PROBLEM.lots[lot].depot, town) not in PROBLEM.lanes)
    assert "no lane leads" in check(PROBLEM, with_lines(plan, Line(lot, stranger, 1.0))).violations[0]
    assert (
        "negative" in check(PROBLEM, with_lines(plan, dataclasses.replace(plan.lines[0], quantity=-1.0))).violations[0]
    )


def test_rounding_within_the_tolerance_is_no_violation_and_beyond_it_is(plan: Plan) -> None:
    line = plan.lines[0]
    lot = dataclasses.replace(PROBLEM.lots[line.lot], quantity=line.quantity)
    other = dataclasses.replace(PROBLEM, lots={**PROBLEM.lots, line.lot: lot})
    scale = max(1.0, line.quantity)
    for part, feasible in ((0.9e-6, True), (1.1e-6, False)):
        moved = Line(line.lot, line.municipality, line.quantity + part * scale)
        lots = [words for words in check(other, with_lines(plan, moved)).violations if words.startswith("lot")]
        assert (not lots) is feasible


def test_an_empty_plan_is_feasible_and_serves_nobody() -> None:
    verdict = check(PROBLEM, Plan(PROBLEM.name, ()))
    assert verdict.feasible
    assert (verdict.min_service, verdict.weighted_served, verdict.cost) == (0, 0, 0)
    assert verdict.units_expiring_soon_left == verdict.units_expiring_soon > 0


@pytest.mark.parametrize("whole_packs", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_the_plan_without_a_solver_is_always_feasible(seed: int, whole_packs: bool) -> None:
    problem = problem_of(simulated(4, 15, 10, seed=seed))
    verdict = check(problem, Plan(problem.name, quick_lines(problem, whole_packs=whole_packs)))
    assert verdict.violations == ()
    assert verdict.weighted_served > 0
    assert not (whole_packs and verdict.lines_not_whole_packs)


def test_a_written_plan_reads_back_as_it_was(plan: Plan) -> None:
    read = plan_from_json(plan.canonical(), dataclasses.replace(PROBLEM, sha256=""))
    assert read.lines == plan.lines


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        (b'"allocations"', b'"allocation"', "allocations"),
        (b"stockpile-allocation-solution/1", b"stockpile-allocation-solution/9", "format"),
        (b'"problem":"simulated', b'"problem":"other', "problem"),
        (b'"lot":"lot-', b'"lot":"strange-', "allocations[0].lot"),
        (b'"municipality":"town', b'"municipality":"city', "allocations[0].municipality"),
        (b'"quantity":', b'"quantity":NaN,"was":', "allocations[0]"),
        (b'"quantity":', b'"quantity":true,"lot2":', "allocations[0]"),
        (b'"allocations":[', b'"allocations":[7,', "allocations[0]"),
        (b'"certificates":[', b'"certificates":[{}],"was":[', "certificates[0]"),
    ],
)
def test_a_malformed_plan_is_refused_by_its_field(plan: Plan, old: bytes, new: bytes, field: str) -> None:
    text = dataclasses.replace(plan, problem_sha256=PROBLEM.sha256).canonical()
    assert old in text
    with pytest.raises(FormatError, match=field.replace("[", r"\[")):
        plan_from_json(text.replace(old, new), PROBLEM)


def test_random_mutants_that_break_a_limit_are_never_called_feasible(plan: Plan) -> None:
    """Mutants against a second opinion: each limit summed up anew, in fractions of nothing but the problem's dicts."""
    chance = random.Random(3)
    broken = 0
    for _ in range(300):
        lines = list(plan.lines)
        at = chance.randrange(len(lines))
        line = lines[at]
        town = chance.choice(list(PROBLEM.municipalities))
        lot = chance.choice([line.lot, chance.choice(list(PROBLEM.lots))])
        lines[at] = Line(lot, chance.choice([line.municipality, town]), line.quantity * chance.choice([0.5, 1, 1.01]))
        mutant = with_lines(plan, *lines)
        broken += not second_opinion(PROBLEM, mutant)
        assert check(PROBLEM, mutant).feasible is second_opinion(PROBLEM, mutant)
    assert broken > 100


def second_opinion(problem: Problem, plan: Plan) -> bool:
    """Whether each sum over the lines stays within its limit, one limit at a time."""
    for line in plan.lines:
        lane = problem.lanes.get((problem.lots[line.lot].depot, line.municipality))
        if lane is None or not problem.eligible(problem.lots[line.lot], lane):
            return False

    def held(limit: float, *amounts: float) -> bool:
        return sum(amounts) <= limit + 1e-6 * max(1, limit)

    def litres(line: Line) -> float:
        return line.quantity * problem.items[problem.lots[line.lot].item].unit_volume

    stock = {name: lot.quantity for name, lot in problem.lots.items()}
    lots = all(held(stock[name], *(x.quantity for x in plan.lines if x.lot == name)) for name in stock)
    depots = all(
        held(limit, *(litres(x) for x in plan.lines if problem.lots[x.lot].depot == name))
        for name, limit in problem.depots.items()
    )
    lanes = all(
        held(lane.capacity, *(litres(x) for x in plan.lines if (problem.lots[x.lot].depot, x.municipality) == ends))
        for ends, lane in problem.lanes.items()
    )
    pairs = {(x.municipality, problem.lots[x.lot].item) for x in plan.lines}
    demands = all(
        held(
            problem.demands.get(pair, 0.0),
            *(x.quantity for x in plan.lines if (x.municipality, problem.lots[x.lot].item) == pair),
        )
        for pair in pairs
    )
    return lots and depots and lanes and demands
