"""A plan under any rule is proven by a check that shares no code with the rules, and no pack elsewhere passes it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from rules_brute_force import ENTITLED, PEOPLE, little_pool, needs
from rules_promises import SEED
from test_rules_compare import five_items
from test_rules_decided import policy as policy_for

from optimizer.allocation.check import check
from optimizer.allocation.plan import Line, Plan, PoolPlan
from optimizer.allocation.policy_check import counted_anew
from optimizer.allocation.policy_queue import Stated
from optimizer.allocation.problem import (
    RULE,
    Claim,
    ClaimFacts,
    Drop,
    ItemPolicy,
    Lane,
    Lot,
    Picked,
    Pool,
    Problem,
    ProblemError,
)
from optimizer.allocation.standing import Standing
from optimizer.allocation.timed import Timed
from optimizer.sharing.deciding import decide, facts_of, shared_by
from optimizer.sharing.network import Ground
from optimizer.sharing.policy import Policy, policy_of
from optimizer.sharing.rule import Place, Rounding
from optimizer.sharing.rules import rule_named, rules
from optimizer.sharing.rules.entitlement import Entitlement
from optimizer.sharing.rules.lottery import Lottery, committed
from optimizer.sharing.rules.ring_fence import RingFence
from optimizer.sharing.rules.tiers import Tiers
from optimizer.sharing.rules.useful_minimum import UsefulMinimum

SHARING = [name for name, kind in rules().items() if kind.place is Place.SHARING and kind.id != "composite_burden"]


def policies(rule: str) -> list[Policy]:
    """The rule alone; in tiers, minimums repaired; behind a reserve and entitlements, drawn; in strict order."""
    one = rule_named(rule)()
    return [
        policy_of(rule),
        Policy("tiers", (Tiers(), one, UsefulMinimum())),
        Policy("all", (RingFence(), Entitlement(), Tiers(), one, Lottery(commitment=committed(SEED)))),
        Policy("strict", (Tiers(), Entitlement(), one), strict=True, rounding=Rounding.LEXIMIN),
    ]


def problem_under(pool: Pool, policy: Policy) -> Problem:
    facts = tuple(
        ClaimFacts(claim.id, PEOPLE[at] * 9, need + at - 1, ENTITLED[at])
        for at, (claim, need) in enumerate(zip(pool.claims, needs(pool), strict=True))
    )
    return Problem(RULE, (pool,), policies=(ItemPolicy(pool.item, policy.canonical().decode(), SEED, facts),))


def planned(problem: Problem) -> Plan:
    (pool,), (named,) = problem.pools, problem.policies
    return Plan(RULE, "policy", problem.digest(), (shared_by(pool, named),))


def with_minimums(pool: Pool) -> Pool:
    claims = tuple(Claim(c.id, c.municipality, c.tier, (0, 2, 3)[at % 3]) for at, c in enumerate(pool.claims))
    return replace(pool, claims=claims)


@pytest.mark.parametrize("rule", SHARING)
def test_what_a_rule_gives_is_proven_and_counted_anew(rule: str) -> None:
    for number, policy in enumerate(policies(rule)):
        for seed in range(60):
            pool = with_minimums(little_pool(seed)) if number == 1 else little_pool(seed)
            problem = problem_under(pool, policy)
            plan = planned(problem)
            verdict = check(problem, plan)
            assert (verdict.feasible, verdict.kept, verdict.fair) == (True, True, False), (seed, verdict.findings)
            if not plan.pools[0].set_aside:
                stated = Stated(pool, problem.policies[0])
                given = Ground(pool, facts_of(problem.policies[0])).share(policy, seed=SEED).packs
                assert tuple(counted_anew(Standing(pool), stated)) == given, (seed, policy.name)


def mutants(pool: Pool, lines: tuple[Line, ...]) -> Iterator[tuple[Line, ...]]:
    """Every plan with one pack less somewhere, one more somewhere, or one of another lane."""
    packs = {(line.lot, line.drop): line.packs for line in lines}
    lanes = [(lane.lot, lane.drop) for lane in pool.lanes]
    for giver in [None, *packs]:
        for taker in [None, *lanes]:
            if giver != taker:
                changed = dict(packs)
                if giver is not None:
                    changed[giver] -= 1
                if taker is not None:
                    changed[taker] = changed.get(taker, 0) + 1
                yield tuple(Line(lot, drop, count) for (lot, drop), count in changed.items() if count)


@pytest.mark.parametrize("rule", SHARING)
def test_no_plan_that_gives_anyone_another_number_passes(rule: str) -> None:
    killed = 0
    for policy in policies(rule):
        for seed in range(25):
            pool = little_pool(seed)
            problem = problem_under(pool, policy)
            plan = planned(problem)
            owner = {drop.id: drop.claim for drop in pool.drops}
            for lines in mutants(pool, plan.pools[0].lines):
                if totals(lines, owner) == totals(plan.pools[0].lines, owner):
                    continue
                mutant = replace(plan, pools=(PoolPlan(pool.item, lines, (), ()),))
                assert not check(problem, mutant).kept, (policy.name, seed, lines)
                killed += 1
    assert killed > 500


def totals(lines: tuple[Line, ...], owner: dict[str, str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        found[owner[line.drop]] = found.get(owner[line.drop], 0) + line.packs
    return found


@pytest.mark.parametrize("rule", SHARING)
def test_a_plan_by_one_rule_does_not_pass_as_another_where_they_differ(rule: str) -> None:
    """On a region of five items: what one rule gives passes under another only where that gives the same packs."""
    problem = replace(five_items(), policies=tuple(policy_for(five_items(), at, rule) for at in range(5)))
    plan = decide(Timed(problem, 60.0))
    assert check(problem, plan).kept
    for other in random.Random(rule).sample(SHARING, 3):
        asked = replace(five_items(), policies=tuple(policy_for(five_items(), at, other) for at in range(5)))
        same = decide(Timed(asked, 60.0)).pools == plan.pools
        assert check(asked, replace(plan, problem_digest=asked.digest())).kept == same, other


def test_needless_and_groundless_setting_aside_is_found() -> None:
    claims = (Claim("A", "A", 1, 2), Claim("B", "B", 1, 2))
    drops, lanes = (Drop("a", "A", 3), Drop("b", "B", 3)), (Lane("lot", "a", 1), Lane("lot", "b", 1))
    pool = Pool("serum", 5, (Lot("lot", "depot", date(2030, 1, 1), 5),), claims, drops, lanes)
    repaired = Policy("repaired", (Tiers(), rule_named("equal_units/1")(), UsefulMinimum()))
    for policy, words in ((repaired, "free packs would bring it 3"), (policy_of("equal_units"), "sets nobody aside")):
        problem = problem_under(pool, policy)
        assert check(problem, planned(problem)).kept
        alone = PoolPlan("serum", (Line("lot", "a", 2),), ("B",), ())
        verdict = check(problem, Plan(RULE, "policy", problem.digest(), (alone,)))
        assert any(words in one for one in verdict.findings), verdict.findings


def test_the_verdict_says_what_was_proven_and_how() -> None:
    problem = replace(
        five_items(), policies=(policy_for(five_items(), 1), policy_for(five_items(), 3, "solidarity_levy"))
    )
    checked = check(problem, decide(Timed(problem, 60.0))).checked
    assert checked[0].startswith("all lines: whole packs")
    assert any(one.startswith("item-0, item-2, item-4: leximin/1") for one in checked)
    assert any(one.startswith("item-1: per_capita (lawful/1, per_capita/1): no pack can pass") for one in checked)
    assert any("item-3" in one and "counted anew" in one for one in checked)


def test_a_rule_of_another_version_is_not_judged_and_the_verdict_says_so() -> None:
    problem = replace(five_items(), policies=(policy_for(five_items(), 1),))
    plan = decide(Timed(problem, 60.0))
    newer = replace(problem.policies[0], policy=problem.policies[0].policy.replace("per_capita/1", "per_capita/2"))
    asked = replace(problem, policies=(newer,))
    verdict = check(asked, replace(plan, problem_digest=asked.digest()))
    assert (verdict.feasible, verdict.kept) == (True, False)
    assert any("per_capita/2 is not restated" in one for one in verdict.findings)
    assert any(
        one == "item-1: NOT checked: the rule per_capita/2 is not restated in this check" for one in verdict.checked
    )


def test_promises_and_picked_lines_stand_beside_no_policy() -> None:
    pool = five_items().pools[1]
    named = policy_for(five_items(), 1)
    lane = pool.lanes[0]
    for changed in (
        replace(pool, claims=(replace(pool.claims[0], entitled_packs=1), *pool.claims[1:])),
        replace(pool, picked=(Picked(lane.lot, lane.drop, 1),)),
    ):
        with pytest.raises(ProblemError, match="beside a policy"):
            Problem(RULE, (changed,), policies=(named,))
