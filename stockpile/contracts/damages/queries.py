"""What an order's lateness costs, and the claims that were made of it."""

from __future__ import annotations

from dataclasses import replace

from sqlmodel import Session, col, select

from stockpile.contracts import queries as orders
from stockpile.contracts.damages import rules
from stockpile.contracts.damages.tables import DamagesClaim, ForceMajeure
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms.rules import WHOLE_ORDER, Terms
from stockpile.errors import NotFound
from stockpile.governance import queries as governance


class UnknownClaim(NotFound):
    """No claim has this number."""

    code = "unknown_claim"


def claim(session: Session, number: int) -> DamagesClaim:
    """One claim; refuses an unknown number."""
    found = session.get(DamagesClaim, number)
    if found is None:
        raise UnknownClaim(f"there is no claim {number}", field="claim", value=number)
    return found


def claims(session: Session, *, supplier: str | None = None) -> list[DamagesClaim]:
    """Claims, newest first, all or those against one supplier."""
    query = select(DamagesClaim).order_by(col(DamagesClaim.id).desc())
    return list(session.exec(query.where(DamagesClaim.supplier_code == supplier) if supplier else query))


def of_order(session: Session, number: int) -> DamagesClaim | None:
    """The claim on an order, if there is one."""
    return session.exec(select(DamagesClaim).where(DamagesClaim.calloff_id == number)).one_or_none()


def withheld(session: Session, number: int) -> int:
    """What of an order's price is not paid because of damages: all that is claimed and not waived (minor units)."""
    found = of_order(session, number)
    if found is None:
        return 0
    return found.amount_minor if found.decided_minor is None else found.decided_minor


def excused(session: Session, contract: str) -> list[ForceMajeure]:
    """The days on which lateness under a contract is excused."""
    query = select(ForceMajeure).where(ForceMajeure.contract_code == contract)
    return list(session.exec(query.order_by(col(ForceMajeure.starts))))


def worked_out(session: Session, calloff: CallOff) -> rules.Damages:
    """The damages of an order by the version of the contract under which it was placed."""
    assert calloff.approved_at is not None, "an order that was never placed"
    placed = governance.local_day(session, calloff.approved_at)
    _, terms = agreed.terms_on(session, calloff.contract_code, placed)
    due = calloff.expected_at or calloff.approved_at
    order_days = (governance.local_day(session, due) - placed).days
    late = late_parts(session, calloff, terms)
    return rules.due(terms, late, order_minor=calloff.cost_minor, order_days=order_days)


def late_parts(session: Session, calloff: CallOff, terms: Terms) -> list[rules.Late]:
    """What of an order came late and by how many days; by the order's whole value where the contract says so."""
    days_off = [(one.starts, one.ends) for one in excused(session, calloff.contract_code)]
    lines = {line.id: line for line in orders.lines(session, calloff.id or 0)}
    found = []
    for row in orders.deliveries(session, calloff.id or 0):
        due = governance.local_day(session, row.due_at or row.arrived_at)
        days = rules.days_late(due, governance.local_day(session, row.arrived_at), days_off)
        if days:
            found.append(rules.Late(value_of(lines[row.calloff_line_id], row.quantity), days))
    if terms.damages_of == WHOLE_ORDER and found:
        return [replace(max(found, key=lambda one: one.days), value_minor=calloff.cost_minor)]
    return found


def value_of(line: CallOffLine, quantity: int) -> int:
    """The price of base units of a line, down to whole minor units."""
    return quantity * line.packs * line.pack_price_minor // line.quantity
