"""Setting promises: by the committee, from a day on, never for a day that has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation.promises.tables import DepotBuffer, Entitlement
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.inventory.rules import DEPOT

Row = TypeVar("Row", Entitlement, DepotBuffer)


@dataclass(frozen=True, slots=True)
class Promise:
    """So much of an item from a day on, and why; base units, whole packs; 0 ends what was promised before."""

    item: str
    quantity: int
    effective_from: date
    reason: str


def entitle(session: Session, act: Act, *, member: str, promise: Promise) -> Entitlement:
    """Guarantee a member so much of an item in each surge, before all tiers.

    Refuses unknown members and items, part packs, and a day that has passed.
    """
    require(act.actor, "promise.set")
    governance.member(session, member)
    _checked(session, act, promise)
    payload = _payload("entitlement", promise)
    under = gate.decide(session, act, Effect("promise.set", f"member:{member}", payload))
    row = Entitlement(
        member_code=member,
        item_code=promise.item,
        effective_from=promise.effective_from,
        quantity=promise.quantity,
        reason=promise.reason,
        set_by=act.actor.id,
        set_at=act.at,
    )
    return _kept(session, act, row, subject=f"member:{member}", payload=payload | under.told)


def keep(session: Session, act: Act, *, site: str, promise: Promise) -> DepotBuffer:
    """Keep so much of an item at a depot whatever plans share.

    Refuses what is no depot, unknown items, part packs, and a day that has passed.
    """
    require(act.actor, "promise.set")
    found = inventory.site(session, site)
    if found.kind != DEPOT:
        raise Invalid(f"{site} is a {found.kind}: only depots keep a buffer", field="site", value=site)
    _checked(session, act, promise)
    payload = _payload("buffer", promise)
    under = gate.decide(session, act, Effect("promise.set", f"site:{site}", payload))
    row = DepotBuffer(
        site_code=site,
        item_code=promise.item,
        effective_from=promise.effective_from,
        quantity=promise.quantity,
        reason=promise.reason,
        set_by=act.actor.id,
        set_at=act.at,
    )
    return _kept(session, act, row, subject=f"site:{site}", payload=payload | under.told)


def _checked(session: Session, act: Act, promise: Promise) -> None:
    pack_size = catalogue.item(session, promise.item).pack_size
    if promise.quantity < 0 or promise.quantity % pack_size:
        raise Invalid(f"{promise.item} comes in whole packs of {pack_size}", field="quantity", value=promise.quantity)
    if promise.effective_from < governance.local_day(session, act.at):
        day = promise.effective_from
        raise Invalid(f"nothing is promised from {day} on: that day has passed", field="effective_from")
    if not promise.reason.strip():
        raise Invalid("a promise needs a reason", field="reason")
    catalogue.lock(session, [promise.item])


def _payload(kind: str, promise: Promise) -> dict[str, Any]:
    day = promise.effective_from.isoformat()
    return {"kind": kind, "item": promise.item, "quantity": promise.quantity, "effective_from": day}


def _kept(session: Session, act: Act, row: Row, *, subject: str, payload: dict[str, Any]) -> Row:
    """Store the promise; one of the same day gives way."""
    merged = session.merge(row)
    session.flush()
    journal.record(session, act, action="promise.set", subject=subject, payload=payload, reason=row.reason)
    return merged
