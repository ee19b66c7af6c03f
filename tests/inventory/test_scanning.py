"""A scan at the dock: what it fills in, what it warns of, what it refuses; and nothing happens by itself."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Engine, event
from sqlmodel import Session

from stockpile.actor import Act, Grant
from stockpile.catalogue.queries import UnknownGtin
from stockpile.catalogue.scans import SeparatorMissing
from stockpile.catalogue.tables import TradeItem
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.contracts.operations import LineDraft
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance.rules import RIGHTS, Missing
from stockpile.inventory import holding, operations, transfers
from stockpile.inventory.opening import ExpiryDiffers
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.queries import UnknownSite
from stockpile.inventory.scanning import operations as pallets
from stockpile.inventory.scanning import queries, rules
from stockpile.inventory.scanning.operations import PartPack
from stockpile.inventory.scanning.queries import (
    NothingIdentified,
    PalletDiffers,
    Prefill,
    UnknownPallet,
    prefill,
    prefill_text,
)
from stockpile.inventory.scanning.tables import Pallet
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, faults, lot_id, send_out, shelves

TAB, VIAL, CASE = "09529999990013", "09529999990020", "19529999990010"
NEW = f"(01){TAB}(10)T-NEW(17)210630"


def scan(engine: Engine, act: Act, text: str, site: str | None = "D-BE") -> Prefill:
    """What a scan fills in."""
    with reading(engine) as session:
        return prefill(session, act, text=text, site=site)


def warned(found: Prefill) -> set[str]:
    """The codes of the warnings."""
    return {one.code for one in found.warnings}


def ordered(engine: Engine, cast: Cast, *, packs: int = 5, site: str = "D-BE", slot: str = "2020-03-30") -> int:
    """An approved call-off of tablets in packs of ten; the number of its line."""
    lines = [LineDraft("TAB", packs, 10, 500, "needed")]
    given = {"contract": "UC-1", "slot": slot, "deliver_to": site, "lines": lines}
    number = do(engine, contracts.propose, acting(cast["buyer"]), **given).id
    do(engine, contracts.approve, acting(cast["committee"]), number=number)
    with reading(engine) as session:
        [line] = orders.lines(session, number or 0)
        return line.id or 0


def add_case(engine: Engine) -> None:
    """Tablets also come in cases of 240 under a GTIN of their own."""
    transact(engine, lambda session: session.add(TradeItem(gtin=CASE, item_code="TAB", units=240, name="case")))


def test_a_scan_fills_in_the_receipt_line_with_its_order(region: Engine, cast: Cast) -> None:
    line = ordered(region, cast)
    found = scan(region, acting(cast["logistics"]), f"01{TAB}10NEW-7\x1d17210900")
    assert found.line == queries.DraftLine("TAB", "NEW-7", date(2021, 9, 30), 10, line, TAB)
    assert [(one.line, one.open, one.deliver_to) for one in found.open_lines] == [(line, 50, "D-BE")]
    assert (found.site, found.lot_id, found.pack, found.pack_units) == ("D-BE", None, "pack", 10)
    assert warned(found) == set()
    assert found.next == ("receive",)


def test_what_was_filled_in_can_be_received_as_it_is(region: Engine, cast: Cast) -> None:
    ordered(region, cast)
    act = acting(cast["logistics"])
    found = scan(region, act, f"(02){TAB}(37)5(10)NEW-7(17)210900")
    assert found.site
    assert found.line.lot
    assert found.line.expiry
    filled = ReceiptLine(
        found.line.item, found.line.lot, found.line.expiry, found.line.quantity, calloff_line=found.line.calloff_line
    )
    do(region, operations.receive, act, site=found.site, lines=[filled], key="as scanned")
    assert shelves(region, "NEW-7") == {("NEW-7", "D-BE", "pool", "available"): 50}
    assert scan(region, act, NEW).open_lines == ()


def test_a_scan_has_no_effect(region: Engine, cast: Cast) -> None:
    ordered(region, cast)
    act, before = acting(cast["logistics"]), shelves(region)
    for text in (NEW, f"(01){TAB}(10)NEVER-SEEN(17)210630", "9529999990020"):
        scan(region, act, text)
    assert shelves(region) == before
    assert faults(region) == []
    with pytest.raises(UnknownPallet):
        scan(region, act, "095200000000000011")


@pytest.mark.parametrize(
    ("text", "packs", "quantity"),
    [
        (f"(01){TAB}", 1, 10),
        (f"(01){VIAL}", 1, 1),
        (f"(02){TAB}(37)96", 96, 960),
        (f"(01){TAB}(30)3", 3, 30),
        (f"(01){CASE}", 1, 240),
        (f"(02){CASE}(37)12", 12, 2880),
        (TAB[1:], 1, 10),
        (f"https://id.gs1.org/01/{TAB}/10/T-NEW?17=210630", 1, 10),
    ],
)
def test_packs_and_cases_become_base_units(region: Engine, cast: Cast, text: str, packs: int, quantity: int) -> None:
    add_case(region)
    found = scan(region, acting(cast["logistics"]), text)
    assert (found.packs, found.line.quantity) == (packs, quantity)


def test_more_than_can_be_booked_is_refused(region: Engine, cast: Cast) -> None:
    row = TradeItem(gtin=CASE, item_code="TAB", units=10**6, name="ship")
    transact(region, lambda session: session.add(row))
    with pytest.raises(Invalid, match="more than can be booked"):
        scan(region, acting(cast["logistics"]), f"(02){CASE}(37)99999999")


@pytest.mark.parametrize(
    ("text", "expiry"),
    [(f"(01){TAB}(10)T-NEW", date(2021, 6, 30)), (f"(01){TAB}(10)T-NEW(17)210600", date(2021, 6, 30))],
    ids=["not on the label", "as on record"],
)
def test_a_scan_without_an_expiry_keeps_the_one_on_record(region: Engine, cast: Cast, text: str, expiry: date) -> None:
    found = scan(region, acting(cast["logistics"]), text)
    assert (found.line.expiry, found.lot_id) == (expiry, lot_id(region, "T-NEW"))


def test_another_expiry_than_the_one_on_record_is_refused_by_name(region: Engine, cast: Cast) -> None:
    with pytest.raises(ExpiryDiffers, match="expiry 2021-06-30; the label says 2021-07-31") as refused:
        scan(region, acting(cast["logistics"]), f"(01){TAB}(10)T-NEW(17)210700")
    assert refused.value.facts == {
        "field": "expiry",
        "on_record": date(2021, 6, 30),
        "scanned": date(2021, 7, 31),
    }


def test_a_label_from_before_an_extension_is_still_good(region: Engine, cast: Cast) -> None:
    given = {"new_expiry": date(2021, 12, 31), "authority": "AFMPS", "evidence": "letter 7"}
    do(region, quality.extend_expiry, acting(cast["pharmacist"]), lot_id=lot_id(region, "T-NEW"), **given)
    found = scan(region, acting(cast["logistics"]), NEW)
    assert found.line.expiry == date(2021, 12, 31)
    assert "extended" in warned(found)


def test_an_expired_lot_is_named_and_cannot_be_received(region: Engine, cast: Cast) -> None:
    found = scan(region, acting(cast["logistics"]), f"(01){TAB}(10)GONE(17)200329")
    assert "expired" in warned(found)
    assert "receive" not in found.next


def test_a_lot_is_good_through_its_last_day_at_the_site(region: Engine, cast: Cast) -> None:
    late = acting(cast["logistics"], after_hours=14.5)
    assert late.at.date() == date(2020, 3, 30)
    text = f"(01){TAB}(10)LAST(17)200330"
    assert "expired" in warned(scan(region, late, text))
    assert "expired" not in warned(scan(region, acting(cast["logistics"], after_hours=13), text))


def test_a_held_lot_is_named_and_not_offered_for_dispatch(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    do(region, holding.hold, act, lot_id=lot_id(region, "T-NEW"), reason="broken seals")
    found = scan(region, act, NEW)
    assert [one.message for one in found.warnings if one.code == "on_hold"] == [
        "the lot T-NEW is on hold: broken seals"
    ]
    assert not {"hold", "dispatch", "issue"} & set(found.next)


@pytest.mark.parametrize(
    ("packs", "codes"), [(1, set()), (5, set()), (6, {"over_order"})], ids=["part", "all of it", "too much"]
)
def test_more_than_is_open_on_the_order_is_warned_of(region: Engine, cast: Cast, packs: int, codes: set[str]) -> None:
    ordered(region, cast)
    assert warned(scan(region, acting(cast["logistics"]), f"(02){TAB}(37){packs}(10)NEW-7(17)210900")) == codes


def test_of_several_orders_the_earliest_that_is_open_for_all_of_it_is_proposed(region: Engine, cast: Cast) -> None:
    small, large = ordered(region, cast, packs=5), ordered(region, cast, packs=10, slot="2020-03-31")
    act = acting(cast["logistics"])
    few = scan(region, act, f"(02){TAB}(37)5(10)NEW-7(17)210900")
    many = scan(region, act, f"(02){TAB}(37)8(10)NEW-7(17)210900")
    assert (few.line.calloff_line, many.line.calloff_line) == (small, large)
    assert "several_orders" in warned(few)


def test_without_a_site_the_one_where_the_order_is_delivered_is_filled_in(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    nowhere = scan(region, act, NEW, None)
    assert (nowhere.site, warned(nowhere), nowhere.next) == (None, {"no_site"}, ("hold",))
    line = ordered(region, cast, site="D-DE")
    found = scan(region, act, NEW, None)
    assert (found.site, found.line.calloff_line) == ("D-DE", line)
    assert warned(scan(region, act, NEW, "D-BE")) == {"not_ordered"}


def test_a_proposed_order_is_not_offered(region: Engine, cast: Cast) -> None:
    lines = [LineDraft("TAB", 5, 10, 500, "needed")]
    given = {"contract": "UC-1", "slot": "2020-03-30", "deliver_to": "D-BE", "lines": lines}
    do(region, contracts.propose, acting(cast["buyer"]), **given)
    assert scan(region, acting(cast["logistics"]), NEW).open_lines == ()


def test_what_can_be_done_next_depends_on_where_the_lot_is_and_who_asks(region: Engine, cast: Cast) -> None:
    staff = acting(cast["logistics"])
    transfer = send_out(region, acting(cast["coordinator"]), lot="T-NEW", quantity=20, origin="D-BE")
    assert scan(region, staff, NEW).next == ("receive", "dispatch", "count", "hold")
    assert scan(region, acting(cast["auditor"]), NEW).next == ()
    do(region, transfers.dispatch, staff, numbers=[transfer.id])
    assert scan(region, staff, NEW, "H-NL").next == ("receive_transfer", "hold")
    do(region, transfers.receive, acting(cast["logistics"], after_hours=1), number=transfer.id, arrived=None)
    assert scan(region, staff, NEW, "H-NL").next == ("issue", "count", "hold")


def test_staff_of_one_site_are_offered_nothing_elsewhere(region: Engine, cast: Cast) -> None:
    local = acting(cast.engage("local", Grant("logistics", site="D-BE")))
    assert "receive" in scan(region, local, NEW).next
    assert scan(region, local, NEW, "D-DE").next == ()


@ON_SQLITE
@pytest.mark.parametrize(
    ("text", "site", "refusal"),
    [
        ("(01)09529999990037(10)A", "D-BE", None),
        ("(01)07032069804988(10)A", "D-BE", UnknownGtin),
        ("(10)T-NEW(17)210630", "D-BE", NothingIdentified),
        (f"01{TAB}10T-NEW17210630", "D-BE", SeparatorMissing),
        (NEW, "D-XX", UnknownSite),
        ("(00)157035381410375177", "D-BE", UnknownPallet),
    ],
    ids=["known", "unknown gtin", "no gtin", "separator", "unknown site", "unknown pallet"],
)
def test_what_nobody_knows_is_named(
    region: Engine, cast: Cast, text: str, site: str, refusal: type[Exception] | None
) -> None:
    act = acting(cast["logistics"])
    if refusal is None:
        assert scan(region, act, text, site).line.item == "PUMP"
        return
    with pytest.raises(refusal):
        scan(region, act, text, site)


def test_a_serial_is_kept_apart_from_the_batch(region: Engine, cast: Cast) -> None:
    found = scan(region, acting(cast["logistics"]), f"01{TAB}10T-NEW\x1d21SER-1")
    assert (found.line.lot, found.serial) == ("T-NEW", "SER-1")


def test_a_best_before_date_is_not_taken_for_an_expiry(region: Engine, cast: Cast) -> None:
    found = scan(region, acting(cast["logistics"]), f"(01){TAB}(10)NEW-7(15)210630")
    assert found.line.expiry is None
    assert {"best_before", "no_expiry"} <= warned(found)


def numbered(engine: Engine, act: Act, *, lot: str = "T-NEW", quantity: int = 960, gtin: str | None = None) -> Pallet:
    """A pallet of a lot with its number."""
    return do(engine, pallets.number_pallet, act, lot_id=lot_id(engine, lot), quantity=quantity, gtin=gtin)


def test_a_pallets_number_alone_fills_in_what_is_on_it(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    pallet = numbered(region, act)
    found = scan(region, act, pallet.sscc or "")
    assert found.line == queries.DraftLine("TAB", "T-NEW", date(2021, 6, 30), 960, None, TAB)
    assert (found.sscc, found.packs) == (pallet.sscc, 96)


def test_a_label_that_contradicts_the_pallet_on_record_is_refused(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    sscc = numbered(region, act).sscc
    for other in (f"(02){TAB}(37)95(10)T-NEW", f"(02){TAB}(37)96(10)T-OLD", f"(02){VIAL}(37)96(10)T-NEW"):
        with pytest.raises(PalletDiffers):
            scan(region, act, f"(00){sscc}{other}")
    assert scan(region, act, f"(00)157035381410375177(02){TAB}(37)96(10)T-NEW").sscc == "157035381410375177"


def test_pallets_are_numbered_upwards_and_no_number_comes_twice(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    numbers = [numbered(region, act).sscc or "" for _ in range(12)]
    assert len({int(one[4:17]) for one in numbers}) == 12
    assert numbers == sorted(numbers)
    assert {one[:4] for one in numbers} == {"0952"}


def test_a_pallet_is_counted_in_the_packs_that_stand_on_it(region: Engine, cast: Cast) -> None:
    add_case(region)
    pallet = numbered(region, acting(cast["logistics"]), gtin=CASE)
    assert (pallet.gtin, pallet.count, pallet.quantity) == (CASE, 4, 960)


@ON_SQLITE
def test_a_pallet_that_cannot_be_is_refused(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    for quantity in (0, 961, 10 * 10**8):
        with pytest.raises(PartPack, match="whole packs of 10"):
            numbered(region, act, quantity=quantity)
    with pytest.raises(Invalid, match="a GTIN of VIAL, not of TAB"):
        numbered(region, act, gtin=VIAL)
    with pytest.raises(Missing):
        numbered(region, acting(cast["auditor"]))


@ON_SQLITE
def test_a_scan_is_told_in_plain_words(region: Engine, cast: Cast) -> None:
    told = prefill_text(scan(region, acting(cast["logistics"]), f"(01){TAB}(10)GONE(17)200329"))
    assert "quantity  10 tablet (1 x pack of 10)" in told
    assert told.endswith("! nothing of this item is on order for delivery here")
    assert "! the lot GONE expired on 2020-03-29: it is not taken into stock" in told


def test_every_next_step_has_a_right_that_somebody_holds() -> None:
    assert all(RIGHTS[right] for right in rules.NEEDED_RIGHTS.values())


def test_a_scan_is_answered_while_the_queue_waits(region: Engine, cast: Cast) -> None:
    """Fewer statements than would be felt: the number is what a slow network multiplies."""
    ordered(region, cast)
    asked: list[str] = []
    act = acting(cast["logistics"])
    with Session(region) as session:
        event.listen(region, "before_cursor_execute", lambda *given: asked.append(given[2]))
        prefill(session, act, text=NEW, site="D-BE")
    assert len(asked) <= 12
