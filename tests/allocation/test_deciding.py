"""From plan to transfers: who may approve what, and only what still stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.allocation import approval, operations, planning, queries
from stockpile.allocation.approval import NotAccepted, PlanState, StalePlan, Unconfirmed
from stockpile.allocation.operations import SurgeNotOpen
from stockpile.allocation.tables import Override, Plan
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding
from stockpile.inventory import operations as stock
from stockpile.inventory import queries as stock_queries
from tests.allocation.surge_room import (
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
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, lot_id, send_out, shelves
from tests.laws.parallel import kinds, overlapping

COORDINATOR_AND_COMMITTEE = (Grant("coordinator"), Grant("committee"))


def approve(engine: Engine, cast: Cast, plan: Plan, *, by: str = "committee", after_hours: float = 0) -> list[Any]:
    """Approve a plan."""
    return do(engine, approval.approve, acting(cast[by], after_hours=after_hours), plan_number=plan.id)


def test_an_approved_plan_reserves_its_stock_and_opens_one_transfer_per_road(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody(), *everybody("PUMP", 100))
    made = approve(region, cast, plan)
    roads = [(transfer.origin, transfer.destination) for transfer in made]
    assert len(set(roads)) == len(roads)
    assert {transfer.source for transfer in made} == {f"plan:{plan.id}"}
    with reading(region) as session:
        carried = stock_queries.transfer_lines(session, [transfer.id or 0 for transfer in made])
        requests = queries.requests_by_number(session, {row.request_id for row in results(region, plan).values()})
    planned_lines = lines(region, plan)
    assert sorted((one.lot_id, one.quantity) for one in carried) == sorted(
        (one.lot_id, one.quantity) for one in planned_lines
    )
    reserved = sum(q for shelf, q in shelves(region).items() if shelf[3] == "reserved")
    assert reserved == sum(line.quantity for line in planned_lines)
    for row in results(region, plan).values():
        request = requests[row.request_id]
        assert request.allocated == row.got
        assert request.state == ("allocated" if row.got == row.validated else "part_allocated")
    stored = stored_plan(region, plan)
    assert (stored.state, stored.approved_by) == ("approved", cast["committee"].id)
    assert faults(region) == []


@ON_SQLITE
def test_a_request_that_gets_nothing_is_unserved(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, ask("NL-1", "VIAL", 4))
    assert approve(region, cast, plan) == []
    with reading(region) as session:
        assert queries.request(session, results(region, plan)["NL-1", "VIAL"].request_id).state == "unserved"


def test_nobody_approves_a_plan_of_their_own_making(region: Engine, cast: Cast) -> None:
    both = cast.engage("both", *COORDINATOR_AND_COMMITTEE)
    number = surge(region, cast)
    submitted(region, cast, number, *everybody())
    plan = do(region, planning.store, acting(both), made=drafted(region, acting(both), number))
    with pytest.raises(OwnWork, match="computed plan"):
        do(region, approval.approve, acting(both), plan_number=plan.id)
    with pytest.raises(Missing):
        approve(region, cast, plan, by="coordinator")
    assert approve(region, cast, plan)


@ON_SQLITE
def test_nobody_approves_a_plan_that_serves_their_own_request(region: Engine, cast: Cast) -> None:
    both = cast.engage("both", Grant("requester"), Grant("committee"))
    number = surge(region, cast)
    submitted(region, cast, number, *everybody()[1:])
    do(region, operations.submit, acting(both), surge_id=number, drafts=[ask("BE-1", quantity=60)])
    plan = planned(region, cast, number)
    with pytest.raises(OwnWork, match="made request"):
        do(region, approval.approve, acting(both), plan_number=plan.id)


def test_a_plan_is_approved_once(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    approve(region, cast, plan)
    with pytest.raises(PlanState):
        approve(region, cast, plan, by="committee2")
    assert sum(q for shelf, q in shelves(region).items() if shelf[3] == "reserved") == 500


def test_a_plan_approved_by_two_at_once_is_approved_once(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    one, two = acting(cast["committee"]), acting(cast["committee2"])
    outcomes = overlapping(
        region,
        lambda session: approval.approve(session, one, plan_number=plan.id or 0),
        lambda session: approval.approve(session, two, plan_number=plan.id or 0),
    )
    assert sum(q for shelf, q in shelves(region).items() if shelf[3] == "reserved") == 500
    assert faults(region) == []
    assert kinds(outcomes) in (["PlanState", "done"], ["StalePlan", "done"]), outcomes


def test_a_request_withdrawn_while_its_plan_is_approved_is_not_both(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    number = results(region, plan)["NL-1", "TAB"].request_id
    committee, requester = acting(cast["committee"]), acting(cast["requester"])

    def decide(session: Session) -> object:
        return approval.approve(session, committee, plan_number=plan.id or 0)

    def withdraw(session: Session) -> object:
        return operations.withdraw(session, requester, number=number, reason="found some")

    outcomes = overlapping(region, decide, withdraw)
    assert "done" in kinds(outcomes)
    with reading(region) as session:
        state = queries.request(session, number).state
    assert state in ("allocated", "part_allocated"), f"the transfer is on its way and the request is {state}"


def moved(engine: Engine, cast: Cast, _number: int, _plan: Plan) -> None:
    shelf = account(engine, "T-OLD", "D-BE")
    do(engine, stock.adjust, acting(cast["logistics"]), account=shelf, change=-50, key="leak", reason="wet")


def promised(engine: Engine, cast: Cast, _number: int, _plan: Plan) -> None:
    given = {"origin": "D-BE", "destination": "H-BE", "member": "BE-1"}
    send_out(engine, acting(cast["logistics"]), lot="T-OLD", quantity=200, source="plan:other", **given)


def withdrawn(engine: Engine, cast: Cast, _number: int, plan: Plan) -> None:
    number = results(engine, plan)["NL-1", "TAB"].request_id
    do(engine, operations.withdraw, acting(cast["requester"]), number=number, reason="found some")


def revised(engine: Engine, cast: Cast, _number: int, plan: Plan) -> None:
    number = results(engine, plan)["NL-1", "TAB"].request_id
    given = {"number": number, "validated": 50, "reason": "recounted"}
    do(engine, operations.revise_validation, acting(cast["coordinator"]), **given)


def held(engine: Engine, cast: Cast, _number: int, _plan: Plan) -> None:
    do(engine, holding.hold, acting(cast["logistics"]), lot_id=lot_id(engine, "T-OLD"), reason="recall")


def raised(engine: Engine, cast: Cast, _number: int, _plan: Plan) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 3, 30), "quantity": 200}
    do(engine, stock.set_floor, acting(cast["committee3"]), **given)


@ON_SQLITE
@pytest.mark.parametrize("change", [moved, promised, withdrawn, revised, held, raised], ids=lambda one: one.__name__)
def test_a_plan_is_stale_once_what_it_rests_on_has_changed(
    region: Engine, cast: Cast, change: Callable[[Engine, Cast, int, Plan], None]
) -> None:
    number, plan = share_out(region, cast, *everybody())
    change(region, cast, number, plan)
    before = shelves(region)
    with pytest.raises(StalePlan):
        approve(region, cast, plan)
    assert shelves(region) == before
    assert stored_plan(region, plan).state == "computed"


@ON_SQLITE
def test_a_plan_is_stale_once_it_would_come_too_late(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    with pytest.raises(StalePlan):
        approve(region, cast, plan, after_hours=23.5)


def test_a_plan_computed_again_after_a_change_may_be_approved(region: Engine, cast: Cast) -> None:
    number, plan = share_out(region, cast, *everybody())
    moved(region, cast, number, plan)
    assert approve(region, cast, planned(region, cast, number))


def test_nothing_is_approved_in_a_surge_that_has_ended(region: Engine, cast: Cast) -> None:
    number, plan = share_out(region, cast, *everybody())
    with pytest.raises(SurgeNotOpen):
        approve(region, cast, plan, after_hours=14 * 24)
    do(region, operations.close_surge, acting(cast["committee"]), number=number, reason="it is over")
    with pytest.raises(SurgeNotOpen):
        approve(region, cast, plan)
    with pytest.raises(queries.UnknownPlan):
        do(region, approval.approve, acting(cast["committee"]), plan_number=99)


def override(
    engine: Engine, cast: Cast, plan: Plan, *, to: int, reason: str = "a fire in the ward", line: int = 0
) -> Override:
    """Propose another quantity for a line, as the coordinator."""
    given = {"plan_number": plan.id, "line_id": lines(engine, plan)[line].id, "new_quantity": to, "reason": reason}
    return do(engine, approval.propose_override, acting(cast["coordinator2"]), **given)


def confirm(engine: Engine, cast: Cast, made: Override, *, by: str = "committee2") -> Override:
    """Confirm an override."""
    return do(engine, approval.confirm_override, acting(cast[by]), number=made.id)


def test_an_override_counts_once_two_people_stand_for_it(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    old = lines(region, plan)[0].quantity
    made = override(region, cast, plan, to=old - 10)
    assert lines(region, plan)[0].quantity == old
    with pytest.raises(Unconfirmed):
        approve(region, cast, plan)
    with pytest.raises(Missing):
        confirm(region, cast, made, by="coordinator")
    confirm(region, cast, made)
    with pytest.raises(Conflict):
        confirm(region, cast, made, by="committee")
    changed = lines(region, plan)[0]
    assert (changed.quantity, changed.reason_code, changed.reason) == (old - 10, "overridden", "a fire in the ward")
    stored = stored_plan(region, plan)
    assert (stored.feasible, stored.fair) == (True, False)
    assert stored.findings
    assert "overridden" in {row.reason_code for row in results(region, plan).values()}
    assert approve(region, cast, plan)
    assert sum(q for shelf, q in shelves(region).items() if shelf[3] == "reserved") == 490


def test_who_proposed_an_override_neither_confirms_it_nor_approves_its_plan(region: Engine, cast: Cast) -> None:
    both = cast.engage("both", *COORDINATOR_AND_COMMITTEE)
    _, plan = share_out(region, cast, *everybody())
    first = lines(region, plan)[0]
    given = {"plan_number": plan.id, "line_id": first.id, "new_quantity": first.quantity - 10, "reason": "a fire"}
    made = do(region, approval.propose_override, acting(both), **given)
    with pytest.raises(OwnWork):
        do(region, approval.confirm_override, acting(both), number=made.id)
    confirm(region, cast, made)
    with pytest.raises(OwnWork, match="proposed override"):
        do(region, approval.approve, acting(both), plan_number=plan.id)


@ON_SQLITE
def test_an_override_needs_whole_packs_another_quantity_and_a_reason(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    old = lines(region, plan)[0].quantity
    for to, reason, field in ((5, "why", "new_quantity"), (-10, "why", "new_quantity"), (old, "why", "new_quantity")):
        with pytest.raises(Invalid) as refused:
            override(region, cast, plan, to=to, reason=reason)
        assert refused.value.facts["field"] == field
    with pytest.raises(Invalid) as refused:
        override(region, cast, plan, to=old - 10, reason=" ")
    assert refused.value.facts["field"] == "reason"
    given = {"plan_number": plan.id, "line_id": 9999, "new_quantity": 10, "reason": "why"}
    with pytest.raises(NotFound):
        do(region, approval.propose_override, acting(cast["coordinator2"]), **given)
    with pytest.raises(NotFound):
        do(region, approval.confirm_override, acting(cast["committee2"]), number=9999)


@ON_SQLITE
@pytest.mark.parametrize("to", [1_000_000, 400], ids=["beyond the lot's stock", "beyond the request's need"])
def test_an_override_beyond_what_there_is_or_is_needed_is_not_accepted(region: Engine, cast: Cast, to: int) -> None:
    _, plan = share_out(region, cast, ask("BE-2", quantity=120))
    confirm(region, cast, override(region, cast, plan, to=to))
    assert not stored_plan(region, plan).feasible
    before = shelves(region)
    with pytest.raises(NotAccepted):
        approve(region, cast, plan)
    assert shelves(region) == before


@ON_SQLITE
def test_an_override_does_not_break_the_reserve_floor(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    first = lines(region, plan)[0]
    confirm(region, cast, override(region, cast, plan, to=first.quantity + 10))
    with pytest.raises(NotAccepted):
        approve(region, cast, plan)


@ON_SQLITE
def test_of_two_overrides_of_one_line_the_later_is_refused_once_the_first_counts(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    old = lines(region, plan)[0].quantity
    one, two = override(region, cast, plan, to=old - 10), override(region, cast, plan, to=old - 20)
    confirm(region, cast, one)
    with pytest.raises(Conflict):
        confirm(region, cast, two)


@ON_SQLITE
def test_an_approved_plan_is_not_overridden(region: Engine, cast: Cast) -> None:
    _, plan = share_out(region, cast, *everybody())
    approve(region, cast, plan)
    with pytest.raises(PlanState):
        override(region, cast, plan, to=10)


def test_what_is_left_is_shared_among_those_who_ask_again(region: Engine, cast: Cast) -> None:
    number, plan = share_out(region, cast, *everybody())
    approve(region, cast, plan)
    again = submitted(region, cast, number, ask("DE-1", quantity=360))
    assert again[0].validated == 360 - results(region, plan)["DE-1", "TAB"].got
    second = planned(region, cast, number, after_hours=1)
    assert results(region, second)["DE-1", "TAB"].got == 0, "only the floor is left"
    with reading(region) as session:
        [fill] = queries.fills(session, [plan.id or 0, second.id or 0])
    assert (fill.validated, fill.shared) == (720, 500), "a shortfall that is asked for again is counted once"


def test_what_no_plan_served_is_the_unmet_need(region: Engine, cast: Cast) -> None:
    number, plan = share_out(region, cast, *everybody())
    act = acting(cast["committee"])
    with reading(region) as session:
        assert queries.unmet(session, at=act.at) == {}
    approve(region, cast, plan)
    with reading(region) as session:
        assert queries.unmet(session, at=act.at) == {"TAB": 220}
        assert queries.unmet(session, at=act.at + timedelta(days=15)) == {}
    do(region, operations.close_surge, act, number=number, reason="it is over")
    with reading(region) as session:
        assert queries.unmet(session, at=act.at) == {}
