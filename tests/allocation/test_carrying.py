"""What can be carried in a day, and what stands in: from data, through the plan, to the reason and the check."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from optimizer.allocation import check as checker
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json
from stockpile.allocation import approval, queries, replaying
from stockpile.allocation.alternatives import planning as alternatives
from stockpile.allocation.alternatives.rules import LEFT_ASIDE
from stockpile.allocation.carrying import operations
from stockpile.allocation.carrying.operations import Carries
from stockpile.allocation.tables import Plan
from stockpile.catalogue import operations as catalogue
from stockpile.db import open_engine, reading, transact
from stockpile.errors import Invalid
from stockpile.web import crisis_reading
from stockpile.web.crisis_answer import pieces
from stockpile.web.crisis_tables import line_reason
from tests.allocation.real_region import acting_in, first_morning, first_plan
from tests.allocation.surge_room import everybody, planned, results, share_out, stored_plan, submitted, surge
from tests.conftest import NOW, Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do

TODAY = date(2020, 3, 30)


def limited(engine: Engine, cast: Cast, volume_ml: int | None, *, site: str | None, member: str | None = None) -> None:
    """A limit from today on."""
    said = Carries(site, member, volume_ml, TODAY, "one van")
    do(engine, operations.limit, acting(cast["logistics"]), said=said)


def proven(plan: Plan) -> checker.Verdict:
    """The independent checker's word on the stored files."""
    problem = problem_from_json(plan.problem)
    return checker.check(problem, plan_from_json(plan.answer, problem))


def got(engine: Engine, plan: Plan) -> dict[str, int]:
    return {member: row.got for (member, _), row in results(engine, plan).items()}


def sentences(engine: Engine, plan: int, member: str) -> dict[str, list[str]]:
    """What the screen answers to "why did we get less?" of tablets, by heading."""
    with reading(engine) as session:
        found = crisis_reading.answer(session, plan=plan, member=member, item="TAB", at=NOW)
    return {one.name: one.sentences for one in pieces(found, "UTC") if not one.foreign}


def sent_ml(plan: Plan, site: str) -> int:
    problem, answer = problem_from_json(plan.problem), plan_from_json(plan.answer)
    at = {(pool.item, lot.id): lot.site for pool in problem.pools for lot in pool.lots}
    volume = {pool.item: pool.unit_volume for pool in problem.pools}
    return sum(
        line.packs * volume[rows.item]
        for rows in answer.pools
        for line in rows.lines
        if at[rows.item, line.lot] == site
    )


def test_ample_vans_change_nothing_but_that_it_is_proven_so(region: Engine, cast: Cast) -> None:
    _, before = share_out(region, cast, *everybody())
    for site in ("D-BE", "D-DE"):
        limited(region, cast, 10**9, site=site)
    plan = planned(region, cast, before.surge_id)
    assert (plan.method, plan.fair, plan.kept, plan.findings) == ("leximin", True, True, "")
    assert got(region, plan) == got(region, before)
    assert json.loads(plan.bound)["proven"]
    assert "its own routing keeps every shared limit" in plan.bound
    assert replaying.again(plan.problem, method=plan.method, limit_seconds=30) == plan.answer


def test_what_a_depot_can_dispatch_binds_the_plan_and_is_told_with_bound_and_gap(region: Engine, cast: Cast) -> None:
    """Both depots can send out half of what the fair plan would take from them."""
    _, before = share_out(region, cast, *everybody())
    limits = {}
    for site in ("D-BE", "D-DE"):
        limited(region, cast, 10**9, site=site)
    ample = planned(region, cast, before.surge_id)
    for site in ("D-BE", "D-DE"):
        limits[site] = sent_ml(ample, site) // 2
        limited(region, cast, limits[site], site=site)
    plan = planned(region, cast, before.surge_id)
    assert (plan.method, plan.feasible, plan.fair) == ("best_found", True, False)
    assert all(sent_ml(plan, site) <= volume for site, volume in limits.items())
    bound = json.loads(plan.bound)
    assert Fraction(bound["gap"]) == Fraction(bound["at_most"]) - Fraction(bound["reached"])
    assert Fraction(bound["gap"]) < Fraction(1, 5), "whole packs of ten, no more than a pack or two from the best"
    assert proven(plan).labelled
    assert sum(got(region, plan).values()) <= 250
    short = [row for row in results(region, plan).values() if row.got < row.validated]
    assert short
    assert all(row.reason_code == "carrying_limits" for row in short)
    assert any("bound by dispatch at D-" in row.reason for row in short), [row.reason for row in short]
    assert replaying.again(plan.problem, method=plan.method, limit_seconds=30) == plan.answer
    compared = alternatives.compare(region, plan=plan.id or 0, chosen=("leximin",), limit_seconds=30)
    assert compared.without == [LEFT_ASIDE["dispatch"]]
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id or 0)
    for row in short:
        said = sentences(region, plan.id or 0, row.member_code)
        assert said["why"][0].startswith("More could not be brought to you that day.")
        assert any(" can send out no more that day: " in one for one in said["binding"]), said["binding"]
        assert said["help"][0].startswith("More that can be sent and taken in on one day")


def test_what_plans_of_the_day_sent_already_is_taken_off_the_day(region: Engine, cast: Cast) -> None:
    limited(region, cast, 10**9, site="D-DE")
    number, plan = share_out(region, cast, *everybody())
    used = sent_ml(plan, "D-DE")
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id or 0)
    submitted(region, cast, number, *everybody("PUMP", 100))
    second = problem_from_json(planned(region, cast, number).problem)
    assert [one.volume for one in second.dispatch] == [10**9 - used]
    next_day = problem_from_json(planned(region, cast, number, after_hours=20).problem)
    assert [one.volume for one in next_day.dispatch] == [10**9]


@ON_SQLITE
@pytest.mark.parametrize(("site", "member"), [("D-DE", "NL-1"), (None, "NL-1")])
def test_vehicles_and_room_at_the_receiver_bind_too(
    region: Engine, cast: Cast, site: str | None, member: str | None
) -> None:
    for depot in ["D-BE", "D-DE"] if site else [None]:
        limited(region, cast, 0, site=depot, member=member)
    _, plan = share_out(region, cast, *everybody())
    assert (plan.method, got(region, plan)["NL-1"]) == ("best_found", 0)
    why = next(row.reason for (one, _), row in results(region, plan).items() if one == "NL-1")
    assert ("bound by the vehicles from" if site else "bound by what NL-1 can take in") in why
    assert proven(plan).labelled


@ON_SQLITE
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Carries(None, None, 5, TODAY, "x"), "name one"),
        (Carries("H-BE", None, 5, TODAY, "x"), "is no depot|no site has"),
        (Carries("D-DE", None, -1, TODAY, "x"), "a volume is 0 to"),
        (Carries("D-DE", None, 1, TODAY - timedelta(days=1), "x"), "that day has passed"),
        (Carries("D-DE", None, 1, TODAY, " "), "needs a reason"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(region: Engine, cast: Cast, said: Carries, reason: str) -> None:
    with pytest.raises((Invalid, LookupError, Exception), match=reason):
        do(region, operations.limit, acting(cast["logistics"]), said=said)


def approved_stand_in(engine: Engine, cast: Cast, *, item: str, substitute: str, units: int, per_units: int) -> None:
    """A pharmacist has approved it where it is licensed: in the Netherlands no such vial is."""
    for country in ("BE", "DE"):
        said: dict[str, Any] = {"item": item, "substitute": substitute, "country": country, "units": units}
        said |= {"per_units": per_units, "valid_from": TODAY, "valid_through": None, "reason": "same strength"}
        made = do(engine, catalogue.propose_substitute, acting(cast["logistics"]), **said)
        judge: dict[str, Any] = {"number": made.id, "approve": True, "reason": "fits"}
        do(engine, catalogue.decide_substitute, acting(cast["pharmacist"]), **judge)


def over_http(people: Desk, number: int, *, substitutes: bool) -> dict[str, Any]:
    """Everybody asks for tablets over HTTP, and the plan is computed."""
    need_by = (NOW + timedelta(days=1)).isoformat()
    plain = {"item": "TAB", "quantity": 1000, "need_by": need_by, "justification": "full", "own_stock": 0}
    rows = [{"member": one, "substitutes": substitutes, **plain} for one in ("BE-1", "BE-2", "DE-1", "DE-2", "NL-1")]
    assert people.post("requester", "/requests", {"surge": number, "requests": rows}).status_code == 201
    answer = people.post("coordinator", f"/surges/{number}/plans")
    assert answer.status_code == 201, answer.text
    plan: dict[str, Any] = answer.json()
    return plan


@ON_SQLITE
def test_approved_substitutes_fill_who_takes_them_and_only_them(region: Engine, cast: Cast) -> None:
    """Tablets are short by 220; one vial stands for ten tablets, and there are more than enough vials."""
    approved_stand_in(region, cast, item="TAB", substitute="VIAL", units=1, per_units=10)
    people, number = Desk(region, cast), surge(region, cast)
    plan = over_http(people, number, substitutes=True)
    stored = stored_plan(region, type("P", (), {"id": plan["id"]})())
    assert proven(stored).labelled, proven(stored).findings
    problem, answer = problem_from_json(stored.problem), plan_from_json(stored.answer)
    assert problem.substitutes
    rows = people.get("requester", f"/plans/{plan['id']}/results?limit=100")
    found = rows["rows"]
    assert sum(swap.times for swap in answer.swaps) == 22, "220 tablets are missing, a vial stands for ten"
    assert answer.bound is not None
    assert answer.bound.proven, answer.bound.told()
    helped = [row for row in found if "by substitutes that a pharmacist has approved" in row["reason"]]
    assert helped
    assert all(row["got"] == row["validated"] for row in found), "Dutch law knows no such vial: tablets go there"
    assert not any(row["member_code"] == "NL-1" for row in helped)
    assert replaying.again(stored.problem, method=stored.method, limit_seconds=30) == stored.answer
    sent = do(region, approval.approve, acting(cast["committee"]), plan_number=plan["id"])
    assert sent
    with reading(region) as session:
        stands = [line for line in queries.plan_lines(session, plan["id"]) if line.stands_for is not None]
        given = {
            r.id: r.allocated for r in queries.requests_by_number(session, {x["request_id"] for x in found}).values()
        }
    assert stands
    [said] = sentences(region, plan["id"], helped[0]["member_code"])["why"][1:]
    assert " vial of " in said, said
    assert said.endswith(" tablet: a pharmacist has approved that."), said
    with reading(region) as session:
        told = {line_reason(line) for line in crisis_reading.plan_view(session, plan["id"]).lines}
    assert any(one.startswith("stands in for ") for one in told)
    assert "of what may still be used there on arrival, it expires first" in told
    assert {row["request_id"]: row["got"] for row in found} == given


@ON_SQLITE
def test_who_does_not_take_substitutes_gets_none(region: Engine, cast: Cast) -> None:
    approved_stand_in(region, cast, item="TAB", substitute="VIAL", units=1, per_units=10)
    people, number = Desk(region, cast), surge(region, cast)
    plan = over_http(people, number, substitutes=False)
    assert plan["fair"]
    assert not problem_from_json(stored_plan(region, type("P", (), {"id": plan["id"]})()).problem).substitutes


@pytest.fixture(scope="module")
def real(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The real region on its first morning, everybody has asked."""
    path = tmp_path_factory.mktemp("real") / "region.db"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine, first_morning(engine)
    engine.dispose()


def test_the_real_region_keeps_what_its_vans_carry(real: Any) -> None:
    """One van of ten cubic metres a depot is ample; a hundred litres at Liege and Maastricht are not."""
    engine, told = real
    act = acting_in(told.actors, "logistics")
    day = act.at.date()
    depots = ("depot-aachen", "depot-genk", "depot-liege", "depot-maastricht")

    def say(site: str, volume_ml: int) -> None:
        said = Carries(site, None, volume_ml, day, "assumption: one van of ten cubic metres a day")
        transact(engine, lambda session: operations.limit(session, act, said=said))

    for site in depots:
        say(site, 10_000_000)
    plan = first_plan(engine, told)
    assert (plan.method, plan.fair, plan.kept) == ("leximin", True, True)
    for site in ("depot-liege", "depot-maastricht"):
        say(site, 100_000)
    plan = first_plan(engine, told)
    assert sent_ml(plan, "depot-liege") <= 100_000
    verdict = proven(plan)
    assert verdict.labelled, verdict.findings
    with reading(engine) as session:
        reasons = [row.reason for row in queries.plan_results(session, plan.id or 0)]
    if plan.method == "best_found":
        assert Fraction(json.loads(plan.bound)["gap"]) > 0
        assert any("bound by dispatch at depot-" in one for one in reasons)
    else:
        assert "another routing" in plan.bound
