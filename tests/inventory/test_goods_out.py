"""On the road and at the bedside: reserved, sent, received, settled and issued."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding, operations, queries, transfers
from stockpile.inventory.ledger import NotEnough
from stockpile.inventory.operations import Use
from stockpile.inventory.tables import Transfer
from stockpile.inventory.transfers import Arrived, NotFit, TransferState
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, line_ids, lot_id, send_out, shelves, take_in


@pytest.fixture
def van(region: Engine, cast: Cast) -> Transfer:
    """Ten units of lot VAN on the road from Aachen to Vaals, of twelve that were there."""
    act = acting(cast["logistics"])
    take_in(region, act, lot="VAN", quantity=12)
    transfer = send_out(region, act, lot="VAN", quantity=10)
    do(region, transfers.dispatch, act, numbers=[transfer.id])
    return transfer


def test_reserved_stock_cannot_be_taken_by_others(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="KEPT", quantity=12)
    send_out(region, act, lot="KEPT", quantity=10)
    with pytest.raises(NotEnough) as refused:
        send_out(region, act, lot="KEPT", quantity=3, source="plan:second")
    assert refused.value.facts == {
        "item": "TAB",
        "lot": "KEPT",
        "site": "D-DE",
        "owner": "pool",
        "status": "available",
        "there": 2,
        "asked": 3,
    }
    shelf = account(region, "KEPT", "D-DE")
    with pytest.raises(NotEnough):
        do(region, operations.adjust, act, account=shelf, change=-3, key="take", reason="urgent")
    with reading(region) as session:
        assert [row.quantity for row in queries.pool_stock(session) if row.lot == "KEPT"] == [2]


def test_what_is_on_the_road_is_neither_at_the_depot_nor_at_the_hospital(region: Engine, van: Transfer) -> None:
    assert shelves(region, "VAN") == {
        ("VAN", "D-DE", "pool", "available"): 2,
        ("VAN", "H-NL", "pool", "in_transit"): 10,
    }
    with reading(region) as session:
        stored = queries.transfer(session, van.id or 0)
        assert (stored.state, stored.due_at) == ("dispatched", NOW + timedelta(minutes=45))
        assert queries.on_the_way(session) == {("NL-1", "TAB"): 10}
        assert [t.id for t in queries.next_due(session, NOW + timedelta(minutes=45))] == [van.id]
        assert queries.next_due(session, NOW + timedelta(minutes=44)) == []


def test_what_arrives_in_good_order_belongs_to_the_member(region: Engine, cast: Cast, van: Transfer) -> None:
    received = do(region, transfers.receive, acting(cast["logistics"]), number=van.id)
    assert received.state == "received"
    assert shelves(region, "VAN") == {
        ("VAN", "D-DE", "pool", "available"): 2,
        ("VAN", "H-NL", "NL-1", "available"): 10,
    }


@ON_SQLITE
@pytest.mark.parametrize(
    ("arrived", "state", "hospital"),
    [
        (Arrived(10), "received", {("NL-1", "available"): 10}),
        (Arrived(7, damaged=3), "received", {("NL-1", "available"): 7, ("pool", "quarantine"): 3}),
        (Arrived(8), "discrepancy", {("NL-1", "available"): 8, ("pool", "in_transit"): 2}),
        (Arrived(0), "discrepancy", {("pool", "in_transit"): 10}),
        (Arrived(10, over=2), "received", {("NL-1", "available"): 10, ("pool", "quarantine"): 2}),
        (
            Arrived(6, damaged=1, over=1),
            "discrepancy",
            {("NL-1", "available"): 6, ("pool", "quarantine"): 2, ("pool", "in_transit"): 3},
        ),
    ],
    ids=["whole", "damaged", "short", "nothing", "over", "all of it"],
)
def test_what_came_is_booked_as_it_came(
    region: Engine, cast: Cast, van: Transfer, *, arrived: Arrived, state: str, hospital: dict[tuple[str, str], int]
) -> None:
    line = line_ids(region, van)[0]
    given = {"number": van.id, "arrived": {line: arrived}}
    assert do(region, transfers.receive, acting(cast["logistics"]), **given).state == state
    assert {shelf[2:]: q for shelf, q in shelves(region, "VAN").items() if shelf[1] == "H-NL"} == hospital
    assert faults(region) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("arrived", "field"),
    [
        ({0: Arrived(11)}, "lines"),
        ({0: Arrived(8, damaged=3)}, "lines"),
        ({0: Arrived(-1)}, "lines"),
        ({0: Arrived(10, over=-1)}, "lines"),
        ({}, "lines"),
        ({0: Arrived(10), 99: Arrived(1)}, "lines"),
    ],
)
def test_a_count_that_cannot_be_is_refused(
    region: Engine, cast: Cast, van: Transfer, arrived: dict[int, Arrived], field: str
) -> None:
    line = line_ids(region, van)[0]
    came = {number or line: one for number, one in arrived.items()}
    with pytest.raises(Invalid) as refused:
        do(region, transfers.receive, acting(cast["logistics"]), number=van.id, arrived=came)
    assert refused.value.facts["field"] == field
    assert shelves(region, "VAN")["VAN", "H-NL", "pool", "in_transit"] == 10


def test_a_discrepancy_is_settled_by_another_person_with_a_reason(region: Engine, cast: Cast, van: Transfer) -> None:
    line, one, two = line_ids(region, van)[0], acting(cast["logistics"]), acting(cast["logistics2"])
    do(region, transfers.receive, one, number=van.id, arrived={line: Arrived(6)})
    given = {"number": van.id, "found": {line: 3}}
    with pytest.raises(OwnWork):
        do(region, transfers.resolve, one, reason="under the seat", **given)
    with pytest.raises(Invalid):
        do(region, transfers.resolve, two, reason=" ", **given)
    with pytest.raises(Invalid):
        do(region, transfers.resolve, two, number=van.id, found={line: 5}, reason="more than was missing")
    with pytest.raises(Invalid):
        do(region, transfers.resolve, two, number=van.id, found={line + 99: 1}, reason="another van")
    assert do(region, transfers.resolve, two, reason="under the seat", **given).state == "received"
    assert shelves(region, "VAN") == {
        ("VAN", "D-DE", "pool", "available"): 2,
        ("VAN", "H-NL", "NL-1", "available"): 9,
    }
    with pytest.raises(TransferState):
        do(region, transfers.resolve, two, reason="again", **given)
    assert faults(region) == []


def test_a_transfer_goes_one_way_through_its_states(region: Engine, cast: Cast, van: Transfer) -> None:
    act = acting(cast["logistics"])
    with pytest.raises(TransferState):
        do(region, transfers.dispatch, act, numbers=[van.id])
    with pytest.raises(TransferState):
        do(region, transfers.resolve, act, number=van.id, found={}, reason="nothing is missing")
    do(region, transfers.receive, act, number=van.id)
    with pytest.raises(TransferState):
        do(region, transfers.receive, act, number=van.id)


def test_each_end_of_a_transfer_is_handled_by_the_staff_of_that_site(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    depot = acting(cast.engage("depot", Grant("logistics", site="D-DE")))
    ward = acting(cast.engage("ward", Grant("logistics", site="H-NL")))
    take_in(region, act, lot="ENDS", quantity=10)
    number = send_out(region, act, lot="ENDS", quantity=10).id
    with pytest.raises(Missing):
        do(region, transfers.dispatch, ward, numbers=[number])
    do(region, transfers.dispatch, depot, numbers=[number])
    with pytest.raises(Missing):
        do(region, transfers.receive, depot, number=number)
    assert do(region, transfers.receive, ward, number=number).state == "received"


def test_a_lot_on_hold_is_offered_to_no_plan_and_leaves_no_site(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    lot = take_in(region, act, lot="HELD", quantity=20)
    number = send_out(region, act, lot="HELD", quantity=10).id
    do(region, holding.hold, act, lot_id=lot, reason="recall of the batch")
    with pytest.raises(NotFit) as refused:
        do(region, transfers.dispatch, act, numbers=[number])
    assert refused.value.facts == {"transfer": number, "lot": "HELD", "reason": "on_hold"}
    with reading(region) as session:
        assert [row.on_hold for row in queries.pool_stock(session) if row.lot == "HELD"] == [True]
    do(region, holding.release, act, lot_id=lot, reason="the recall was for another batch")
    do(region, transfers.dispatch, act, numbers=[number])


@ON_SQLITE
def test_a_hold_needs_a_reason_and_is_put_on_and_taken_off_once(region: Engine, cast: Cast) -> None:
    act, lot = acting(cast["logistics"]), lot_id(region, "T-NEW")
    with pytest.raises(Invalid):
        do(region, holding.hold, act, lot_id=lot, reason=" ")
    with pytest.raises(Conflict):
        do(region, holding.release, act, lot_id=lot, reason="was never held")
    do(region, holding.hold, act, lot_id=lot, reason="recall")
    with pytest.raises(Conflict):
        do(region, holding.hold, act, lot_id=lot, reason="recall")
    with pytest.raises(queries.UnknownLot):
        do(region, holding.hold, act, lot_id=999, reason="recall")


@ON_SQLITE
@pytest.mark.parametrize(
    ("leaves", "why"),
    [
        (datetime(2020, 4, 13, 12, tzinfo=UTC), None),
        (datetime(2020, 4, 13, 21, tzinfo=UTC), None),
        # 21:30 UTC and 45 minutes on the road: 00:15 on the 14th in Vaals, six days before the expiry
        (datetime(2020, 4, 13, 21, 30, tzinfo=UTC), "shelf_life"),
    ],
)
def test_a_lot_that_would_expire_before_it_is_used_up_does_not_leave(
    region: Engine, cast: Cast, leaves: datetime, why: str | None
) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="SHORT", quantity=10, expiry=date(2020, 4, 20))
    number = send_out(region, act, lot="SHORT", quantity=10).id
    later = acting(cast["logistics"], leaves)
    if why is None:
        do(region, transfers.dispatch, later, numbers=[number])
        return
    with pytest.raises(NotFit) as refused:
        do(region, transfers.dispatch, later, numbers=[number])
    assert refused.value.facts["reason"] == why


@ON_SQLITE
@pytest.mark.parametrize(
    ("item", "destination", "member", "why"),
    [
        ("VIAL", "H-NL", "NL-1", "not_licensed"),
        ("VIAL", "H-DE", "DE-1", "no_cold_lane"),
        ("TAB", "D-DE", "DE-1", "no_lane"),
    ],
)
def test_dispatch_asks_the_same_question_as_planning(
    region: Engine, cast: Cast, *, item: str, destination: str, member: str, why: str
) -> None:
    act = acting(cast["logistics"])
    take_in(region, act, lot="ANY", quantity=10, site="D-BE", item=item)
    given = {"lot": "ANY", "quantity": 10, "origin": "D-BE", "destination": destination, "member": member}
    number = send_out(region, act, **given).id
    with pytest.raises(NotFit) as refused:
        do(region, transfers.dispatch, act, numbers=[number])
    assert refused.value.facts["reason"] == why


def at_the_ward(engine: Engine, cast: Cast, *lots: tuple[str, int, date]) -> None:
    """Deliver these lots to Vaals, for Vaals."""
    act = acting(cast["logistics"])
    for lot, quantity, expiry in lots:
        take_in(engine, act, lot=lot, quantity=quantity, expiry=expiry)
        number = send_out(engine, act, lot=lot, quantity=quantity, source=f"plan:{lot}").id
        do(engine, transfers.dispatch, act, numbers=[number])
        do(engine, transfers.receive, act, number=number)


def issue(engine: Engine, cast: Cast, *uses: Use, at: datetime = NOW, site: str = "H-NL") -> list[int]:
    """Issue at Vaals, a part where less is there."""
    act = acting(cast["logistics"], at)
    given = {"site": site, "uses": list(uses), "key": f"issue at {at} of {uses}", "allow_partial": True}
    issued = do(engine, operations.issue, act, **given)
    assert [use for use, _ in issued] == list(uses)
    return [quantity for _, quantity in issued]


def test_what_expires_first_is_issued_first_across_lots(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("LATE", 10, date(2021, 6, 30)), ("SOON", 10, date(2020, 9, 30)))
    use = Use("NL-1", "TAB", 13)
    assert issue(region, cast, use) == [13]
    assert shelves(region, "LATE", "SOON") == {("LATE", "H-NL", "NL-1", "available"): 7}


def test_no_more_is_issued_than_the_member_has_there(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("ONLY", 10, date(2021, 6, 30)))
    use, other, elsewhere = Use("NL-1", "TAB", 25), Use("DE-1", "TAB", 5), Use("NL-1", "PUMP", 5)
    assert issue(region, cast, use, other, elsewhere) == [10, 0, 0]
    assert shelves(region, "ONLY") == {}
    assert issue(region, cast, use, at=NOW + timedelta(hours=1)) == [0]
    assert faults(region) == []


def test_an_issue_of_more_than_is_there_is_refused_whole_and_says_what_is_short(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("ONLY", 10, date(2021, 6, 30)))
    uses = [Use("NL-1", "TAB", 4), Use("NL-1", "TAB", 8), Use("DE-1", "TAB", 1)]
    with pytest.raises(operations.IssueShort, match="NL-1 has 6 of TAB there, 8 asked") as refused:
        do(region, operations.issue, acting(cast["logistics"]), site="H-NL", uses=uses, key="ward round")
    assert refused.value.facts["short"] == [
        {"row": 2, "member": "NL-1", "item": "TAB", "asked": 8, "there": 6},
        {"row": 3, "member": "DE-1", "item": "TAB", "asked": 1, "there": 0},
    ]
    assert shelves(region, "ONLY") == {("ONLY", "H-NL", "NL-1", "available"): 10}


def test_a_member_named_twice_on_one_list_gets_what_is_there_and_no_refusal(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("ONLY", 30, date(2021, 6, 30)))
    morning, evening = Use("NL-1", "TAB", 20), Use("NL-1", "TAB", 15)
    assert issue(region, cast, morning, evening) == [20, 10]


def test_a_lot_on_hold_is_not_issued_to_patients(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("RECALLED", 10, date(2020, 9, 30)), ("GOOD", 10, date(2021, 6, 30)))
    held = lot_id(region, "RECALLED")
    do(region, holding.hold, acting(cast["logistics"]), lot_id=held, reason="glass in the bottle")
    issue(region, cast, Use("NL-1", "TAB", 5))
    assert shelves(region, "RECALLED", "GOOD") == {
        ("RECALLED", "H-NL", "NL-1", "available"): 10,
        ("GOOD", "H-NL", "NL-1", "available"): 5,
    }


def test_an_expired_lot_is_not_issued_to_patients(region: Engine, cast: Cast) -> None:
    at_the_ward(region, cast, ("PAST", 10, date(2020, 4, 20)), ("GOOD", 10, date(2021, 6, 30)))
    issue(region, cast, Use("NL-1", "TAB", 5), at=datetime(2020, 4, 21, 12, tzinfo=UTC))
    assert shelves(region, "GOOD") == {("GOOD", "H-NL", "NL-1", "available"): 5}


def test_the_floor_of_an_item_is_set_by_the_committee_alone(region: Engine, cast: Cast) -> None:
    given = {"item": "TAB", "effective_from": date(2020, 4, 1), "quantity": 250}
    with pytest.raises(Missing):
        do(region, operations.set_floor, acting(cast["logistics"]), **given)
    do(region, operations.set_floor, acting(cast["committee"]), **given)
    with reading(region) as session:
        assert queries.floors(session, date(2020, 3, 31)) == {"TAB": 100}
        assert queries.floors(session, date(2020, 4, 1)) == {"TAB": 250}
