"""Bins: put-away, what lies where, and how bins follow the stock that moves."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from stockpile.db import reading, transact
from stockpile.governance.rules import Missing
from stockpile.inventory import operations as stock
from stockpile.inventory import recording, transfers
from stockpile.inventory.binning import NotInBin
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.counts import queries as counted
from stockpile.inventory.shelving import operations, queries
from tests.conftest import Cast, acting
from tests.inventory.desk import Desk
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, lot_id, send_out, shelves
from tests.laws.parallel import kinds, overlapping


@pytest.fixture
def depot(region: Engine, cast: Cast) -> Engine:
    """The depot at Aachen, with two shelves and a refrigerator."""
    for code, kept in (("A1", "ambient"), ("A2", "ambient"), ("C1", "cold")):
        given = {"site": "D-DE", "code": code, "storage_class": kept, "capacity_ml": 2_000}
        do(region, operations.make_bin, acting(cast["logistics"]), **given)
    return region


def lay(engine: Engine, cast: Cast, quantity: int, to: str | None, *, lot: str = "T-NEW", **more: Any) -> None:
    """Put so much of a batch at Aachen into a bin."""
    shelf = account(engine, lot, "D-DE", status=more.pop("status", "available"))
    given = {"account": shelf, "quantity": quantity, "to_bin": to} | more
    do(engine, operations.put_away, acting(cast["logistics"]), **given)


def lies(engine: Engine, item: str = "TAB", site: str = "D-DE") -> dict[tuple[str, str | None], int]:
    """Base units by (status, bin) at Aachen."""
    with reading(engine) as session:
        return {(one.status, one.bin): one.quantity for one in queries.lying(session, site, item=item)}


def take(engine: Engine, cast: Cast, quantity: int) -> None:
    """So much of T-NEW is lost at Aachen."""
    shelf, act = account(engine, "T-NEW", "D-DE"), acting(cast["logistics"])
    do(engine, stock.adjust, act, account=shelf, change=-quantity, key=f"lost {quantity}", reason="broken")


def test_stock_is_put_away_moved_and_taken_out_and_the_balance_stays(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 200, "A1")
    lay(depot, cast, 50, "A2", from_bin="A1")
    lay(depot, cast, 10, None, from_bin="A2")
    assert lies(depot) == {("available", "A1"): 150, ("available", "A2"): 40, ("available", None): 110}
    assert shelves(depot, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 300
    assert faults(depot) == []


def test_no_more_is_put_away_or_taken_out_than_lies_there(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 200, "A1")
    with pytest.raises(NotInBin, match="100 of it lie in no bin, 101 asked"):
        lay(depot, cast, 101, "A2")
    with pytest.raises(NotInBin, match="200 lie in the bin, 201"):
        lay(depot, cast, 201, "A2", from_bin="A1")
    with pytest.raises(queries.UnknownBin):
        lay(depot, cast, 1, "Z9")
    with pytest.raises(NotInBin):
        lay(depot, cast, 1, "A1", status="quarantine")


def test_a_bin_takes_its_storage_class_only_and_what_it_has_room_for(depot: Engine, cast: Cast) -> None:
    with pytest.raises(operations.DoesNotFit, match="bin C1 is for cold goods, TAB is kept ambient"):
        lay(depot, cast, 1, "C1")
    lay(depot, cast, 200, "A1")
    with pytest.raises(operations.DoesNotFit, match="bin A1 has 0 ml free"):
        lay(depot, cast, 1, "A1")


def test_stock_that_leaves_without_naming_a_bin_is_taken_from_beside_the_bins_first(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 100, "A1")
    lay(depot, cast, 150, "A2")
    take(depot, cast, 40)
    assert lies(depot) == {("available", "A1"): 100, ("available", "A2"): 150, ("available", None): 10}
    take(depot, cast, 60)
    assert lies(depot) == {("available", "A1"): 50, ("available", "A2"): 150}
    take(depot, cast, 200)
    assert lies(depot) == {}
    assert faults(depot) == []


def test_what_was_taken_out_of_a_bin_to_be_picked_is_what_leaves(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 150, "A1")
    lay(depot, cast, 150, "A2")
    lay(depot, cast, 20, None, from_bin="A2")
    take(depot, cast, 20)
    assert lies(depot) == {("available", "A1"): 150, ("available", "A2"): 130}


def test_what_is_reserved_or_set_aside_stays_in_its_bin_and_leaves_it_with_the_van(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 200, "A1")
    act = acting(cast["logistics"])
    van = send_out(depot, act, lot="T-NEW", quantity=250)
    assert lies(depot) == {("available", "A1"): 50, ("reserved", "A1"): 150, ("reserved", None): 100}
    line = recording.Line(lot_id(depot, "T-NEW"), 50)
    apart = recording.Record(act, recording.SET_ASIDE, "D-DE", [line], "apart", "torn")
    transact(depot, lambda session: recording.record(session, apart))
    assert lies(depot)["quarantine", "A1"] == 50
    do(depot, transfers.dispatch, act, numbers=[van.id])
    assert lies(depot) == {("quarantine", "A1"): 50}
    do(depot, transfers.receive, act, number=van.id)
    assert lies(depot, site="H-NL") == {("available", None): 250}
    assert faults(depot) == []


def test_a_pick_list_names_bins_and_two_vans_never_the_same_units(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 60, "A1")
    lay(depot, cast, 200, "A2")
    act = acting(cast["logistics"])
    vans = [send_out(depot, act, lot="T-NEW", quantity=q, source=f"plan:{q}") for q in (90, 100)]
    with reading(depot) as session:
        found = [[(one.bin, one.quantity) for one in queries.picks(session, van.id or 0)] for van in vans]
    assert [sum(q for _, q in one) for one in found] == [90, 100]
    assert found == [[("A1", 60), ("A2", 30)], [("A2", 60), (None, 40)]]


def test_a_bin_is_suggested_that_fits_with_the_same_item_first(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 100, "A2")
    with reading(depot) as session:
        tablets = queries.suggest(session, "D-DE", lot_id=lot_id(depot, "T-NEW"), quantity=100)
        many = queries.suggest(session, "D-DE", lot_id=lot_id(depot, "T-NEW"), quantity=150)
        vials = queries.suggest(session, "D-DE", lot_id=lot_id(depot, "V-1"), quantity=30)
    assert [(one.bin, one.same_item, one.free_ml) for one in tablets] == [("A2", True, 1_000), ("A1", False, 2_000)]
    assert [one.bin for one in many] == ["A1"]
    assert [one.bin for one in vials] == ["C1"]


def test_one_bin_is_counted_and_only_that_bin_is_put_right(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 100, "A1")
    lay(depot, cast, 150, "A2")
    count = do(depot, counts.open_count, acting(cast["logistics"]), site="D-DE", bin="A2", reason="weekly")
    with reading(depot) as session:
        assert [one.lot for one in counted.to_count(session, count.id or 0)] == ["T-NEW"]
    given = {"lot_id": lot_id(depot, "T-NEW"), "owner": "pool", "status": "available", "counted": 147}
    line = do(depot, counts.enter, acting(cast["logistics"]), number=count.id, **given)
    assert line.book == 150
    do(depot, counts.approve, acting(cast["logistics2"]), number=count.id, reason="counted")
    assert lies(depot) == {("available", "A1"): 100, ("available", "A2"): 147, ("available", None): 50}
    more = do(depot, counts.open_count, acting(cast["logistics"]), site="D-DE", bin="A1", reason="weekly")
    do(depot, counts.enter, acting(cast["logistics"]), number=more.id, **given | {"counted": 102})
    do(depot, counts.approve, acting(cast["logistics2"]), number=more.id, reason="counted")
    assert lies(depot)["available", "A1"] == 102
    assert faults(depot) == []


def test_stock_put_away_while_it_leaves_is_never_in_two_places(depot: Engine, cast: Cast) -> None:
    shelf, act = account(depot, "T-NEW", "D-DE"), acting(cast["logistics"])
    outcomes = overlapping(
        depot,
        lambda session: operations.put_away(session, act, account=shelf, quantity=200, to_bin="A1"),
        lambda session: stock.adjust(session, act, account=shelf, change=-200, key="fire", reason="burnt"),
    )
    assert "done" in kinds(outcomes)
    assert faults(depot) == []


def test_a_bin_that_holds_more_than_the_balance_is_found_by_the_proof(depot: Engine, cast: Cast) -> None:
    lay(depot, cast, 200, "A1")
    with depot.begin() as connection:
        connection.execute(text("UPDATE bin_content SET quantity = 301"))
    assert any("its bins hold 301" in fault for fault in faults(depot))


@ON_SQLITE
def test_shelves_are_kept_over_http(depot: Engine, cast: Cast) -> None:
    desk, lot = Desk(depot, cast), lot_id(depot, "T-NEW")
    made = {"code": "A1", "storage_class": "ambient"}
    assert desk.post("logistics", "/sites/D-DE/bins", made).status_code == 409
    assert desk.post("buyer", "/sites/D-DE/bins", made | {"code": "B1"}).status_code == 403
    assert [one["code"] for one in desk.get("auditor", "/sites/D-DE/bins")] == ["A1", "A2", "C1"]
    best = desk.get("logistics", f"/sites/D-DE/bin-suggestions?lot_id={lot}&quantity=100")[0]["bin"]
    body = {"site": "D-DE", "lot_id": lot, "quantity": 100, "to_bin": best}
    assert desk.post("logistics", "/put-aways", body, key="p").status_code == 201
    assert desk.post("logistics", "/put-aways", body, key="p").status_code == 201
    there = desk.get("auditor", "/sites/D-DE/contents?item=TAB")
    assert [(one["bin"], one["quantity"]) for one in there] == [("A1", 100), (None, 200)]
    assert desk.post("logistics", "/put-aways", body | {"to_bin": None}).status_code == 422


@ON_SQLITE
def test_only_staff_of_the_store_put_stock_away(depot: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(
            depot,
            operations.put_away,
            acting(cast["buyer"]),
            account=account(depot, "T-NEW", "D-DE"),
            quantity=1,
            to_bin="A1",
        )
