"""The facts of contracting for the public: contracts, prices, orders, deliveries, performance. No place of delivery."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts import rules as ordering
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, Supplier
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.inventory.tables import Movement, Posting
from stockpile.journal import JournalEntry
from stockpile.transparency.ocds.tables import ContractHistory

Rows = list[dict[str, Any]]


class NoSuchContract(NotFound):
    """No contract has this code."""

    code = "unknown_contract"


TOLD_OF_CHANGES: Final[dict[str, frozenset[str]]] = {
    "contract.terms": frozenset({"item", "tolerance_percent", "whole_packs"}),
    "contract.buy_back": frozenset({"item", "percent", "days"}),
    "contract.adopt": frozenset({"version"}),
    "contract.lot": frozenset({"lot", "maximum_minor", "items"}),
    "contract.reserve": frozenset({"lot", "shares"}),
    "contract.transfer": frozenset({"lot", "from", "to", "amount_minor"}),
    "contract.option": frozenset({"item", "quantity", "days", "price_permille", "fee_minor", "opens", "closes"}),
    "contract.step": frozenset({"from", "to"}),
    "contract.force_majeure": frozenset({"starts", "ends"}),
}
"""Entries of the journal that change a contract, and the fields of each that the public is told."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came on a line of an order, in base units, and when."""

    line: int
    at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a contract's terms as the journal has it."""

    entry: int
    at: datetime
    action: str
    payload: dict[str, Any]


def all_contracts(session: Session) -> list[Contract]:
    """Every contract, by code."""
    return list(session.exec(select(Contract).order_by(col(Contract.code))))


def contract(session: Session, code: str) -> Contract:
    """One contract; refuses an unknown code."""
    found = session.get(Contract, code)
    if found is None:
        raise NoSuchContract(f"there is no contract {code}", field="contract", value=code)
    return found


def suppliers(session: Session) -> dict[str, Supplier]:
    """All suppliers by code."""
    return {row.code: row for row in session.exec(select(Supplier).order_by(col(Supplier.code)))}


def orders(session: Session, code: str | None = None) -> list[CallOff]:
    """Approved orders, oldest first: what is only proposed is no order and is not public."""
    query = select(CallOff).where(col(CallOff.approved_at).is_not(None)).order_by(col(CallOff.id))
    return list(session.exec(query.where(CallOff.contract_code == code) if code else query))


def lines(session: Session, numbers: Sequence[int]) -> dict[int, list[CallOffLine]]:
    """The lines of these orders, by order."""
    query = select(CallOffLine).where(col(CallOffLine.calloff_id).in_(numbers)).order_by(col(CallOffLine.id))
    found: dict[int, list[CallOffLine]] = defaultdict(list)
    for row in session.exec(query):
        found[row.calloff_id].append(row)
    return dict(found)


def deliveries(session: Session) -> dict[int, list[Delivery]]:
    """What the ledger says came on each order line, by line, in the order of time."""
    move, posting = table_of(Movement).c, table_of(Posting).c
    query = (
        select_columns(move.document, posting.effective_at, move.quantity)
        .join_from(table_of(Movement), table_of(Posting), posting.id == move.posting_id)
        .where(move.document.like("calloff_line:%"), move.from_external == "supplier")
        .order_by(posting.effective_at, move.id)
    )
    found: dict[int, list[Delivery]] = defaultdict(list)
    for document, at, quantity in session.connection().execute(query):
        number = int(document.partition(":")[2])
        found[number].append(Delivery(number, at, int(quantity)))
    return dict(found)


def changes(session: Session, code: str) -> list[Change]:
    """Changes of a contract's terms that are in force, oldest first; of each what may be told, never a sentence."""
    query = select(JournalEntry).where(
        JournalEntry.subject == f"contract:{code}", col(JournalEntry.action).in_(TOLD_OF_CHANGES)
    )
    return [
        Change(row.id or 0, row.effective_at, row.action, _told(row.action, json.loads(row.payload)))
        for row in session.exec(query.order_by(col(JournalEntry.id)))
    ]


def _told(action: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name in TOLD_OF_CHANGES[action]}


def contract_rows(session: Session, *, on: date) -> Rows:
    """One row per contract: with whom, how long, up to how much, and how much of it is ordered."""
    names = suppliers(session)
    counted: dict[str, int] = defaultdict(int)
    for order in orders(session):
        counted[order.contract_code] += 1
    return [
        {
            "contract": row.code,
            "supplier": row.supplier_code,
            "supplier_name": names[row.supplier_code].name,
            "starts": row.starts.isoformat(),
            "ends": row.ends.isoformat(),
            "state": state_of(row, on=on),
            "currency": row.currency,
            "ceiling_minor": row.ceiling_minor,
            "ordered_minor": row.ceiling_minor - row.remaining_minor,
            "burn_permille": (row.ceiling_minor - row.remaining_minor) * 1000 // row.ceiling_minor
            if row.ceiling_minor
            else 0,
            "orders": counted[row.code],
            "lead_time_days": row.lead_time_days,
        }
        for row in all_contracts(session)
    ]


def state_of(row: Contract, *, on: date) -> str:
    """Whether a contract is yet to start, runs, or has ended."""
    return "pending" if on < row.starts else "active" if on <= row.ends else "terminated"


def prices(session: Session) -> Rows:
    """One row per contract, item and price tier: what a pack costs from so many packs on."""
    items, currency = catalogue.items(session), {row.code: row.currency for row in all_contracts(session)}
    return [
        {
            "contract": code,
            "item": item,
            "item_name": items[item].name,
            "unit": items[item].base_unit,
            "pack_size": items[item].pack_size,
            "from_packs": packs,
            "pack_price_minor": price,
            "currency": currency[code],
        }
        for (code, item), tiers in sorted(contracts.tiers(session).items())
        for packs, price in tiers
    ]


def order_rows(session: Session) -> Rows:
    """One row per line of an approved order: what was ordered and what has come, without where it goes."""
    found, items = orders(session), catalogue.items(session)
    came, by_order = deliveries(session), lines(session, [row.id or 0 for row in orders(session)])
    return [
        {
            "order": order.id,
            "contract": order.contract_code,
            "approved_at": order.approved_at.isoformat() if order.approved_at else None,
            "due": order.expected_at.date().isoformat() if order.expected_at else None,
            "state": order.state,
            "item": line.item_code,
            "item_name": items[line.item_code].name,
            "unit": items[line.item_code].base_unit,
            "packs": line.packs,
            "quantity": line.quantity,
            "received": line.received,
            "last_delivery": came[line.id or 0][-1].at.date().isoformat() if came.get(line.id or 0) else None,
            "pack_price_minor": line.pack_price_minor,
        }
        for order in found
        for line in by_order.get(order.id or 0, [])
    ]


def performance(session: Session, *, at: datetime) -> Rows:
    """One row per supplier: what was known before (record), and lines due, on time and in full here."""
    rows, on = order_rows(session), governance.local_day(session, at).isoformat()
    supplier_of = {row.code: row.supplier_code for row in all_contracts(session)}
    told = []
    for code, record in suppliers(session).items():
        due = [row for row in rows if supplier_of[row["contract"]] == code and row["due"] and row["due"] <= on]
        full = [row for row in due if row["received"] >= row["quantity"]]
        timely = [row for row in full if row["last_delivery"] and row["last_delivery"] <= row["due"]]
        told.append(
            {
                "supplier": code,
                "name": record.name,
                "lead_p50_days": record.lead_p50_days,
                "lead_p90_days": record.lead_p90_days,
                "record_on_time_permille": record.on_time_permille,
                "record_late_p95_days": record.late_p95_days,
                "lines_due": len(due),
                "lines_in_full": len(full),
                "lines_on_time_in_full": len(timely),
                "otif_permille": len(timely) * 1000 // len(due) if due else None,
            }
        )
    return told


def open_orders(session: Session) -> int:
    """How many approved orders still wait for goods."""
    return sum(1 for row in orders(session) if row.state in ordering.OPEN_STATES)


def history(session: Session) -> Rows:
    """One row per award or contract that was taken in from others' releases."""
    query = select(ContractHistory).order_by(col(ContractHistory.ocid), col(ContractHistory.id))
    return [
        {
            "ocid": row.ocid,
            "release": row.release_id,
            "date": row.released_at.date().isoformat(),
            "tag": row.tag,
            "buyer": row.buyer,
            "supplier": row.supplier,
            "title": row.title,
            "cpv": row.cpv,
            "currency": row.currency,
            "value_minor": row.value_minor,
            "starts": row.starts.isoformat() if row.starts else None,
            "ends": row.ends.isoformat() if row.ends else None,
            "bids": row.bids,
            "method": row.method,
            "source": row.source,
        }
        for row in session.exec(query)
    ]
