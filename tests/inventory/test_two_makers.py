"""One item from two makers: a batch code is its maker's, so a lot is known by GTIN and batch."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine
from sqlmodel import col, select

from stockpile.catalogue import operations as catalogue
from stockpile.catalogue.gs1 import BadGtin
from stockpile.catalogue.operations import GtinTaken
from stockpile.catalogue.queries import UnknownGtin
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing
from stockpile.inventory import operations
from stockpile.inventory.opening import ExpiryDiffers
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.scanning.queries import prefill
from stockpile.inventory.tables import Lot
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do, faults

USUAL, OTHER, CASE = "09529999990013", "09529999990303", "19529999990010"
SOON, LATER = date(2021, 6, 30), date(2022, 1, 31)


def register(engine: Engine, cast: Cast, gtin: str, *, units: int = 20, own_product: bool = False) -> None:
    """A pack of the tablets under its GTIN."""
    given = {"item": "TAB", "gtin": gtin, "units": units, "name": "box", "own_product": own_product}
    do(engine, catalogue.register_pack, acting(cast["logistics"]), **given)


def receive(engine: Engine, cast: Cast, lot: str, expiry: date, *, gtin: str = "") -> None:
    """Forty tablets of that batch at the depot."""
    lines = [ReceiptLine("TAB", lot, expiry, 40, gtin=gtin)]
    do(engine, operations.receive, acting(cast["logistics"]), site="D-BE", lines=lines, key=f"{lot}-{gtin}-{expiry}")


def lots(engine: Engine, code: str) -> list[tuple[str, date]]:
    """GTIN and expiry of the lots with that batch code."""

    query = select(Lot).where(Lot.code == code).order_by(col(Lot.id))
    with reading(engine) as session:
        return [(lot.gtin, lot.expiry) for lot in session.exec(query)]


def test_two_makers_may_use_one_batch_code_each_with_its_expiry(region: Engine, cast: Cast) -> None:
    register(region, cast, OTHER, own_product=True)
    receive(region, cast, "B7", SOON)
    receive(region, cast, "B7", LATER, gtin=OTHER)
    assert lots(region, "B7") == [(USUAL, SOON), (OTHER, LATER)]
    with pytest.raises(ExpiryDiffers):
        receive(region, cast, "B7", SOON, gtin=OTHER)
    assert faults(region) == []


def test_a_scan_finds_the_lot_of_its_own_maker(region: Engine, cast: Cast) -> None:
    register(region, cast, OTHER, own_product=True)
    receive(region, cast, "B7", SOON)
    receive(region, cast, "B7", LATER, gtin=OTHER)
    with reading(region) as session:
        found = prefill(session, acting(cast["logistics"]), text=f"(01){OTHER}(10)B7", site="D-BE")
    assert (found.line.expiry, found.line.gtin, found.line.quantity) == (LATER, OTHER, 20)


def test_a_case_of_the_usual_product_holds_batches_of_the_usual_product(region: Engine, cast: Cast) -> None:
    register(region, cast, CASE, units=200)
    receive(region, cast, "B8", SOON)
    receive(region, cast, "B8", SOON, gtin=CASE)
    assert lots(region, "B8") == [(USUAL, SOON)]


def test_a_pack_is_registered_once_under_a_right_gtin_by_who_may(region: Engine, cast: Cast) -> None:
    register(region, cast, OTHER)
    with pytest.raises(GtinTaken, match="is the GTIN of box of TAB"):
        register(region, cast, OTHER)
    with pytest.raises(BadGtin):
        register(region, cast, "09529999990304")
    with pytest.raises(Missing):
        do(
            region,
            catalogue.register_pack,
            acting(cast["auditor"]),
            item="TAB",
            gtin=CASE,
            units=1,
            name="x",
            own_product=False,
        )


def test_the_gtin_of_another_item_is_refused_at_the_dock(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid, match="is a GTIN of VIAL, not of TAB"):
        receive(region, cast, "B9", SOON, gtin="09529999990020")
    with pytest.raises(UnknownGtin):
        receive(region, cast, "B9", SOON, gtin=OTHER)
