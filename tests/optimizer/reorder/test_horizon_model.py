"""Plans over many weeks: published optima are reached, no bound is too high, every plan keeps every clause."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.plan import FEASIBLE, PROVEN, UNSERVED, Plan
from optimizer.reorder.horizon.problem import Capacity, Lot, Problem, Share, Tier
from optimizer.reorder.horizon.proof import ProofError, proven_bound
from tests.optimizer.reorder.horizon_brute_force import cheapest
from tests.optimizer.reorder.horizon_instances import every_clause, gloves, published, tiny

SEEDS = range(10)


def prices(plan: Plan) -> dict[str, str]:
    return {one.clause: one.price for one in plan.prices}


@pytest.mark.parametrize(("problem", "optimum"), published())
def test_published_lot_sizes_are_reached_and_proven(problem: Problem, optimum: int) -> None:
    plan = plan_horizon(problem, gap=1e-6)
    assert (plan.cost.total, plan.status) == (optimum, PROVEN)
    assert optimum - plan.bound <= optimum * 1e-6


def test_no_bound_is_above_the_best_plan_of_all_and_most_plans_are_it() -> None:
    reached = 0
    for seed in SEEDS:
        problem = tiny(seed)
        best = cheapest(problem)
        plan = plan_horizon(problem, gap=0.0, rounds=60, limit_seconds=20)
        assert plan.bound <= best <= plan.cost.total, seed
        assert check(problem, plan).findings == (), seed
        reached += plan.cost.total == best
    assert reached >= 0.8 * len(SEEDS)


def test_a_plan_under_every_kind_of_clause_is_accepted_and_its_bound_proven_anew() -> None:
    problem = every_clause()
    plan = plan_horizon(problem, gap=0.0, rounds=100)
    assert check(problem, plan).findings == ()
    again = proven_bound(problem, prices(plan))
    assert plan.bound <= again <= plan.bound + 10
    kinds = {one.clause.split(" ")[0] for one in plan.prices}
    assert {"storage", "peak"} <= kinds, "the clauses press"


def test_prices_that_prove_nothing_are_refused() -> None:
    problem = every_clause()
    for named, why in (
        ({"capacity of X week 0": "1"}, "is no clause"),
        ({"ceiling of contract K1": "-1"}, "not a number from 0"),
        ({"ceiling of contract K1": "much"}, "not a number"),
        ({"peak weeks 0 to 1": "51"}, "more than the peak costs"),
    ):
        with pytest.raises(ProofError, match=why):
            proven_bound(problem, named)


def test_the_same_problem_gives_the_same_plan() -> None:
    problem = every_clause()
    assert plan_horizon(problem, rounds=20).canonical() == plan_horizon(problem, rounds=20).canonical()


def test_without_scarcity_every_line_is_optimal_by_itself() -> None:
    near = gloves().offers[:1]
    problem = Problem(6, (gloves(offers=near), gloves(id="b", floor=0, offers=near)))
    plan = plan_horizon(problem, gap=1e-6)
    assert plan.status == PROVEN
    assert not plan.prices


def test_what_cannot_be_served_in_time_is_told() -> None:
    line = gloves(unmet_minor=None, stock=(), inbound=())
    plan = plan_horizon(Problem(6, (line,)))
    assert plan.status == UNSERVED
    assert plan.services[0].unmet == 5, "nothing can arrive before week 1"
    assert check(Problem(6, (line,)), plan).findings == ()


def test_a_full_store_takes_no_more_but_stops_nothing_else() -> None:
    problem = replace(every_clause(), storages=(replace(every_clause().storages[0], volume=(0,) * 6),))
    plan = plan_horizon(problem, rounds=20)
    assert check(problem, plan).findings == ()
    assert plan.status in (FEASIBLE, PROVEN)


def test_nothing_is_bought_to_expire_where_less_can_be_bought() -> None:
    cheap = replace(gloves().offers[0], tiers=(Tier(1, 20),), minimum_units=1, multiple_units=1)
    line = gloves(stock=(Lot(3, 1),), inbound=(), offers=(cheap,), waste_minor=0, shelf_life_weeks=2)
    plan = plan_horizon(Problem(6, (line,)), gap=1e-6)
    assert plan.services[0].expired == 0
    assert plan.services[0].unmet == 2, "only what no order can serve in the first week"


def test_a_supplier_without_room_sells_nothing() -> None:
    problem = Problem(6, (gloves(),), capacities=(Capacity("N", (0,) * 6),), shares=(Share("F", "gloves", 0),))
    assert plan_horizon(problem).orders == ()


def test_safety_stock_of_a_ware_that_nobody_is_expected_to_use_is_bought_and_kept() -> None:
    """It is there for more use than is expected, so that keeping it is no waste; above it nothing is kept."""
    idle = gloves(demand=(0,) * 6, stock=(Lot(4, 4),), inbound=(), floor=20, below_floor_milli=90_000)
    plan = plan_horizon(Problem(6, (idle,)), gap=1e-6)
    assert check(Problem(6, (idle,)), plan).findings == ()
    assert plan.services[0].expired == 0
    assert 16 <= sum(order.units for order in plan.orders) <= 18
