"""Surges and requests: who may ask for what, and how much of it the caseload supports."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from stockpile.actor import Grant
from stockpile.allocation import operations, queries
from stockpile.allocation.operations import AskedAlready, RequestDraft, RequestState, SurgeNotOpen
from stockpile.allocation.tables import Request
from stockpile.db import reading
from stockpile.demand.operations import DayReport, report_day
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding, transfers
from tests.allocation.surge_room import TOMORROW, ask, drafted, submitted, surge
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, lot_id, send_out, take_in
from tests.laws.parallel import overlapping


@ON_SQLITE
@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (ask("FR-1"), "member"),
        (ask(item="GLOVE"), "item"),
        (ask(point_of_use="H-FR"), "point_of_use"),
        (ask(point_of_use="D-DE"), "point_of_use"),
        (ask(quantity=0), "quantity"),
        (ask(quantity=-10), "quantity"),
        (ask(quantity=125), "quantity"),
        (ask(minimum_useful=130), "minimum_useful"),
        (ask(minimum_useful=-10), "minimum_useful"),
        (ask(own_stock=-1), "own_stock"),
        (ask(need_by=NOW), "need_by"),
        (ask(need_by=NOW - timedelta(days=1)), "need_by"),
        (ask(justification="  "), "justification"),
    ],
)
def test_one_bad_request_is_named_by_row_and_field_and_none_is_taken(
    region: Engine, cast: Cast, bad: RequestDraft, field: str
) -> None:
    number = surge(region, cast)
    with pytest.raises(Invalid) as refused:
        submitted(region, cast, number, ask("DE-1"), bad)
    assert refused.value.facts == {"field": field, "row": 2}
    with reading(region) as session:
        assert session.exec(select(Request)).all() == []


@ON_SQLITE
def test_part_packs_are_refused_with_the_next_whole_quantity(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid, match="125 tablet is not whole packs of 10: ask for 130"):
        submitted(region, cast, surge(region, cast), ask(quantity=125))


@ON_SQLITE
@pytest.mark.parametrize(
    ("draft", "validated", "code"),
    [
        (ask(quantity=120), 120, "supported"),
        (ask(quantity=500), 120, "capped_by_caseload"),
        (ask(quantity=500, own_stock=25), 100, "capped_by_caseload"),
        (ask(quantity=120, own_stock=120), 0, "own_cover_sufficient"),
        (ask("BE-1", "PUMP", 10), 2, "capped_by_caseload"),
    ],
)
def test_a_request_is_validated_against_caseload_and_own_cover(
    region: Engine, cast: Cast, draft: RequestDraft, validated: int, code: str
) -> None:
    [request] = submitted(region, cast, surge(region, cast), draft)
    assert (request.validated, request.validation_code) == (validated, code)
    assert request.state == ("validated" if validated else "declined")
    assert request.validation_reason


def deliver(engine: Engine, cast: Cast, lot: str, quantity: int, expiry: date) -> None:
    """Bring a lot to Vaals, for Vaals."""
    act = acting(cast["logistics"])
    take_in(engine, act, lot=lot, quantity=quantity, expiry=expiry)
    number = send_out(engine, act, lot=lot, quantity=quantity, source=f"plan:{lot}").id
    do(engine, transfers.dispatch, act, numbers=[number])
    do(engine, transfers.receive, act, number=number)


def test_what_is_on_the_way_and_what_has_arrived_is_cover(region: Engine, cast: Cast) -> None:
    deliver(region, cast, "THERE", 30, date(2021, 6, 30))
    act = acting(cast["logistics"])
    take_in(region, act, lot="COMING", quantity=40)
    send_out(region, act, lot="COMING", quantity=40)
    [request] = submitted(region, cast, surge(region, cast), ask(quantity=120))
    assert request.validated == 120 - 30 - 40


@ON_SQLITE
def test_stock_on_hold_is_no_cover(region: Engine, cast: Cast) -> None:
    """Else Vaals is told that its own cover is enough, and its shelf is full of recalled tablets."""
    deliver(region, cast, "RECALLED", 100, date(2021, 6, 30))
    recalled = lot_id(region, "RECALLED")
    do(region, holding.hold, acting(cast["logistics"]), lot_id=recalled, reason="glass in the bottle")
    [request] = submitted(region, cast, surge(region, cast), ask(quantity=120))
    assert request.validated == 120


def test_expired_stock_is_no_cover(region: Engine, cast: Cast) -> None:
    deliver(region, cast, "PAST", 100, date(2020, 4, 6))
    number = surge(region, cast)
    later = acting(cast["requester"], datetime(2020, 4, 7, 12, tzinfo=UTC))
    draft = ask(quantity=120, need_by=datetime(2020, 4, 8, 12, tzinfo=UTC))
    noon = acting(cast["coordinator"], datetime(2020, 4, 7, 12, tzinfo=UTC))
    reports = [DayReport("NL-1", 8, False, 2, "reported")]
    do(region, report_day, noon, day=date(2020, 4, 6), reports=reports)
    [request] = do(region, operations.submit, later, surge_id=number, drafts=[draft])
    assert request.validated == 120


@ON_SQLITE
def test_a_municipality_cannot_double_its_need_by_asking_at_two_places(region: Engine, cast: Cast) -> None:
    """Its patients use 120 tablets in three days, wherever they lie."""
    drafts = [ask("DE-2", quantity=60), ask("DE-2", quantity=60, point_of_use="H-BE")]
    requests = submitted(region, cast, surge(region, cast), *drafts)
    assert sum(request.validated for request in requests) == 60


def test_an_open_request_is_not_made_twice(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    with pytest.raises(AskedAlready) as refused:
        submitted(region, cast, number, ask(), ask())
    assert refused.value.facts == {"row": 2}
    [first] = submitted(region, cast, number, ask())
    with pytest.raises(AskedAlready):
        submitted(region, cast, number, ask(quantity=10))
    do(region, operations.withdraw, acting(cast["requester"]), number=first.id, reason="found some")
    assert submitted(region, cast, number, ask())[0].state == "validated"


def test_an_open_request_is_not_made_twice_by_two_people_at_once(region: Engine, cast: Cast) -> None:
    number, one, two = surge(region, cast), acting(cast["requester"]), acting(cast["requester2"])
    overlapping(
        region,
        lambda session: operations.submit(session, one, surge_id=number, drafts=[ask()]),
        lambda session: operations.submit(session, two, surge_id=number, drafts=[ask()]),
    )
    with reading(region) as session:
        waiting = session.exec(select(Request.id).where(Request.state == "validated")).all()
    assert len(waiting) == 1


@ON_SQLITE
def test_a_declined_request_may_be_made_again(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    assert submitted(region, cast, number, ask(own_stock=500))[0].state == "declined"
    assert submitted(region, cast, number, ask())[0].state == "validated"


def test_a_request_is_withdrawn_once_and_only_for_ones_own_municipality(region: Engine, cast: Cast) -> None:
    [request] = submitted(region, cast, surge(region, cast), ask())
    aachen = acting(cast.engage("aachen", Grant("requester", member="DE-1")))
    with pytest.raises(Missing):
        do(region, operations.withdraw, aachen, number=request.id, reason="too many")
    do(region, operations.withdraw, acting(cast["requester"]), number=request.id, reason="found some")
    with pytest.raises(RequestState):
        do(region, operations.withdraw, acting(cast["requester"]), number=request.id, reason="again")
    with pytest.raises(queries.UnknownRequest):
        do(region, operations.withdraw, acting(cast["requester"]), number=99, reason="never made")


def test_a_need_is_revised_by_another_person_in_whole_packs_with_a_reason(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    [request] = do(region, operations.submit, acting(cast["coordinator"]), surge_id=number, drafts=[ask(quantity=500)])
    given: dict[str, Any] = {"number": request.id, "reason": "the neighbours' patients come here"}
    with pytest.raises(OwnWork):
        do(region, operations.revise_validation, acting(cast["coordinator"]), validated=200, **given)
    other = acting(cast["coordinator2"])
    for validated in (205, -10, 510):
        with pytest.raises(Invalid):
            do(region, operations.revise_validation, other, validated=validated, **given)
    with pytest.raises(Invalid):
        do(region, operations.revise_validation, other, number=request.id, validated=200, reason=" ")
    with pytest.raises(Missing):
        do(region, operations.revise_validation, acting(cast["requester"]), validated=200, **given)
    revised = do(region, operations.revise_validation, other, validated=200, **given)
    assert (revised.validated, revised.validation_code, revised.state) == (200, "revised_by_person", "validated")
    assert do(region, operations.revise_validation, other, validated=0, **given).state == "declined"
    assert do(region, operations.revise_validation, other, validated=10, **given).state == "validated"
    do(region, operations.withdraw, other, number=request.id, reason="found some")
    with pytest.raises(RequestState):
        do(region, operations.revise_validation, other, validated=200, **given)


@ON_SQLITE
def test_a_request_that_a_person_revived_does_not_become_a_second_open_one(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    [declined] = submitted(region, cast, number, ask(own_stock=500))
    submitted(region, cast, number, ask())
    given = {"number": declined.id, "validated": 50, "reason": "their stock was counted wrongly"}
    with pytest.raises(Conflict):
        do(region, operations.revise_validation, acting(cast["coordinator"]), **given)


@ON_SQLITE
def test_a_need_that_no_plan_could_count_is_refused_when_it_is_set(region: Engine, cast: Cast) -> None:
    """Else one request with a finger too many on the keyboard stops the planning of all others."""
    number = surge(region, cast)
    huge = 2_000_000
    try:
        [request] = submitted(region, cast, number, ask("DE-1", "VIAL", huge))
        given = {"number": request.id, "validated": huge, "reason": "typed with one finger too many"}
        do(region, operations.revise_validation, acting(cast["coordinator"]), **given)
    except Invalid:
        return
    drafted(region, acting(cast["coordinator"]), number)


def test_requests_whose_hour_has_passed_lapse(region: Engine, cast: Cast) -> None:
    number = surge(region, cast)
    submitted(region, cast, number, ask(), ask("DE-1", need_by=NOW + timedelta(days=3)))
    at_the_hour = acting(cast["coordinator"], TOMORROW)
    assert do(region, operations.lapse, at_the_hour) == 1
    assert do(region, operations.lapse, at_the_hour) == 0
    with reading(region) as session:
        assert [r.state for r in session.exec(select(Request).order_by(Request.id))] == ["lapsed", "validated"]  # type: ignore[arg-type]


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"evidence": " "}, "evidence"),
        ({"level": 0}, "level"),
        ({"level": 5}, "level"),
        ({"cover_days": 0}, "level"),
        ({"cover_days": 61}, "level"),
        ({"review_by": NOW}, "review_by"),
    ],
)
def test_a_surge_needs_evidence_a_level_and_an_end(
    region: Engine, cast: Cast, changed: dict[str, Any], field: str
) -> None:
    plain = {"hazard": "flood", "level": 2, "evidence": "the Meuse", "cover_days": 3, "review_by": TOMORROW}
    with pytest.raises(Invalid) as refused:
        do(region, operations.declare_surge, acting(cast["coordinator"]), **(plain | changed))
    assert refused.value.facts["field"] == field


def test_nothing_is_asked_outside_an_open_surge(region: Engine, cast: Cast) -> None:
    number = surge(region, cast, days=1)
    with pytest.raises(queries.UnknownSurge):
        submitted(region, cast, 99, ask())
    late = acting(cast["requester"], after_hours=24)
    with pytest.raises(SurgeNotOpen):
        do(region, operations.submit, late, surge_id=number, drafts=[ask(need_by=NOW + timedelta(days=5))])
    do(region, operations.close_surge, acting(cast["committee"]), number=number, reason="it is over")
    with pytest.raises(SurgeNotOpen):
        submitted(region, cast, number, ask())
    with pytest.raises(SurgeNotOpen):
        do(region, operations.close_surge, acting(cast["committee"]), number=number, reason="again")


def test_a_withdrawn_request_is_not_brought_back_by_a_revision_at_the_same_time(region: Engine, cast: Cast) -> None:
    [request] = submitted(region, cast, surge(region, cast), ask())
    requester, coordinator = acting(cast["requester"]), acting(cast["coordinator"])

    def revise(session: Session) -> Request:
        given = {"number": request.id or 0, "validated": 50, "reason": "recounted"}
        return operations.revise_validation(session, coordinator, **given)

    overlapping(
        region,
        lambda session: operations.withdraw(session, requester, number=request.id or 0, reason="found"),
        revise,
    )
    with reading(region) as session:
        assert queries.request(session, request.id or 0).state == "withdrawn"
