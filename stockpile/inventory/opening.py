"""Opening lots: one batch of a product has one expiry, and the journal says who opened it with which."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from sqlmodel import Session, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict
from stockpile.inventory import lot_proof
from stockpile.inventory.tables import Lot


class ExpiryDiffers(Conflict):
    """One batch, one expiry date."""

    code = "expiry_differs"


class Batch(NamedTuple):
    """What a lot is known by: the product's GTIN and the batch code; and the item that it is."""

    item: str
    gtin: str
    code: str


def lot_for(session: Session, act: Act, *, item: str, code: str, expiry: date, gtin: str = "") -> Lot:
    """The lot of that product and batch code, opened if new; refuses another expiry than the one on record.

    `gtin`: that of the pack at hand, where it is not the item's usual one.
    """
    batch = Batch(item, catalogue.product_of(session, catalogue.item(session, item), gtin), code)
    open_lots(session, act, {batch: expiry})
    lot = session.exec(select(Lot).where(Lot.gtin == batch.gtin, Lot.code == code)).one()
    if lot.expiry != expiry:
        raise expiry_differs(item, code, on_record=lot.expiry, given=expiry)
    return lot


def open_lots(session: Session, act: Act, wanted: Mapping[Batch, date]) -> None:
    """Open the lots with these expiries that are not on record, in one order for all writers."""
    blank = {"on_hold": False, "hold_reason": "", "recalled": False}
    rows = [
        {"item_code": batch.item, "gtin": batch.gtin, "code": batch.code, "expiry": expiry, **blank}
        for batch, expiry in sorted(wanted.items())
    ]
    if not rows:
        return
    opened = bulk.insert(session, Lot, rows, give=("id", "item_code", "gtin", "code"), skip_taken=True)
    notes = [_note(act, number, Batch(*batch), wanted[Batch(*batch)]) for number, *batch in sorted(opened)]
    journal.record_each(session, notes)


def _note(act: Act, number: int, batch: Batch, expiry: date) -> journal.Note:
    payload = {"item": batch.item, "gtin": batch.gtin, "lot": batch.code, "expiry": expiry.isoformat()}
    return journal.Note(act, lot_proof.OPENED, f"lot:{number}", payload)


def expiry_differs(item: str, code: str, *, on_record: date, given: date) -> ExpiryDiffers:
    """The refusal of a second expiry for one batch."""
    return ExpiryDiffers(
        f"lot {code} of {item} is on record with expiry {on_record}, not {given}", field="expiry", on_record=on_record
    )
