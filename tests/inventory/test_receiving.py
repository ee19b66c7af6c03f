"""Goods in against an order: short, over, damaged, wrong, too warm, too short-dated, and what awaits release."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.contracts.operations import LineDraft
from stockpile.contracts.tables import Contract
from stockpile.db import reading, transact
from stockpile.errors import Invalid, Refusal
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import holding
from stockpile.inventory import operations as stock
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.receiving import operations, queries
from stockpile.inventory.receiving.operations import Arrival, Choices, Received, Short, Wrong
from stockpile.inventory.receiving.rules import SET_ASIDE, Temperature
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import FRESH, ON_SQLITE, account, do, faults, shelves

LONG = date(2022, 6, 30)


def ordered(engine: Engine, cast: Cast, item: str = "TAB", *, packs: int = 10, size: int = 10, price: int = 500) -> int:
    """The line of an approved call-off under UC-1, delivered to Eupen."""
    draft = LineDraft(item, packs, size, price, "for the shelf")
    given = {"contract": "UC-1", "slot": f"order of {item}", "deliver_to": "D-BE", "lines": [draft]}
    number = do(engine, contracts.propose, acting(cast["buyer"]), **given).id
    do(engine, contracts.approve, acting(cast["committee"]), number=number)
    with reading(engine) as session:
        return orders.lines(session, number or 0)[0].id or 0


def tolerate(engine: Engine, cast: Cast, percent: int, *, whole_packs: bool = True) -> None:
    """The contract lets a delivery of tablets exceed its order by so many percent."""
    given = {"contract": "UC-1", "item": "TAB", "tolerance_percent": percent, "whole_packs": whole_packs}
    do(engine, contracts.set_delivery_terms, acting(cast["buyer"]), **given)


def came(order: int, quantity: int = 100, **more: Any) -> Arrival:
    """Tablets of one batch with the shelf life that the contract asks."""
    return Arrival(**{"calloff_line": order, "item": "TAB", "lot": "IN", "expiry": LONG, "quantity": quantity} | more)


def receive(engine: Engine, cast: Cast, *arrivals: Arrival, **more: Any) -> Received:
    """Take a delivery in at Eupen."""
    given = {"site": "D-BE", "delivery_note": "DN-1", "arrivals": list(arrivals), "key": f"{arrivals} {more}"} | more
    return do(engine, operations.receive, acting(cast["logistics"]), **given)


def left(engine: Engine) -> int:
    """What the ceiling of UC-1 leaves, in minor units."""
    with reading(engine) as session:
        return session.get_one(Contract, "UC-1").remaining_minor


def test_a_whole_delivery_stands_on_the_shelf_and_closes_the_order(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    got = receive(region, cast, came(order))
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 100}
    assert got.still_open == {order: 0}
    with reading(region) as session:
        assert orders.calloffs(session)[0].state == "delivered"
    assert faults(region) == []


def test_damaged_units_go_to_quarantine_with_the_reason_and_count_as_delivered(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    with pytest.raises(Invalid, match="what is wrong"):
        receive(region, cast, came(order, damaged=7))
    got = receive(region, cast, came(order, damaged=7, damage_reason="crushed corner"))
    assert shelves(region, "IN") == {
        ("IN", "D-BE", "pool", "available"): 93,
        ("IN", "D-BE", "pool", "quarantine"): 7,
    }
    assert (got.lines[0].why, got.lines[0].note, got.lines[0].state) == ("damaged", "crushed corner", "settled")


def test_goods_nobody_ordered_are_set_aside_and_never_booked_on_the_order(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    wrong = Wrong("PUMP", "P-77", date(2024, 1, 31), 4, "another hospital's pumps")
    got = receive(region, cast, came(order, 60), wrong=[wrong])
    assert got.still_open == {order: 40}
    assert shelves(region, "P-77") == {("P-77", "D-BE", "pool", "quarantine"): 4}
    line = got.lines[1].id or 0
    with pytest.raises(Invalid, match="sent back"):
        do(region, operations.accept_surplus, acting(cast["buyer"]), number=line, reason="we can use them")
    do(region, operations.send_back, acting(cast["buyer"]), number=line, reason="not ours")
    assert shelves(region, "P-77") == {}
    assert faults(region) == []


def test_what_is_short_stays_open_or_is_closed_with_a_reason_and_frees_the_ceiling(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    before = left(region)
    assert receive(region, cast, came(order, 60)).still_open == {order: 40}
    with reading(region) as session:
        assert orders.inbound(session) == {"TAB": 40}
    with pytest.raises(Invalid, match="with a reason"):
        receive(region, cast, short=[Short(order, " ")])
    assert receive(region, cast, short=[Short(order, "supplier has no more")]).still_open == {order: 0}
    with reading(region) as session:
        assert orders.inbound(session) == {}
        assert orders.calloffs(session)[0].state == "delivered"
        assert orders.line(session, order).closed == 40
    assert left(region) == before + 4 * 500
    with pytest.raises(Refusal, match="nothing"):
        receive(region, cast, came(order, 40))


def test_a_surplus_within_tolerance_is_taken_and_shown_and_paid_for(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    tolerate(region, cast, 10)
    before = left(region)
    got = receive(region, cast, came(order, 110))
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 110}
    assert (got.lines[0].tolerated, got.lines[0].waiting) == (10, 0)
    assert left(region) == before - 500


def test_tolerance_is_of_the_order_and_not_of_each_delivery(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    tolerate(region, cast, 10)
    receive(region, cast, came(order, 50))
    receive(region, cast, came(order, 50, lot="IN-2"))
    with pytest.raises(Refusal, match="nothing to receive"):
        receive(region, cast, came(order, 10, lot="IN-3"))


def test_a_surplus_beyond_tolerance_is_refused_or_waits_for_another_person(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    tolerate(region, cast, 10)
    with pytest.raises(operations.OverDelivered) as refused:
        receive(region, cast, came(order, 140))
    assert refused.value.facts == {"field": "quantity", "row": 1, "open": 100, "tolerated": 10, "surplus": 30}
    assert shelves(region, "IN") == {}
    got = receive(region, cast, came(order, 140), choices=Choices(surplus=SET_ASIDE))
    assert shelves(region, "IN") == {
        ("IN", "D-BE", "pool", "available"): 110,
        ("IN", "D-BE", "pool", "quarantine"): 30,
    }
    line, before = got.lines[0].id or 0, left(region)
    with reading(region) as session:
        assert [row.id for _, row in queries.waiting(session)] == [line]
    with pytest.raises(OwnWork):
        do(region, operations.accept_surplus, acting(cast["logistics"]), number=line, reason="handy")
    with pytest.raises(Missing):
        do(region, operations.accept_surplus, acting(cast["requester"]), number=line, reason="handy")
    do(region, operations.accept_surplus, acting(cast["buyer"]), number=line, reason="fair price")
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 140}
    assert left(region) == before - 3 * 500
    with pytest.raises(operations.Decided):
        do(region, operations.send_back, acting(cast["logistics2"]), number=line, reason="too late")


def test_a_surplus_that_the_ceiling_does_not_cover_cannot_be_bought(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)

    def all_but_spent(session: Session) -> None:
        session.get_one(Contract, "UC-1").remaining_minor = 499

    transact(region, all_but_spent)
    got = receive(region, cast, came(order, 110), choices=Choices(surplus=SET_ASIDE))
    line = got.lines[0].id or 0
    with pytest.raises(contracts.CeilingReached):
        do(region, operations.accept_surplus, acting(cast["buyer"]), number=line, reason="handy")
    do(region, operations.send_back, acting(cast["logistics2"]), number=line, reason="ceiling reached")
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 100}


@pytest.mark.parametrize(
    ("shown", "apart"),
    [
        (Temperature(3_000, 7_000, 0), 0),
        (Temperature(3_000, 9_000, 30), 0),
        (Temperature(3_000, 9_000, 31), 20),
        (Temperature(1_000, 7_000, None), 20),
    ],
)
def test_cold_goods_that_were_too_warm_for_too_long_are_set_aside_with_the_reading(
    region: Engine, cast: Cast, shown: Temperature, apart: int
) -> None:
    order = ordered(region, cast, "VIAL", packs=20, size=1, price=1400)
    vials = Arrival(order, "VIAL", "V-9", LONG, 20, temperature=shown)
    got = receive(region, cast, vials)
    assert got.lines[0].quarantine == apart
    assert (got.lines[0].highest_milli, got.lines[0].minutes_outside) == (shown.highest_milli, shown.minutes_outside)
    assert shelves(region, "V-9").get(("V-9", "D-BE", "pool", "quarantine"), 0) == apart


def test_goods_that_await_release_are_set_aside_until_the_pharmacist_releases_them(region: Engine, cast: Cast) -> None:
    pharmacist = acting(cast["pharmacist"])
    do(region, operations.set_release_of_item, pharmacist, item="TAB", needs_release=True)
    got = receive(region, cast, came(ordered(region, cast)))
    assert (got.lines[0].why, got.lines[0].quarantine) == ("awaits_release", 100)
    there = account(region, "IN", "D-BE")
    do(region, quality.release, pharmacist, account=there, quantity=100, key="ok", reason="papers complete")
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "available"): 100}


def test_a_rule_of_the_site_holds_cold_goods_on_every_way_in(region: Engine, cast: Cast) -> None:
    given = {"site": "D-BE", "cold_chain": True, "controlled": False}
    do(region, operations.set_release_at_site, acting(cast["pharmacist"]), **given)
    plain = [stock.ReceiptLine("VIAL", "V-8", FRESH, 5), stock.ReceiptLine("TAB", "T-8", FRESH, 5)]
    do(region, stock.receive, acting(cast["logistics"]), site="D-BE", lines=plain, key="plain")
    assert shelves(region, "V-8", "T-8") == {
        ("V-8", "D-BE", "pool", "quarantine"): 5,
        ("T-8", "D-BE", "pool", "available"): 5,
    }
    quick = [stock.recording.Line(account(region, "V-8", "D-BE").lot_id, 3)]
    act = acting(cast["logistics"])
    one = stock.recording.Record(act, stock.recording.RECEIVE, "D-BE", quick, "scan")
    do(region, lambda session, _act: stock.recording.record(session, one), act)
    assert shelves(region, "V-8") == {("V-8", "D-BE", "pool", "quarantine"): 8}


def test_goods_with_less_shelf_life_than_the_contract_asks_are_refused_with_the_clause(
    region: Engine, cast: Cast
) -> None:
    order = ordered(region, cast)
    with pytest.raises(operations.ShortDated, match="contract UC-1, TAB: shelf life on delivery of at least 500 days"):
        receive(region, cast, came(order, expiry=FRESH))
    got = receive(region, cast, came(order, expiry=FRESH), choices=Choices(short_dated=SET_ASIDE))
    assert got.lines[0].why == "short_dated"
    assert "at least 500 days; 457 left" in got.lines[0].clause
    assert shelves(region, "IN") == {("IN", "D-BE", "pool", "quarantine"): 100}


def test_a_batch_on_hold_is_not_put_on_the_shelf_when_more_of_it_comes(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    receive(region, cast, came(order, 50))
    number = account(region, "IN", "D-BE").lot_id
    do(region, holding.hold, acting(cast["pharmacist"]), lot_id=number, reason="complaint")
    got = receive(region, cast, came(order, 50), delivery_note="DN-2")
    assert (got.lines[0].why, got.lines[0].quarantine) == ("on_hold", 50)


@ON_SQLITE
@pytest.mark.parametrize(
    ("bad", "refusal", "field"),
    [
        ({"quantity": 95}, operations.PartPacks, "quantity"),
        ({"quantity": 1010}, operations.AbsurdQuantity, "quantity"),
        ({"quantity": 10**12}, Invalid, "quantity"),
        ({"quantity": 0}, Invalid, "damaged"),
        ({"damaged": 101, "damage_reason": "wet"}, Invalid, "damaged"),
        ({"expiry": date(2020, 3, 29)}, stock.ExpiredAtReceipt, "expiry"),
        ({"expiry": date(2099, 1, 1)}, Invalid, "expiry"),
        ({"item": "PUMP"}, Invalid, "item"),
        ({"calloff_line": 99}, orders.UnknownCallOff, "calloff_line"),
        ({"temperature": Temperature(9_000, 3_000, 0)}, Invalid, "temperature"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    region: Engine, cast: Cast, bad: dict[str, Any], refusal: type[Refusal], field: str
) -> None:
    order, before = ordered(region, cast), shelves(region)
    with pytest.raises(refusal) as refused:
        receive(region, cast, came(order, **bad))
    assert refused.value.facts["field"] == field
    assert shelves(region) == before


@ON_SQLITE
def test_part_packs_are_taken_where_the_contract_allows_them(region: Engine, cast: Cast) -> None:
    tolerate(region, cast, 0, whole_packs=False)
    assert receive(region, cast, came(ordered(region, cast), 95)).lines[0].available == 95


@ON_SQLITE
def test_one_call_takes_a_delivery_in_and_the_same_key_does_so_once(region: Engine, cast: Cast) -> None:
    order = ordered(region, cast)
    desk = Desk(region, cast)
    body = {
        "site": "D-BE",
        "delivery_note": "DN-7",
        "surplus": "set_aside",
        "arrivals": [
            {"calloff_line": order, "item": "TAB", "lot": "A", "expiry": "2022-06-30", "quantity": 120, "damaged": 2,
             "damage_reason": "wet"}
        ],
        "wrong": [{"item": "PUMP", "lot": "P-7", "expiry": "2024-01-31", "quantity": 2, "reason": "not ordered"}],
    }  # fmt: skip
    first, again = (desk.post("logistics", "/goods-in", body, key="truck-7") for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    assert [line["why"] for line in first.json()["lines"]] == ["damaged surplus", "wrong"]
    assert sum(shelves(region, "A").values()) == 120
    waiting = desk.get("buyer", "/goods-in/waiting")
    assert [(row["item_code"], row["waiting"]) for row in waiting] == [("TAB", 20), ("PUMP", 2)]
    url = f"/goods-in/lines/{waiting[0]['id']}/accept"
    assert desk.post("buyer", url, {"reason": "needed"}).status_code == 200
    assert desk.post("logistics", "/goods-in", body | {"colour": "red"}).status_code == 422
    assert [line["state"] for line in desk.get("auditor", f"/goods-in/{first.json()['goods_in']}")["lines"]] == [
        "accepted",
        "waiting",
    ]
