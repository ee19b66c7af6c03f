"""Holding a lot and letting it go: with every kit that has some of it inside."""

from __future__ import annotations

from collections.abc import Iterable

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import lot_proof, queries
from stockpile.inventory.kits import queries as kits
from stockpile.inventory.tables import Lot


class StillRecalled(Conflict):
    """A recalled lot stays on hold until its recall is closed."""

    code = "still_recalled"


def hold(session: Session, act: Act, *, lot_id: int, reason: str) -> Lot:
    """Hold a lot everywhere: from now on no plan offers it and no site dispatches it.

    So are the kit lots that hold some of it still, with a reason that names it; kits within kits too.
    """
    lot = _asked(session, act, lot_id, reason)
    if lot.on_hold:
        raise Conflict(f"lot {lot.code} is already on hold")
    inside = _inside(lot)
    _hold(session, act, lot, reason)
    for kit in _kits(session, lot_id):
        if not kit.on_hold:
            _hold(session, act, kit, f"{inside}{reason}")
    return lot


def release(session: Session, act: Act, *, lot_id: int, reason: str) -> Lot:
    """End a hold; kits that were held for this lot alone are free again, unless another of their parts is held."""
    lot = _asked(session, act, lot_id, reason)
    if lot.recalled:
        raise StillRecalled(f"lot {lot.code} of {lot.item_code} is recalled: close the recall first", lot=lot.code)
    if not lot.on_hold:
        raise Conflict(f"lot {lot.code} is not on hold")
    _release(session, act, lot, reason)
    inside = _inside(lot)
    for kit in _kits(session, lot_id):
        if not kit.on_hold or kit.recalled or not kit.hold_reason.startswith(inside):
            continue
        held = _held_part(session, kit)
        if held is None:
            _release(session, act, kit, f"{inside}{reason}")
        else:
            _hold(session, act, kit, f"{_inside(held)}{held.hold_reason}")
    return lot


def _asked(session: Session, act: Act, lot_id: int, reason: str) -> Lot:
    require(act.actor, "stock.hold")
    if not reason.strip():
        raise Invalid("a hold or its end needs a reason", field="reason")
    queries.lock_lots(session, [lot_id])
    return queries.lot(session, lot_id)


def _inside(lot: Lot) -> str:
    return f"holds lot {lot.code} of {lot.item_code}: "


def _kits(session: Session, lot_id: int) -> list[Lot]:
    """The kit lots with some of this lot inside, locked."""
    found = kits.made_from(session, [lot_id])
    queries.lock_lots(session, _numbers(found))
    return found


def _numbers(lots: Iterable[Lot]) -> list[int]:
    return [lot.id for lot in lots if lot.id is not None]


def _held_part(session: Session, kit: Lot) -> Lot | None:
    """A part of these kits that is on hold, the first by number."""
    assert kit.id is not None
    parts = (session.get_one(Lot, part.component_lot_id) for part in kits.parts(session, kit.id))
    return next((lot for lot in parts if lot.on_hold), None)


def _hold(session: Session, act: Act, lot: Lot, reason: str) -> None:
    lot.on_hold, lot.hold_reason = True, reason
    session.add(lot)
    session.flush()
    journal.record(session, act, action=lot_proof.HELD, subject=f"lot:{lot.id}", payload={}, reason=reason)


def _release(session: Session, act: Act, lot: Lot, reason: str) -> None:
    lot.on_hold, lot.hold_reason = False, ""
    session.add(lot)
    session.flush()
    journal.record(session, act, action=lot_proof.RELEASED, subject=f"lot:{lot.id}", payload={}, reason=reason)
