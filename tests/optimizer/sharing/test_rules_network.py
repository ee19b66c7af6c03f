"""On lots and lanes a rule is kept as nearly as they allow: held against trying everything, and the fair plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import numpy as np
import pytest
from rules_brute_force import ENTITLED, PEOPLE, QUEUES, best_awards, entitled_first, little_pool, needs
from rules_promises import SEED

from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import Plan, PoolPlan
from optimizer.allocation.problem import RULE, Claim, Drop, Lane, Lot, Pool, Problem
from optimizer.sharing.division import divide
from optimizer.sharing.ladder import ladder_of
from optimizer.sharing.network import Facts, Ground
from optimizer.sharing.policy import Policy, policy_of
from optimizer.sharing.problem import EstateError
from optimizer.sharing.rule import Rounding, Stretch
from optimizer.sharing.rules import rules
from optimizer.sharing.rules.entitlement import Entitlement
from optimizer.sharing.rules.equal_units import EqualUnits
from optimizer.sharing.rules.leximin import Leximin
from optimizer.sharing.rules.lottery import Lottery, committed
from optimizer.sharing.rules.per_capita import PerCapita
from optimizer.sharing.rules.pro_rata_need import ProRataNeed
from optimizer.sharing.rules.solidarity_levy import SolidarityLevy
from optimizer.sharing.rules.tiers import Tiers
from optimizer.sharing.rules.useful_minimum import UsefulMinimum


def facts_for(pool: Pool) -> Facts:
    return {
        claim.id: {"people": PEOPLE[at], "entitled": ENTITLED[at], "requested": need + at}
        for at, (claim, need) in enumerate(zip(pool.claims, needs(pool), strict=True))
    }


@pytest.mark.parametrize("rule", QUEUES)
@pytest.mark.parametrize("tiers", [False, True])
def test_the_awards_are_those_that_trying_everything_finds(rule: str, tiers: bool) -> None:
    kind = rules()[f"{rule}/1"]
    policy = Policy("x", ((Tiers(), kind()) if tiers else (kind(),)))
    for seed in range(120):
        pool = little_pool(seed)
        tier = [claim.tier if tiers else 0 for claim in pool.claims]
        best = best_awards(pool, QUEUES[rule], rounds=lambda c, _, tier=tier: tier[c])
        assert Ground(pool, facts_for(pool)).share(policy).packs == best, seed


def test_drawn_ties_are_those_that_trying_everything_finds() -> None:
    policy = Policy("x", (EqualUnits(), Lottery(commitment=committed(SEED))))
    for seed in range(120):
        pool = little_pool(seed)
        ground = Ground(pool, {})
        rank = policy.order(pool.item, ground.estate.claimants, seed=SEED)
        best = best_awards(pool, QUEUES["equal_units"], rank=rank)
        assert ground.share(policy, seed=SEED).packs == best, seed


def test_entitlements_come_first_as_far_as_lanes_allow() -> None:
    policy = Policy("x", (Entitlement(), ProRataNeed()))
    for seed in range(200):
        pool = little_pool(seed)
        best = best_awards(pool, entitled_first, rounds=lambda c, unit: int(unit > ENTITLED[c]))
        assert Ground(pool, facts_for(pool)).share(policy).packs == best, seed


@pytest.mark.parametrize("minimums", [False, True])
def test_leximin_in_tiers_is_the_fair_plan_of_the_other_model(minimums: bool) -> None:
    steps = (Tiers(), Leximin(), UsefulMinimum()) if minimums else (Tiers(), Leximin())
    for seed in range(150):
        pool = little_pool(seed)
        if minimums:
            claims = tuple(Claim(c.id, c.municipality, c.tier, (0, 2, 3)[at % 3]) for at, c in enumerate(pool.claims))
            pool = Pool(pool.item, pool.shareable_packs, pool.lots, claims, pool.drops, pool.lanes)
        problem = Problem(rule=RULE, pools=(pool,))
        plan = share(problem).pools[0]
        ground = Ground(pool, {})
        shares = ground.share(Policy("fair", steps))
        assert sorted(ground.lines(shares), key=str) == sorted(plan.lines, key=str), seed
        assert shares.set_aside == plan.set_aside, seed


@pytest.mark.parametrize("name", [name for name, kind in rules().items() if kind.place.name == "SHARING"])
def test_every_rule_brings_what_lots_and_lanes_can_bring(name: str) -> None:
    for seed in range(40):
        pool = little_pool(seed)
        facts = {claim.id: {"people": 4, "severity": 1, "burdens": (1, 2)} for claim in pool.claims}
        ground = Ground(pool, facts)
        shares = ground.share(policy_of(name))
        lines = ground.lines(shares)
        pool_plan = PoolPlan(item=pool.item, lines=lines, set_aside=(), bottlenecks=())
        problem = Problem(rule=RULE, pools=(pool,))
        plan = Plan(rule=RULE, method="pro_rata", problem_digest=problem.digest(), pools=(pool_plan,))
        assert check(problem, plan).feasible
        assert sum(line.packs for line in lines) == sum(shares.packs)
        assert shares.held + shares.left + sum(shares.packs) == ground.supply


@pytest.mark.parametrize("name", [name for name, kind in rules().items() if kind.place.name == "SHARING"])
def test_where_every_lot_reaches_everyone_the_network_changes_nothing(name: str) -> None:
    for seed in range(40):
        pool = little_pool(seed)
        lanes = tuple(Lane(lot.id, drop.id, 1) for lot in pool.lots for drop in pool.drops)
        facts = {
            claim.id: {"people": PEOPLE[at], "severity": at, "burdens": (at, 2), "cedes": at > 0, "draws": at == 2}
            for at, claim in enumerate(pool.claims)
        }
        ground = Ground(Pool(pool.item, pool.shareable_packs, pool.lots, pool.claims, pool.drops, lanes), facts)
        division, shares = divide(policy_of(name), ground.estate), ground.share(policy_of(name))
        assert shares.packs == division.awards, seed
        assert shares.held == division.held


@pytest.mark.parametrize("rule", QUEUES)
def test_more_to_share_takes_nothing_from_anyone_on_lanes_either(rule: str) -> None:
    for seed in range(80):
        pool = little_pool(seed)
        before = Ground(pool, facts_for(pool)).share(policy_of(rule)).packs
        grown = [replace(pool, shareable_packs=pool.shareable_packs + 1)]
        if pool.shareable_packs >= sum(lot.packs for lot in pool.lots):
            for at, lot in enumerate(pool.lots):
                lots = (*pool.lots[:at], replace(lot, packs=lot.packs + 1), *pool.lots[at + 1 :])
                grown.append(replace(pool, lots=lots, shareable_packs=pool.shareable_packs + 1))
        for more in grown:
            after = Ground(more, facts_for(more)).share(policy_of(rule)).packs
            assert all(now >= then for then, now in zip(before, after, strict=True)), seed


def test_more_stock_at_one_depot_can_mean_less_elsewhere_while_a_floor_limits_the_whole() -> None:
    lots = (Lot("near", "d", date(2030, 1, 1), 4), Lot("far", "e", date(2030, 1, 1), 0))
    claims = tuple(Claim(name, name, 1) for name in "ab")
    lanes = (Lane("near", "a", 1), Lane("far", "b", 1))
    pool = Pool("serum", 4, lots, claims, (Drop("a", "a", 4), Drop("b", "b", 4)), lanes)
    policy = policy_of("equal_units")
    assert Ground(pool, {}).share(policy).packs == (4, 0)
    stocked = replace(pool, lots=(lots[0], replace(lots[1], packs=4)))
    assert Ground(stocked, {}).share(policy).packs == (2, 2)


def test_a_share_that_no_lane_can_bring_goes_to_those_that_can_be_reached() -> None:
    lots = (Lot("near", "d", date(2030, 1, 1), 4), Lot("far", "d", date(2030, 1, 1), 2))
    claims = tuple(Claim(name, name, 1) for name in "abc")
    drops = tuple(Drop(name, name, 10) for name in "abc")
    lanes = (Lane("near", "a", 1), Lane("near", "b", 1), Lane("far", "c", 1))
    pool = Pool("serum", 6, lots, claims, drops, lanes)
    facts = {"a": {"people": 1}, "b": {"people": 1}, "c": {"people": 8}}
    assert Ground(pool, facts).share(Policy("x", (PerCapita(),))).packs == (2, 2, 2)


def test_a_levy_on_a_network_says_that_it_divides_before_it_routes() -> None:
    pool = little_pool(1)
    facts = {claim.id: {"people": 4, "cedes": True, "draws": True} for claim in pool.claims}
    notes = Ground(pool, facts).share(Policy("x", (SolidarityLevy(rate=Fraction(1, 2)),))).notes
    assert "divide_then_route" in [note.code for note in notes]
    assert "divide_then_route" not in [note.code for note in Ground(pool, facts).share(policy_of("talmud")).notes]


def test_a_wrong_fact_names_the_item_and_the_claim() -> None:
    pool = little_pool(1)
    with pytest.raises(EstateError, match="serum: claim-0: people is -4"):
        Ground(pool, {"town-0": {"people": -4}})


@pytest.mark.parametrize("seed", range(60))
def test_few_rungs_in_order_and_many_searched_give_the_same_units(seed: int) -> None:
    rng = np.random.default_rng(seed)
    largest = int(rng.choice([3, 40, 10**6, 10**14]))
    rows = []
    for claim in range(int(rng.integers(1, 9))):
        for phase in range(int(rng.integers(1, 3))):
            start = int(rng.integers(-20, 20))
            rows.append(Stretch(claim, int(rng.integers(1, 60)), int(rng.integers(1, largest + 1)), start, phase))
    rounding = Rounding.WEBSTER if seed % 2 else Rounding.LEXIMIN
    half = Fraction(1, 2) if seed % 2 else Fraction(0)
    kept = rng.random(9) < 0.8
    kept[rows[0].claim] = True
    keys = sorted(
        ((row.phase, (k + half + row.start) / row.weight), row.claim)
        for row in rows
        if kept[row.claim]
        for k in range(int(row.width))
    )
    count = int(rng.integers(1, len(keys) + 1))
    pivot = keys[count - 1][0]
    for listed in (0, 10**6):
        below, tied = ladder_of(rows, rounding=rounding, size=9, listed=listed).lowest(kept, count)
        for claim in range(9):
            assert below[claim] == sum(key < pivot and owner == claim for key, owner in keys)
            assert tied[claim] == sum(key == pivot and owner == claim for key, owner in keys)
