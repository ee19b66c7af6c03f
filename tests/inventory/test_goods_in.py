"""At the dock: what is taken in, what is set apart, and what is sent back."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.catalogue.queries import UnknownItem
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as contract_queries
from stockpile.contracts.operations import LineDraft, OverDelivery, WrongState
from stockpile.db import reading
from stockpile.errors import Invalid, Refusal
from stockpile.governance.rules import Missing
from stockpile.inventory import holding, operations
from stockpile.inventory.moves import PostedBefore
from stockpile.inventory.opening import ExpiryDiffers
from stockpile.inventory.operations import ExpiredAtReceipt, ReceiptLine
from stockpile.inventory.queries import UnknownSite
from tests.conftest import Cast, acting
from tests.inventory.stockroom import FRESH, ON_SQLITE, do, faults, lot_id, shelves


def line(quantity: int = 10, *, item: str = "TAB", lot: str = "IN", expiry: date = FRESH, **more: int) -> ReceiptLine:
    """One line at the dock."""
    return ReceiptLine(item, lot, expiry, quantity, **more)


def ordered(engine: Engine, cast: Cast, *, packs: int = 5, approved: bool = True) -> int:
    """The line of a call-off for so many packs of ten tablets."""
    draft = LineDraft("TAB", packs, 10, 500, "for the shelf")
    given = {"contract": "UC-1", "slot": "2020-03-30", "deliver_to": "D-BE", "lines": [draft]}
    number = do(engine, contracts.propose, acting(cast["buyer"]), **given).id
    if approved:
        do(engine, contracts.approve, acting(cast["committee"]), number=number)
    with reading(engine) as session:
        return contract_queries.lines(session, number or 0)[0].id or 0


def test_good_units_go_on_the_shelf_and_damaged_ones_into_quarantine(region: Engine, cast: Cast) -> None:
    given = {"site": "D-BE", "lines": [line(10, damaged=3), line(5, lot="IN-2", damaged=5)], "key": "truck"}
    do(region, operations.receive, acting(cast["logistics"]), **given)
    assert shelves(region, "IN", "IN-2") == {
        ("IN", "D-BE", "pool", "available"): 7,
        ("IN", "D-BE", "pool", "quarantine"): 3,
        ("IN-2", "D-BE", "pool", "quarantine"): 5,
    }
    assert faults(region) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("bad", "refusal", "facts"),
    [
        (line(expiry=date(2020, 3, 29), lot="STALE"), ExpiredAtReceipt, {"field": "expiry", "row": 2}),
        (line(10, damaged=11), Invalid, {"field": "damaged", "row": 2}),
        (line(10, damaged=-1), Invalid, {"field": "damaged", "row": 2}),
        (line(0), Invalid, {"field": "damaged", "row": 2}),
        (line(-5), Invalid, {"field": "damaged", "row": 2}),
        (line(item="GLOVE"), UnknownItem, {"field": "item", "value": "GLOVE"}),
        (line(lot="T-OLD"), ExpiryDiffers, {"field": "expiry", "on_record": date(2020, 4, 20)}),
        (line(calloff_line=99), Refusal, {"field": "calloff_line", "value": 99}),
    ],
)
def test_a_delivery_with_one_bad_line_is_refused_whole(
    region: Engine, cast: Cast, bad: ReceiptLine, refusal: type[Refusal], facts: dict[str, object]
) -> None:
    before = shelves(region)
    with pytest.raises(refusal) as refused:
        do(region, operations.receive, acting(cast["logistics"]), site="D-BE", lines=[line(), bad], key="truck")
    assert facts.items() <= refused.value.facts.items()
    assert shelves(region) == before


def test_a_lot_that_expires_today_is_still_taken_in(region: Engine, cast: Cast) -> None:
    today = line(expiry=date(2020, 3, 30))
    do(region, operations.receive, acting(cast["logistics"]), site="D-BE", lines=[today], key="truck")
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 10}


def test_a_lot_that_expired_yesterday_at_the_depot_is_refused_though_it_is_still_yesterday_in_utc(
    region: Engine, cast: Cast
) -> None:
    """At 22:30 UTC on 30 March it is half past midnight on the 31st in Eupen: a lot of the 30th has expired."""
    act = acting(cast["logistics"], datetime(2020, 3, 30, 22, 30, tzinfo=UTC))
    with pytest.raises(ExpiredAtReceipt):
        do(region, operations.receive, act, site="D-BE", lines=[line(expiry=date(2020, 3, 30))], key="late truck")


def test_nothing_is_received_at_a_depot_nobody_knows(region: Engine, cast: Cast) -> None:
    with pytest.raises(UnknownSite):
        do(region, operations.receive, acting(cast["logistics"]), site="D-FR", lines=[line()], key="truck")


def test_goods_of_the_pool_are_received_at_depots_only(region: Engine, cast: Cast) -> None:
    """At a hospital they would stand where no plan can ever share them."""
    with pytest.raises(Invalid):
        do(region, operations.receive, acting(cast["logistics"]), site="H-NL", lines=[line()], key="truck")


def test_the_same_delivery_note_is_booked_once(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    do(region, operations.receive, act, site="D-BE", lines=[line()], key="truck")
    with pytest.raises(PostedBefore):
        do(region, operations.receive, act, site="D-BE", lines=[line()], key="truck")
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 10}


def test_staff_of_one_depot_receive_at_that_depot_only(region: Engine, cast: Cast) -> None:
    act = acting(cast.engage("storekeeper", Grant("logistics", site="D-BE")))
    do(region, operations.receive, act, site="D-BE", lines=[line()], key="truck")
    with pytest.raises(Missing):
        do(region, operations.receive, act, site="D-DE", lines=[line()], key="truck 2")


def test_an_order_is_delivered_in_parts_and_never_beyond_what_was_ordered(region: Engine, cast: Cast) -> None:
    order, act = ordered(region, cast), acting(cast["logistics"])
    do(region, operations.receive, act, site="D-BE", lines=[line(20, damaged=2, calloff_line=order)], key="first")
    with reading(region) as session:
        assert contract_queries.calloffs(session)[0].state == "part_delivered"
    with pytest.raises(OverDelivery) as refused:
        do(region, operations.receive, act, site="D-BE", lines=[line(31, calloff_line=order)], key="too much")
    assert refused.value.facts == {"field": "quantity", "open": 30}
    do(region, operations.receive, act, site="D-BE", lines=[line(30, calloff_line=order)], key="rest")
    with reading(region) as session:
        assert contract_queries.calloffs(session)[0].state == "delivered"
    with pytest.raises(WrongState):
        do(region, operations.receive, act, site="D-BE", lines=[line(1, calloff_line=order)], key="one more")
    assert sum(shelves(region, "IN").values()) == 50


def test_an_order_that_nobody_approved_cannot_be_delivered(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast, approved=False)
    given = {"site": "D-BE", "key": "truck", "lines": [line(calloff_line=order)]}
    with pytest.raises(WrongState):
        do(region, operations.receive, acting(cast["logistics"]), **given)
    assert shelves(region, "IN") == {}


def test_another_item_than_the_one_ordered_is_refused(region: Engine, cast: Cast) -> None:
    wrong = ReceiptLine("PUMP", "P-9", FRESH, 10, calloff_line=ordered(region, cast))
    with pytest.raises(Invalid, match="orders TAB, not PUMP"):
        do(region, operations.receive, acting(cast["logistics"]), site="D-BE", lines=[wrong], key="truck")


def test_one_batch_number_of_two_items_is_two_lots(region: Engine, cast: Cast) -> None:
    lines = [line(lot="SAME"), line(4, item="PUMP", lot="SAME", expiry=date(2024, 1, 31))]
    do(region, operations.receive, acting(cast["logistics"]), site="D-BE", lines=lines, key="truck")
    with reading(region) as session:
        found = [row for row in operations.queries.balances(session, limit=1000) if row.lot == "SAME"]
    assert sorted((row.item, row.quantity) for row in found) == [("PUMP", 4), ("TAB", 10)]


@ON_SQLITE
def test_a_correction_needs_a_reason_and_a_change(region: Engine, cast: Cast) -> None:
    shelf = operations.ledger.Account(lot_id(region, "T-NEW"), "D-DE", "pool", "available")
    act = acting(cast["logistics"])
    for change, reason, field in ((5, " ", "reason"), (-5, "", "reason"), (0, "recount", "change")):
        with pytest.raises(Invalid) as refused:
            do(region, operations.adjust, act, account=shelf, change=change, key="count", reason=reason)
        assert refused.value.facts["field"] == field
    do(region, operations.adjust, act, account=shelf, change=-5, key="count", reason="crushed")
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 295


@ON_SQLITE
def test_only_staff_of_the_store_touch_stock(region: Engine, cast: Cast) -> None:
    shelf = operations.ledger.Account(lot_id(region, "T-NEW"), "D-DE", "pool", "available")
    for role in ("requester", "coordinator", "committee", "buyer", "auditor", "administrator"):
        act = acting(cast[role])
        with pytest.raises(Missing):
            do(region, operations.receive, act, site="D-BE", lines=[line()], key="truck")
        with pytest.raises(Missing):
            do(region, operations.adjust, act, account=shelf, change=1, key="count", reason="found")
        with pytest.raises(Missing):
            do(region, holding.hold, act, lot_id=shelf.lot_id, reason="recall")
