"""Packs registered under their GTIN; substitutes, proposed by one person and approved by a pharmacist."""

from __future__ import annotations

from datetime import date

from sqlalchemy import update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries
from stockpile.catalogue.gs1 import checked_gtin
from stockpile.catalogue.tables import Substitution, TradeItem
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.rules import require, require_other

PROPOSED, APPROVED, DECLINED, REVOKED = "proposed", "approved", "declined", "revoked"


class UnknownSubstitution(NotFound):
    """No substitution has this number."""

    code = "unknown_substitution"


class SubstitutionState(Conflict):
    """The substitution is not in the state that this needs."""

    code = "substitution_state"


class SubstituteNotLicensed(Conflict):
    """What is not licensed in a country is no substitute there."""

    code = "substitute_not_licensed"


class SubstituteOverlaps(Conflict):
    """The same substitute is approved for that time already."""

    code = "substitute_overlaps"


class GtinTaken(Conflict):
    """One GTIN, one packing level of one item."""

    code = "gtin_taken"


def register_pack(
    session: Session, act: Act, *, item: str, gtin: str, units: int, name: str, own_product: bool
) -> TradeItem:
    """Register a packing level of an item under its GTIN: `units` base units in one.

    `own_product`: another maker's product, whose batch codes are its own; else
    it packs batches of the item's usual product. Refuses an unknown item, a bad
    check digit and a GTIN that is in use.
    """
    require(act.actor, "item.pack")
    queries.item(session, item)
    number = checked_gtin(gtin)
    taken = session.get(TradeItem, number)
    if taken is not None:
        raise GtinTaken(f"{gtin} is the GTIN of {taken.name} of {taken.item_code}", field="gtin", value=gtin)
    pack = TradeItem(gtin=number, item_code=item, units=units, name=name, product=number if own_product else None)
    session.add(pack)
    session.flush()
    payload = {"gtin": number, "units": units, "name": name, "product": pack.product}
    journal.record(session, act, action="item.pack", subject=f"item:{item}", payload=payload)
    return pack


def propose_substitute(
    session: Session,
    act: Act,
    *,
    item: str,
    substitute: str,
    country: str,
    units: int,
    per_units: int,
    valid_from: date,
    valid_through: date | None,
    reason: str,
) -> Substitution:
    """Propose that `units` base units of a substitute stand for `per_units` of an item in one country.

    Nothing may be substituted until a pharmacist approves it. Refuses unknown
    items, an item for itself, a ratio that is not of whole units, and an end before the beginning.
    """
    require(act.actor, "substitute.propose")
    queries.item(session, item)
    queries.item(session, substitute)
    if item == substitute or min(units, per_units) < 1 or not country.strip() or not reason.strip():
        raise Invalid(
            "a substitute needs another item, a ratio of whole base units, a country and a reason", field="substitute"
        )
    if valid_through is not None and valid_through < valid_from:
        raise Invalid(f"valid through {valid_through} lies before {valid_from}", field="valid_through")
    found = Substitution(
        item_code=item,
        substitute_code=substitute,
        country=country,
        units=units,
        per_units=per_units,
        valid_from=valid_from,
        valid_through=valid_through,
        reason=reason,
        state=PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(found)
    session.flush()
    _note(session, act, found, "substitute.propose", reason)
    return found


def decide_substitute(session: Session, act: Act, *, number: int, approve: bool, reason: str) -> Substitution:
    """Approve or decline another person's proposal as the responsible pharmacist.

    Refuses to approve what is not licensed in the country, and the same
    substitute for a time for which it is approved already.
    """
    require(act.actor, "substitute.approve")
    found = _found(session, number)
    require_other(act.actor, {found.proposed_by: f"proposed substitution {number}"})
    _require_reason(reason)
    if approve:
        _check(session, found)
    values = {"decided_by": act.actor.id, "decided_at": act.at, "decision": reason}
    _change(session, found, PROPOSED, state=APPROVED if approve else DECLINED, **values)
    _note(session, act, found, "substitute.approve" if approve else "substitute.decline", reason)
    return found


def revoke_substitute(session: Session, act: Act, *, number: int, reason: str) -> Substitution:
    """Revoke an approved substitution as a pharmacist: from now on it may not be given."""
    require(act.actor, "substitute.approve")
    found = _found(session, number)
    _require_reason(reason)
    values = {"revoked_by": act.actor.id, "revoked_at": act.at, "revocation": reason}
    _change(session, found, APPROVED, state=REVOKED, **values)
    _note(session, act, found, "substitute.revoke", reason)
    return found


def _found(session: Session, number: int) -> Substitution:
    found = session.get(Substitution, number)
    if found is None:
        raise UnknownSubstitution(f"there is no substitution {number}", field="substitution", value=number)
    return found


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise Invalid("the pharmacist's decision needs a reason", field="reason")


def _check(session: Session, found: Substitution) -> None:
    queries.lock(session, [found.item_code])
    if (found.substitute_code, found.country) not in queries.licences(session):
        raise SubstituteNotLicensed(
            f"{found.substitute_code} is not licensed in {found.country}: it cannot stand for {found.item_code} there"
        )
    query = select(Substitution).where(
        Substitution.item_code == found.item_code,
        Substitution.substitute_code == found.substitute_code,
        Substitution.country == found.country,
        Substitution.state == APPROVED,
    )
    for other in session.exec(query.order_by(col(Substitution.id))):
        ends, others_end = found.valid_through or date.max, other.valid_through or date.max
        if found.valid_from <= others_end and other.valid_from <= ends:
            raise SubstituteOverlaps(f"substitution {other.id} says so for that time already", substitution=other.id)


def _change(session: Session, found: Substitution, old: str, **values: object) -> None:
    """Take it from one state to the next; of two who try at once, one is refused."""
    claimed = update(Substitution).where(col(Substitution.id) == found.id, col(Substitution.state) == old)
    changed = rows_changed(session, claimed.values(**values))
    session.refresh(found)
    if not changed:
        raise SubstitutionState(f"substitution {found.id} is {found.state}, not {old}", state=found.state)


def _note(session: Session, act: Act, found: Substitution, action: str, reason: str) -> None:
    payload = {
        "item": found.item_code,
        "substitute": found.substitute_code,
        "country": found.country,
        "ratio": [found.units, found.per_units],
        "from": found.valid_from.isoformat(),
        "through": found.valid_through.isoformat() if found.valid_through else None,
    }
    journal.record(session, act, action=action, subject=f"substitution:{found.id}", payload=payload, reason=reason)


def set_serialised(session: Session, act: Act, *, item: str, serialised: bool, in_stock: int) -> None:
    """Say whether an item is moved by serials; `in_stock`: base units of it that stand anywhere, which must be none."""
    require(act.actor, "item.serialise")
    queries.lock(session, [item])
    found = queries.item(session, item)
    if in_stock and found.serialised != serialised:
        raise Conflict(
            f"{in_stock} {found.base_unit} of {item} stand in the books: whether it has serials is settled before"
            " the first receipt",
            item=item,
            in_stock=in_stock,
        )
    found.serialised = serialised
    session.add(found)
    journal.record(session, act, action="item.serialise", subject=f"item:{item}", payload={"serialised": serialised})
