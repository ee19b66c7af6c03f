"""What is promised comes before anything is shared; promises that cannot be kept are named, with the way out."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from optimizer.allocation.problem import problem_from_json
from stockpile.allocation import approval, planning
from stockpile.allocation.alternatives import planning as alternatives
from stockpile.allocation.alternatives.planning import ImpossibleSupposition, Lost, Ruled
from stockpile.allocation.promises import operations, queries
from stockpile.allocation.promises.operations import Promise
from stockpile.allocation.reasons import queries as reasons
from stockpile.allocation.tables import Plan
from stockpile.db import open_engine, reading
from stockpile.errors import Invalid, NotAllowed, NotFound
from stockpile.governance.committee.gate import DecisionRequired
from tests.allocation.real_region import acting_in, decided, first_morning, first_plan
from tests.allocation.surge_room import ask, everybody, lines, planned, results, share_out, submitted, surge
from tests.allocation.test_policies import adopted, written
from tests.conftest import NOW, Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do

TODAY = date(2020, 3, 30)


def promised(engine: Engine, cast: Cast, quantity: int, *, member: str = "NL-1", item: str = "TAB") -> None:
    """An entitlement of a member from today on."""
    promise = Promise(item, quantity, TODAY, "paid for in 2019")
    do(engine, operations.entitle, acting(cast["committee"]), member=member, promise=promise)


def kept(engine: Engine, cast: Cast, quantity: int, *, site: str = "D-DE", item: str = "TAB") -> None:
    """A buffer of a depot from today on."""
    do(engine, operations.keep, acting(cast["committee"]), site=site, promise=Promise(item, quantity, TODAY, "floods"))


def got(engine: Engine, plan: Plan, item: str = "TAB") -> dict[str, int]:
    return {member: row.got for (member, one), row in results(engine, plan).items() if one == item}


def test_an_entitlement_is_served_first_and_the_reasons_say_so(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    asked = submitted(region, cast, number, *everybody())
    before = planned(region, cast, number)
    least = min(got(region, before).items(), key=lambda row: (row[1], row[0]))[0]
    need = next(row.validated for row in asked if row.member_code == least)
    promised(region, cast, need, member=least)
    plan = planned(region, cast, number)
    assert (plan.fair, plan.kept) == (True, True)
    assert got(region, plan)[least] == need > got(region, before)[least]
    mine = next(row.id for row in asked if row.member_code == least)
    short = next(row for row in results(region, plan).values() if row.got < row.validated)
    assert "guaranteed of it came first" in short.reason
    with reading(region) as session:
        told = reasons.of_request(session, mine or 0, at=NOW)
        other = reasons.of_request(session, short.request_id, at=NOW)
    assert told.guaranteed == f"{need} tablet are guaranteed to you in this surge: they come before all priorities"
    assert any("guaranteed to it" in one.because for one in other.better_filled if one.member == least)


def test_what_a_surge_has_given_is_not_owed_again(region: Engine, cast: Cast) -> None:
    promised(region, cast, 50)
    number, plan = share_out(region, cast, ask("NL-1", quantity=30))
    do(region, approval.approve, acting(cast["committee3"]), plan_number=plan.id)
    with reading(region) as session:
        assert queries.owed(session, number, TODAY) == {("NL-1", "TAB"): 50 - got(region, plan)["NL-1"]}
        assert queries.owed(session, number, date(2020, 3, 29)) == {}, "it had not begun"


def test_under_another_policy_an_entitlement_is_a_fact_that_its_own_step_weighs(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    asked = submitted(region, cast, number, *everybody())
    need = next(row.validated for row in asked if row.member_code == "NL-1")
    promised(region, cast, need)
    adopted(region, cast, written("lawful/1", "entitlement/1", "tiers/1", "equal_units/1", name="paid first"))
    plan = planned(region, cast, number)
    assert (plan.method, plan.kept) == ("policy", True), plan.findings
    assert got(region, plan)["NL-1"] == need
    [policy] = problem_from_json(plan.problem).policies
    assert [fact.entitled for fact in policy.facts if fact.claim.startswith("NL-1/")] == [need // 10]
    assert {fact.claim for fact in policy.facts if fact.entitled} == {
        fact.claim for fact in policy.facts if fact.claim.startswith("NL-1/")
    }
    supposed = alternatives.what_if(
        region, surge=number, plan=plan.id, circumstances=[Ruled("per_capita")], limit_seconds=60
    )
    assert supposed.proven


def test_a_buffer_stays_at_its_depot(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    before = leaving(region, planned(region, cast, number), "D-DE")
    kept(region, cast, 290)
    plan = planned(region, cast, number)
    assert plan.fair
    assert leaving(region, plan, "D-DE") <= 300 - 290 < before


def leaving(engine: Engine, plan: Plan, site: str) -> int:
    """Base units that the plan takes from a depot."""
    return sum(line.quantity for line in lines(engine, plan) if line.site_code == site)


def test_promises_that_cannot_be_kept_are_named_with_the_smallest_set_and_the_way_out(
    region: Engine, cast: Cast
) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    for member in ("BE-1", "BE-2", "DE-1", "DE-2", "NL-1"):
        promised(region, cast, 10_000, member=member)
    with pytest.raises(
        planning.PromisesConflict, match=r"TAB: .* are promised to .* Lower the entitlement of"
    ) as refusal:
        planned(region, cast, number)
    [told] = refusal.value.facts["conflicts"]
    assert told["promised"] - told["reachable"] == told["missing"] == sum(one["less"] for one in told["cuts"]) > 0
    assert told["limits"] == ["only 50 may be shared"]
    for one in told["cuts"]:
        promised(region, cast, 10_000, member=one["member"])
    cut = told["cuts"][0]
    promised(region, cast, 0, member=cut["member"])
    assert planned(region, cast, number).fair


@ON_SQLITE
def test_a_supposition_that_would_break_promises_is_refused_with_them(region: Engine, cast: Cast) -> None:
    promised(region, cast, 100)
    number, plan = share_out(region, cast, *everybody())
    losses = [Lost("D-DE"), Lost("D-BE"), Lost("D-NL")]
    with pytest.raises((ImpossibleSupposition, NotFound), match=r"promises could not be kept|no site has the code"):
        alternatives.what_if(region, surge=number, plan=plan.id, circumstances=losses, limit_seconds=60)


@ON_SQLITE
@pytest.mark.parametrize(
    ("wrong", "refusal", "words"),
    [
        ({"member": "XX"}, NotFound, "no member has the code XX"),
        ({"item": "GLOVE"}, NotFound, "GLOVE"),
        ({"quantity": 15}, Invalid, "whole packs of 10"),
        ({"effective_from": date(2020, 3, 1)}, Invalid, "that day has passed"),
        ({"reason": " "}, Invalid, "needs a reason"),
    ],
)
def test_promises_that_make_no_sense_are_refused_by_name(
    region: Engine, cast: Cast, wrong: dict[str, Any], refusal: type[Exception], words: str
) -> None:
    given = {"member": "NL-1", "item": "TAB", "quantity": 20, "effective_from": TODAY, "reason": "paid"} | wrong
    member = given.pop("member")
    with pytest.raises(refusal, match=words):
        do(region, operations.entitle, acting(cast["committee"]), member=member, promise=Promise(**given))
    with pytest.raises(NotAllowed):
        do(region, operations.entitle, acting(cast["coordinator"]), member="NL-1", promise=Promise(**given))


def test_promises_are_set_and_their_conflict_is_told_over_http(region: Engine, cast: Cast) -> None:
    people = Desk(region, cast)
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    body = {"item": "TAB", "quantity": 9000, "effective_from": "2020-03-30", "reason": "paid for"}
    for member in ("NL-1", "BE-1", "DE-1"):
        assert people.post("committee", "/entitlements", {"member": member, **body}).status_code == 201
    assert people.post("committee", "/depot-buffers", {"site": "D-DE", **body, "quantity": 100}).status_code == 201
    assert people.post("committee", "/depot-buffers", {"site": "P-NL", **body}).status_code in (404, 422)
    assert people.post("requester", "/entitlements", {"member": "NL-1", **body}).status_code == 403
    assert people.post("committee", "/entitlements", {"member": "NL-1", **body, "colour": 1}).status_code == 422
    assert [row["member_code"] for row in people.get("requester", "/entitlements?item=TAB")] == ["BE-1", "DE-1", "NL-1"]
    assert [row["quantity"] for row in people.get("requester", "/depot-buffers")] == [100]
    answer = people.post("coordinator", f"/surges/{number}/plans", None)
    told = answer.json()
    assert (answer.status_code, told["type"]) == (409, "urn:stockpile:problem:promises_conflict"), told
    assert told["facts"]["conflicts"][0]["item"] == "TAB"
    assert told["facts"]["conflicts"][0]["missing"] > 0


def test_on_the_real_region_an_impossible_promise_is_named_and_a_possible_one_is_kept(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "region.db"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    told = first_morning(engine)
    plan = first_plan(engine, told)
    row = next(row for row in results(engine, plan).values() if 0 < row.got < row.validated and row.tie)
    tied = [one for one in results(engine, plan).values() if (one.tie, one.item_code) == (row.tie, row.item_code)]
    act = acting_in(told.actors, "committee")

    def entitle(member: str, quantity: int) -> None:
        promise = Promise(row.item_code, quantity, act.at.date(), "paid for")
        with pytest.raises(DecisionRequired) as why:
            do(engine, operations.entitle, act, member=member, promise=promise)
        number = decided(engine, told, why.value)
        do(engine, operations.entitle, replace(act, decision=number), member=member, promise=promise)

    for one in tied:
        entitle(one.member_code, one.validated)
    with pytest.raises(planning.PromisesConflict) as refusal:
        first_plan(engine, told)
    [conflict] = refusal.value.facts["conflicts"]
    assert conflict["item"] == row.item_code
    assert 1 <= len(conflict["members"]) <= len(tied)
    for one in tied:
        entitle(one.member_code, 0)
    entitle(row.member_code, row.validated)
    again = first_plan(engine, told)
    assert again.fair
    assert results(engine, again)[row.member_code, row.item_code].got == row.validated
    assert json.loads(again.problem) != json.loads(plan.problem)
    engine.dispose()
