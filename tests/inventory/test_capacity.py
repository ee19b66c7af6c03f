"""Room at a site: what is used and free by storage class, and what finds no room."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine

from stockpile import journal
from stockpile.db import reading, transact
from stockpile.governance.rules import Missing
from stockpile.inventory import operations as stock
from stockpile.inventory import recording, room, transfers
from stockpile.inventory.room import NoRoom, packed_ml
from stockpile.inventory.shelving import operations
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import FRESH, ON_SQLITE, do, lot_id, send_out, shelves


def limit(engine: Engine, cast: Cast, site: str, storage_class: str, litres: int) -> None:
    """The site can keep so many litres."""
    given = {"site": site, "storage_class": storage_class, "capacity_ml": litres * 1000}
    do(engine, operations.set_capacity, acting(cast["logistics"]), **given)


def receive(
    engine: Engine, cast: Cast, quantity: int, *, who: str = "logistics", why: str = "", key: str = "k"
) -> None:
    """Tablets come in at Eupen, in packs of ten of a tenth of a litre."""
    lines = [stock.ReceiptLine("TAB", "IN", FRESH, quantity)]
    given = {"site": "D-BE", "lines": lines, "key": key, "over_capacity": why}
    act = acting(cast["logistics"])
    do(engine, stock.receive, act if who == "logistics" else replace(act, second=cast[who]), **given)


def free(engine: Engine, site: str) -> dict[str, int | None]:
    """Free millilitres by storage class."""
    with reading(engine) as session:
        return {kind: one.free_ml for kind, one in room.rooms(session, site).items()}


def test_part_of_a_pack_takes_its_part_of_the_room_rounded_up() -> None:
    assert packed_ml(1, volume_ml=100, pack_size=3) == 34
    assert packed_ml(3, volume_ml=100, pack_size=3) == 100


def test_what_is_used_and_free_is_told_by_storage_class(region: Engine, cast: Cast) -> None:
    """Eupen keeps 300 tablets (3 l on the shelf) and 20 cold vials of 50 ml (1 l in the refrigerator)."""
    limit(region, cast, "D-BE", "ambient", 5)
    assert free(region, "D-BE") == {"ambient": 2_000, "cold": None}
    limit(region, cast, "D-BE", "cold", 1)
    assert free(region, "D-BE") == {"ambient": 2_000, "cold": 0}


def test_a_receipt_that_fits_is_taken_and_one_pack_more_is_refused(region: Engine, cast: Cast) -> None:
    limit(region, cast, "D-BE", "ambient", 5)
    with pytest.raises(NoRoom, match=r"ambient: 2\.1 l more, 2\.0 l free of 5\.0 l") as refused:
        receive(region, cast, 210)
    assert refused.value.facts["over"] == [{"storage_class": "ambient", "asked_ml": 2_100, "free_ml": 2_000}]
    receive(region, cast, 200)
    assert free(region, "D-BE")["ambient"] == 0


def test_who_may_fill_a_site_beyond_its_room_does_so_with_a_reason_on_record(region: Engine, cast: Cast) -> None:
    limit(region, cast, "D-BE", "ambient", 5)
    with pytest.raises(Missing):
        receive(region, cast, 300, why="the corridor is cool")
    receive(region, cast, 300, who="pharmacist", why="the corridor is cool")
    assert free(region, "D-BE")["ambient"] == -1_000
    with reading(region) as session:
        (entry,) = journal.entries(session, action="capacity.override")
        assert (entry.reason, entry.payload) == ("the corridor is cool", '{"ambient":3000}')


def test_a_site_whose_room_nobody_has_measured_takes_everything(region: Engine, cast: Cast) -> None:
    receive(region, cast, 10**6)
    assert free(region, "D-BE")["ambient"] is None


def test_goods_taken_in_at_scan_speed_need_room_too(region: Engine, cast: Cast) -> None:
    limit(region, cast, "D-BE", "ambient", 5)
    line = recording.Line(lot_id(region, "T-OLD"), 210)
    one = recording.Record(acting(cast["logistics"]), recording.RECEIVE, "D-BE", [line], "scan")
    with pytest.raises(NoRoom):
        transact(region, lambda session: recording.record(session, one))


def test_a_transfer_leaves_only_when_its_point_of_use_has_room_for_it_and_for_what_is_on_the_road(
    region: Engine, cast: Cast
) -> None:
    limit(region, cast, "H-NL", "ambient", 1)
    act = acting(cast["logistics"])
    vans = [send_out(region, act, lot="T-NEW", quantity=60, source=f"plan:{n}") for n in (1, 2)]
    do(region, transfers.dispatch, act, numbers=[vans[0].id])
    with pytest.raises(NoRoom, match="H-NL"):
        do(region, transfers.dispatch, act, numbers=[vans[1].id])
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "reserved"] == 60
    by_two = replace(act, second=cast["pharmacist"])
    do(region, transfers.dispatch, by_two, numbers=[vans[1].id], over_capacity="ward cleared")


@ON_SQLITE
def test_room_is_set_and_read_over_http(region: Engine, cast: Cast) -> None:
    desk = Desk(region, cast)
    assert desk.call("buyer", "PUT", "/sites/D-BE/capacity/cold", {"litres": 2}).status_code == 403
    assert desk.call("logistics", "PUT", "/sites/D-BE/capacity/warm", {"litres": 2}).status_code == 422
    assert desk.call("logistics", "PUT", "/sites/D-BE/capacity/cold", {"litres": -2}).status_code == 422
    assert desk.call("logistics", "PUT", "/sites/D-BE/capacity/cold", {"litres": 2}).status_code == 200
    assert desk.get("auditor", "/sites/D-BE/capacity")[1] == {
        "storage_class": "cold",
        "capacity_ml": 2_000,
        "used_ml": 1_000,
        "coming_ml": 0,
        "free_ml": 1_000,
    }
    assert desk.call("auditor", "GET", "/sites/nowhere/capacity").status_code == 404
    line = {"item": "VIAL", "lot": "V", "expiry": date(2021, 6, 30).isoformat(), "quantity": 21}
    refused = desk.post("logistics", "/receipts", {"site": "D-BE", "lines": [line]})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stockpile:problem:no_room")
