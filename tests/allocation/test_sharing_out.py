"""A plan from end to end: fair by the checker's word, with a reason for every share, and the same every time."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from optimizer.allocation import check as checker
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json
from stockpile import journal
from stockpile.allocation import approval, operations, planning, queries, rules
from stockpile.allocation.operations import SurgeNotOpen
from stockpile.allocation.planning import NothingToShare
from stockpile.allocation.queries import NothingAsked, UnknownPlan
from stockpile.db import reading
from stockpile.governance.rules import Missing
from stockpile.inventory import holding
from stockpile.inventory import operations as stock
from tests.allocation.surge_room import (
    TOMORROW,
    ask,
    drafted,
    everybody,
    lines,
    planned,
    results,
    share_out,
    stored_plan,
    submitted,
    surge,
)
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, lot_id


def test_scarce_tablets_are_shared_fairly_inside_the_reserve_floor(region: Engine, cast: Cast) -> None:
    """600 tablets, 100 kept back; 60, 120, 360, 60 and 120 are validated: each gets 60 to 70 of a hundred."""
    _, plan = share_out(region, cast, *everybody())
    assert (plan.method, plan.feasible, plan.fair, plan.findings, plan.state) == ("leximin", True, True, "", "computed")
    got = {member: row.got for (member, _), row in results(region, plan).items()}
    assert sum(got.values()) == 500
    assert {member: row.validated for (member, _), row in results(region, plan).items()} == {
        "BE-1": 60,
        "BE-2": 120,
        "DE-1": 360,
        "DE-2": 60,
        "NL-1": 120,
    }
    assert sorted(got) == ["BE-1", "BE-2", "DE-1", "DE-2", "NL-1"]
    assert min(row.got * 1000 // row.validated for row in results(region, plan).values()) >= 666
    assert all(quantity % 10 == 0 for quantity in got.values())


def test_the_stored_plan_is_what_an_independent_checker_calls_fair(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("VIAL", 100), *everybody("PUMP", 100))
    verdict = checker.check(problem_from_json(plan.problem), plan_from_json(plan.answer))
    assert (verdict.feasible, verdict.fair, verdict.findings) == (True, True, ())


@ON_SQLITE
def test_every_line_and_every_result_has_its_reason(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("VIAL", 100), *everybody("PUMP", 100))
    assert lines(region, plan)
    for line in lines(region, plan):
        assert line.reason_code == "first_expiring"
        assert "expires" in line.reason
        assert line.arrives_at > NOW
    for row in results(region, plan).values():
        assert row.reason_code
        assert row.reason
        if row.reason_code == "stock_shared_out":
            assert row.reason.startswith(f"{row.got:,} of {row.validated:,} ")
            assert row.tie


def test_what_nothing_can_lawfully_reach_is_listed_apart_with_its_reason(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody("VIAL", 100))
    plan = planned(region, cast, number)
    vaals = results(region, plan)["NL-1", "VIAL"]
    assert (vaals.reachable, vaals.got, vaals.reason_code) == (False, 0, "unreachable:not_licensed")
    assert vaals.reason.endswith("the item is not licensed in this country")
    assert all(row.reachable for (member, _), row in results(region, plan).items() if member != "NL-1")
    with reading(region) as session:
        [fill] = queries.fills(session, [plan.id or 0])
    assert fill.unreachable == 1
    assert fill.lowest_permille is not None
    assert fill.lowest_permille > 0


@ON_SQLITE
@pytest.mark.parametrize(
    ("minutes", "hold", "reason"),
    [(20, False, "unreachable:too_late"), (600, True, "unreachable:on_hold"), (600, False, "filled")],
)
def test_the_reason_names_what_would_have_to_change(
    region: Engine, cast: Cast, minutes: int, hold: bool, reason: str
) -> None:
    if hold:
        do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "P-1"), reason="recall")
    draft = ask("NL-1", "PUMP", 2, need_by=NOW + timedelta(minutes=minutes))
    _, plan = share_out(region, cast, draft)
    assert results(region, plan)["NL-1", "PUMP"].reason_code == reason


@ON_SQLITE
def test_cold_goods_travel_on_cold_lanes_only(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody("VIAL", 100))
    with reading(region) as session:
        picks = queries.pick_list(session, plan.id or 0)
    assert {(pick.depot, pick.destination) for pick in picks} <= {("D-BE", "H-BE"), ("D-DE", "H-BE"), ("D-DE", "H-DE")}


@ON_SQLITE
def test_what_expires_first_leaves_first(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, ask("BE-2", quantity=120))
    assert {(line.lot_id, line.site_code, line.quantity) for line in lines(region, plan)} == {
        (lot_id(region, "T-OLD"), "D-BE", 120)
    }


@ON_SQLITE
def test_a_lot_on_hold_is_in_no_plan_and_does_not_count_towards_the_floor(region: Engine, cast: Cast) -> None:
    held = lot_id(region, "T-NEW")
    do(region, holding.hold, acting(cast["logistics"]), lot_id=held, reason="recall")
    _, plan = share_out(region, cast, *everybody())
    assert held not in {line.lot_id for line in lines(region, plan)}
    assert sum(line.quantity for line in lines(region, plan)) == 100, "200 are usable, 100 are the floor"


@ON_SQLITE
def test_the_reserve_floor_is_kept_even_when_somebody_gets_nothing(region: Engine, cast: Cast) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 595}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    _, plan = share_out(region, cast, *everybody())
    assert lines(region, plan) == []
    assert {row.got for row in results(region, plan).values()} == {0}


@ON_SQLITE
def test_a_share_below_the_useful_minimum_is_set_aside_for_others(region: Engine, cast: Cast) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 500}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    _, plan = share_out(region, cast, ask("NL-1", quantity=120, minimum_useful=120), ask("BE-2", quantity=120))
    vaals, eupen = results(region, plan)["NL-1", "TAB"], results(region, plan)["BE-2", "TAB"]
    assert (vaals.got, vaals.reason_code) == (0, "below_useful_minimum")
    assert vaals.reason.startswith("nothing: a fair share would have been below the 120 tablet")
    assert eupen.got == 100
    assert plan.fair


@ON_SQLITE
def test_what_saves_lives_is_served_before_the_rest(region: Engine, cast: Cast) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 500}
    do(region, stock.set_floor, acting(cast["committee"]), **given)
    _, plan = share_out(region, cast, ask("NL-1", quantity=120), ask("BE-2", quantity=120, priority=3))
    assert {member: row.got for (member, _), row in results(region, plan).items()} == {"NL-1": 100, "BE-2": 0}


def test_the_same_stock_and_requests_give_the_same_plan_to_the_last_byte(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody(), *everybody("VIAL", 100), *everybody("PUMP", 100))
    act = acting(cast["coordinator"])
    drafts = [drafted(region, act, number) for _ in range(3)]
    assert len({draft.snapshot.problem.canonical() for draft in drafts}) == 1
    assert len({draft.plan.canonical() for draft in drafts}) == 1
    plan = planned(region, cast, number)
    assert plan.answer_digest == drafts[0].plan.digest()
    assert plan.problem_digest == drafts[0].snapshot.problem.digest()


@ON_SQLITE
def test_the_solver_of_the_service_gives_the_same_plan_in_a_process_of_its_own(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    act = acting(cast["coordinator"])
    made = planning.draft(region, act, surge_id=number, limit_seconds=60)
    assert made.plan.digest() == drafted(region, act, number).plan.digest()
    assert (made.note, made.verdict.fair) == ("", True)


def test_without_time_to_solve_a_labelled_pro_rata_plan_is_made_and_may_be_approved(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    act = acting(cast["coordinator"])
    made = planning.draft(region, act, surge_id=number, limit_seconds=0.0001)
    plan = do(region, planning.store, act, made=made)
    assert (plan.method, plan.feasible, plan.fair) == ("pro_rata", True, False)
    assert plan.solver_note.startswith("pro rata instead of the fair plan: no answer within")
    assert {line.reason_code for line in lines(region, plan)} == {"pro_rata_fallback"}
    assert {row.reason_code for row in results(region, plan).values()} <= {"pro_rata_fallback", "filled"}
    assert sum(line.quantity for line in lines(region, plan)) <= 500
    assert do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)


def test_a_newer_plan_takes_the_place_of_the_one_that_waits(region: Engine, cast: Cast) -> None:
    number, first = share_out(region, cast, *everybody())
    second = planned(region, cast, number)
    assert stored_plan(region, first).state == "superseded"
    assert stored_plan(region, second).state == "computed"
    with pytest.raises(approval.PlanState):
        do(region, approval.approve, acting(cast["committee"]), plan_number=first.id)


@ON_SQLITE
def test_there_is_nothing_to_plan_without_an_open_request(region: Engine, cast: Cast) -> None:
    number, act = surge(region, cast), acting(cast["coordinator"])
    with pytest.raises(NothingToShare):
        drafted(region, act, number)
    submitted(region, cast, number, ask(own_stock=500))
    with pytest.raises(NothingToShare):
        drafted(region, act, number)
    submitted(region, cast, number, ask())
    with pytest.raises(NothingToShare):
        drafted(region, acting(cast["coordinator"], TOMORROW), number)
    assert drafted(region, act, number).verdict.fair


@ON_SQLITE
def test_nothing_is_planned_outside_an_open_surge_or_without_the_right(region: Engine, cast: Cast) -> None:
    number = surge(region, cast, days=2)
    submitted(region, cast, number, ask(need_by=NOW + timedelta(days=5)))
    made = drafted(region, acting(cast["coordinator"]), number)
    with pytest.raises(Missing):
        drafted(region, acting(cast["committee"]), number)
    with pytest.raises(Missing):
        do(region, planning.store, acting(cast["committee"]), made=made)
    with pytest.raises(SurgeNotOpen):
        drafted(region, acting(cast["coordinator"], after_hours=48), number)
    do(region, operations.close_surge, acting(cast["committee"]), number=number, reason="it is over")
    for work in (lambda act: drafted(region, act, number), lambda act: do(region, planning.store, act, made=made)):
        with pytest.raises(SurgeNotOpen):
            work(acting(cast["coordinator"]))


def test_why_did_we_get_less_is_answered_with_all_it_takes(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), ask("NL-1", "VIAL", 4))
    with reading(region) as session:
        answer = queries.why(session, plan_number=plan.id or 0, member="NL-1", item="TAB")
        unlicensed = queries.why(session, plan_number=plan.id or 0, member="NL-1", item="VIAL")
        with pytest.raises(NothingAsked):
            queries.why(session, plan_number=plan.id or 0, member="NL-1", item="PUMP")
        with pytest.raises(UnknownPlan):
            queries.why(session, plan_number=99, member="NL-1", item="TAB")
    assert (answer.asked, answer.validated, answer.got) == (1000, 120, results(region, plan)["NL-1", "TAB"].got)
    assert answer.permille == answer.got * 1000 // 120
    assert answer.validation.startswith("3 days of reported admissions use 120, 0 are there or on the way")
    assert {one.member for one in answer.tied_with} <= {"BE-1", "BE-2", "DE-1", "DE-2"}
    assert all(one.permille > answer.permille for one in answer.better_filled)
    assert (answer.rule, answer.method, answer.approved_at) == ("leximin/1", "leximin", None)
    assert (answer.next_delivery_at, answer.next_delivery_quantity) == (None, 0)
    assert unlicensed.sentence.startswith("nothing can lawfully and in time reach its point of use")


def test_the_figures_by_item_and_by_member_add_up_to_the_lines(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    with reading(region) as session:
        by_item = queries.fills(session, [plan.id or 0])
        by_member = queries.fills(session, [plan.id or 0], by="member")
    moved = sum(line.quantity for line in lines(region, plan))
    assert sum(fill.shared for fill in by_item) == sum(fill.shared for fill in by_member) == moved
    assert [fill.key for fill in by_item] == ["PUMP", "TAB"]
    assert [fill.key for fill in by_member] == ["BE-1", "BE-2", "DE-1", "DE-2", "NL-1"]
    crossed = {fill.key: fill.cross_border for fill in by_item}
    assert 0 < crossed["TAB"] <= 500
    tab = next(fill for fill in by_item if fill.key == "TAB")
    assert (tab.asked, tab.validated, tab.shared) == (5000, 720, 500)
    assert tab.lowest_permille is not None
    assert tab.median_permille is not None
    assert tab.lowest_permille <= tab.median_permille


def test_the_pick_list_holds_the_lines_of_the_plan_in_whole_packs(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    with reading(region) as session:
        picks = queries.pick_list(session, plan.id or 0)
    assert sum(pick.quantity for pick in picks) == sum(line.quantity for line in lines(region, plan))
    assert all(pick.packs * (10 if pick.item == "TAB" else 2) == pick.quantity for pick in picks)
    assert picks == sorted(picks, key=lambda p: (p.depot, p.destination, p.item, p.expiry, p.lot, p.member))
    text = rules.pick_list_text(picks, head="Plan 1")
    assert text.count("[ ]") == len(picks)
    assert text.startswith("Plan 1\n")
    with reading(region) as session, pytest.raises(UnknownPlan):
        queries.pick_list(session, 99)


def test_the_plan_is_in_the_journal_with_both_its_hashes(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    with reading(region) as session:
        [entry] = list(journal.entries(session, action="plan.compute"))
    payload = json.loads(entry.payload)
    assert (payload["problem"], payload["plan"]) == (plan.problem_digest, plan.answer_digest)
