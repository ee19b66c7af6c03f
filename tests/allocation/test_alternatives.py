"""Other rules for the same stock, and the same rule under other circumstances: nothing is stored, nothing is hidden."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.allocation.alternatives import planning, queries
from stockpile.allocation.alternatives.planning import Closed, ImpossibleSupposition, Lost, More, NoAnswer, Room, Ruled
from stockpile.allocation.policies import rules as policies
from stockpile.allocation.tables import Plan
from stockpile.db import open_engine, reading
from stockpile.errors import Invalid, NotFound
from stockpile.inventory import holding
from tests.allocation.real_region import SIX_RULES, first_morning, first_plan
from tests.allocation.surge_room import ask, everybody, results, share_out, stored_plan
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do, lot_id


def compared(engine: Engine, plan: Plan, *chosen: str) -> planning.Compared:
    """The plan beside these rules."""
    return planning.compare(engine, plan=plan.id or 0, chosen=chosen, limit_seconds=60)


def supposed(engine: Engine, plan: Plan, *circumstances: planning.Circumstance) -> planning.Supposed:
    """What the plan would be."""
    return planning.what_if(engine, surge=plan.surge_id, plan=plan.id, circumstances=circumstances, limit_seconds=60)


def test_under_the_plans_own_rule_everybody_gets_what_the_plan_gives(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    found = compared(region, plan)
    assert {one.rule for one in found.rules} == {f"{rule}/1" for rule in policies.selectable()}
    for row in found.members:
        assert row.got["leximin/1"] == row.planned == results(region, plan)[row.member, row.item].got
        assert all(0 <= got <= row.validated for got in row.got.values())
    even = {one.rule: one for one in found.rules}
    assert even["leximin/1"].lowest_permille == max(one.lowest_permille for one in found.rules)
    assert even["leximin/1"].words.startswith("The town that is worst supplied")
    assert even["leximin/1"].cost_minor > 0
    assert found.problem_digest == plan.problem_digest


@ON_SQLITE
def test_the_comparison_counts_what_would_be_left_to_expire(region: Engine, cast: Cast) -> None:
    """200 tablets expire within 30 days; Eupen alone asks for 120 of them."""
    _, plan = share_out(region, cast, ask("BE-2", quantity=120))
    [only] = compared(region, plan, "leximin").rules
    assert only.expiring == 8


@ON_SQLITE
def test_a_lost_depot_takes_from_those_it_served_and_the_answer_says_how_much(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    found = supposed(region, plan, Lost("D-DE"))
    assert (found.proven, found.method, found.gains) == (True, "leximin", 0)
    assert sum(one.before - one.after for one in found.shifts) == 300, "of 600 tablets 300 lay there, 100 are the floor"
    assert found.lowest_permille_after < found.lowest_permille_before
    assert found.shifts[0].sentence.endswith("of its need")
    assert stored_plan(region, plan).answer_digest == plan.answer_digest


@ON_SQLITE
def test_a_closed_lane_is_felt_by_one_municipality_at_most_by_others_through_it(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody("VIAL", 100))
    assert supposed(region, plan, Closed("D-BE", "DE-1")).shifts == []
    [vaals] = [row for row in results(region, plan).values() if row.member_code == "NL-1"]
    assert not vaals.reachable
    note = supposed(region, plan, Closed("D-BE", "NL-1")).notes
    assert note == ["Vaals asks for nothing in this plan that stock can reach"]


@ON_SQLITE
def test_more_stock_reaches_those_who_may_have_it(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    found = supposed(region, plan, More("TAB", "D-BE", 100))
    assert found.proven
    assert sum(one.after - one.before for one in found.shifts) == 100
    assert found.loses == 0
    soon = supposed(region, plan, More("TAB", "D-BE", 100, expiry=plan.planned_at.date()))
    assert soon.shifts == [], "it would expire before it is used up"
    assert "can be reached lawfully from D-BE" in soon.notes[0]


@ON_SQLITE
def test_more_of_what_nobody_could_get_opens_it_to_them(region: Engine, cast: Cast) -> None:
    """The only lot of pumps is on hold: the plan knows no pumps; a delivery to Aachen would serve those who asked."""
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "P-1"), reason="recall")
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    assert {row.got for (_, item), row in results(region, plan).items() if item == "PUMP"} == {0}
    found = supposed(region, plan, More("PUMP", "D-DE", 8))
    assert {one.item for one in found.shifts} == {"PUMP"}
    assert sum(one.after for one in found.shifts) == 8
    assert found.proven


@ON_SQLITE
def test_room_at_the_receiver_limits_what_it_gets_and_the_rest_goes_to_others(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    found = supposed(region, plan, Room("DE-1", 0))
    shift = {one.member: one for one in found.shifts}
    assert shift["DE-1"].after == 0
    assert found.gains == len(found.shifts) - 1 > 0


@ON_SQLITE
def test_another_rule_is_tried_for_one_item_or_for_all(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    both, one = supposed(region, plan, Ruled("per_capita")), supposed(region, plan, Ruled("per_capita", "TAB"))
    assert both.method == one.method == "policy"
    assert both.proven
    assert {shift.item for shift in one.shifts} == {"TAB"}
    against = {(row.member, row.item): row.got["per_capita/1"] for row in compared(region, plan, "per_capita").members}
    assert all(against[shift.member, shift.item] == shift.after for shift in both.shifts)
    assert supposed(region, plan, Ruled("leximin")).shifts == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("circumstance", "refusal", "words"),
    [
        (Lost("NOWHERE"), NotFound, "no site has the code NOWHERE"),
        (Closed("D-BE", "FR-1"), Invalid, "no member has the code FR-1"),
        (More("GLOVE", "D-BE", 10), NotFound, "GLOVE"),
        (More("TAB", "D-BE", 15), Invalid, "whole packs of 10"),
        (More("TAB", "D-BE", 0), Invalid, "whole packs of 10"),
        (Ruled("whim"), Invalid, "there is no rule whim to choose"),
        (Ruled("talmud", "PUMP"), Invalid, "PUMP is not shared in plan 1"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(
    region: Engine, cast: Cast, circumstance: planning.Circumstance, refusal: type[Exception], words: str
) -> None:
    _, plan = share_out(region, cast, *everybody())
    with pytest.raises(refusal, match=words):
        supposed(region, plan, circumstance)


@ON_SQLITE
def test_room_at_the_receiver_is_supposed_beside_another_rule_and_nobody_gets_more_than_it_gives(
    region: Engine, cast: Cast
) -> None:
    _, plan = share_out(region, cast, *everybody())
    ruled = {one.member: one.after for one in supposed(region, plan, Ruled("talmud")).shifts}
    found = supposed(region, plan, Room("DE-1", 0), Ruled("talmud"))
    assert not found.proven
    assert all(one.after <= ruled.get(one.member, one.before) for one in found.shifts)


@ON_SQLITE
def test_suppositions_that_contradict_each_other_are_refused(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    with pytest.raises(ImpossibleSupposition, match="storage limit"):
        supposed(region, plan, Room("DE-1", 0), Room("DE-1", 5))


@ON_SQLITE
def test_a_question_that_takes_too_long_is_cut_off(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    with pytest.raises(NoAnswer, match="no answer within"):
        planning.compare(region, plan=plan.id or 0, limit_seconds=0.001)
    with pytest.raises(NoAnswer, match="no answer within"):
        planning.what_if(region, surge=plan.surge_id, circumstances=[Lost("D-DE")], limit_seconds=0.001)


def test_the_questions_are_asked_over_http_and_bad_ones_are_named(region: Engine, cast: Cast) -> None:
    people = Desk(region, cast)
    number, plan = share_out(region, cast, *everybody())
    told = people.get("requester", f"/plans/{plan.id}/compare?rules=leximin,per_capita&member=NL-1")
    assert [row["rule"] for row in told["rules"]] == ["leximin/1", "per_capita/1"]
    assert [row["member"] for row in told["members"]] == ["NL-1"]
    path = f"/surges/{number}/what-if"
    answer = people.post("requester", path, {"changes": [{"change": "lose_depot", "depot": "D-DE"}]})
    assert (answer.status_code, answer.json()["loses"] > 0) == (200, True)
    bad: list[tuple[Any, int]] = [
        ({"changes": []}, 422),
        ({"changes": [{"change": "magic"}]}, 422),
        ({"changes": [{"change": "lose_depot", "depot": "D-DE", "colour": "blue"}]}, 422),
        ({"changes": [{"change": "more_stock", "item": "TAB", "depot": "D-DE", "quantity": -10}]}, 422),
        ({"changes": [{"change": "lose_depot", "depot": "D-XX"}]}, 404),
        ({"plan": 99, "changes": [{"change": "lose_depot", "depot": "D-DE"}]}, 404),
    ]
    for body, status in bad:
        assert people.post("requester", path, body).status_code == status, body
    assert people.call("requester", "GET", f"/plans/{plan.id}/compare?rules=whim").status_code == 422
    empty = surge_of_another_name(people)
    nothing = people.post("requester", f"/surges/{empty}/what-if", {"changes": [{"change": "rule", "rule": "talmud"}]})
    assert (nothing.status_code, nothing.json()["title"]) == (409, "no plan")


def surge_of_another_name(people: Desk) -> int:
    """A surge without any plan."""
    body = {"hazard": "flood", "level": 1, "evidence": "water", "review_by": "2020-04-09T08:00:00Z"}
    return int(people.post("coordinator", "/surges", body).json()["id"])


def test_a_published_plan_is_checked_from_its_files_by_anyone_without_a_solver(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    people = Desk(region, cast)
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    for name in ("problem", "plan-file"):
        assert people.call("requester", "GET", f"/plans/{plan.id}/{name}").status_code == 403
        answer = people.call("auditor", "GET", f"/plans/{plan.id}/{name}")
        (tmp_path / f"{name}.json").write_bytes(answer.content)
    assert judged(tmp_path) == (0, "feasible: yes\nfair: yes\n")
    text = json.loads((tmp_path / "plan-file.json").read_bytes())
    text["pools"][0]["lines"][0]["packs"] += 1
    (tmp_path / "plan-file.json").write_text(json.dumps(text))
    status, said = judged(tmp_path)
    assert status == 1
    assert "fair: no" in said


def judged(folder: Path) -> tuple[int, str]:
    """Exit status and words of `python -m optimizer check`, in a process that has no OR-Tools and no NumPy."""
    code = (
        "import sys; sys.modules['ortools'] = sys.modules['numpy'] = None; "
        f"sys.argv = ['optimizer', 'check', {str(folder / 'problem.json')!r}, {str(folder / 'plan-file.json')!r}]; "
        "from optimizer.__main__ import main; sys.exit(main())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    return ran.returncode, ran.stdout


def test_on_the_real_region_rules_are_compared_and_a_depot_supposed_lost_and_nothing_is_stored(
    sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "region.db"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    plan = first_plan(engine, first_morning(engine))
    assert (plan.fair, plan.method) == (True, "leximin")
    found = compared(engine, plan, *SIX_RULES)
    assert len(found.rules) == 6
    assert len({row.member for row in found.members}) > 180
    lost = supposed(engine, plan, Lost("depot-genk"))
    assert lost.proven
    assert lost.loses > 100
    with reading(engine) as session:
        assert queries.newest_plan(session, plan.surge_id) == plan.id
        assert len(session.exec(select(Plan)).all()) == 1, "nothing was stored"
    engine.dispose()
