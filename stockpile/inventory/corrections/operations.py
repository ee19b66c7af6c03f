"""Undoing a wrong entry by a new one that names it."""

from __future__ import annotations

from typing import Final

from sqlmodel import Session, col, select

from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.rules import require
from stockpile.inventory import ledger
from stockpile.inventory.tables import Balance, Movement, Posting

CORRECTED: Final = ("receipt", "issue", "adjustment", "release")
"""Kinds of postings that stand for themselves. The others belong to a transfer, a count or a recall, or undoing them
would take stock out of quarantine, which is a pharmacist's decision."""


class UnknownPosting(NotFound):
    """No posting has this number."""

    code = "unknown_posting"


class NotCorrected(Conflict):
    """The posting belongs to something that is corrected in its own way."""

    code = "not_corrected_alone"


def correct(session: Session, act: Act, *, number: int, reason: str) -> int:
    """Undo a posting by a new one of today that names it, with the reason; the new posting's number.

    Once for each posting. Refuses what belongs to a transfer, an order, a count
    or a recall, and what is no longer there to be taken back.
    """
    posting = session.get(Posting, number)
    if posting is None:
        raise UnknownPosting(f"there is no posting {number}", field="posting", value=number)
    if not reason.strip():
        raise Invalid("a correction needs a reason", field="reason")
    if posting.kind not in CORRECTED:
        raise NotCorrected(
            f"posting {number} is a {posting.kind}: it is put right where it was made",
            kind=posting.kind,
        )
    moves = [_undone(session, act, number, row) for row in _movements(session, number)]
    key, why = f"correct:posting:{number}", f"corrects posting {number}: {reason}"
    try:
        return ledger.post(session, act, kind="correction", key=key, moves=moves, reason=why)
    except ledger.PostedBefore as refusal:
        raise ledger.PostedBefore(f"posting {number} was corrected before", posting=number) from refusal


def _movements(session: Session, number: int) -> list[Movement]:
    query = select(Movement).where(Movement.posting_id == number).order_by(col(Movement.line).desc())
    return list(session.exec(query))


def _undone(session: Session, act: Act, number: int, row: Movement) -> ledger.Move:
    """The movement backwards; refuses without the right at the sites it touches, and for ordered goods."""
    source, sink = (_end(session, act, row, side) for side in ("to", "from"))
    if row.document.startswith("calloff_line:"):
        raise NotCorrected(
            f"posting {number} received ordered goods: adjust the balance, or receive what is open on the order",
            document=row.document,
        )
    return ledger.Move(row.lot_id, row.quantity, source, sink, document=f"posting:{number}")


def _end(session: Session, act: Act, row: Movement, side: str) -> ledger.Account | str:
    external = row.from_external if side == "from" else row.to_external
    if external is not None:
        return external
    balance = session.get_one(Balance, row.from_balance_id if side == "from" else row.to_balance_id)
    require(act.actor, "stock.adjust", site=balance.site_code)
    return ledger.Account(balance.lot_id, balance.site_code, balance.owner, balance.status)
