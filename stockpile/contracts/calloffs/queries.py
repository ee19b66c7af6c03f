"""Reading an order with all that has happened to it."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, col, select

from stockpile.contracts import queries as orders
from stockpile.contracts.calloffs.tables import Shipment
from stockpile.contracts.tables import CallOff, Contract


def shipments(session: Session, number: int) -> list[Shipment]:
    """What the supplier announced on an order, in the order of its going."""
    query = select(Shipment).where(Shipment.calloff_id == number)
    return list(session.exec(query.order_by(col(Shipment.shipped_at), col(Shipment.id))))


def supplier_of(session: Session, calloff: CallOff) -> str:
    """The code of the supplier that an order goes to."""
    return session.get_one(Contract, calloff.contract_code).supplier_code


def of_supplier(session: Session, supplier: str) -> list[CallOff]:
    """The orders that were sent to a supplier or stand to be, newest first; not what waits for approval."""
    query = select(CallOff).join(Contract, col(Contract.code) == col(CallOff.contract_code))
    query = query.where(Contract.supplier_code == supplier, col(CallOff.sent_at).is_not(None))
    return list(session.exec(query.order_by(col(CallOff.id).desc())))


def history(session: Session, number: int) -> dict[str, Any]:
    """An order with its lines, shipments and deliveries."""
    return {
        "calloff": orders.calloff(session, number),
        "lines": orders.lines(session, number),
        "shipments": shipments(session, number),
        "deliveries": orders.deliveries(session, number),
    }
