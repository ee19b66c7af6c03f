"""Kits: put together from lots, expiring with the earliest of them, recalled with them, and taken apart again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine, text

from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing
from stockpile.inventory import holding, queries
from stockpile.inventory.kits import operations as kits
from stockpile.inventory.kits import queries as kitted
from stockpile.inventory.kits.operations import Batch, PartNotUsable, PartsDiffer
from stockpile.inventory.ledger import NotEnough
from stockpile.inventory.lots import operations as lots
from stockpile.inventory.recalls import operations as recalls
from stockpile.inventory.recalls import queries as traced
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, lot_id, shelves, take_in
from tests.inventory.test_storeroom_care import DEADLINE

SOON, LATER = date(2020, 6, 30), date(2021, 6, 30)


@pytest.fixture
def stocked(region: Engine, cast: Cast) -> Engine:
    """The region with a kit of one pump, two vials and ten tablets, and lots of all of them in Aachen."""
    columns = "code, kind, name, atc, cpv, gtin, base_unit, pack_size, cold_chain, storage, controlled, verified,"
    columns += " shelf_life_days, use_days, volume_ml, priority, use_per_admission_milli, baseline_milli_per_day"
    with region.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO item ({columns}, serialised) SELECT 'KIT', kind, 'Pump kit', atc, cpv,"
                " '09529999990044', 'kit', 1, cold_chain, storage, controlled, verified, shelf_life_days, use_days,"
                " volume_ml, priority, 0, 0, false FROM item WHERE code = 'PUMP'"
            )
        )
    components = {"PUMP": 1, "VIAL": 2, "TAB": 10}
    do(region, kits.define, acting(cast["pharmacist"]), kit="KIT", components=components)
    take_in(region, acting(cast["logistics"]), lot="T-SOON", quantity=15, expiry=SOON)
    return region


def batch(engine: Engine, quantity: int = 2, *, lot: str = "K-1", **parts: int) -> Batch:
    """Kits to put together in Aachen; parts by batch code, or else first-expiring first."""
    named = {lot_id(engine, code.replace("_", "-")): units for code, units in parts.items()}
    return Batch("D-DE", "KIT", lot, quantity, parts=named)


def assemble(engine: Engine, cast: Cast, one: Batch) -> Any:
    """Put kits together as logistics."""
    return do(engine, kits.assemble, acting(cast["logistics"]), batch=one, key=f"kits {one.lot}", reason="for wards")


def test_a_kit_takes_its_parts_first_expiring_first_and_expires_with_the_earliest(stocked: Engine, cast: Cast) -> None:
    kit = assemble(stocked, cast, batch(stocked))
    assert (kit.item_code, kit.expiry) == ("KIT", SOON)
    after = shelves(stocked)
    assert after["K-1", "D-DE", "pool", "available"] == 2
    assert ("T-SOON", "D-DE", "pool", "available") not in after
    assert after["T-NEW", "D-DE", "pool", "available"] == 295
    assert (after["P-1", "D-DE", "pool", "available"], after["V-1", "D-DE", "pool", "available"]) == (8, 26)
    with reading(stocked) as session:
        inside = {row.component_lot_id: row.quantity for row in kitted.parts(session, kit.id)}
    assert inside == {lot_id(stocked, code): q for code, q in (("T-SOON", 15), ("T-NEW", 5), ("V-1", 4), ("P-1", 2))}
    assert faults(stocked) == []


def test_parts_may_be_named_and_must_be_what_belongs_in_the_kits(stocked: Engine, cast: Cast) -> None:
    kit = assemble(stocked, cast, batch(stocked, T_NEW=20, V_1=4, P_1=2))
    assert kit.expiry == date(2020, 9, 30)
    with pytest.raises(PartsDiffer, match="TAB: 20 base units belong in these kits, 19 are given"):
        assemble(stocked, cast, batch(stocked, lot="K-2", T_NEW=19, V_1=4, P_1=2))
    with pytest.raises(PartsDiffer, match="VIAL: 4"):
        assemble(stocked, cast, batch(stocked, lot="K-2", T_NEW=20, P_1=2))
    with pytest.raises(PartsDiffer, match="PUMP: 11 base units belong in these kits, 8 are given or usable here"):
        assemble(stocked, cast, batch(stocked, 11, lot="K-2"))
    with pytest.raises(NotEnough):
        assemble(stocked, cast, batch(stocked, lot="K-2", T_SOON=20, V_1=4, P_1=2))
    with pytest.raises(kits.KitLotUsed):
        assemble(stocked, cast, batch(stocked))
    assert faults(stocked) == []


def test_what_is_held_goes_into_no_kit(stocked: Engine, cast: Cast) -> None:
    do(stocked, holding.hold, acting(cast["logistics"]), lot_id=lot_id(stocked, "T-SOON"), reason="smell")
    assert assemble(stocked, cast, batch(stocked)).expiry == date(2020, 9, 30)
    with pytest.raises(PartNotUsable, match="T-SOON"):
        assemble(stocked, cast, batch(stocked, lot="K-2", T_SOON=10, T_NEW=10, V_1=4, P_1=2))


def held(engine: Engine, *codes: str) -> list[bool]:
    """Which of these lots are on hold."""
    with reading(engine) as session:
        return [queries.lot(session, lot_id(engine, code)).on_hold for code in codes]


def test_a_hold_of_a_component_reaches_the_kits_made_of_it_and_ends_with_the_last(stocked: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    assemble(stocked, cast, batch(stocked))
    assemble(stocked, cast, batch(stocked, lot="K-2"))
    do(stocked, holding.hold, logistics, lot_id=lot_id(stocked, "T-SOON"), reason="smell")
    assert held(stocked, "T-SOON", "K-1", "K-2") == [True, True, False]
    do(stocked, holding.hold, logistics, lot_id=lot_id(stocked, "V-1"), reason="glass")
    assert held(stocked, "K-1", "K-2") == [True, True]
    do(stocked, holding.release, logistics, lot_id=lot_id(stocked, "T-SOON"), reason="it is the box")
    assert held(stocked, "T-SOON", "K-1") == [False, True]
    with reading(stocked) as session:
        assert queries.lot(session, lot_id(stocked, "K-1")).hold_reason == "holds lot V-1 of VIAL: glass"
    do(stocked, holding.hold, logistics, lot_id=lot_id(stocked, "P-1"), reason="leaks")
    do(stocked, holding.release, logistics, lot_id=lot_id(stocked, "P-1"), reason="it does not")
    do(stocked, holding.release, logistics, lot_id=lot_id(stocked, "V-1"), reason="whole")
    assert held(stocked, "V-1", "K-1", "K-2") == [False, False, False]
    assert faults(stocked) == []


def test_a_kit_held_for_itself_stays_held_when_its_component_is_free_again(stocked: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    assemble(stocked, cast, batch(stocked))
    do(stocked, holding.hold, logistics, lot_id=lot_id(stocked, "K-1"), reason="torn")
    do(stocked, holding.hold, logistics, lot_id=lot_id(stocked, "T-SOON"), reason="smell")
    do(stocked, holding.release, logistics, lot_id=lot_id(stocked, "T-SOON"), reason="fine")
    assert held(stocked, "T-SOON", "K-1") == [False, True]
    assert faults(stocked) == []


def test_a_recall_of_a_component_reaches_the_kits_made_of_it_and_no_others(stocked: Engine, cast: Cast) -> None:
    assemble(stocked, cast, batch(stocked))
    assemble(stocked, cast, batch(stocked, lot="K-2"))
    plain = {"reference": "R-1", "item": "TAB", "recall_class": 1, "reason": "glass", "deadline": DEADLINE}
    number = do(stocked, recalls.open_recall, acting(cast["pharmacist"]), lots=["T-SOON"], **plain).id
    after = shelves(stocked)
    assert after["K-1", "D-DE", "pool", "quarantine"] == 2
    assert after["K-2", "D-DE", "pool", "available"] == 2
    with reading(stocked) as session:
        assert queries.lot(session, lot_id(stocked, "K-1")).recalled
        progress = traced.progress(session, number, at=NOW)
    assert (progress.received, progress.frozen, progress.recovered_permille) == (2, 2, 1000)
    do(stocked, recalls.close_recall, acting(cast["pharmacist"]), number=number, reason="all back")
    with reading(stocked) as session:
        kit = queries.lot(session, lot_id(stocked, "K-1"))
    assert (kit.recalled, kit.on_hold) == (False, True)
    assert faults(stocked) == []


def test_taking_a_kit_apart_puts_its_parts_back_into_quarantine_in_their_lots(stocked: Engine, cast: Cast) -> None:
    logistics = acting(cast["logistics"])
    assemble(stocked, cast, batch(stocked))
    before = shelves(stocked)
    there = account(stocked, "K-1", "D-DE")
    one = {"account": there, "quantity": 1, "reason": "a vial broke"}
    with pytest.raises(PartsDiffer, match="say how much comes out of which component lot"):
        do(stocked, kits.disassemble, logistics, key="a", **one)
    given = {lot_id(stocked, code): q for code, q in (("T-SOON", 10), ("V-1", 2), ("P-1", 1))}
    do(stocked, kits.disassemble, logistics, key="b", parts=given, **one)
    do(stocked, kits.disassemble, logistics, key="c", **one)
    after = shelves(stocked)
    assert ("K-1", "D-DE", "pool", "available") not in after
    back = {code: units for (code, _, _, status), units in after.items() if status == "quarantine"}
    assert back == {"T-SOON": 15, "T-NEW": 5, "V-1": 4, "P-1": 2}
    assert after["T-NEW", "D-DE", "pool", "available"] == before["T-NEW", "D-DE", "pool", "available"]
    with reading(stocked) as session:
        assert kitted.made_from(session, [lot_id(stocked, "T-SOON")]) == []
    with pytest.raises(PartsDiffer):
        do(stocked, kits.disassemble, logistics, key="d", **one)
    assert faults(stocked) == []


def test_a_kit_is_restricted_as_its_parts_are(stocked: Engine, cast: Cast) -> None:
    def restrict(lot: str, value: str) -> None:
        given = {"lot_id": lot_id(stocked, lot), "kind": "country", "value": value, "reason": "label"}
        do(stocked, lots.restrict, acting(cast["logistics"]), **given)

    restrict("V-1", "BE")
    restrict("V-1", "DE")
    restrict("T-SOON", "DE")
    kit = assemble(stocked, cast, batch(stocked, 1))
    with reading(stocked) as session:
        assert [(one.kind, one.value) for one in queries.restrictions(session)[kit.id]] == [("country", "DE")]
    restrict("P-1", "NL")
    with pytest.raises(PartNotUsable, match="restricted to no country in common"):
        assemble(stocked, cast, batch(stocked, 1, lot="K-2"))
    assert faults(stocked) == []


@ON_SQLITE
def test_a_kit_without_sense_is_refused(stocked: Engine, cast: Cast) -> None:
    pharmacist = acting(cast["pharmacist"])
    for components in ({}, {"KIT": 1}, {"TAB": 0}):
        with pytest.raises(Invalid):
            do(stocked, kits.define, pharmacist, kit="KIT", components=components)
    with pytest.raises(Invalid, match="KIT contains TAB itself"):
        do(stocked, kits.define, pharmacist, kit="TAB", components={"KIT": 1})
    with pytest.raises(Missing):
        do(stocked, kits.define, acting(cast["logistics"]), kit="KIT", components={"TAB": 1})
    with pytest.raises(kitted.UnknownKit):
        assemble(stocked, cast, Batch("D-DE", "TAB", "X", 1))
    with pytest.raises(Invalid, match="at depots"):
        assemble(stocked, cast, Batch("H-DE", "KIT", "X", 1))
    there = account(stocked, "T-NEW", "D-DE")
    with pytest.raises(kitted.UnknownKit):
        do(stocked, kits.disassemble, acting(cast["logistics"]), account=there, quantity=1, key="k", reason="why")
