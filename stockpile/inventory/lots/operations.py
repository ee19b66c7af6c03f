"""Setting and lifting restrictions of lots, and admitting members to a donor's or contract's goods."""

from __future__ import annotations

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.inventory import eligibility, lot_proof, queries, restricting
from stockpile.inventory.tables import Beneficiary, LotRestriction, Site


class UnknownRestriction(NotFound):
    """No restriction has this number."""

    code = "unknown_restriction"


class LiftedAlready(Conflict):
    """The restriction has been lifted."""

    code = "restriction_lifted"


def restrict(session: Session, act: Act, *, lot_id: int, kind: str, value: str, reason: str) -> LotRestriction:
    """Restrict a lot to a country, a member, or a donor's or contract's beneficiaries, from now on."""
    require(act.actor, "lot.restrict")
    lot = queries.lot(session, lot_id)
    return restricting.restrict(session, act, lot=lot, condition=restricting.Condition(kind, value), reason=reason)


def lift(session: Session, act: Act, *, number: int, reason: str) -> LotRestriction:
    """Lift a restriction: the committee's word, with its reason, and never by who set it."""
    require(act.actor, "lot.lift")
    row = session.get(LotRestriction, number)
    if row is None:
        raise UnknownRestriction(f"there is no restriction {number}", field="restriction", value=number)
    require_other(act.actor, {row.set_by: f"set restriction {number}"})
    if not reason.strip():
        raise Invalid("lifting a restriction needs a reason, such as the donor's consent", field="reason")
    standing = update(LotRestriction).where(col(LotRestriction.id) == number, col(LotRestriction.lifted_at).is_(None))
    lifted = rows_changed(session, standing.values(lifted_by=act.actor.id, lifted_at=act.at, lift_reason=reason))
    session.refresh(row)
    if not lifted:
        raise LiftedAlready(f"restriction {number} was lifted on {row.lifted_at:%Y-%m-%d}")
    payload = {"kind": row.kind, "value": row.value, "restriction": number}
    journal.record(session, act, action=lot_proof.LIFTED, subject=f"lot:{row.lot_id}", payload=payload, reason=reason)
    return row


def admit(session: Session, act: Act, *, kind: str, value: str, member: str, admitted: bool, reason: str) -> bool:
    """Admit a member to a donor's or contract's goods, or end that; returns whether it is admitted now."""
    require(act.actor, "lot.admit")
    if kind not in (eligibility.DONOR, eligibility.CONTRACT):
        raise Invalid(f"members are admitted to a donor or a contract, not a {kind}", field="kind")
    if not reason.strip() or not value.strip():
        raise Invalid("name the donor or contract, and give a reason", field="reason")
    governance.member(session, member)
    row = session.get(Beneficiary, (kind, value, member))
    if admitted and row is None:
        session.add(Beneficiary(kind=kind, value=value, member_code=member, admitted_by=act.actor.id, since=act.at))
    elif not admitted and row is not None:
        session.delete(row)
    session.flush()
    payload = {"kind": kind, "value": value, "member": member, "admitted": admitted}
    journal.record(session, act, action="beneficiary.set", subject=f"{kind}:{value}", payload=payload, reason=reason)
    return admitted


def set_cold_store(session: Session, act: Act, *, site: str, cold_store: bool, reason: str) -> Site:
    """Say whether a site can keep goods at 2 to 8 degrees: where it cannot, no such goods are sent."""
    require(act.actor, "site.equip", site=site)
    found = queries.site(session, site)
    if not reason.strip():
        raise Invalid("say why: a cold store put into or out of service", field="reason")
    found.cold_store = cold_store
    session.add(found)
    session.flush()
    payload = {"cold_store": cold_store}
    journal.record(session, act, action="site.equip", subject=f"site:{site}", payload=payload, reason=reason)
    return found
