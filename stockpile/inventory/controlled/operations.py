"""What people do about controlled stock: authorisations, loss reports, and limits of what one person may do alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.db import insert_once, rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other
from stockpile.inventory import guarding
from stockpile.inventory.controlled import queries, rules
from stockpile.inventory.keeping import ApprovalLimit, BorderAuthorisation, ControlledLoss


class LossState(Conflict):
    """The loss report is not in the state that this needs."""

    code = "loss_state"


class AuthorisationKnown(Conflict):
    """An authorisation with this number is registered for the item."""

    code = "authorisation_known"


@dataclass(frozen=True, slots=True)
class Permit:
    """What an authority allows: base units of an item from one country to another, on days from and to."""

    number: str
    item: str
    from_country: str
    to_country: str
    valid_from: date
    valid_to: date
    quantity: int


def authorise(session: Session, act: Act, *, permit: Permit) -> BorderAuthorisation:
    """Register an authority's permission to take a controlled item across a border."""
    require(act.actor, "border.authorise")
    if not catalogue.item(session, permit.item).controlled:
        raise Invalid(f"{permit.item} is not controlled: it needs no authorisation", field="item", value=permit.item)
    if permit.valid_to < permit.valid_from:
        raise Invalid("the authorisation would end before it begins", field="valid_to")
    if permit.from_country == permit.to_country:
        raise Invalid("an authorisation is for a border between two countries", field="to_country")
    row = {
        "number": permit.number,
        "item_code": permit.item,
        "from_country": permit.from_country,
        "to_country": permit.to_country,
        "valid_from": permit.valid_from,
        "valid_to": permit.valid_to,
        "quantity": permit.quantity,
        "remaining": permit.quantity,
        "registered_by": act.actor.id,
        "registered_at": act.at,
    }
    made = insert_once(session, BorderAuthorisation, row)
    if made is None:
        raise AuthorisationKnown(f"authorisation {permit.number} is registered for {permit.item}", field="number")
    payload = {"item": permit.item, "from": permit.from_country, "to": permit.to_country, "quantity": permit.quantity}
    journal.record(session, act, action="border.authorise", subject=f"authorisation:{permit.number}", payload=payload)
    return session.get_one(BorderAuthorisation, made)


def report_loss(session: Session, act: Act, *, number: int, reference: str) -> ControlledLoss:
    """Record that a loss was reported to its authority, under the authority's reference."""
    return _move_on(session, act, number=number, old=rules.OPEN, new=rules.REPORTED, said=reference)


def close_loss(session: Session, act: Act, *, number: int, outcome: str) -> ControlledLoss:
    """Close a reported loss with what came of it; never by whom the loss was raised."""
    found = queries.loss(session, number)
    require_other(act.actor, {found.raised_by: f"raised loss {number}"})
    return _move_on(session, act, number=number, old=rules.REPORTED, new=rules.CLOSED, said=outcome)


def _move_on(session: Session, act: Act, *, number: int, old: str, new: str, said: str) -> ControlledLoss:
    found = queries.loss(session, number)
    require(act.actor, "loss.report", site=found.site_code)
    if not said.strip():
        raise Invalid("give the authority's reference or the outcome in words", field="reference")
    claimed = update(ControlledLoss).where(col(ControlledLoss.id) == number, col(ControlledLoss.state) == old)
    if not rows_changed(session, claimed.values(state=new)):
        session.refresh(found)
        raise LossState(f"loss report {number} is {found.state}, not {old}", state=found.state)
    session.refresh(found)
    if new == rules.REPORTED:
        found.reported_by, found.reported_at, found.reference = act.actor.id, act.at, said
    else:
        found.closed_by, found.closed_at, found.outcome = act.actor.id, act.at, said
    session.add(found)
    journal.record(session, act, action=f"loss.{new}", subject=f"loss:{number}", payload={}, reason=said)
    return found


def set_limit(session: Session, act: Act, *, kind: str, value_minor: int, packs: int) -> ApprovalLimit:
    """Set what one person may change alone: minor units, and packs of what has no price. `kind`: adjustment, floor."""
    require(act.actor, "limit.set")
    if kind not in guarding.LIMITS:
        raise Invalid(f"there is no limit for {kind}: adjustment or floor", field="kind", value=kind)
    payload = {"value_minor": value_minor, "packs": packs}
    under = gate.decide(session, act, Effect("limit.set", f"limit:{kind}", payload))
    journal.record(session, act, action="limit.set", subject=f"limit:{kind}", payload=payload | under.told)
    return session.merge(ApprovalLimit(kind=kind, value_minor=value_minor, packs=packs))
