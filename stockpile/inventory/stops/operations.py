"""Stopping what the proofs find wrong, and lifting a stop once a person has decided. Nothing is mended here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries as stock
from stockpile.inventory.keeping import LedgerStop
from stockpile.inventory.stops import queries
from stockpile.inventory.stops.queries import Touched

MOST: Final = 200
"""So many places are stopped one by one; where more are touched, everything is."""
LONGEST: Final = 1000


class LiftedBefore(Conflict):
    """Somebody has lifted this stop already."""

    code = "stop_lifted"


def stop_found(session: Session, act: Act, *, faults: Sequence[str]) -> list[LedgerStop]:
    """Stop what these faults touch; returns the stops that are new. A fault that a person has decided on stays so.

    A fault that names nothing, or too many at once, stops all postings.
    """
    require(act.actor, "stop.set")
    wanted = [(place, words) for words in faults for place in queries.touched(session, words)]
    if len(wanted) > MOST:
        words = f"{len(faults):,} discrepancies, the first: {faults[0]}"
        wanted = [(Touched(None, None), words)]
    return _set(session, act, wanted)


def stop(session: Session, act: Act, *, lot_id: int | None, site: str | None, found: str) -> LedgerStop:
    """Stop a lot, a site, a lot at a site, or everything, for the reason given."""
    require(act.actor, "stop.set", site=site)
    if lot_id is not None:
        stock.lot(session, lot_id)
    if site is not None:
        stock.site(session, site)
    if not found.strip():
        raise Invalid("say what is wrong: it is what everybody reads whom the stop refuses", field="found")
    made = _set(session, act, [(Touched(lot_id, site), f"{found.strip()} ({act.recorded_at:%Y-%m-%d %H:%M:%S})")])
    if not made:
        raise Conflict("this stop was set in this second already", field="found")
    return made[0]


def _set(session: Session, act: Act, wanted: Sequence[tuple[Touched, str]]) -> list[LedgerStop]:
    rows = [
        {
            "lot_id": place.lot_id,
            "site_code": place.site,
            "found": words[:LONGEST],
            "key": hashlib.sha256(journal.canonical([place.lot_id, place.site, words]).encode()).hexdigest(),
            "since": act.recorded_at,
            "set_by": act.actor.id,
            "reason": "",
        }
        for place, words in wanted
    ]
    made = bulk.insert(session, LedgerStop, rows, give=("id",), skip_taken=True) if rows else []
    stops = [session.get_one(LedgerStop, number) for (number,) in made]
    for one in stops:
        payload = {"lot_id": one.lot_id, "site": one.site_code, "found": one.found}
        journal.record(session, act, action="stop.set", subject=f"stop:{one.id}", payload=payload)
    return stops


def lift(session: Session, act: Act, *, number: int, reason: str) -> LedgerStop:
    """Let stock move again: a person has looked into it and says why. What was wrong stays in `verify`'s report."""
    require(act.actor, "stop.lift")
    if not reason.strip():
        raise Invalid("say what was found and why stock may move again", field="reason")
    found = queries.stop(session, number)
    open_one = update(LedgerStop).where(col(LedgerStop.id) == number, col(LedgerStop.lifted_at).is_(None))
    values = {"lifted_at": act.recorded_at, "lifted_by": act.actor.id, "reason": reason}
    if not rows_changed(session, open_one.values(values)):
        raise LiftedBefore(f"stop {number} was lifted already", stop=number)
    session.refresh(found)
    payload = {"found": found.found}
    journal.record(session, act, action="stop.lift", subject=f"stop:{number}", payload=payload, reason=reason)
    return found
