"""What was reserved and is given back: expired, cancelled by hand, or taken for a graver need by two people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.allocation import approval, queries
from stockpile.allocation.reservations import operations as reservations
from stockpile.allocation.tables import Request
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid, NotAllowed
from stockpile.governance.rules import OwnWork
from stockpile.inventory import holding, reserving, rules, transfers
from stockpile.inventory import queries as stock
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.periods import operations as figures
from stockpile.inventory.periods.rules import RESERVATION_HOURS
from stockpile.inventory.tables import Transfer, TransferLine
from stockpile.jobs import operations as jobs
from tests.allocation.surge_room import ask, planned, share_out, submitted
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import account, do, faults, send_out, shelves
from tests.laws.parallel import at_once, kinds

RESERVED = ("T-NEW", "D-DE", "pool", "reserved")
AVAILABLE = ("T-NEW", "D-DE", "pool", "available")


def reserve(engine: Engine, cast: Cast, quantity: int = 50, source: str = "plan:test") -> Transfer:
    """Reserve tablets at Aachen for Vaals."""
    return send_out(engine, acting(cast["committee"]), lot="T-NEW", quantity=quantity, source=source)


def stored(engine: Engine, transfer: Transfer) -> tuple[Transfer, list[TransferLine]]:
    """A transfer and its lines as they are stored now."""
    with reading(engine) as session:
        found = stock.transfer(session, transfer.id or 0)
        return found, stock.transfer_lines(session, [transfer.id or 0])


def expire(engine: Engine, cast: Cast, after_hours: float) -> list[reserving.Released]:
    """Give back what has expired by then."""
    return do(engine, reservations.expire, acting(cast["scheduler2"], after_hours=after_hours))


def test_what_nobody_picked_in_three_days_is_available_again(region: Engine, cast: Cast) -> None:
    sent = reserve(region, cast)
    assert expire(region, cast, 71.9) == []
    assert [(one.transfer, one.quantity) for one in expire(region, cast, 72)] == [(sent.id, 50)]
    transfer, [line] = stored(region, sent)
    assert (transfer.state, line.cancelled) == (rules.CANCELLED, 50)
    assert line.cancel_reason == "the reservation expired before it was picked"
    assert shelves(region, "T-NEW")[AVAILABLE] == 300
    assert expire(region, cast, 99) == []
    assert faults(region) == []


def test_what_was_picked_does_not_expire_and_is_not_cancelled_before_it_is_put_back(region: Engine, cast: Cast) -> None:
    sent, logistics, coordinator = reserve(region, cast), acting(cast["logistics"]), acting(cast["coordinator"])
    do(region, reserving.pick, logistics, number=sent.id)
    with pytest.raises(reserving.NotReserved, match="is picked"):
        do(region, reserving.pick, logistics, number=sent.id)
    assert expire(region, cast, 999) == []
    with pytest.raises(reserving.NotReserved, match="put it back first"):
        do(region, reservations.cancel, coordinator, number=sent.id, line=None, reason="not needed")
    do(region, reserving.put_back, logistics, number=sent.id, reason="the lorry broke down")
    do(region, reservations.cancel, coordinator, number=sent.id, line=None, reason="not needed")
    with pytest.raises(transfers.TransferState, match="is cancelled"):
        do(region, transfers.dispatch, logistics, numbers=[sent.id])


def test_what_was_picked_leaves_as_ever(region: Engine, cast: Cast) -> None:
    sent, logistics = reserve(region, cast), acting(cast["logistics"])
    do(region, reserving.pick, logistics, number=sent.id)
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "pool", "in_transit"] == 50


def test_how_long_stock_stays_reserved_is_the_committees_to_set(region: Engine, cast: Cast) -> None:
    given = {"name": RESERVATION_HOURS, "value": 5, "reason": "cholera"}
    do(region, figures.set_figure, acting(cast["committee"]), **given)
    assert reserve(region, cast).expires_at == NOW + timedelta(hours=5)


def test_one_line_is_cancelled_and_the_rest_still_goes(region: Engine, cast: Cast) -> None:
    lots = [account(region, lot, "D-BE").lot_id for lot in ("T-OLD", "T-NEW")]
    parts = [transfers.Part("D-BE", "H-NL", lot, "NL-1", f"note:{lot}", 20) for lot in lots]
    [made] = do(region, transfers.arrange, acting(cast["committee"]), source="plan:test", parts=parts)
    _, [first, _] = stored(region, made)
    given = {"number": made.id, "line": first.id, "reason": "one is enough"}
    with pytest.raises(NotAllowed):
        do(region, reservations.cancel, acting(cast["logistics"]), **given)
    do(region, reservations.cancel, acting(cast["coordinator"]), **given)
    with pytest.raises(reserving.NotReserved, match="nothing is left"):
        do(region, reservations.cancel, acting(cast["coordinator"]), **given)
    with pytest.raises(Invalid, match="has no line 99"):
        do(region, reservations.cancel, acting(cast["coordinator"]), **(given | {"line": 99}))
    do(region, transfers.dispatch, acting(cast["logistics"]), numbers=[made.id])
    there = {lot: units for (lot, site, *_), units in shelves(region).items() if site == "H-NL"}
    assert there == {"T-NEW": 20}


def test_a_hold_says_which_transfers_wait(region: Engine, cast: Cast) -> None:
    waiting, gone = reserve(region, cast, source="a"), reserve(region, cast, source="b")
    do(region, reservations.cancel, acting(cast["coordinator"]), number=gone.id, line=None, reason="not needed")
    lot = account(region, "T-NEW", "D-DE").lot_id
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot, reason="a leak")
    with reading(region) as session:
        assert stock.waiting_for(session, lot) == [waiting.id]
    with pytest.raises(reserving.NotReserved, match="lot T-NEW is on hold"):
        do(region, reserving.pick, acting(cast["logistics"]), number=waiting.id)


def test_the_promise_tells_what_of_the_reserved_is_picked_and_what_lapses(region: Engine, cast: Cast) -> None:
    picked = reserve(region, cast, 30, "a")
    reserve(region, cast, 20, "b")
    do(region, reserving.pick, acting(cast["logistics"]), number=picked.id)
    with reading(region) as session:
        today, later = (outlook.promise(session, item="TAB", by=date(2020, 3, day)) for day in (30, 31))
        friday = outlook.promise(session, item="TAB", by=date(2020, 4, 3))
    assert (today.reserved, today.picked, today.lapsing, later.lapsing) == (50, 30, 0, 0)
    assert (friday.picked, friday.lapsing) == (30, 20)


def test_a_dispatch_and_an_expiry_at_the_same_moment_do_not_both_have_the_stock(region: Engine, cast: Cast) -> None:
    sent, logistics = reserve(region, cast), acting(cast["logistics"], after_hours=80)
    outcomes = at_once(
        [
            lambda: do(region, transfers.dispatch, logistics, numbers=[sent.id]),
            lambda: expire(region, cast, 80),
        ]
    )
    there = shelves(region, "T-NEW")
    gone = there.get(("T-NEW", "H-NL", "pool", "in_transit"), 0)
    assert (gone, there[AVAILABLE]) in ((50, 250), (0, 300)), kinds(outcomes)
    assert faults(region) == []


def test_the_hourly_run_gives_back_once_an_hour(region: Engine, cast: Cast) -> None:
    reserve(region, cast)
    act = acting(cast["scheduler2"], after_hours=73)
    first = jobs.run(region, act, job="reservations", limit_seconds=1)
    again = jobs.run(region, act, job="reservations", limit_seconds=1)
    assert (first.slot, first.outcome["quantity"], again.again) == ("2020-04-02T09Z", 50, True)
    assert not jobs.run(region, acting(cast["scheduler2"], after_hours=74), job="reservations", limit_seconds=1).again
    with pytest.raises(NotAllowed):
        jobs.run(region, acting(cast["logistics"]), job="reservations", limit_seconds=1)


def shared(engine: Engine, cast: Cast) -> tuple[int, Request, TransferLine]:
    """Vaals was promised tablets of low priority by an approved plan: the surge, its request and its transfer line."""
    number, plan = share_out(engine, cast, ask("NL-1", quantity=500, priority=3))
    made = do(engine, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    with reading(engine) as session:
        lines = stock.transfer_lines(session, [one.id or 0 for one in made])
        request = queries.request(session, int(lines[0].reference.partition(":")[2]))
    return number, request, lines[0]


def again(engine: Engine, request: Request) -> Request:
    """A request as it is stored now."""
    with reading(engine) as session:
        return queries.request(session, request.id or 0)


def test_an_expired_reservation_is_unmet_need_again(region: Engine, cast: Cast) -> None:
    _, request, _ = shared(region, cast)
    assert (request.state, request.allocated > 0) == ("allocated", True)
    expire(region, cast, 73)
    now = again(region, request)
    assert (now.state, now.allocated) == ("unserved", 0)
    with reading(region) as session:
        assert queries.unmet(session, at=NOW)["TAB"] == request.validated


@pytest.fixture
def promised(region: Engine, cast: Cast) -> dict[str, Any]:
    """A pre-emption of ten of Vaals' tablets for a request of Aachen that saves lives."""
    number, _, line = shared(region, cast)
    [grave] = submitted(region, cast, number, ask("DE-1", quantity=200, priority=2))
    return {"line": line.id, "request": grave.id, "quantity": 10, "reason": "children in danger"}


def test_a_graver_need_takes_what_is_reserved_once_two_people_stand_for_it(
    region: Engine, cast: Cast, promised: dict[str, Any]
) -> None:
    before = shelves(region)
    made = do(region, reservations.propose, acting(cast["coordinator"]), **promised)
    assert shelves(region) == before
    with pytest.raises(NotAllowed):
        do(region, reservations.approve, acting(cast["coordinator2"]), number=made.id)
    approved = do(region, reservations.approve, acting(cast["committee"]), number=made.id)
    assert "10 of TAB" in approved.statement
    assert "reserved for NL-1" in approved.statement
    assert "children in danger" in approved.statement
    with reading(region) as session:
        why = queries.why(session, plan_number=1, member="NL-1", item="TAB")
        request = queries.request(session, 1)
        line = session.get_one(TransferLine, promised["line"])
    assert why.taken_back == [f"10 did not leave: {approved.statement}"]
    assert (request.state, line.cancelled) == ("part_allocated", 10)
    with pytest.raises(Conflict, match="approved before"):
        do(region, reservations.approve, acting(cast["committee"]), number=made.id)
    assert faults(region) == []


def test_the_next_plan_serves_the_graver_need_with_it(region: Engine, cast: Cast, promised: dict[str, Any]) -> None:
    made = do(region, reservations.propose, acting(cast["coordinator"]), **promised)
    do(region, reservations.approve, acting(cast["committee"]), number=made.id)
    plan = planned(region, cast, 1)
    with reading(region) as session:
        assert {line.request_id for line in queries.plan_lines(session, plan.id or 0)} == {promised["request"]}


def test_what_is_not_graver_not_reserved_or_not_whole_is_not_taken(
    region: Engine, cast: Cast, promised: dict[str, Any]
) -> None:
    coordinator = acting(cast["coordinator"])
    with pytest.raises(NotAllowed):
        do(region, reservations.propose, acting(cast["committee"]), **promised)
    for quantity in (7, 0, 5000):
        with pytest.raises(Invalid, match="whole packs of 10"):
            do(region, reservations.propose, coordinator, **(promised | {"quantity": quantity}))
    with pytest.raises(Invalid, match="needs a reason"):
        do(region, reservations.propose, coordinator, **(promised | {"reason": " "}))
    [lower] = submitted(region, cast, 1, ask("BE-1", quantity=200, priority=3))
    with pytest.raises(reservations.NotGraver, match="priority 3"):
        do(region, reservations.propose, coordinator, **(promised | {"request": lower.id}))
    [other] = submitted(region, cast, 1, ask("BE-1", item="VIAL", quantity=5))
    with pytest.raises(reservations.NotGraver, match="asks for VIAL" if other.state == "validated" else "only an open"):
        do(region, reservations.propose, coordinator, **(promised | {"request": other.id}))
    made = do(region, reservations.propose, coordinator, **promised)
    with reading(region) as session:
        number = session.get_one(TransferLine, promised["line"]).transfer_id
    do(region, reserving.pick, acting(cast["logistics"]), number=number)
    with pytest.raises(reserving.NotReserved, match="is picked: it is not touched"):
        do(region, reservations.approve, acting(cast["committee"]), number=made.id)


def test_who_proposed_a_preemption_does_not_approve_it(region: Engine, cast: Cast, promised: dict[str, Any]) -> None:
    both = acting(cast.engage("both", Grant("coordinator"), Grant("committee")))
    made = do(region, reservations.propose, both, **promised)
    with pytest.raises(OwnWork):
        do(region, reservations.approve, both, number=made.id)
