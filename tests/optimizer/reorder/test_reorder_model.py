"""What the reorder plan promises, on problems small enough to reason about and on one of the realistic size."""

from __future__ import annotations

import pytest
from ortools.sat.python import cp_model
from reorder_brute_force import best_score
from reorder_instances import realistic, tiny

from optimizer.reorder import model
from optimizer.reorder.baselines import order_up_to
from optimizer.reorder.check import check
from optimizer.reorder.model import ReorderError, reorder
from optimizer.reorder.plan import FEASIBLE, OPTIMAL, STAGES, Plan, plan_from_json
from optimizer.reorder.problem import Contract, Offer, Problem, Shortage, Tier, problem_from_json

NO_LIMIT = 10**9
TINY = 300


def offer(contract: str, item: str, *tiers: tuple[int, int], size: int = 1, least: int = 1, step: int = 1) -> Offer:
    return Offer(contract, item, size, least, step, 10**6, 7, tuple(Tier(*tier) for tier in tiers))


def problem(shortages: list[Shortage], offers: list[Offer], *, budget: int = NO_LIMIT, minimum: int = 0) -> Problem:
    contracts = tuple(Contract(one, minimum, NO_LIMIT) for one in sorted({row.contract for row in offers}))
    return Problem(budget, tuple(shortages), contracts, tuple(offers))


def ordered(plan: Plan) -> dict[tuple[str, str], int]:
    return {(line.contract, line.item): line.packs for line in plan.lines}


def solved(given: Problem) -> Plan:
    plan = reorder(given)
    assert check(given, plan).findings == ()
    return plan


@pytest.mark.parametrize("block", range(6))
def test_the_plan_is_as_good_as_the_best_of_all_orders_of_a_tiny_problem(block: int) -> None:
    for seed in range(block, TINY, 6):
        given = tiny(seed)
        plan = solved(given)
        assert plan.status == OPTIMAL, seed
        assert tuple(stage.value for stage in plan.stages) == best_score(given)[0], seed


def test_the_tiny_problems_are_not_trivial() -> None:
    scores, looked_at = zip(*(best_score(tiny(seed)) for seed in range(TINY)), strict=True)
    assert sum(looked_at) > 50_000
    assert sum(score[6] > 1 for score in scores) > TINY // 4
    assert sum(any(score[:4]) for score in scores) > TINY // 4


def test_ten_packs_are_ordered_where_nine_would_cost_more() -> None:
    plan = solved(problem([Shortage("gloves", 1, 9, 20)], [offer("c", "gloves", (1, 500), (10, 400))]))
    assert ordered(plan) == {("c", "gloves"): 10}
    assert plan.spend_minor == 4000
    assert "1 pack more than needed because 9 packs would cost as much or more" in plan.lines[0].reason


def test_nine_packs_are_ordered_where_more_may_not_be_kept() -> None:
    plan = solved(problem([Shortage("gloves", 1, 9, 9)], [offer("c", "gloves", (1, 500), (10, 400))]))
    assert ordered(plan) == {("c", "gloves"): 9}


def test_two_items_share_the_dearer_contract_whose_minimum_order_they_reach_together() -> None:
    items = [Shortage("gloves", 1, 10, 10), Shortage("masks", 1, 10, 10)]
    offers = [offer("cheap", "gloves", (1, 90)), offer("dear", "gloves", (1, 100)), offer("dear", "masks", (1, 100))]
    plan = solved(problem(items, offers, minimum=1500))
    assert ordered(plan) == {("dear", "gloves"): 10, ("dear", "masks"): 10}


def test_packs_are_added_to_reach_a_minimum_order_and_the_line_says_so() -> None:
    given = problem([Shortage("gloves", 1, 10, 30, 4)], [offer("c", "gloves", (1, 371))], minimum=24 * 371)
    assert solved(given).lines[0].reason == (
        "covers 10 of 10 missing units, 4 of them unmet in the surge; tier from 1 pack at 3.71; "
        "14 packs more than needed to reach the contract's minimum order"
    )


def test_a_contract_whose_minimum_order_cannot_be_reached_stays_unused_and_the_plan_says_so() -> None:
    plan = solved(problem([Shortage("gloves", 1, 10, 10)], [offer("c", "gloves", (1, 100))], minimum=1001))
    assert plan.lines == ()
    assert plan.left_out[0].reason == "contract c: below its minimum order of 10.01"


def test_a_short_budget_cuts_the_lower_tiers_first() -> None:
    items = [Shortage("bandages", 4, 10, 10), Shortage("insulin", 1, 10, 10), Shortage("masks", 2, 10, 10)]
    offers = [offer("c", "bandages", (1, 1)), offer("c", "insulin", (1, 100)), offer("c", "masks", (1, 50))]
    plan = solved(problem(items, offers, budget=1200))
    assert ordered(plan) == {("c", "insulin"): 10, ("c", "masks"): 4}
    assert dict.fromkeys(row.item for row in plan.left_out) == dict.fromkeys(["bandages", "masks"])
    assert plan.left_out[0].reason == "contract c: the budget of 12.00 is used up by higher tiers"


def test_within_a_tier_an_item_of_few_units_weighs_as_much_as_one_of_many() -> None:
    items = [Shortage("gauze", 1, 1_000_000, 1_000_000), Shortage("ventilators", 1, 2, 2)]
    offers = [offer("c", "gauze", (1, 1), size=100), offer("c", "ventilators", (1, 4000))]
    assert ordered(solved(problem(items, offers, budget=8000))) == {("c", "ventilators"): 2}


def test_the_item_with_unmet_surge_need_comes_before_its_neighbour_in_the_tier() -> None:
    items = [Shortage("a", 1, 10, 10), Shortage("b", 1, 10, 10, 5)]
    plan = solved(problem(items, [offer("c", "a", (1, 100)), offer("c", "b", (1, 100))], budget=500))
    assert ordered(plan) == {("c", "b"): 5}


def test_millions_of_units_and_dear_packs_do_not_overflow() -> None:
    items = [Shortage(f"i{n}", 1, 999_999_937, 10**9, 999_999_937) for n in range(3)]
    offers = [offer("c", f"i{n}", (1, 9_999), size=7) for n in range(3)]
    given = Problem(10**13, tuple(items), (Contract("c", 0, 10**13),), tuple(offers))
    assert solved(given).spend_minor == 3 * 9_999 * 10**6  # the offer's maximum of a million packs
    assert not any(stage.value < 0 for stage in solved(given).stages)


@pytest.mark.parametrize(
    ("items", "offers", "reason"),
    [
        ([Shortage("a", 1, 5, 5)], [], "no contract offers it"),
        (
            [Shortage("a", 1, 5, 9)],
            [offer("c", "a", (1, 9), size=10)],
            "contract c: 1 pack of 10 would pass the 9 units",
        ),
        ([Shortage("a", 1, 5, 5)], [offer("c", "a", (1, 99))], "contract c: the budget of 0.50 is below the smallest"),
    ],
)
def test_an_item_left_out_says_why(items: list[Shortage], offers: list[Offer], reason: str) -> None:
    plan = solved(problem(items, offers, budget=50))
    assert plan.left_out[0].reason.startswith(reason)
    assert (plan.uncovered[0].item, plan.uncovered[0].units) == ("a", 5)


def test_nothing_short_means_nothing_ordered() -> None:
    plan = solved(problem([], [offer("c", "a", (1, 9))]))
    assert (plan.status, plan.lines, plan.spend_minor) == (OPTIMAL, (), 0)


def test_the_same_problem_gives_the_same_bytes_even_when_its_rows_are_shuffled() -> None:
    given = tiny(7)
    shuffled = Problem(given.budget_minor, given.shortages[::-1], given.contracts[::-1], given.offers[::-1])
    first, again, other = reorder(given), reorder(given), reorder(shuffled)
    assert first.canonical() == again.canonical()
    assert first.lines == other.lines
    assert plan_from_json(first.canonical()) == first
    assert problem_from_json(given.canonical()) == given


def test_the_realistic_size_is_solved_within_the_limit_and_the_same_each_time() -> None:
    given = realistic(1, budget_share=0.6)
    plan, peers = solved(given), order_up_to(given)
    assert [stage.name for stage in plan.stages] == list(STAGES)
    assert all(stage.proven for stage in plan.stages[:6])
    assert tuple(s.value for s in plan.stages) < tuple(s.value for s in peers.stages)
    assert plan.canonical() == reorder(given).canonical()


def test_a_search_cut_short_says_feasible_with_bound_and_gap() -> None:
    given = realistic(2, budget_share=0.3)
    plan = reorder(given, deterministic_limit=0.1)
    assert check(given, plan).findings == ()
    assert plan.status == FEASIBLE
    assert any(not stage.proven and stage.gap > 0 for stage in plan.stages)


def test_a_bound_of_a_search_cut_short_is_never_above_the_best_order() -> None:
    for seed in range(0, TINY, 3):
        given = tiny(seed)
        plan = reorder(given, deterministic_limit=2e-4)
        assert check(given, plan).findings == ()
        for stage, best in zip(plan.stages, best_score(given)[0], strict=True):
            assert stage.bound <= best <= stage.value, seed
            if not stage.proven:
                break  # the later bounds hold for the plans as good as this one, not for the best


def test_a_search_with_no_time_at_all_still_answers_lawfully() -> None:
    given = realistic(2, budget_share=0.3)
    plan = reorder(given, deterministic_limit=0.0)
    assert check(given, plan).findings == ()
    assert plan.status == FEASIBLE


@pytest.mark.parametrize("status", [cp_model.INFEASIBLE, cp_model.MODEL_INVALID])
def test_a_status_that_cannot_be_is_an_error(monkeypatch: pytest.MonkeyPatch, status: object) -> None:
    solve = model._solve
    monkeypatch.setattr(model, "_solve", lambda *args, **limits: (solve(*args, **limits)[0], status))
    with pytest.raises(ReorderError, match="tier 1"):
        reorder(tiny(1))


def test_peers_order_up_to_plans_are_lawful_and_never_better() -> None:
    for given in [*map(tiny, range(TINY)), realistic(3)]:
        assert check(given, order_up_to(given)).findings == ()
    for given in map(tiny, range(60)):
        ours, peers = reorder(given), order_up_to(given)
        assert tuple(s.value for s in ours.stages) <= tuple(s.value for s in peers.stages)
