"""Opening lots: one batch of an item has one expiry, and the journal says who opened it with which."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.errors import Conflict
from stockpile.inventory import lot_proof
from stockpile.inventory.tables import Lot


class ExpiryDiffers(Conflict):
    """One batch, one expiry date."""

    code = "expiry_differs"


def lot_for(session: Session, act: Act, *, item: str, code: str, expiry: date) -> Lot:
    """The lot of that item and batch code, opened if new; refuses another expiry than the one on record."""
    open_lots(session, act, {(item, code): expiry})
    lot = session.exec(select(Lot).where(Lot.item_code == item, Lot.code == code)).one()
    if lot.expiry != expiry:
        raise expiry_differs(item, code, on_record=lot.expiry, given=expiry)
    return lot


def open_lots(session: Session, act: Act, wanted: Mapping[tuple[str, str], date]) -> None:
    """Open the lots (item, batch code) with these expiries that are not on record, in one order for all writers."""
    rows = [
        {"item_code": item, "code": code, "expiry": expiry, "on_hold": False, "hold_reason": "", "recalled": False}
        for (item, code), expiry in sorted(wanted.items())
    ]
    if not rows:
        return
    opened = bulk.insert(session, Lot, rows, give=("id", "item_code", "code"), skip_taken=True)
    notes = [_note(act, number, item, code, wanted[item, code]) for number, item, code in sorted(opened)]
    journal.record_each(session, notes)


def _note(act: Act, number: int, item: str, code: str, expiry: date) -> journal.Note:
    payload = {"item": item, "lot": code, "expiry": expiry.isoformat()}
    return journal.Note(act, lot_proof.OPENED, f"lot:{number}", payload)


def expiry_differs(item: str, code: str, *, on_record: date, given: date) -> ExpiryDiffers:
    """The refusal of a second expiry for one batch."""
    return ExpiryDiffers(
        f"lot {code} of {item} is on record with expiry {on_record}, not {given}", field="expiry", on_record=on_record
    )
