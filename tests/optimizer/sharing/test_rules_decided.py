"""Problems that name policies: shared by them, checked for what can be proven, and supposed otherwise."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from test_rules_compare import FACTS, five_items

from optimizer.allocation.bounds import fills
from optimizer.allocation.check import check
from optimizer.allocation.model import share
from optimizer.allocation.plan import BEST, BY_POLICY
from optimizer.allocation.pool import ProblemError
from optimizer.allocation.problem import ClaimFacts, ItemPolicy, Problem, StorageLimit, Substitute, problem_from_json
from optimizer.allocation.timed import Timed
from optimizer.allocation.whatif import Delivery, LoseDepot, what_if
from optimizer.sharing.compare import Question, compare, compare_asked
from optimizer.sharing.deciding import decide
from optimizer.sharing.policy import policy_of
from optimizer.sharing.rule import PolicyError
from optimizer.sharing.supposing import Supposition, suppose


def policy(problem: Problem, at: int, rule: str = "per_capita") -> ItemPolicy:
    """The rule for an item of the problem, with the people of each town."""
    pool = problem.pools[at]
    facts = tuple(ClaimFacts(claim.id, people=FACTS[claim.municipality]["people"]) for claim in pool.claims)
    return ItemPolicy(pool.item, policy_of(rule).canonical().decode(), facts=facts)


def packs(problem: Problem, plan: object, item: str) -> dict[str, int]:
    at = [pool.item for pool in problem.pools].index(item)
    owner = {drop.id: drop.claim for drop in problem.pools[at].drops}
    got = {claim.id: 0 for claim in problem.pools[at].claims}
    for line in plan.pools[at].lines:  # type: ignore[attr-defined]
        got[owner[line.drop]] += line.packs
    return got


def test_items_with_a_policy_get_what_the_comparison_says_and_the_others_stay_fair() -> None:
    problem = replace(five_items(), policies=(policy(five_items(), 1), policy(five_items(), 3, "equal_units")))
    plan = decide(Timed(problem, 60.0))
    fair = share(five_items())
    assert plan.method == "policy"
    for at, rule in ((1, "per_capita"), (3, "equal_units")):
        (outcome,) = compare(five_items(), [policy_of(rule)], facts=FACTS).outcomes
        assert packs(problem, plan, f"item-{at}") == outcome.items[at].packs
    assert [plan.pools[at] for at in (0, 2, 4)] == [fair.pools[at] for at in (0, 2, 4)]
    verdict = check(problem, plan)
    assert (verdict.feasible, verdict.fair, verdict.kept, verdict.findings) == (True, False, True, ())
    called = check(problem, replace(plan, method="leximin"))
    assert (called.fair, called.kept) == (False, False), "a plan by policies is never called fair"


def test_an_unfair_share_of_an_item_under_the_rule_is_found_beside_items_with_policies() -> None:
    problem = replace(five_items(), policies=(policy(five_items(), 1),))
    plan = decide(Timed(problem, 60.0))
    at = next(at for at, pool in enumerate(plan.pools) if at != 1 and pool.lines)
    emptied = replace(plan.pools[at], lines=plan.pools[at].lines[1:])
    worse = replace(plan, pools=(*plan.pools[:at], emptied, *plan.pools[at + 1 :]))
    assert check(problem, worse).findings


def test_a_problem_with_policies_is_read_back_and_sent_as_it_was() -> None:
    problem = replace(five_items(), policies=(policy(five_items(), 1),))
    assert problem_from_json(problem.canonical()) == problem
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert problem.digest() != five_items().digest()


def test_policies_that_contradict_the_problem_are_refused_by_name() -> None:
    known = policy(five_items(), 1)
    for wrong, words in (
        (replace(known, item="item-9"), "item-9, which is not shared here"),
        (replace(known, facts=(ClaimFacts("nobody"),)), "nobody"),
        (replace(known, facts=(ClaimFacts(five_items().pools[1].claims[0].id, -1),)), "below zero"),
    ):
        with pytest.raises(ProblemError, match=words):
            replace(five_items(), policies=(wrong,))
    with pytest.raises(ProblemError, match="given twice"):
        replace(five_items(), policies=(known, known))
    pools = five_items().pools
    swap = Substitute(pools[0].item, pools[0].lots[0].id, known.item, pools[1].drops[0].id, 1, 1)
    with pytest.raises(ProblemError, match="and a policy shares one of them"):
        replace(five_items(), policies=(known,), substitutes=(swap,))


def test_under_a_shared_limit_an_item_gets_at_most_what_its_policy_gives_and_the_plan_says_so() -> None:
    known = policy(five_items(), 1)
    pools = tuple(replace(pool, unit_volume=1) for pool in five_items().pools)
    free = decide(Timed(replace(five_items(), pools=pools, policies=(known,)), 60.0))
    towns = sorted({claim.municipality for pool in pools for claim in pool.claims})
    ample = replace(five_items(), pools=pools, policies=(known,), storage=(StorageLimit(towns[0], 1 << 40),))
    plan = decide(Timed(ample, 60.0))
    assert (plan.method, [rows.lines for rows in plan.pools]) == (BY_POLICY, [rows.lines for rows in free.pools])
    assert check(ample, plan).kept, check(ample, plan).findings
    scarce = replace(ample, storage=(StorageLimit(towns[0], 3),))
    plan = decide(Timed(scarce, 60.0))
    verdict = check(scarce, plan)
    assert (plan.method, verdict.feasible, verdict.kept, verdict.labelled) == (BEST, True, False, True), (
        verdict.findings
    )
    before, after = fills(ample, free.pools), fills(scarce, plan.pools)
    assert all(after[key] <= before[key] for key in before if key[0] == known.item)
    with pytest.raises(ProblemError, match="it names policies"):
        share(replace(five_items(), policies=(known,)))
    with pytest.raises(PolicyError, match="people"):
        decide(Timed(replace(five_items(), policies=(replace(known, facts=()),)), 60.0))


def test_supposing_another_rule_shares_only_its_item_again() -> None:
    problem, plan = five_items(), share(five_items())
    one = policy(problem, 2)
    answer = suppose(Supposition(problem, plan, (), (one,)))
    assert answer.again == ("item-2",)
    assert answer.plan.pools[2] == decide(Timed(replace(problem, policies=(one,)), 60.0)).pools[2]
    assert check(answer.problem, answer.plan).feasible


def test_supposing_and_asking_what_if_agree() -> None:
    problem, plan = five_items(), share(five_items())
    lost = LoseDepot(problem.pools[0].lots[0].site)
    assert suppose(Supposition(problem, plan, (lost,))) == what_if(problem, plan, [lost])


def test_a_delivery_is_the_same_as_having_had_the_lot_from_the_start() -> None:
    problem = five_items()
    whole = problem.pools[0]
    last = whole.lots[-1]
    rest = replace(
        whole,
        shareable_packs=max(0, whole.shareable_packs - last.packs),
        lots=whole.lots[:-1],
        lanes=tuple(lane for lane in whole.lanes if lane.lot != last.id),
    )
    before = replace(problem, pools=(rest, *problem.pools[1:]))
    reached = {lane.drop for lane in whole.lanes if lane.lot == last.id}
    drops = tuple(drop for drop in whole.drops if drop.id in reached)
    owners = {drop.claim for drop in drops}
    new = replace(
        whole,
        shareable_packs=last.packs,
        lots=(last,),
        claims=tuple(claim for claim in whole.claims if claim.id in owners),
        drops=drops,
        lanes=tuple(lane for lane in whole.lanes if lane.lot == last.id),
    )
    answer = what_if(before, share(before), [Delivery(new)])
    assert set(answer.problem.pools[0].lanes) == set(whole.lanes)
    assert check(answer.problem, answer.plan).fair


def test_asked_with_progress_the_comparison_is_the_same() -> None:
    heard: list[tuple[int, int]] = []
    problem, policies = five_items(), (policy_of("leximin"), policy_of("per_capita"))
    question = Question(problem, policies, {pool.item: FACTS for pool in problem.pools})
    found = compare_asked(question, progress=lambda done, of: heard.append((done, of)))
    assert found == compare(problem, policies, facts=FACTS)
    assert heard == [(at, 5) for at in range(1, 6)]
