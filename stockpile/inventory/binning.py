"""Bins and the ledger: what lies in bins follows the balance it belongs to, under the balance's lock.

Stock that leaves without naming a bin is taken from what lies in no bin first,
then from the bins in the order of their codes. Stock that only changes status
or owner at its site stays in its bin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session

from stockpile import bulk
from stockpile.db import table_of
from stockpile.errors import Conflict
from stockpile.inventory import rules
from stockpile.inventory.keeping import BinContent
from stockpile.inventory.tables import Balance

Contents = dict[int, dict[int, int]]
"""By balance: base units by bin, in the order of the bins' codes."""


class NotInBin(Conflict):
    """Less lies there than is to be taken."""

    code = "not_in_bin"


Place = tuple[str, bool]
"""A site, and whether on the road."""


def asking(accounts: bulk.Rows, columns: str) -> bulk.Question:
    """What lies in the bins of balances, by their accounts; ask it under the balances' locks. `contents` reads it."""
    return bulk.Question(_LYING, columns, accounts)


def contents(found: bulk.Answer) -> Contents:
    """The contents of those balances of which something lies in bins."""
    lying: Contents = {}
    for balance_id, bin_id, quantity in found:
        lying.setdefault(balance_id, {})[bin_id] = int(quantity)
    return lying


def follow(session: Session, rows: Sequence[Mapping[str, Any]], lying: Contents, places: Mapping[int, Place]) -> None:
    """Let bins follow the movements, in their order; the balances are locked. `places`: where each balance stands."""
    before = {(b, bin_id): q for b, bins in lying.items() for bin_id, q in bins.items()}
    _let_follow(lying, places, rows)
    after = {(b, bin_id): q for b, bins in lying.items() for bin_id, q in bins.items()}
    changed = [
        {"bin_id": bin_id, "balance_id": balance_id, "quantity": quantity}
        for (balance_id, bin_id), quantity in sorted(after.items())
        if before.get((balance_id, bin_id), 0) != quantity
    ]
    bulk.tell(session, bulk.Question(_PUT, "bin_id bigint, balance_id bigint, quantity bigint", changed))


def _let_follow(contents: Contents, places: Mapping[int, Place], rows: Sequence[Mapping[str, Any]]) -> None:
    """Change the contents as the movements go by: what a balance has no more comes out of its bins."""
    for row in rows:
        source, sink = row["from_balance_id"], row["to_balance_id"]
        held = contents.get(source, {})
        excess = sum(held.values()) - (row["from_after"] or 0) if held else 0
        for bin_id, taken in _take(held, excess):
            if sink is not None and places[source] == places[sink]:
                into = contents.setdefault(sink, {})
                into[bin_id] = into.get(bin_id, 0) + taken


def _take(held: dict[int, int], excess: int) -> Iterator[tuple[int, int]]:
    """Take so many base units out of bins, in their order; what was taken from each."""
    for bin_id in list(held):
        taken = min(held[bin_id], excess)
        if taken > 0:
            held[bin_id] -= taken
            excess -= taken
            yield bin_id, taken


_LYING: Final = (
    "SELECT c.balance_id, c.bin_id, c.quantity FROM {rows} JOIN balance b"
    " ON (b.lot_id, b.site_code, b.owner, b.status) = (r.lot_id, r.site_code, r.owner, r.status)"
    " JOIN bin_content c ON c.balance_id = b.id JOIN bin n ON n.id = c.bin_id WHERE c.quantity > 0 ORDER BY n.code"
)
_PUT: Final = (
    "INSERT INTO bin_content (bin_id, balance_id, quantity) SELECT bin_id, balance_id, quantity FROM {rows} WHERE true"
    " ON CONFLICT (bin_id, balance_id) DO UPDATE SET quantity = excluded.quantity"
)


def _set(session: Session, bin_id: int, balance_id: int, quantity: int) -> None:
    row = session.get(BinContent, (bin_id, balance_id), populate_existing=True)
    row = row or BinContent(bin_id=bin_id, balance_id=balance_id)
    row.quantity = quantity
    session.add(row)


def lock(session: Session, balance: Balance) -> Balance:
    """Read a balance anew and hold it: whoever moves its stock, or its bins, waits."""
    session.refresh(balance, with_for_update={"key_share": True})
    return balance


def lying(session: Session, bin_id: int, balance_id: int) -> int:
    """Base units of a balance in a bin."""
    row = session.get(BinContent, (bin_id, balance_id), populate_existing=True)
    return row.quantity if row else 0


def unbinned(session: Session, balance: Balance) -> int:
    """Base units of a balance that lie in no bin."""
    c = table_of(BinContent).c
    query = select(func.coalesce(func.sum(c.quantity), 0)).where(c.balance_id == balance.id)
    return balance.quantity - int(session.connection().scalar(query) or 0)


def shift(session: Session, *, bin_id: int, balance_id: int, change: int) -> None:
    """Put base units of a locked balance into a bin (more than 0) or take them out of it (less)."""
    there = lying(session, bin_id, balance_id)
    if there + change < 0:
        raise NotInBin(f"{there} lie in the bin, {-change} were to be taken out", there=there, asked=-change)
    _set(session, bin_id, balance_id, there + change)
    session.flush()


def discrepancies(session: Session) -> Iterator[str]:
    """Every balance whose bins hold more than it, in plain words."""
    c, b = table_of(BinContent).c, table_of(Balance).c
    held = func.sum(c.quantity)
    query = select(b.id, b.quantity, held).join_from(table_of(Balance), table_of(BinContent), c.balance_id == b.id)
    for number, quantity, in_bins in session.connection().execute(query.group_by(b.id).having(held > b.quantity)):
        yield rules.fault(f"balance {number} stands at {quantity}, its bins hold {in_bins}", balance=number)
