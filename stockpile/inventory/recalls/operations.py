"""Opening, answering and closing recalls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.inventory import freezing, lot_proof
from stockpile.inventory import queries as inventory
from stockpile.inventory.kits import queries as kits
from stockpile.inventory.recalls import queries
from stockpile.inventory.recalls.tables import Recall, RecallAnswer, RecallLot
from stockpile.inventory.tables import Lot
from stockpile.plaintext import say

OPEN, CLOSED = "open", "closed"


class RecallState(Conflict):
    """The recall is not in the state that this needs."""

    code = "recall_state"


class ReferenceUsed(Conflict):
    """A recall with this reference is on record."""

    code = "recall_reference_used"


def open_recall(
    session: Session,
    act: Act,
    *,
    reference: str,
    item: str,
    lots: Sequence[str],
    recall_class: int,
    reason: str,
    deadline: datetime,
) -> Recall:
    """Open a recall: its lots are held everywhere, and what is available or reserved goes to quarantine at once.

    So are kit lots that hold some of them.
    What is on the road is taken into quarantine when it arrives. Refuses lots
    that the item does not have, a reference used before, a deadline that has passed.
    """
    require(act.actor, "recall.open")
    catalogue.item(session, item)
    if not 1 <= recall_class <= 3 or deadline <= act.at or not reason.strip():
        words = say("A recall needs a class of 1 to 3, a reason, and a deadline that lies ahead.")
        raise Invalid(words, field="deadline")
    if session.exec(select(Recall.id).where(Recall.reference == reference)).first() is not None:
        raise ReferenceUsed(say("Recall {reference} is on record already.", reference=reference), field="reference")
    named = _lots(session, item, lots)
    found = [*named, *kits.made_from(session, [lot.id or 0 for lot in named])]
    recall = Recall(
        reference=reference,
        item_code=item,
        recall_class=recall_class,
        reason=reason,
        deadline=deadline,
        state=OPEN,
        opened_by=act.actor.id,
        opened_at=act.at,
    )
    session.add(recall)
    session.flush()
    assert recall.id is not None
    for lot in found:
        frozen = freezing.freeze(
            session, act, lot=lot, key=f"recall:{recall.id}:{lot.id}", reason=f"recall {reference}"
        )
        _mark(session, act, lot, recalled=True, reason=f"recall {reference}")
        received = queries.trace(session, lot.id or 0).received
        session.add(RecallLot(recall_id=recall.id, lot_id=lot.id or 0, received=received, frozen=frozen))
    payload = {"reference": reference, "item": item, "lots": sorted(lots), "class": recall_class}
    journal.record(session, act, action="recall.open", subject=f"recall:{recall.id}", payload=payload, reason=reason)
    return recall


def answer(session: Session, act: Act, *, number: int, member: str, set_apart: int, note: str) -> RecallAnswer:
    """A member acknowledges a recall and says what it set apart outside the ledger (base units)."""
    require(act.actor, "recall.acknowledge", member=member)
    _require_open(queries.recall(session, number))
    governance.member(session, member)
    row = session.merge(
        RecallAnswer(
            recall_id=number,
            member_code=member,
            set_apart=set_apart,
            note=note,
            answered_by=act.actor.id,
            answered_at=act.at,
        )
    )
    payload = {"member": member, "set_apart": set_apart}
    journal.record(session, act, action="recall.answer", subject=f"recall:{number}", payload=payload, reason=note)
    return row


def close_recall(session: Session, act: Act, *, number: int, reason: str) -> Recall:
    """Close a recall; its lots stay held. Refuses while a member that got some of it has not answered."""
    require(act.actor, "recall.close")
    recall = queries.recall(session, number)
    _require_open(recall)
    progress = queries.progress(session, number, at=act.at)
    silent = sorted(set(progress.members_holding) - set(progress.members_answered))
    if silent:
        words = say("Recall {number}: no answer yet from {members}", number=str(number), members=", ".join(silent[:10]))
        raise RecallState(words, silent=silent)
    recall.state, recall.closed_at = CLOSED, act.at
    session.add(recall)
    session.flush()
    for row in queries.lots_of(session, number):
        if not queries.open_recalls_of(session, row.lot_id):
            _mark(session, act, inventory.lot(session, row.lot_id), recalled=False, reason=f"recall {recall.reference}")
    payload = {"recovered_permille": progress.recovered_permille}
    journal.record(session, act, action="recall.close", subject=f"recall:{number}", payload=payload, reason=reason)
    return recall


def _lots(session: Session, item: str, codes: Sequence[str]) -> list[Lot]:
    query = select(Lot).where(Lot.item_code == item, col(Lot.code).in_(codes)).order_by(col(Lot.id))
    found = list(session.exec(query))
    missing = sorted(set(codes) - {lot.code for lot in found})
    if missing or not found:
        words = say("{item} has no lot {lots}", item=item, lots=", ".join(missing) or "(none given)")
        raise Invalid(words, field="lots", missing=missing)
    return found


def _mark(session: Session, act: Act, lot: Lot, *, recalled: bool, reason: str) -> None:
    lot.recalled = recalled
    session.add(lot)
    action = lot_proof.RECALLED if recalled else lot_proof.RECALL_ENDED
    journal.record(session, act, action=action, subject=f"lot:{lot.id}", payload={}, reason=reason)


def _require_open(recall: Recall) -> None:
    if recall.state != OPEN:
        raise RecallState(say("Recall {number} is closed.", number=str(recall.id)), state=recall.state)
