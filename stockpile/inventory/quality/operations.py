"""What a responsible pharmacist decides, and what needs two people: release, extension, return, disposal, excursion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.rules import COLD
from stockpile.catalogue.rules import storage_class as kept_in
from stockpile.catalogue.tables import Item
from stockpile.db import insert_missing, rows_changed
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.inventory import freezing, ledger, queries, recording
from stockpile.inventory import rules as stock
from stockpile.inventory.quality import rules
from stockpile.inventory.quality.tables import Disposal, ExpiryExtension, TemperatureReading
from stockpile.inventory.serialised import Which
from stockpile.inventory.tables import Balance, Lot, Movement, Posting


class OnHold(Conflict):
    """The lot is on hold or recalled: it cannot be released."""

    code = "lot_on_hold"


class DisposalState(Conflict):
    """The disposal is not in the state that this needs."""

    code = "disposal_state"


def release(
    session: Session,
    act: Act,
    *,
    account: ledger.Account,
    quantity: int,
    key: str,
    reason: str,
    serials: Sequence[str] = (),
) -> int:
    """Release base units from quarantine as a responsible pharmacist; the posting's number. Never of a lot on hold."""
    require(act.actor, "stock.release", site=account.site)
    _require_reason(reason, "a release")
    lot = queries.lot(session, account.lot_id)
    if lot.held:
        raise OnHold(f"lot {lot.code} of {lot.item_code} is on hold: {lot.hold_reason or 'recalled'}", lot=lot.code)
    source = ledger.Account(account.lot_id, account.site, account.owner, stock.QUARANTINE)
    sink = ledger.Account(account.lot_id, account.site, account.owner, stock.AVAILABLE)
    move = ledger.Move(account.lot_id, quantity, source, sink, document="release", which=Which(tuple(serials)))
    return ledger.post(session, act, kind="release", key=key, moves=[move], reason=reason)


def extend_expiry(
    session: Session, act: Act, *, lot_id: int, new_expiry: date, authority: str, evidence: str
) -> ExpiryExtension:
    """Extend a lot's expiry on an authority's word, with its evidence; the old date stays on record."""
    require(act.actor, "lot.extend")
    _require_reason(evidence, "an extension")
    queries.lock_lots(session, [lot_id])
    lot = queries.lot(session, lot_id)
    if new_expiry <= lot.expiry:
        raise Invalid(f"lot {lot.code} already runs to {lot.expiry}", field="new_expiry")
    extension = ExpiryExtension(
        lot_id=lot_id,
        old_expiry=lot.expiry,
        new_expiry=new_expiry,
        authority=authority,
        evidence=evidence,
        decided_by=act.actor.id,
        decided_at=act.at,
    )
    lot.expiry = new_expiry
    session.add_all([lot, extension])
    session.flush()
    payload = {"old": extension.old_expiry.isoformat(), "new": new_expiry.isoformat(), "authority": authority}
    journal.record(session, act, action="lot.extend", subject=f"lot:{lot_id}", payload=payload, reason=evidence)
    return extension


def verify_item(session: Session, act: Act, *, item: str, cold_chain: bool, controlled: bool, storage: str) -> Item:
    """Confirm or correct an item's flags as a named pharmacist; imported ones are unverified until then."""
    require(act.actor, "item.verify")
    found = catalogue.item(session, item)
    old = {"cold_chain": found.cold_chain, "controlled": found.controlled, "storage": found.storage}
    found.cold_chain, found.controlled, found.storage, found.verified = cold_chain, controlled, storage, True
    session.add(found)
    new = {"cold_chain": cold_chain, "controlled": controlled, "storage": storage}
    journal.record(session, act, action="item.verify", subject=f"item:{item}", payload={"old": old, "new": new})
    return found


def take_back(
    session: Session,
    act: Act,
    *,
    account: ledger.Account,
    to_depot: str,
    quantity: int,
    key: str,
    reason: str,
    serials: Sequence[str] = (),
) -> int:
    """Take a member's stock back to a depot: it becomes the pool's, in quarantine, never straight available."""
    line = recording.Line(account.lot_id, quantity, account.owner, serials=tuple(serials), origin=account.site)
    return recording.record(session, recording.Record(act, recording.RETURN, to_depot, [line], key, reason))


def propose_disposal(session: Session, act: Act, *, account: ledger.Account, quantity: int, reason: str) -> Disposal:
    """Propose to destroy base units that stand in quarantine; a witness must be there when it is done."""
    require(act.actor, "stock.dispose", site=account.site)
    _require_reason(reason, "a disposal")
    queries.lot(session, account.lot_id)
    queries.site(session, account.site)
    disposal = Disposal(
        lot_id=account.lot_id,
        site_code=account.site,
        owner=account.owner,
        quantity=quantity,
        reason=reason,
        state=rules.PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(disposal)
    session.flush()
    payload = {"lot": account.lot_id, "site": account.site, "quantity": quantity}
    journal.record(
        session, act, action="disposal.propose", subject=f"disposal:{disposal.id}", payload=payload, reason=reason
    )
    return disposal


def witness_disposal(
    session: Session, act: Act, *, number: int, certificate: str, serials: Sequence[str] = ()
) -> Disposal:
    """Confirm as a witness, other than who proposed it, that the stock was destroyed; it leaves the ledger as lost."""
    disposal = session.get(Disposal, number)
    if disposal is None:
        raise NotFound(f"there is no disposal {number}", field="disposal", value=number)
    require(act.actor, "stock.witness", site=disposal.site_code)
    require_other(act.actor, {disposal.proposed_by: f"proposed disposal {number}"})
    _require_reason(certificate, "a witnessed disposal")
    claimed = update(Disposal).where(col(Disposal.id) == number, col(Disposal.state) == rules.PROPOSED)
    if not rows_changed(session, claimed.values(state=rules.DONE)):
        raise DisposalState(f"disposal {number} is {disposal.state}", state=disposal.state)
    session.refresh(disposal)
    disposal.witnessed_by, disposal.witnessed_at, disposal.certificate = act.actor.id, act.at, certificate
    session.add(disposal)
    source = ledger.Account(disposal.lot_id, disposal.site_code, disposal.owner, stock.QUARANTINE)
    move = ledger.Move(
        disposal.lot_id, disposal.quantity, source, stock.LOSS, f"disposal:{number}", Which(tuple(serials))
    )
    act = replace(act, second=governance.actor_by_number(session, disposal.proposed_by))
    ledger.post(session, act, kind="disposal", key=f"disposal:{number}", moves=[move], reason=disposal.reason)
    return disposal


def report_temperatures(
    session: Session, act: Act, *, site: str, readings: Sequence[rules.Reading], key: str
) -> tuple[list[rules.Excursion], int]:
    """Take in a cold store's log; an excursion puts every cold-chain lot at the site into quarantine.

    Returns the excursions found and the base units set apart. Readings known before count once.
    """
    require(act.actor, "temperature.report", site=site)
    queries.site(session, site)
    rows = [{"site_code": site, "sensor": "", "read_at": r.at, "milli_celsius": r.milli_celsius} for r in readings]
    insert_missing(session, TemperatureReading, rows)
    found = rules.excursions(readings)
    frozen, _ = set_class_apart(session, act, site=site, storage_class=COLD, key=key, found=found)
    payload = {"readings": len(rows), "excursions": [[e.begins.isoformat(), e.ends.isoformat()] for e in found]}
    journal.record(session, act, action="temperature.report", subject=f"site:{site}", payload=payload)
    return found, frozen


def set_class_apart(
    session: Session, act: Act, *, site: str, storage_class: str, key: str, found: Sequence[rules.Excursion]
) -> tuple[int, list[str]]:
    """Set the lots of a storage class that were at the site during an excursion apart, in quarantine there.

    Returns the base units set apart, and the lots that were there and have
    left since, in words: they are elsewhere, and a person decides on them.
    """
    if not found:
        return 0, []
    worst = max(found, key=lambda e: e.ends - e.begins)
    reason = f"temperature excursion to {worst.extreme_milli / 1000:.1f} C, {worst.begins:%Y-%m-%d %H:%M} UTC"
    lots = _there_during(session, site=site, storage_class=storage_class, found=found)
    standing = select(Balance.lot_id).where(Balance.site_code == site, Balance.quantity > 0)
    here = set(session.exec(standing.where(Balance.status != stock.IN_TRANSIT)))
    left = [f"{lot.item_code} lot {lot.code}" for lot in lots if lot.id not in here]
    frozen = sum(
        freezing.freeze(session, act, lot=lot, key=f"{key}:{lot.id}", reason=reason, site=site)
        for lot in lots
        if lot.id in here
    )
    return frozen, left


def _there_during(session: Session, *, site: str, storage_class: str, found: Sequence[rules.Excursion]) -> list[Lot]:
    """Lots of the class that had come to the site before an excursion ended and had not all left before it began."""
    end = max(e.ends for e in found)
    begin = min(e.begins for e in found)
    came = select(Balance.lot_id, Posting.effective_at).join(Movement, col(Movement.to_balance_id) == col(Balance.id))
    came = came.join(Posting, col(Posting.id) == col(Movement.posting_id))
    came = came.where(Balance.site_code == site, Balance.status != stock.IN_TRANSIT, Posting.effective_at < end)
    present = {lot_id for lot_id, _ in session.exec(came)}
    query = select(Lot, Item).join(Item, col(Item.code) == col(Lot.item_code)).where(col(Lot.id).in_(present))
    return [
        lot
        for lot, item in session.exec(query.order_by(col(Lot.id)))
        if kept_in(cold_chain=item.cold_chain, controlled=item.controlled, storage=item.storage) == storage_class
        and _on_hand_since(session, lot.id or 0, site, begin)
    ]


def _on_hand_since(session: Session, lot_id: int, site: str, begin: datetime) -> bool:
    """Whether any of a lot was at the site at `begin` or came later."""
    into, out_of = (
        select(func.coalesce(func.sum(Movement.quantity), 0))
        .join(Balance, col(Balance.id) == col(end))
        .join(Posting, col(Posting.id) == col(Movement.posting_id))
        .where(Balance.lot_id == lot_id, Balance.site_code == site, Balance.status != stock.IN_TRANSIT)
        for end in (Movement.to_balance_id, Movement.from_balance_id)
    )
    all_in = session.exec(into).one()
    out_before = session.exec(out_of.where(Posting.effective_at < begin)).one()
    return int(all_in) > int(out_before)


def _require_reason(reason: str, what: str) -> None:
    if not reason.strip():
        raise Invalid(f"{what} needs a reason or evidence in words", field="reason")
