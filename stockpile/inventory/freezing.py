"""Freezing a lot everywhere in one posting: shelves, reservations, and what is still to arrive."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.inventory import ledger, lot_proof, queries, rules
from stockpile.inventory.tables import Balance, Lot, Transfer, TransferLine


def freeze(session: Session, act: Act, *, lot: Lot, key: str, reason: str, site: str | None = None) -> int:
    """Put what is available or reserved of a lot into quarantine, at one site or everywhere; base units frozen.

    Reservations on it are cancelled on their transfers. Everywhere also puts
    the lot on hold, so that what is on the road is taken into quarantine when it arrives.
    """
    assert lot.id is not None
    queries.lock_lots(session, [lot.id])
    if site is None:
        lot.on_hold, lot.hold_reason = True, reason
        session.add(lot)
        journal.record(session, act, action=lot_proof.HELD, subject=f"lot:{lot.id}", payload={}, reason=reason)
    moves = [_move(balance) for balance in _movable(session, lot.id, site)]
    _cancel_reservations(session, lot.id, site)
    if moves:
        ledger.post(session, act, kind="freeze", key=key, moves=moves, reason=reason)
    return sum(move.quantity for move in moves)


def _movable(session: Session, lot_id: int, site: str | None) -> list[Balance]:
    query = (
        select(Balance)
        .where(Balance.lot_id == lot_id, Balance.quantity > 0)
        .where(col(Balance.status).in_((rules.AVAILABLE, rules.RESERVED)))
        .order_by(col(Balance.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return list(session.exec(query.where(Balance.site_code == site) if site else query))


def _move(balance: Balance) -> ledger.Move:
    source = ledger.Account(balance.lot_id, balance.site_code, balance.owner, balance.status)
    sink = ledger.Account(balance.lot_id, balance.site_code, balance.owner, rules.QUARANTINE)
    return ledger.Move(balance.lot_id, balance.quantity, source, sink, document="freeze")


def _cancel_reservations(session: Session, lot_id: int, site: str | None) -> None:
    query = (
        select(TransferLine)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .where(TransferLine.lot_id == lot_id, Transfer.state == rules.APPROVED)
    )
    for line in session.exec(query.where(Transfer.origin == site) if site else query):
        line.cancelled = line.quantity
        session.add(line)
