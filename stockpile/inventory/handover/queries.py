"""Reading proofs of delivery and discrepancies."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile.inventory.handover.tables import Discrepancy, ProofOfDelivery


def proof(session: Session, number: int) -> ProofOfDelivery | None:
    """The proof of a transfer's delivery, or None where nobody has signed."""
    return session.get(ProofOfDelivery, number)


def discrepancies(session: Session, number: int) -> list[Discrepancy]:
    """What was not as sent on a transfer, in the order recorded."""
    query = select(Discrepancy).where(Discrepancy.transfer_id == number).order_by(col(Discrepancy.id))
    return list(session.exec(query))
