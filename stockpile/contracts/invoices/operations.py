"""Recording, approving and paying invoices: each in another name, and never more than is owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import queries as orders
from stockpile.contracts import rules as states
from stockpile.contracts.damages import queries as damages
from stockpile.contracts.invoices import queries, rules
from stockpile.contracts.invoices.tables import Invoice, InvoiceLine
from stockpile.contracts.operations import WrongState
from stockpile.contracts.tables import CallOff
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require, require_other

RECORDED, HALF, APPROVED, REFUSED, PAID = "recorded", "half_approved", "approved", "refused", "paid"


@dataclass(frozen=True, slots=True)
class Asked:
    """What an invoice asks for base units of an order's line (minor units)."""

    line: int
    quantity: int
    amount_minor: int


class InvoiceState(Conflict):
    """The invoice is not in the state that this needs."""

    code = "invoice_state"


class MoreThanOwed(Conflict):
    """The payment is more than accepted goods at the order's price, less damages (O2)."""

    code = "more_than_owed"


def record(
    session: Session, act: Act, *, number: int, reference: str, lines: Sequence[Asked], fee_minor: int = 0
) -> Invoice:
    """Record a supplier's invoice of an accepted order, matched against order, acceptance and price."""
    require(act.actor, "invoice.record")
    calloff = orders.calloff(session, number, lock=True)
    if calloff.state not in (states.ACCEPTED, states.INVOICED, states.PAID):
        raise WrongState(f"call-off {number} is {calloff.state}: invoices are for accepted goods", state=calloff.state)
    if any(one.reference == reference for one in queries.of_order(session, number)):
        raise Conflict(f"invoice {reference} of call-off {number} is recorded already", field="reference")
    findings = rules.findings(_matched(session, number, lines))
    if fee_minor != calloff.fee_minor and fee_minor:
        findings.append(f"a fee of {fee_minor} is invoiced, the order has {calloff.fee_minor}")
    row = Invoice(
        calloff_id=number,
        reference=reference,
        amount_minor=sum(one.amount_minor for one in lines) + fee_minor,
        findings="; ".join(findings),
        state=RECORDED,
        recorded_by=act.actor.id,
        recorded_at=act.at,
    )
    if row.amount_minor <= 0:
        raise Invalid("an invoice asks for more than nothing", field="lines")
    session.add(row)
    session.flush()
    session.add_all(
        InvoiceLine(
            invoice_id=row.id or 0, calloff_line_id=one.line, quantity=one.quantity, amount_minor=one.amount_minor
        )
        for one in lines
    )
    calloff.state = states.INVOICED
    session.add(calloff)
    payload = {"calloff": number, "reference": reference, "amount_minor": row.amount_minor, "findings": findings}
    journal.record(session, act, action="invoice.record", subject=f"invoice:{row.id}", payload=payload)
    return row


def _matched(session: Session, number: int, asked: Sequence[Asked]) -> list[rules.Line]:
    known = {line.id: line for line in orders.lines(session, number)}
    accepted, before = queries.accepted(session, number), queries.invoiced_before(session, number)
    if len({one.line for one in asked}) != len(asked):
        raise Invalid("an invoice names each line of the order once", field="lines")
    found = []
    for row, one in enumerate(asked, start=1):
        line = known.get(one.line)
        if line is None:
            raise Invalid(f"row {row}: call-off {number} has no line {one.line}", field="lines", row=row)
        free = accepted.get(one.line, 0) - before.get(one.line, 0)
        worth = damages.value_of(line, one.quantity)
        given = (one.line, line.item_code, line.quantity, free, one.quantity, worth, one.amount_minor)
        found.append(rules.Line(*given))
    return found


def approve(session: Session, act: Act, *, number: int, reason: str = "") -> Invoice:
    """Approve another person's invoice; more than a tenth over the order needs a second other person (O4).

    What does not match is approved only with a reason.
    """
    require(act.actor, "invoice.approve")
    row = _in(session, number, RECORDED, HALF)
    authors = {row.recorded_by: f"recorded invoice {number}"}
    if row.approved_by is not None:
        authors[row.approved_by] = f"approved invoice {number} first (clause O4)"
    require_other(act.actor, authors)
    if row.findings and not reason.strip():
        raise Invalid(f"invoice {number} does not match: {row.findings}. Approve it with a reason", field="reason")
    calloff = orders.calloff(session, row.calloff_id)
    total = sum(one.amount_minor for one in queries.of_order(session, row.calloff_id) if one.state != REFUSED)
    if row.state == HALF:
        row.second_by, row.state = act.actor.id, APPROVED
    else:
        row.approved_by = act.actor.id
        row.state = HALF if rules.needs_second(total, calloff.cost_minor) else APPROVED
    row.decided_at, row.decision_reason = act.at, reason
    return _noted(session, act, row, "approve", reason)


def refuse(session: Session, act: Act, *, number: int, reason: str) -> Invoice:
    """Send an invoice back to the supplier, with the reason."""
    require(act.actor, "invoice.approve")
    row = _in(session, number, RECORDED, HALF)
    require_other(act.actor, {row.recorded_by: f"recorded invoice {number}"})
    if not reason.strip():
        raise Invalid("an invoice is refused only with a reason", field="reason")
    row.state, row.decided_at, row.decision_reason = REFUSED, act.at, reason
    return _noted(session, act, row, "refuse", reason)


def pay(session: Session, act: Act, *, number: int, amount_minor: int) -> Invoice:
    """Note the payment of an approved invoice: no more than it asks, and than is owed of the order (O2)."""
    require(act.actor, "invoice.pay")
    calloff = orders.calloff(session, queries.invoice(session, number).calloff_id, lock=True)
    row = _in(session, number, APPROVED)
    require_other(act.actor, {row.recorded_by: f"recorded invoice {number}"})
    owed = queries.owed(session, calloff)
    if not 0 < amount_minor <= min(owed, row.amount_minor):
        raise MoreThanOwed(
            f"clause O2: call-off {calloff.id} has {owed} owed (accepted goods at its price less damages and payments) "
            f"and invoice {number} asks {row.amount_minor}: {amount_minor} cannot be paid",
            clause="O2",
            owed_minor=owed,
            invoice_minor=row.amount_minor,
        )
    row.state, row.paid_minor, row.paid_by, row.paid_at = PAID, amount_minor, act.actor.id, act.at
    _noted(session, act, row, "pay", "")
    if all(one.state in (PAID, REFUSED) for one in queries.of_order(session, calloff.id or 0)):
        calloff.state = states.PAID
        session.add(calloff)
    return row


def close(session: Session, act: Act, *, number: int) -> CallOff:
    """Close an order that is paid: nothing more happens to it."""
    require(act.actor, "calloff.close")
    calloff = orders.calloff(session, number, lock=True)
    if calloff.state != states.PAID:
        raise WrongState(f"call-off {number} is {calloff.state}: it is closed once it is paid", state=calloff.state)
    calloff.state, calloff.ended_at = states.CLOSED, act.at
    session.add(calloff)
    journal.record(session, act, action="calloff.end", subject=f"calloff:{number}", payload={"to": states.CLOSED})
    return calloff


def _in(session: Session, number: int, *known: str) -> Invoice:
    row = queries.invoice(session, number, lock=True)
    if row.state not in known:
        raise InvoiceState(f"invoice {number} is {row.state}, not {' or '.join(known)}", state=row.state)
    return row


def _noted(session: Session, act: Act, row: Invoice, step: str, reason: str) -> Invoice:
    session.add(row)
    session.flush()
    payload = {"state": row.state, "amount_minor": row.amount_minor, "paid_minor": row.paid_minor}
    subject = f"invoice:{row.id}"
    journal.record(session, act, action=f"invoice.{step}", subject=subject, payload=payload, reason=reason)
    return row
