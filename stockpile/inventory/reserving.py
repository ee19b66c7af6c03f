"""Reservations: picked, cancelled, or given back when they have expired. What has been picked is not taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import ledger, queries, rules
from stockpile.inventory.tables import Transfer, TransferLine


@dataclass(frozen=True, slots=True)
class Released:
    """Base units of a transfer line that are available again; `reference` names what they were reserved for."""

    transfer: int
    line: int
    member: str
    reference: str
    quantity: int


class NotReserved(Conflict):
    """The transfer's goods are not reserved any more: they have been picked, have left, or were cancelled."""

    code = "not_reserved"


def pick(session: Session, act: Act, *, number: int) -> Transfer:
    """Confirm that a transfer's goods have been taken from their shelves; from then on nobody takes them back."""
    transfer = queries.transfer(session, number)
    require(act.actor, "transfer.pick", site=transfer.origin)
    unpicked = update(Transfer).where(col(Transfer.id) == number, col(Transfer.state) == rules.APPROVED)
    unpicked = unpicked.where(col(Transfer.picked_at).is_(None))
    if not rows_changed(session, unpicked.values(picked_at=act.at, picked_by=act.actor.id)):
        session.refresh(transfer)
        raise _not_reserved(transfer)
    session.refresh(transfer)
    lines = [line for line in queries.transfer_lines(session, [number]) if line.cancelled < line.quantity]
    queries.lock_lots(session, {line.lot_id for line in lines})
    held = [lot.code for line in lines for lot in (queries.lot(session, line.lot_id),) if lot.on_hold]
    if held or not lines:
        fault = f"lot {held[0]} is on hold" if held else "everything on it was cancelled"
        raise NotReserved(f"transfer {number} cannot be picked: {fault}", transfer=number, lots=held)
    journal.record(session, act, action="transfer.pick", subject=f"transfer:{number}", payload={"lines": len(lines)})
    return transfer


def put_back(session: Session, act: Act, *, number: int, reason: str) -> Transfer:
    """Put picked goods back on their shelves: they are reserved as before, until the same instant."""
    transfer = queries.transfer(session, number)
    require(act.actor, "transfer.pick", site=transfer.origin)
    _require_reason(reason)
    picked = update(Transfer).where(col(Transfer.id) == number, col(Transfer.state) == rules.APPROVED)
    picked = picked.where(col(Transfer.picked_at).is_not(None))
    if not rows_changed(session, picked.values(picked_at=None, picked_by=None)):
        raise NotReserved(f"transfer {number} is not picked and waiting", transfer=number)
    session.refresh(transfer)
    journal.record(session, act, action="transfer.put_back", subject=f"transfer:{number}", payload={}, reason=reason)
    return transfer


def cancel(session: Session, act: Act, *, number: int, line: int | None = None, reason: str) -> list[Released]:
    """Cancel an approved transfer that is not picked, or one line of it; what was reserved is available again."""
    require(act.actor, "transfer.cancel")
    _require_reason(reason)
    lines = [one for one in queries.transfer_lines(session, [number]) if line in (None, one.id)]
    queries.transfer(session, number)
    if not lines:
        raise Invalid(f"transfer {number} has no line {line}", field="line", value=line)
    return release(session, act, {one.id or 0: one.quantity for one in lines}, action="transfer.cancel", reason=reason)


def expire(session: Session, act: Act) -> list[Released]:
    """Give back what was reserved, has not been picked, and whose time is over at the act's instant."""
    require(act.actor, "reservations.run")
    query = select(TransferLine).join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
    query = query.where(Transfer.state == rules.APPROVED, col(Transfer.picked_at).is_(None))
    query = query.where(col(Transfer.expires_at) <= act.at, col(TransferLine.cancelled) < col(TransferLine.quantity))
    lines = {line.id or 0: line.quantity for line in session.exec(query.order_by(col(TransferLine.id)))}
    reason = "the reservation expired before it was picked"
    return release(session, act, lines, action="reservation.expire", reason=reason, skip_taken=True)


def release(
    session: Session,
    act: Act,
    wanted: Mapping[int, int],
    *,
    action: str,
    reason: str,
    skip_taken: bool = False,
) -> list[Released]:
    """Give back up to so many base units of each transfer line, by its number; the rights are the caller's.

    Refuses a transfer that has been picked or has left; `skip_taken` leaves it
    out instead. A transfer with nothing left on it is cancelled.
    """
    lines = _lines(session, wanted)
    transfers = _locked(session, {line.transfer_id for line in lines})
    if not skip_taken:
        for transfer in transfers.values():
            if not _reserved(transfer):
                raise _not_reserved(transfer)
    lines = _lines(session, wanted)
    parts = [
        (line, min(wanted[line.id or 0], line.quantity - line.cancelled))
        for line in lines
        if _reserved(transfers[line.transfer_id])
    ]
    parts = [(line, quantity) for line, quantity in parts if quantity]
    if parts:
        _give_back(session, act, transfers, parts, action=action, reason=reason)
    elif not skip_taken:
        raise NotReserved("nothing is left to cancel there", lines=sorted(wanted))
    return [Released(one.transfer_id, one.id or 0, one.member_code, one.reference, units) for one, units in parts]


def _give_back(
    session: Session,
    act: Act,
    transfers: Mapping[int, Transfer],
    parts: Sequence[tuple[TransferLine, int]],
    *,
    action: str,
    reason: str,
) -> None:
    moves = [_back(transfers[line.transfer_id], line, quantity) for line, quantity in parts]
    key = f"release:transfer_line:{parts[0][0].id}:{parts[0][0].cancelled}"
    for line, quantity in parts:
        line.cancelled += quantity
        line.cancel_reason = reason
        session.add(line)
    ledger.post(session, act, kind="reservation_end", key=key, moves=moves, reason=reason)
    numbers = {line.transfer_id for line, _ in parts}
    left = {
        line.transfer_id for line in queries.transfer_lines(session, sorted(numbers)) if line.cancelled < line.quantity
    }
    for number in sorted(numbers):
        if number not in left:
            transfers[number].state = rules.CANCELLED
            session.add(transfers[number])
        payload = {str(line.id): quantity for line, quantity in parts if line.transfer_id == number}
        journal.record(session, act, action=action, subject=f"transfer:{number}", payload=payload, reason=reason)


def _lines(session: Session, wanted: Mapping[int, int]) -> list[TransferLine]:
    numbers = sorted(wanted)
    found: list[TransferLine] = []
    for start in range(0, len(numbers), 500):
        query = select(TransferLine).where(col(TransferLine.id).in_(numbers[start : start + 500]))
        found += session.exec(query.order_by(col(TransferLine.id)).execution_options(populate_existing=True))
    return found


def _locked(session: Session, numbers: set[int]) -> dict[int, Transfer]:
    """These transfers, read anew and held in the order of their numbers against a dispatch or a pick."""
    ordered = sorted(numbers)
    found: dict[int, Transfer] = {}
    for start in range(0, len(ordered), 500):
        query = select(Transfer).where(col(Transfer.id).in_(ordered[start : start + 500])).order_by(col(Transfer.id))
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
        found |= {one.id: one for one in session.exec(query) if one.id is not None}
    return found


def _reserved(transfer: Transfer) -> bool:
    return transfer.state == rules.APPROVED and transfer.picked_at is None


def _not_reserved(transfer: Transfer) -> NotReserved:
    state = "picked" if transfer.state == rules.APPROVED else transfer.state
    hint = ": have the depot put it back first" if state == "picked" else ""
    return NotReserved(f"transfer {transfer.id} is {state}{hint}", transfer=transfer.id, state=state)


def _back(transfer: Transfer, line: TransferLine, quantity: int) -> ledger.Move:
    reserved = ledger.Account(line.lot_id, transfer.origin, line.owner, rules.RESERVED)
    available = ledger.Account(line.lot_id, transfer.origin, line.owner, rules.AVAILABLE)
    return ledger.Move(line.lot_id, quantity, reserved, available, document=f"transfer_line:{line.id}")


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("this needs a reason in words", field="reason")
