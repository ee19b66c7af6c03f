"""Why, what would change it, and what a second plan changes: every figure is what sharing again gives."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest
from sharing_instances import problem_of, region, region_pool, tiny_pool
from test_sharing_compact import compact_pool

from optimizer.allocation.check import check
from optimizer.allocation.explain import explain, next_packs
from optimizer.allocation.model import share
from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Picked, Pool, Problem, ProblemError
from optimizer.allocation.standing import standing_after
from optimizer.allocation.whatif import CloseLane, LoseDepot, MorePacks, Shift, rerun, what_if, with_picked

DAY = date(2030, 1, 1)


def two_towns() -> Problem:
    """Three packs in Genk reach both towns; five in Liege reach none in time; a third town gets what it needs."""
    lots = (Lot("g", "Genk", DAY, 3), Lot("l", "Liege", DAY, 5), Lot("a", "Aachen", DAY, 9))
    claims = tuple(Claim(name, name, 1) for name in ("Hasselt", "Tongeren", "Aachen"))
    drops = (Drop("h", "Hasselt", 4), Drop("t", "Tongeren", 3), Drop("a", "Aachen", 2))
    lanes = (Lane("g", "h", 1), Lane("g", "t", 1), Lane("a", "a", 1))
    return problem_of(Pool("serum", 17, lots, claims, drops, lanes))


def test_the_chain_names_the_tied_towns_their_stock_and_what_keeps_other_stock_away() -> None:
    barred = {"serum": {("l", "h"): "need_by", ("l", "t"): "need_by", ("a", "h"): "licence", ("a", "t"): "licence"}}
    first, last = explain(two_towns(), share(two_towns()), barred=barred)
    assert (first.claims, first.lots, first.fill) == (("Hasselt", "Tongeren"), ("g",), "3/7")
    assert [(reason.kind, reason.packs) for reason in first.reasons] == [("stock", 3), ("licence", 9), ("need_by", 5)]
    assert first.sentence() == (
        "serum: Hasselt, Tongeren share 3/7 of their need (42 %): the stock within their reach is 3 packs; 9 packs "
        "elsewhere have no licence there; 5 packs elsewhere cannot arrive in time. One more pack of g at Genk lifts "
        "Tongeren from 33 % to 66 %."
    )
    assert last.sentence() == "serum: Aachen get all they need."


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_one_more_pack_goes_where_the_explanation_says(start: int) -> None:
    lifted = 0
    for seed in range(start, start + 100):
        pool = tiny_pool(seed)
        problem = problem_of(pool)
        plan = share(problem)
        standing, _ = standing_after(pool, plan.pools[0])
        coming = next_packs(standing, set())
        for at, lot in enumerate(pool.lots):
            answer = what_if(problem, plan, [MorePacks("serum", lot.id, 1)])
            claim = coming.get(at)
            expected = () if claim is None else (_plus_one(pool, standing.total[claim], claim, standing.need[claim]),)
            assert answer.shifts == expected, (seed, lot.id)
            lifted += bool(expected)
    assert lifted > 50


def _plus_one(pool: Pool, got: int, claim: int, need: int) -> Shift:
    return Shift("serum", pool.claims[claim].id, got, got + 1, need)


@pytest.mark.parametrize("seed", range(3))
def test_every_tied_claim_of_a_region_is_explained_once(seed: int) -> None:
    problem = region(seed, pools=3, lots=12, claims=40)
    links = explain(problem, share(problem))
    named = [(link.item, claim) for link in links for claim in link.claims]
    assert sorted(named) == sorted((pool.item, claim.id) for pool in problem.pools for claim in pool.claims)
    assert all(link.sentence() for link in links)


def test_a_lost_depot_shares_again_only_what_it_held_and_says_who_loses() -> None:
    problem = replace(two_towns(), pools=(*two_towns().pools, region_pool(1, lots=6, claims=9, item="filter")))
    plan = share(problem)
    answer = what_if(problem, plan, [LoseDepot("Genk")])
    assert answer.again == ("serum",)
    assert answer.plan.pools[1] is plan.pools[1]
    assert {shift.claim for shift in answer.shifts} == {"Hasselt", "Tongeren"}
    assert all("loses" in shift.sentence() for shift in answer.shifts)
    assert check(answer.problem, answer.plan).fair


@pytest.mark.parametrize("seed", range(20))
def test_what_if_is_what_sharing_the_changed_problem_gives(seed: int) -> None:
    rng = random.Random(seed)
    pools = tuple(region_pool(seed + at, lots=9, claims=15, item=f"item-{at}") for at in range(3))
    problem = problem_of(*pools, compact_pool(seed, sites=4, claims=9, largest=9))
    plan = share(problem)
    lot = rng.choice(pools[0].lots)
    town = rng.choice(pools[1].claims).municipality
    compact = [CloseLane("depot-1", "town-1")] if seed % 2 else [LoseDepot("depot-2")]
    answer = what_if(problem, plan, [MorePacks("item-0", lot.id, 7), CloseLane("depot-0", town), *compact])
    assert answer.plan == share(answer.problem)
    assert check(answer.problem, answer.plan).findings == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (LoseDepot("Nowhere"), "no depot Nowhere"),
        (CloseLane("Genk", "Nowhere"), "no municipality Nowhere"),
        (MorePacks("serum", "x", 1), "no lot x"),
        (MorePacks("serum", "g", -4), "lot g holds -1 packs"),
    ],
)
def test_a_change_of_what_is_not_there_is_refused(change: LoseDepot | CloseLane | MorePacks, reason: str) -> None:
    with pytest.raises(ProblemError, match=reason):
        what_if(two_towns(), share(two_towns()), [change])


@pytest.mark.parametrize("seed", range(6))
def test_a_rerun_with_new_requests_disturbs_nothing_that_is_picked_and_says_what_it_changed(seed: int) -> None:
    pool = region_pool(seed, lots=9, claims=20)
    problem = problem_of(pool)
    plan = share(problem)
    picked = [Picked(line.lot, line.drop, line.packs) for line in plan.pools[0].lines[::3]]
    lots = [lot.id for lot in pool.lots[:3]]
    grown = replace(
        pool,
        claims=(*pool.claims, Claim("newcomer", "newcomer", 1)),
        drops=(*pool.drops, Drop("newcomer", "newcomer", 30)),
        lanes=(*pool.lanes, *(Lane(lot, "newcomer", 5) for lot in lots)),
    )
    changed = with_picked(problem_of(grown), {"serum": picked})
    answer = rerun(problem, plan, changed)
    assert check(changed, answer.plan).findings == ()
    sent = {(line.lot, line.drop): line.packs for line in answer.plan.pools[0].lines}
    assert all(sent[one.lot, one.drop] >= one.packs for one in picked)
    assert any(shift.claim == "newcomer" and shift.before == 0 for shift in answer.shifts)
    assert sum(shift.after - shift.before for shift in answer.shifts) >= 0


def test_a_rerun_of_the_same_problem_changes_nothing() -> None:
    problem = region(1, pools=2, lots=9, claims=20)
    plan = share(problem)
    answer = rerun(problem, plan, problem)
    assert (answer.again, answer.shifts) == ((), ())
    assert answer.plan == plan
