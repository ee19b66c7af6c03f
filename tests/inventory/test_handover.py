"""A transfer handed over: who signed, and everything that was not as sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.inventory import transfers
from stockpile.inventory.handover import operations, queries
from stockpile.inventory.handover.operations import HandedOver, Signature, WrongLot
from stockpile.inventory.receiving.rules import Temperature
from stockpile.inventory.transfers import Arrived
from stockpile.inventory.worklist import queries as worklist
from tests.conftest import NOW, Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, do, faults, line_ids, send_out, shelves

SIGNED = Signature("ward nurse in charge", NOW + timedelta(hours=1), "sha256:9f2c")


def on_the_road(engine: Engine, cast: Cast, **more: Any) -> tuple[int, int]:
    """Fifty tablets on their way from Aachen to Vaals: the transfer's number and its line's."""
    van = send_out(engine, acting(cast["logistics"]), **({"lot": "T-NEW", "quantity": 50} | more))
    do(engine, transfers.dispatch, acting(cast["logistics"]), numbers=[van.id])
    return van.id or 0, line_ids(engine, van)[0]


def hand_over(engine: Engine, cast: Cast, number: int, **more: Any) -> HandedOver:
    """Handed over two hours later."""
    act = acting(cast["logistics"], after_hours=2)
    return do(engine, operations.hand_over, act, **({"number": number, "signature": SIGNED} | more))


def named(found: HandedOver) -> list[tuple[str, int, str]]:
    """What was not as sent."""
    return [(one.kind, one.quantity, one.note) for one in found.discrepancies]


def test_a_whole_delivery_has_a_proof_and_nothing_to_settle(region: Engine, cast: Cast) -> None:
    number, _ = on_the_road(region, cast)
    done = hand_over(region, cast, number)
    assert (done.transfer.state, named(done)) == ("received", [])
    with reading(region) as session:
        proof = queries.proof(session, number)
    assert proof is not None
    assert (proof.signed_by, proof.signed_at, proof.evidence) == (SIGNED.signed_by, SIGNED.signed_at, "sha256:9f2c")
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "NL-1", "available"] == 50


def test_what_waits_at_a_site_is_what_is_to_be_sent_or_on_its_way_there(region: Engine, cast: Cast) -> None:
    def waits() -> dict[str, int]:
        with reading(region) as session:
            return worklist.waiting(session)

    assert waits() == {}
    number, _ = on_the_road(region, cast)
    assert waits() == {"H-NL": 1}
    send_out(region, acting(cast["logistics"]), lot="T-NEW", quantity=5, source="plan:next")
    assert waits() == {"H-NL": 1, "D-DE": 1}
    hand_over(region, cast, number)
    assert waits() == {"D-DE": 1}


def test_short_over_and_damaged_are_named_and_what_is_short_stays_open(region: Engine, cast: Cast) -> None:
    number, line = on_the_road(region, cast)
    came = {line: Arrived(40, damaged=4, over=2)}
    done = hand_over(region, cast, number, arrived=came, notes={line: "box torn open"})
    assert done.transfer.state == "discrepancy"
    assert named(done) == [("short", 6, "box torn open"), ("damaged", 4, "box torn open"), ("over", 2, "box torn open")]
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "pool", "quarantine"] == 6
    assert faults(region) == []


def test_cold_goods_that_were_too_warm_on_the_way_are_set_apart_and_others_are_not(region: Engine, cast: Cast) -> None:
    cold, _ = on_the_road(region, cast, lot="V-1", quantity=5, destination="H-DE", member="DE-1", source="plan:cold")
    warm = replace(SIGNED, temperature=Temperature(3_000, 12_000, 45, "L-3"))
    done = hand_over(region, cast, cold, signature=warm)
    assert (done.transfer.state, named(done)) == ("received", [("excursion", 5, "")])
    assert shelves(region, "V-1")["V-1", "H-DE", "DE-1", "quarantine"] == 5
    number, _ = on_the_road(region, cast)
    assert named(hand_over(region, cast, number, signature=warm)) == []


def test_a_lot_that_was_not_on_the_transfer_is_set_apart_and_the_sent_one_stays_missing(
    region: Engine, cast: Cast
) -> None:
    number, line = on_the_road(region, cast)
    wrong = [WrongLot("TAB", "T-OLD", date(2020, 4, 20), 50, "the older batch was loaded")]
    done = hand_over(region, cast, number, arrived={line: Arrived(0)}, wrong=wrong)
    assert named(done) == [("short", 50, ""), ("wrong_lot", 50, "the older batch was loaded")]
    assert done.transfer.state == "discrepancy"
    assert shelves(region, "T-OLD")["T-OLD", "H-NL", "pool", "quarantine"] == 50
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "pool", "in_transit"] == 50
    assert faults(region) == []


@pytest.mark.parametrize("hours", [-1, 3])
def test_nobody_signs_before_it_left_or_in_the_future(region: Engine, cast: Cast, hours: int) -> None:
    number, _ = on_the_road(region, cast)
    odd = replace(SIGNED, signed_at=NOW + timedelta(hours=hours))
    with pytest.raises(Invalid, match="signed at"):
        hand_over(region, cast, number, signature=odd)
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "pool", "in_transit"] == 50


def test_a_transfer_is_handed_over_once(region: Engine, cast: Cast) -> None:
    number, _ = on_the_road(region, cast)
    hand_over(region, cast, number)
    with pytest.raises(transfers.TransferState):
        hand_over(region, cast, number)


@ON_SQLITE
def test_a_hand_over_over_http_is_read_back_whole(region: Engine, cast: Cast) -> None:
    number, line = on_the_road(region, cast)
    desk, path = Desk(region, cast), f"/transfers/{number}/hand-over"
    assert desk.get("auditor", path) == {"proof": None, "discrepancies": []}
    body = {"signed_by": "porter", "evidence": "photo 7", "lines": [{"line": line, "received": 49, "note": "one lost"}]}
    assert desk.post("logistics", path, body | {"signed_by": ""}).status_code == 422
    assert desk.post("buyer", path, body).status_code == 403
    done = desk.post("logistics", path, body, key="h")
    assert (done.status_code, desk.post("logistics", path, body, key="h").json()) == (200, done.json())
    found = desk.get("auditor", path)
    assert (found["proof"]["signed_by"], [one["kind"] for one in found["discrepancies"]]) == ("porter", ["short"])
