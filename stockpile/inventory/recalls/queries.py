"""Tracing a lot forward and backward, and how far a recall has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.contracts.tables import CallOff, CallOffLine, Contract
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules
from stockpile.inventory.recalls.tables import Recall, RecallAnswer, RecallLot
from stockpile.inventory.tables import Balance, Movement, Posting, Transfer, TransferLine
from stockpile.plaintext import say


class UnknownRecall(NotFound):
    """No recall has this number."""

    code = "unknown_recall"


@dataclass(frozen=True, slots=True)
class Holding:
    """Base units of a lot on one account now."""

    site: str
    owner: str
    status: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Origin:
    """A receipt of the lot: when, where, how many base units, and under which order and contract (None: unordered)."""

    posting: int
    site: str
    received_at: datetime
    quantity: int
    calloff: int | None
    contract: str | None
    supplier: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """Base units of the lot sent to a member: by which transfer, in which state."""

    transfer: int
    destination: str
    member: str
    state: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Trace:
    """Where a lot came from, where it went, and where it is; base units.

    `in_kits`: what of it is in kits now; of a kit lot less than nothing, what was put together.
    """

    lot_id: int
    item: str
    lot: str
    expiry: date
    on_hold: bool
    received: int
    used: int
    lost: int
    in_kits: int
    origins: list[Origin]
    deliveries: list[Delivery]
    holdings: list[Holding]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recall has come; base units, and permille of what was received."""

    recall: int
    reference: str
    state: str
    received: int
    used: int
    frozen: int
    disposed: int
    set_apart: int
    recovered_permille: int
    members_holding: list[str]
    members_answered: list[str]
    overdue: bool


def recall(session: Session, number: int) -> Recall:
    """One recall; refuses an unknown number."""
    found = session.get(Recall, number)
    if found is None:
        raise UnknownRecall(say("There is no recall {number}.", number=str(number)), field="recall", value=number)
    return found


def recalls(session: Session) -> list[Recall]:
    """All recalls, newest first."""
    return list(session.exec(select(Recall).order_by(col(Recall.id).desc())))


def lots_of(session: Session, number: int) -> list[RecallLot]:
    """The lots of a recall."""
    return list(session.exec(select(RecallLot).where(RecallLot.recall_id == number).order_by(col(RecallLot.lot_id))))


def open_recalls_of(session: Session, lot_id: int) -> list[Recall]:
    """Open recalls that concern a lot."""
    query = select(Recall).join(RecallLot, col(RecallLot.recall_id) == col(Recall.id))
    return list(session.exec(query.where(RecallLot.lot_id == lot_id, Recall.state == "open")))


def trace(session: Session, lot_id: int) -> Trace:
    """Trace one lot backward to its receipts and forward to every holder; refuses an unknown lot."""
    lot = inventory.lot(session, lot_id)
    flows = _flows(session, lot_id)
    return Trace(
        lot_id=lot_id,
        item=lot.item_code,
        lot=lot.code,
        expiry=lot.expiry,
        on_hold=lot.on_hold,
        received=flows.get(("from", rules.SUPPLIER), 0),
        used=flows.get(("to", rules.CONSUMPTION), 0),
        lost=flows.get(("to", rules.LOSS), 0) - flows.get(("from", rules.LOSS), 0),
        in_kits=flows.get(("to", rules.ASSEMBLY), 0) - flows.get(("from", rules.ASSEMBLY), 0),
        origins=_origins(session, lot_id),
        deliveries=_deliveries(session, lot_id),
        holdings=holdings(session, lot_id),
    )


def holdings(session: Session, lot_id: int) -> list[Holding]:
    """Where a lot stands now."""
    b = table_of(Balance).c
    query = select_columns(b.site_code, b.owner, b.status, b.quantity).where(b.lot_id == lot_id, b.quantity > 0)
    return [Holding(*row) for row in session.connection().execute(query.order_by(b.site_code, b.owner, b.status))]


def stopped(session: Session, lot_id: int) -> list[Delivery]:
    """What was reserved of a lot and taken off its transfers because the lot was held or recalled; base units."""
    line, t = table_of(TransferLine).c, table_of(Transfer).c
    query = (
        select_columns(t.id, t.destination, line.member_code, t.state, line.cancelled)
        .join_from(table_of(TransferLine), table_of(Transfer), t.id == line.transfer_id)
        .where(line.lot_id == lot_id, line.cancelled > 0)
        .order_by(t.id, line.id)
    )
    return [Delivery(*row) for row in session.connection().execute(query)]


def answers(session: Session, number: int) -> list[RecallAnswer]:
    """What members answered to a recall, by member."""
    query = select(RecallAnswer).where(RecallAnswer.recall_id == number).order_by(col(RecallAnswer.member_code))
    return list(session.exec(query))


def progress(session: Session, number: int, *, at: datetime) -> Progress:
    """How far a recall has come at that instant."""
    found = recall(session, number)
    traces = [trace(session, row.lot_id) for row in lots_of(session, number)]
    told = answers(session, number)
    received, used = sum(t.received - t.in_kits for t in traces), sum(t.used for t in traces)
    frozen = sum(h.quantity for t in traces for h in t.holdings if h.status == rules.QUARANTINE)
    disposed, set_apart = sum(t.lost for t in traces), sum(answer.set_apart for answer in told)
    holders = {h.owner for t in traces for h in t.holdings} | {d.member for t in traces for d in t.deliveries}
    return Progress(
        recall=number,
        reference=found.reference,
        state=found.state,
        received=received,
        used=used,
        frozen=frozen,
        disposed=disposed,
        set_apart=set_apart,
        recovered_permille=min(1000, (frozen + disposed + set_apart) * 1000 // received) if received else 1000,
        members_holding=sorted(holders - {rules.POOL}),
        members_answered=[answer.member_code for answer in told],
        overdue=found.state == "open" and at > found.deadline,
    )


def _flows(session: Session, lot_id: int) -> dict[tuple[str, str], int]:
    """Base units that crossed the outer accounts, by direction and account."""
    m = table_of(Movement).c
    flows: dict[tuple[str, str], int] = {}
    for side, column in (("from", m.from_external), ("to", m.to_external)):
        query = select_columns(column, func.sum(m.quantity)).where(m.lot_id == lot_id, column.is_not(None))
        for external, quantity in session.connection().execute(query.group_by(column)):
            flows[side, external] = int(quantity)
    return flows


def _origins(session: Session, lot_id: int) -> list[Origin]:
    m, p, b = table_of(Movement).c, table_of(Posting).c, table_of(Balance).c
    query = (
        select_columns(p.id, b.site_code, p.effective_at, m.quantity, m.document)
        .join_from(table_of(Movement), table_of(Posting), p.id == m.posting_id)
        .join(table_of(Balance), b.id == m.to_balance_id)
        .where(m.lot_id == lot_id, m.from_external == rules.SUPPLIER)
        .order_by(p.id, m.line)
    )
    found = []
    for posting, site, received_at, quantity, document in session.connection().execute(query):
        calloff, contract, supplier = _order(session, document)
        found.append(Origin(posting, site, received_at, quantity, calloff, contract, supplier))
    return found


def _order(session: Session, document: str) -> tuple[int | None, str | None, str | None]:
    kind, _, number = document.partition(":")
    line = session.get(CallOffLine, int(number)) if kind == "calloff_line" else None
    calloff = session.get(CallOff, line.calloff_id) if line else None
    contract = session.get(Contract, calloff.contract_code) if calloff else None
    return (calloff.id, contract.code, contract.supplier_code) if calloff and contract else (None, None, None)


def _deliveries(session: Session, lot_id: int) -> list[Delivery]:
    line, t = table_of(TransferLine).c, table_of(Transfer).c
    query = (
        select_columns(t.id, t.destination, line.member_code, t.state, line.quantity - line.cancelled)
        .join_from(table_of(TransferLine), table_of(Transfer), t.id == line.transfer_id)
        .where(line.lot_id == lot_id, line.quantity > line.cancelled)
        .order_by(t.id, line.id)
    )
    return [Delivery(*row) for row in session.connection().execute(query)]
