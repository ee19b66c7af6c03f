"""Reading invoices, and what is still owed of an order."""

from __future__ import annotations

from collections import defaultdict

from sqlmodel import Session, col, select

from stockpile.contracts import queries as orders
from stockpile.contracts.damages import queries as damages
from stockpile.contracts.invoices import rules
from stockpile.contracts.invoices.tables import Invoice, InvoiceLine
from stockpile.contracts.tables import CallOff
from stockpile.errors import NotFound


class UnknownInvoice(NotFound):
    """No invoice has this number."""

    code = "unknown_invoice"


def invoice(session: Session, number: int, *, lock: bool = False) -> Invoice:
    """One invoice; refuses an unknown number. `lock` holds it against other writers."""
    found = session.get(Invoice, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise UnknownInvoice(f"there is no invoice {number}", field="invoice", value=number)
    return found


def of_order(session: Session, number: int) -> list[Invoice]:
    """The invoices of an order, oldest first."""
    query = select(Invoice).where(Invoice.calloff_id == number)
    return list(session.exec(query.order_by(col(Invoice.id))))


def lines(session: Session, number: int) -> list[InvoiceLine]:
    """The lines of an invoice."""
    query = select(InvoiceLine).where(InvoiceLine.invoice_id == number)
    return list(session.exec(query.order_by(col(InvoiceLine.calloff_line_id))))


def invoiced_before(session: Session, number: int) -> dict[int, int]:
    """Base units by line of an order that invoices ask money for, but for refused ones."""
    found: dict[int, int] = defaultdict(int)
    for one in of_order(session, number):
        if one.state != "refused":
            for line in lines(session, one.id or 0):
                found[line.calloff_line_id] += line.quantity
    return dict(found)


def accepted(session: Session, number: int) -> dict[int, int]:
    """Base units accepted by line of an order: what came less what was rejected of it."""
    found: dict[int, int] = defaultdict(int)
    for row in orders.deliveries(session, number):
        found[row.calloff_line_id] += row.quantity - row.rejected
    return dict(found)


def owed(session: Session, calloff: CallOff) -> int:
    """What may still be paid of an order (O2), in minor units."""
    number = calloff.id or 0
    came = accepted(session, number)
    worth = sum(damages.value_of(line, came.get(line.id or 0, 0)) for line in orders.lines(session, number))
    paid = sum(one.paid_minor for one in of_order(session, number))
    withheld = damages.withheld(session, number)
    return rules.owed(worth, fee_minor=calloff.fee_minor, damages_minor=withheld, paid_minor=paid)
