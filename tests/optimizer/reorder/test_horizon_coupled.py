"""Several items that share budget, storage and capacity: plans and bounds against the proven optimum of CP-SAT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.model import plan_horizon
from optimizer.reorder.horizon.problem import (
    Budget,
    Capacity,
    Ceiling,
    Inbound,
    Line,
    Offer,
    Problem,
    Reservation,
    Storage,
    Tier,
)
from tests.optimizer.reorder.horizon_exact_program import ExactProgram

LINES, WEEKS = 3, 4
SEEDS = range(8)
NEAR, FAR = 0.03, 0.15
"""How far above the optimum plans of these very tight cases may be: on average, and the worst of them."""


def coupled(seed: int) -> Problem:
    """Three lines of two members over four weeks, two suppliers; every shared clause is tight enough to press."""
    random = np.random.default_rng(seed)

    def number(low: int, high: int) -> int:
        return int(random.integers(low, high))

    def sold(name: str) -> Offer:
        first = number(9, 14)
        tiers = (Tier(1, first), Tier(number(3, 6), first - number(1, 4)))
        calendar = (0, 1, 3) if random.random() < 0.3 else ()
        most = number(6, 12) if random.random() < 0.3 else None
        fee = number(0, 15)
        return Offer(
            name, name, f"K-{name}", tiers, number(0, 2), number(1, 3), number(1, 3), fee, number(0, 2), calendar, most
        )

    def one(at: int) -> Line:
        demand = tuple(number(0, 4) for _ in range(WEEKS))
        offers = (sold("S"), sold("T")) if random.random() < 0.5 else (sold("S"),)
        given: dict[str, Any] = {"later_demand": number(0, 2), "residual_minor": number(0, 4), "floor": number(0, 2)}
        inbound = (Inbound(number(0, WEEKS), number(1, 3)),) if random.random() < 0.4 else ()
        return Line(
            f"L{at}", f"p{at // 2}", "ab"[at % 2], "dry", number(1, 3), demand, number(1, 4), number(0, 1500),
            number(0, 4), number(20, 60), offers, inbound=inbound, below_floor_milli=number(0, 2000), **given,
        )  # fmt: skip

    return Problem(
        WEEKS,
        tuple(one(at) for at in range(LINES)),
        capacities=(Capacity("S", tuple(number(5, 14) for _ in range(WEEKS))),),
        storages=(Storage("dry", tuple(number(6, 14) for _ in range(WEEKS))),),
        budgets=(Budget("a", 0, 2, number(40, 120)), Budget("", 0, WEEKS - 1, number(150, 350))),
        ceilings=(Ceiling("K-S", number(100, 250)),),
        reservations=(Reservation("K-S", "p0", "a", number(3, 9)),),
    )


@pytest.fixture(scope="module")
def solved() -> list[tuple[Problem, int]]:
    """Problems with their proven optimum."""
    return [(problem, ExactProgram(problem).optimum()) for problem in map(coupled, SEEDS)]


def test_no_bound_is_above_the_optimum_of_items_that_share_clauses_and_no_plan_below(
    solved: list[tuple[Problem, int]],
) -> None:
    gaps, pressed = [], set()
    for seed, (problem, optimum) in zip(SEEDS, solved, strict=True):
        plan = plan_horizon(problem, gap=1e-5, rounds=300, limit_seconds=10)
        assert check(problem, plan).findings == (), seed
        assert plan.bound <= optimum <= plan.cost.total, seed
        gaps.append((plan.cost.total - optimum) / abs(optimum))
        pressed |= {one.clause.split(" ")[0] for one in plan.prices}
    assert sum(gap == 0 for gap in gaps) >= 0.5 * len(gaps), gaps
    assert sum(gaps) / len(gaps) <= NEAR, gaps
    assert max(gaps) <= FAR, gaps
    assert {"budget", "capacity", "storage"} <= pressed, "the shared clauses press"
