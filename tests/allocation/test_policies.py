"""How scarce stock is shared is the committee's decision: proposed by one, adopted by another, told by every plan."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import Engine

from optimizer.allocation import check as checker
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json
from optimizer.allocation.timed import Timed, share_timed
from stockpile import journal
from stockpile.allocation import approval, planning
from stockpile.allocation.policies import operations, queries, rules
from stockpile.allocation.policies.operations import PolicyDecided, Proposal
from stockpile.allocation.policies.rules import UnusablePolicy
from stockpile.allocation.policies.tables import SharingPolicy
from stockpile.db import reading
from stockpile.governance.rules import Missing, OwnWork
from tests.allocation.surge_room import ask, everybody, planned, results, share_out, submitted, surge
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do


def written(*steps: str, name: str = "per head") -> dict[str, Any]:
    """A policy of these steps as people write it."""
    return {"format": "policy/1", "name": name, "steps": [{"rule": step} for step in steps]}


PER_HEAD = written("lawful/1", "tiers/1", "per_capita/1")


def adopted(engine: Engine, cast: Cast, policy: dict[str, Any], **scope: Any) -> SharingPolicy:
    """A policy that two people of the committee have agreed on."""
    proposal = Proposal(policy, "the members asked for it", **scope)
    made = do(engine, operations.propose, acting(cast["committee"]), proposal=proposal)
    found: SharingPolicy = do(
        engine, operations.decide, acting(cast["committee2"]), number=made.id, adopt=True, reason="agreed"
    )
    return found


def test_nothing_but_the_fair_rule_counts_until_the_committee_adopts_another(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    do(region, operations.propose, acting(cast["coordinator"]), proposal=Proposal(PER_HEAD, "simpler to explain"))
    submitted(region, cast, number, *everybody())
    plan = planned(region, cast, number)
    assert (plan.rule, plan.method, plan.fair) == ("leximin/1", "leximin", True)
    [told] = json.loads(plan.policies)
    assert (told["name"], told["version"], told["number"], told["items"]) == ("leximin in tiers", 1, None, ["TAB"])
    assert told["digest"] == rules.DEFAULT.digest()
    assert plan.versions.startswith("optimizer ")
    assert ", ortools " in plan.versions


def test_an_adopted_policy_shares_its_class_of_items_and_every_plan_and_reason_says_so(
    region: Engine, cast: Cast
) -> None:
    """1,000 to 5,000 people live there: per head, the town with most of the need is not first."""
    number = surge(region, cast)
    submitted(region, cast, number, *everybody(), *everybody("PUMP", 100))
    before = planned(region, cast, number)
    policy = adopted(region, cast, PER_HEAD, surge=number)
    plan = planned(region, cast, number)
    assert (plan.method, plan.feasible, plan.fair, plan.rule) == ("policy", True, False, "per_capita/1")
    assert (plan.kept, plan.findings) == (True, "")
    assert "PUMP, TAB: per head (" in plan.checked
    [told] = json.loads(plan.policies)
    assert (told["name"], told["version"], told["number"]) == ("per head", 1, policy.id)
    assert told["items"] == ["PUMP", "TAB"]
    short = [row for row in results(region, plan).values() if row.got < row.validated]
    assert {row.reason_code for row in short} == {"shared_by_policy"}
    assert all("the committee's policy per head/1 shares this item" in row.reason for row in short)
    assert {k: r.got for k, r in results(region, plan).items()} != {
        k: r.got for k, r in results(region, before).items()
    }
    with reading(region) as session:
        [entry] = [one for one in journal.entries(session) if one.subject == f"plan:{plan.id}"]
    assert json.loads(json.loads(entry.payload)["policies"]) == [told]


def test_a_plan_by_a_policy_is_checked_from_its_files_and_the_same_every_time(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    adopted(region, cast, PER_HEAD)
    submitted(region, cast, number, *everybody())
    first, second = planned(region, cast, number), planned(region, cast, number)
    assert (first.problem, first.answer) == (second.problem, second.answer)
    problem = problem_from_json(first.problem)
    assert problem.canonical().decode() == first.problem
    verdict = checker.check(problem, plan_from_json(first.answer))
    assert (verdict.feasible, verdict.fair, verdict.kept) == (True, False, True)
    assert do(region, approval.approve, acting(cast["committee3"]), plan_number=second.id)


def test_a_plan_that_waits_is_stale_once_the_policy_changes(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    adopted(region, cast, PER_HEAD)
    with pytest.raises(approval.StalePlan):
        do(region, approval.approve, acting(cast["committee3"]), plan_number=plan.id)


@ON_SQLITE
def test_the_narrower_scope_counts_first_and_the_newest_of_one_scope(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    for name, scope in (
        ("everywhere", {}),
        ("for class 1", {"item_class": 1}),
        ("here", {"surge": number}),
        ("here, class 2", {"surge": number, "item_class": 2}),
        ("here", {"surge": number}),
    ):
        adopted(region, cast, written("lawful/1", "equal_units/1", name=name), **scope)
    with reading(region) as session:
        here, elsewhere = queries.in_force(session, number), queries.in_force(session, number + 1)
        states = [row.state for row in queries.policies(session)]
    assert [found.label for found in here.values()] == ["here/2", "here, class 2/1", "here/2", "here/2"]
    assert {one: found.label for one, found in elsewhere.items()} == {
        1: "for class 1/1",
        2: "everywhere/1",
        3: "everywhere/1",
        4: "everywhere/1",
    }
    assert states == ["adopted", "adopted", "replaced", "adopted", "adopted"]


@ON_SQLITE
def test_the_fair_rule_comes_back_by_adopting_it(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    adopted(region, cast, PER_HEAD)
    adopted(region, cast, json.loads(rules.DEFAULT.canonical()))
    submitted(region, cast, number, *everybody())
    plan = planned(region, cast, number)
    assert (plan.rule, plan.fair) == ("leximin/1", True)
    assert json.loads(plan.policies)[0]["version"] == 2, "the service's own default is the first version of this name"


@ON_SQLITE
def test_only_the_committee_adopts_and_never_its_own_proposal_nor_twice(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(region, operations.propose, acting(cast["requester"]), proposal=Proposal(PER_HEAD, "we want more"))
    made = do(region, operations.propose, acting(cast["committee"]), proposal=Proposal(PER_HEAD, "simpler"))
    decision = {"number": made.id, "adopt": True, "reason": "agreed"}
    with pytest.raises(OwnWork):
        do(region, operations.decide, acting(cast["committee"]), **decision)
    with pytest.raises(Missing):
        do(region, operations.decide, acting(cast["coordinator"]), **decision)
    assert do(region, operations.decide, acting(cast["committee2"]), **decision | {"adopt": False}).state == "declined"
    with pytest.raises(PolicyDecided):
        do(region, operations.decide, acting(cast["committee2"]), **decision)


@ON_SQLITE
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({}, "format: missing"),
        (written("lawful/1"), "steps: a policy has one sharing rule, this one has 0"),
        (written("per_capita/1", "lawful/1"), r"steps\[1\]: lawful/1 may not come after per_capita/1"),
        (written("per_head/1"), "'per_head/1' is not known"),
        (written("composite_burden/1"), "composite_burden/1"),
        ({**PER_HEAD, "colour": "blue"}, "colour: not known"),
    ],
)
def test_a_policy_that_cannot_be_carried_out_is_refused_with_the_reason(
    region: Engine, cast: Cast, policy: dict[str, Any], words: str
) -> None:
    with pytest.raises(UnusablePolicy, match=words) as refused:
        do(region, operations.propose, acting(cast["committee"]), proposal=Proposal(policy, "why not"))
    assert refused.value.facts == {"field": "policy"}


@ON_SQLITE
def test_a_lottery_needs_the_seed_that_was_committed(region: Engine, cast: Cast) -> None:
    drawn = {"rule": "lottery/1", "commitment": hashlib.sha256(b"spring 2020").hexdigest()}
    policy = {**PER_HEAD, "steps": [*PER_HEAD["steps"], drawn]}
    with pytest.raises(UnusablePolicy, match="the seed is missing"):
        do(region, operations.propose, acting(cast["committee"]), proposal=Proposal(policy, "ties by lot"))
    adopted(region, cast, policy, seed="spring 2020")
    _, plan = share_out(region, cast, ask(), ask("BE-2"))
    assert json.loads(plan.policies)[0]["seed"] == "spring 2020"


def test_every_rule_that_is_called_selectable_makes_a_feasible_plan(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    usable = rules.selectable()
    assert {"leximin", "pro_rata_need", "per_capita", "equal_coverage", "equal_units", "talmud"} <= usable.keys()
    for policy in usable.values():
        adopted(region, cast, json.loads(policy.canonical()))
        plan = planned(region, cast, number)
        assert plan.feasible, policy.name
        assert plan.fair == (policy.sharing.id == "leximin")


def test_policies_are_changed_over_http_by_two_people(region: Engine, cast: Cast) -> None:
    people, number = Desk(region, cast), surge(region, cast)
    body = {"policy": PER_HEAD, "surge": number, "reason": "simpler to explain"}
    refused = people.post("committee", "/sharing-policies", {**body, "policy": written("tiers/1")})
    assert (refused.status_code, refused.json()["facts"]) == (422, {"field": "policy"})
    made = people.post("coordinator", "/sharing-policies", body, key="once")
    assert made.status_code == 201, made.text
    assert people.post("coordinator", "/sharing-policies", body, key="once").json() == made.json()
    path = f"/sharing-policies/{made.json()['id']}/decision"
    decided = people.post("committee", path, {"adopt": True, "reason": "agreed"})
    assert decided.json()["state"] == "adopted"
    assert people.get("auditor", f"/surges/{number}/policies")["1"]["name"] == "per head"
    [listed] = people.get("auditor", "/sharing-policies")["rows"]
    assert listed == decided.json()
    rules_told = {row["rule"]: row for row in people.get("auditor", "/sharing-rules")}
    assert rules_told["per_capita/1"]["selectable"]
    assert not rules_told["composite_burden/1"]["selectable"], "the service knows no burdens"


@ON_SQLITE
def test_where_time_does_not_suffice_the_best_plan_so_far_is_stored_with_its_bound(
    region: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items are shared one by one: no time is left for the second one, which gets pro rata, and the plan says so."""
    number = surge(region, cast)
    submitted(region, cast, number, *everybody("PUMP", 100), *everybody())

    def decide_until_late(timed: Timed) -> Any:
        ticks = iter([0.0, 0.0, timed.seconds])
        return share_timed(timed, clock=lambda: next(ticks))

    monkeypatch.setattr(planning, "decide", decide_until_late)
    plan = planned(region, cast, number)
    assert (plan.method, plan.feasible, plan.fair) == ("best_found", True, False)
    assert plan.solver_note.startswith("time ran out before TAB: pro rata instead")
    assert "could at best be" in plan.solver_note
    assert json.loads(plan.bound)["proven"] is False
    codes = {item: row.reason_code for (_, item), row in results(region, plan).items() if row.got < row.validated}
    assert codes.items() <= {"PUMP": "stock_shared_out", "TAB": "pro_rata_fallback"}.items()
    assert do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
