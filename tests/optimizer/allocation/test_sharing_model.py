"""What the fair plan promises, held against trying everything and against small tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from sharing_brute_force import all_flows, best_routing, fair_totals, routing_of, totals_of, useful_totals
from sharing_instances import problem_of, region, region_pool, tiny_pool

from optimizer.allocation.check import check
from optimizer.allocation.model import share, units_by_key
from optimizer.allocation.plan import FAIR, PoolPlan, plan_from_json
from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool, Problem, ProblemError

SOON, LATER = date(2030, 1, 1), date(2030, 6, 1)


def simple_pool(needs: dict[str, int], *, stock: int, minimum: int = 0, tiers: dict[str, int] | None = None) -> Pool:
    """One lot that reaches every claim; a claim has one drop of its own name."""
    claims = tuple(Claim(name, name, (tiers or {}).get(name, 1), minimum) for name in needs)
    drops = tuple(Drop(name, name, need) for name, need in needs.items())
    lanes = tuple(Lane("lot", name, 1) for name in needs)
    return Pool("serum", stock, (Lot("lot", "depot", SOON, stock),), claims, drops, lanes)


def totals(pool: Pool, plan: PoolPlan) -> dict[str, int]:
    owner = {drop.id: drop.claim for drop in pool.drops}
    got = {claim.id: 0 for claim in pool.claims}
    for line in plan.lines:
        got[owner[line.drop]] += line.packs
    return got


def lane_flows(pool: Pool, plan: PoolPlan) -> tuple[int, ...]:
    packs = {(line.lot, line.drop): line.packs for line in plan.lines}
    return tuple(packs.get((lane.lot, lane.drop), 0) for lane in pool.lanes)


@pytest.mark.parametrize("start", range(0, 1000, 100))
def test_the_plan_is_the_one_that_trying_everything_finds(start: int) -> None:
    for seed in range(start, start + 100):
        pool = tiny_pool(seed)
        by_totals: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        for flows in all_flows(pool):
            by_totals.setdefault(totals_of(pool, flows), []).append(flows)
        best = fair_totals(pool, set(by_totals))
        flows = lane_flows(pool, share(problem_of(pool)).pools[0])
        assert totals_of(pool, flows) == best, seed
        assert routing_of(pool, flows) == best_routing(pool, by_totals[best]), seed


@pytest.mark.parametrize("start", range(0, 600, 100))
def test_useful_minimums_follow_the_stated_steps(start: int) -> None:
    for seed in range(start, start + 100):
        pool = tiny_pool(seed, minimums=True)
        reachable = {totals_of(pool, flows) for flows in all_flows(pool)}
        best, aside = useful_totals(pool, reachable)
        plan = share(problem_of(pool)).pools[0]
        assert totals_of(pool, lane_flows(pool, plan)) == best, seed
        assert plan.set_aside == tuple(pool.claims[at].id for at in sorted(aside)), seed


@pytest.mark.parametrize(
    ("needs", "stock", "expected"),
    [
        ({"a": 2, "b": 2}, 2, {"a": 1, "b": 1}),
        ({"a": 2, "b": 2}, 1, {"a": 1, "b": 0}),
        ({"a": 3, "b": 2}, 1, {"a": 0, "b": 1}),
        ({"a": 10, "b": 100}, 11, {"a": 1, "b": 10}),
        ({"a": 4, "b": 2}, 9, {"a": 4, "b": 2}),
        ({"a": 4, "b": 2}, 0, {"a": 0, "b": 0}),
        ({"a": 1 << 20, "b": (1 << 20) - 1}, 1 << 20, {"a": 1 << 19, "b": 1 << 19}),
    ],
)
def test_packs_go_where_the_fill_is_lowest_then_to_smaller_needs_then_in_order(
    needs: dict[str, int], stock: int, expected: dict[str, int]
) -> None:
    pool = simple_pool(needs, stock=stock)
    assert totals(pool, share(problem_of(pool)).pools[0]) == expected


def test_the_first_tier_is_served_before_the_second() -> None:
    pool = simple_pool({"a": 5, "b": 5, "c": 5}, stock=7, tiers={"a": 2, "b": 1, "c": 2})
    assert totals(pool, share(problem_of(pool)).pools[0]) == {"a": 1, "b": 5, "c": 1}


def test_the_second_tier_may_move_the_first_to_other_lots_but_not_lower_it() -> None:
    lots = (Lot("near", "d", SOON, 2), Lot("far", "d", LATER, 2))
    claims = (Claim("a", "a", 1), Claim("b", "b", 2))
    lanes = (Lane("near", "a", 1), Lane("far", "a", 9), Lane("near", "b", 1))
    pool = Pool("serum", 4, lots, claims, (Drop("a", "a", 2), Drop("b", "b", 2)), lanes)
    plan = share(problem_of(pool)).pools[0]
    assert {(line.lot, line.drop, line.packs) for line in plan.lines} == {("far", "a", 2), ("near", "b", 2)}


def test_a_bottleneck_names_the_claims_tied_by_the_same_scarce_lots() -> None:
    lots = (Lot("scarce", "d", SOON, 3), Lot("rich", "d", SOON, 9), Lot("empty", "d", SOON, 0))
    claims = tuple(Claim(name, name, 1) for name in "abcd")
    drops = (*(Drop(name, name, 4) for name in "abc"), Drop("d", "d", 1))
    lanes = (Lane("scarce", "a", 0), Lane("scarce", "b", 0), Lane("rich", "c", 0), Lane("empty", "a", 0))
    plan = share(problem_of(Pool("serum", 12, lots, claims, drops, lanes))).pools[0]
    found = [(one.claims, one.lots, one.packs, one.need) for one in plan.bottlenecks]
    assert found == [(("d",), (), 0, 1), (("a", "b"), ("scarce",), 3, 8), (("c",), ("rich",), 9, 4)]


def test_a_bottleneck_counts_the_shareable_total_where_that_binds() -> None:
    pool = replace(simple_pool({"a": 5, "b": 5}, stock=9), shareable_packs=6)
    (bottleneck,) = share(problem_of(pool)).pools[0].bottlenecks
    assert (bottleneck.packs, bottleneck.need, bottleneck.lots) == (6, 10, ("lot",))


def test_a_claim_that_would_get_too_little_to_be_useful_gives_way_to_the_others() -> None:
    pool = simple_pool({"a": 4, "b": 4, "c": 4}, stock=6, minimum=3)
    plan = share(problem_of(pool)).pools[0]
    assert totals(pool, plan) == {"a": 3, "b": 3, "c": 0}
    assert plan.set_aside == ("c",)


def test_a_need_below_the_useful_minimum_counts_as_useful_when_met_in_full() -> None:
    pool = simple_pool({"a": 2}, stock=2, minimum=5)
    plan = share(problem_of(pool)).pools[0]
    assert totals(pool, plan) == {"a": 2}
    assert plan.set_aside == ()


def test_the_same_problem_gives_the_same_bytes() -> None:
    problem = region(3, pools=3, lots=12, claims=40)
    first = share(problem)
    assert first.canonical() == share(problem).canonical()
    assert plan_from_json(first.canonical()) == first
    assert first.method == FAIR
    assert first.problem_digest == problem.digest()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("minimum_share", [0.0, 0.5])
def test_plans_for_whole_regions_pass_the_check(seed: int, minimum_share: float) -> None:
    pool = region_pool(seed, lots=18, claims=80, second_drops=0.4, minimum_share=minimum_share, scarcity=1 + seed / 4)
    problem = problem_of(pool)
    verdict = check(problem, share(problem))
    assert verdict.findings == ()
    assert verdict.fair


def test_an_item_without_lots_claims_or_lanes_gets_an_empty_plan() -> None:
    for pool in (Pool("serum", 0, (), (), (), ()), Pool("serum", 9, (), (Claim("a", "a", 1),), (), ())):
        problem = problem_of(pool)
        assert share(problem).pools[0].lines == ()
        assert check(problem, share(problem)).fair


def test_stock_beyond_all_bounds_and_dear_lanes_stay_exact() -> None:
    lots = tuple(Lot(f"lot-{at}", "d", date(2030, 1, 1 + at), 10**30) for at in range(28))
    lanes = tuple(Lane(lot.id, "a", 10**9 - at) for at, lot in enumerate(lots))
    pool = Pool("serum", 10**30, lots, (Claim("a", "a", 1),), (Drop("a", "a", 1 << 20),), lanes)
    problem = problem_of(pool)
    plan = share(problem)
    assert [line.lot for line in plan.pools[0].lines] == ["lot-0"]
    assert check(problem, plan).fair


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ProblemError, match="leximin/2"):
        share(Problem(rule="leximin/2", pools=()))


@pytest.mark.parametrize("seed", range(40))
def test_units_are_taken_in_the_order_of_their_exact_keys(seed: int) -> None:
    rng = np.random.default_rng(seed)
    largest = int(rng.choice([5, 60, 400]))
    needs = rng.integers(1, largest, int(rng.integers(1, 12)))
    keys = sorted(Fraction(n, int(need)) for need in needs for n in range(need))
    count = int(rng.integers(1, len(keys) + 1))
    below, tied = units_by_key(needs, count)
    assert int(below.sum()) == sum(key < keys[count - 1] for key in keys)
    assert int((below + tied).sum()) == sum(key <= keys[count - 1] for key in keys)


def test_the_closest_possible_keys_are_told_apart() -> None:
    needs = np.array([1 << 20, (1 << 20) - 1])
    below, tied = units_by_key(needs, 4)
    assert (below.tolist(), tied.tolist()) == ([2, 1], [0, 1])
