"""What the tests of stock share: doing a thing in its own transaction, and looking at the shelves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.inventory import ledger, operations, queries, rules, transfers
from stockpile.inventory.ledger import Account
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.tables import Balance, Lot, Transfer
from stockpile.inventory.transfers import Part

Result = TypeVar("Result")
Shelf = tuple[str, str, str, str]
ON_SQLITE = pytest.mark.parametrize("address", ["sqlite"], indirect=True)
"""For what cannot differ between the two kinds of database."""

FRESH = date(2021, 6, 30)


def do(engine: Engine, operation: Callable[..., Result], act: Act, **given: Any) -> Result:
    """Call an operation in a transaction of its own."""
    return transact(engine, lambda session: operation(session, act, **given))


def lot_id(engine: Engine, lot: str) -> int:
    """The number of a batch."""
    with reading(engine) as session:
        found = session.exec(select(Lot.id).where(Lot.code == lot)).one()
        assert found is not None
        return found


def account(engine: Engine, lot: str, site: str, *, owner: str = rules.POOL, status: str = rules.AVAILABLE) -> Account:
    """The account of a batch at a site."""
    return Account(lot_id(engine, lot), site, owner, status)


def shelves(engine: Engine, *lots: str) -> dict[Shelf, int]:
    """What stands on each shelf that is not empty: (lot, site, owner, status) and base units."""
    with reading(engine) as session:
        rows = session.exec(select(Balance, Lot.code).where(Balance.lot_id == Lot.id))
        return {
            (lot, row.site_code, row.owner, row.status): row.quantity
            for row, lot in rows
            if row.quantity and (not lots or lot in lots)
        }


def faults(engine: Engine) -> list[str]:
    """Everything that the proofs of ledger and journal find wrong."""
    with reading(engine) as session:
        return [*ledger.discrepancies(session), *journal.discrepancies(session)]


def take_in(
    engine: Engine, act: Act, *, lot: str, quantity: int, site: str = "D-DE", item: str = "TAB", expiry: date = FRESH
) -> int:
    """Receive a batch from nowhere in particular; returns its number."""
    line = ReceiptLine(item, lot, expiry, quantity)
    do(engine, operations.receive, act, site=site, lines=[line], key=f"delivery of {lot} at {site}")
    return lot_id(engine, lot)


def send_out(
    engine: Engine,
    act: Act,
    *,
    lot: str,
    quantity: int,
    origin: str = "D-DE",
    destination: str = "H-NL",
    member: str = "NL-1",
    source: str = "plan:test",
) -> Transfer:
    """Arrange one transfer of one batch for one member."""
    part = Part(origin, destination, lot_id(engine, lot), member, f"{source}/1", quantity)
    return do(engine, transfers.arrange, act, source=source, parts=[part])[0]


def line_ids(engine: Engine, transfer: Transfer) -> list[int]:
    """The numbers of a transfer's lines."""
    assert transfer.id is not None
    with reading(engine) as session:
        return [line.id or 0 for line in queries.transfer_lines(session, [transfer.id])]
