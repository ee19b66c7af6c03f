"""The proof that lots are what the journal says: expiry, hold, recall and restrictions, replayed entry by entry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sqlmodel import Session, col, select

from stockpile.inventory.rules import fault
from stockpile.inventory.tables import Lot, LotRestriction
from stockpile.journal import JournalEntry

OPENED: Final = "lot.open"
EXTENDED: Final = "lot.extend"
HELD: Final = "lot.hold"
RELEASED: Final = "lot.release"
RECALLED: Final = "lot.recall"
RECALL_ENDED: Final = "lot.recall.end"
RESTRICTED: Final = "lot.restrict"
LIFTED: Final = "lot.lift"
ACTIONS: Final = (OPENED, EXTENDED, HELD, RELEASED, RECALLED, RECALL_ENDED, RESTRICTED, LIFTED)
"""What the journal tells of a lot; the subject is `lot:` and its number."""


@dataclass(slots=True)
class _Told:
    """A lot as the journal tells it."""

    item: str
    code: str
    expiry: str
    on_hold: bool = False
    hold_reason: str = ""
    recalled: bool = False
    restrictions: set[tuple[str, str]] = field(default_factory=set)
    gtin: str = ""

    def facts(self) -> dict[str, object]:
        return {
            "item": self.item,
            "batch": self.code,
            "GTIN": self.gtin,
            "expiry": self.expiry,
            "on hold": self.on_hold,
            "reason of the hold": self.hold_reason,
            "recalled": self.recalled,
            "restricted to": sorted(self.restrictions),
        }


def discrepancies(session: Session) -> Iterator[str]:
    """Every fact of a lot that is not what the journal says, in plain words."""
    told, odd = _replayed(session)
    yield from odd
    standing: dict[int, set[tuple[str, str]]] = {}
    for row in session.exec(select(LotRestriction).where(col(LotRestriction.lifted_at).is_(None))):
        standing.setdefault(row.lot_id, set()).add((row.kind, row.value))
    for lot in session.exec(select(Lot).order_by(col(Lot.id)).execution_options(yield_per=2000)):
        number = lot.id or 0
        if number not in told:
            yield fault(f"lot {number} ({lot.item_code} {lot.code}) has no journal entry that opened it", lot=number)
            continue
        yield from _faults(number, _stored(lot, standing.get(number, set())), told.pop(number))
    for number in told:
        yield fault(f"the journal opened lot {number}, which is not there", lot=number)


def _stored(lot: Lot, restrictions: set[tuple[str, str]]) -> _Told:
    expiry = lot.expiry.isoformat()
    return _Told(lot.item_code, lot.code, expiry, lot.on_hold, lot.hold_reason, lot.recalled, restrictions, lot.gtin)


def _faults(number: int, stored: _Told, told: _Told) -> Iterator[str]:
    told.gtin = told.gtin or stored.gtin  # books begun before lots were known by GTIN do not say it
    right = told.facts()
    for name, value in stored.facts().items():
        if value != right[name]:
            words = f"lot {number} ({stored.item} {stored.code}): {name} is {value}, the journal says {right[name]}"
            yield fault(words, lot=number)


def _replayed(session: Session) -> tuple[dict[int, _Told], list[str]]:
    """Every lot as the journal tells it, by number, and the entries that do not follow from those before."""
    told: dict[int, _Told] = {}
    odd: list[str] = []
    query = select(JournalEntry).where(col(JournalEntry.action).in_(ACTIONS)).order_by(col(JournalEntry.id))
    for entry in session.exec(query.execution_options(yield_per=2000)):
        number, payload = int(entry.subject.removeprefix("lot:")), json.loads(entry.payload)
        if entry.action == OPENED:
            told[number] = _opened(payload)
        elif number in told:
            if entry.action == EXTENDED and payload["old"] != told[number].expiry:
                odd.append(f"journal entry {entry.id} extends lot {number} from {payload['old']}: it was another day")
            _tell(told[number], entry.action, payload, entry.reason)
    return told, odd


def _opened(payload: dict[str, str]) -> _Told:
    """A lot as opened, or as taken over from books that did not yet journal lots."""
    told = _Told(payload["item"], payload["lot"], payload["expiry"])
    told.on_hold, told.hold_reason = bool(payload.get("on_hold")), payload.get("hold_reason", "")
    told.recalled, told.gtin = bool(payload.get("recalled")), payload.get("gtin", "")
    return told


def _tell(lot: _Told, action: str, payload: dict[str, str], reason: str) -> None:
    if action == EXTENDED:
        lot.expiry = payload["new"]
    elif action in (HELD, RELEASED):
        lot.on_hold, lot.hold_reason = action == HELD, reason if action == HELD else ""
    elif action in (RECALLED, RECALL_ENDED):
        lot.recalled = action == RECALLED
    elif action == RESTRICTED:
        lot.restrictions.add((payload["kind"], payload["value"]))
    elif action == LIFTED:
        lot.restrictions.discard((payload["kind"], payload["value"]))
