"""The proof that the ledger was right: every balance and every posting recomputed from the movements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from json.encoder import encode_basestring
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import select as select_columns
from sqlalchemy import union_all
from sqlmodel import Session, SQLModel, col, select

from stockpile import journal
from stockpile.db import table_of
from stockpile.grounds import ground
from stockpile.inventory import binning, lot_proof
from stockpile.inventory.rules import fault
from stockpile.inventory.tables import Balance, Movement, Posting


def place(lot_id: int, site: str, owner: str, status: str) -> str:
    """What a balance stands for, as the digest of a posting names it."""
    return f"{lot_id}/{site}/{owner}/{status}"


def digest(rows: Iterable[dict[str, Any]], places: Mapping[int, str]) -> str:
    """SHA-256 over the movements of a posting in the order of their lines; hexadecimal.

    Balances are named by what they stand for (`places`), so that a balance
    cannot be made another site's or owner's unnoticed; ids of rows are left out.
    """
    said = _Said({None: "null"})
    content = ",".join([_told(row, places, said) for row in rows])
    return hashlib.sha256(f"[{content}]".encode()).hexdigest()


class _Said(dict[str | None, str]):
    """Texts as JSON writes them, each worked out once."""

    def __missing__(self, value: str | None) -> str:
        assert value is not None, "null is there from the beginning"
        self[value] = told = encode_basestring(value)
        return told


def _told(row: Mapping[str, Any], places: Mapping[int, str], said: _Said) -> str:
    """A movement as `journal.canonical` writes it with its places, which takes five times as long to say so."""
    source, sink = row["from_balance_id"], row["to_balance_id"]
    return _TOLD % (
        said[row["document"]],
        _whole(row["from_after"]),
        _whole(source),
        said[row["from_external"]],
        "null" if source is None else said[places.get(source, "nowhere")],
        _whole(row["from_seq"]),
        row["line"],
        row["lot_id"],
        row["posting_id"],
        row["quantity"],
        _whole(row["to_after"]),
        _whole(sink),
        said[row["to_external"]],
        "null" if sink is None else said[places.get(sink, "nowhere")],
        _whole(row["to_seq"]),
    )


def _whole(value: int | None) -> int | str:
    return "null" if value is None else value


_TOLD: Final = (
    '{"document":%s,"from_after":%s,"from_balance_id":%s,"from_external":%s,"from_place":%s,"from_seq":%s,'
    '"line":%s,"lot_id":%s,"posting_id":%s,"quantity":%s,'
    '"to_after":%s,"to_balance_id":%s,"to_external":%s,"to_place":%s,"to_seq":%s}'
)
"""Every column of a movement but its id, and its places, in the order of their names."""


def discrepancies(session: Session) -> Iterator[str]:
    """Recompute every balance and every posting's hash from the movements; yields each difference in plain words."""
    yield from lot_proof.discrepancies(session)
    yield from _balance_faults(session)
    yield from binning.discrepancies(session)
    yield from _posting_faults(session)


def _legs(session: Session) -> Iterator[Any]:
    """Every leg on a balance in the order of the balance's own numbering."""
    m = table_of(Movement).c
    taken = select_columns(m.from_balance_id.label("balance"), m.from_seq.label("seq"), -m.quantity, m.from_after, m.id)
    given = select_columns(m.to_balance_id, m.to_seq, m.quantity, m.to_after, m.id)
    legs = union_all(taken.where(m.from_balance_id.is_not(None)), given.where(m.to_balance_id.is_not(None)))
    query = legs.order_by("balance", "seq").execution_options(yield_per=5000)
    yield from session.connection().execute(query)


def _balance_faults(session: Session) -> Iterator[str]:
    ends: dict[int, tuple[int, int]] = {}
    for number, seq, change, after, movement in _legs(session):
        quantity, last = ends.get(number, (0, 0))
        quantity, last = quantity + change, last + 1
        ends[number] = (quantity, last)
        if (seq, after) != (last, quantity):
            stored = f"leg {seq} leaving {after} on balance {number}"
            told = f"movement {movement}: stored as {stored}, recomputed as leg {last} leaving {quantity}"
            yield fault(told, balance=number)
        if quantity < 0:
            yield fault(f"movement {movement}: balance {number} would fall to {quantity}", balance=number)
    for balance in session.exec(select(Balance).order_by(col(Balance.id)).execution_options(yield_per=2000)):
        quantity, last = ends.pop(balance.id or 0, (0, 0))
        if (balance.quantity, balance.version) != (quantity, last):
            stored = f"{balance.quantity} after {balance.version} legs"
            told = f"balance {balance.id} stores {stored}, its movements give {quantity} after {last}"
            yield fault(told, balance=balance.id)
    for number in ends:
        yield f"movements name balance {number}, which is not there"


def _posting_faults(session: Session) -> Iterator[str]:
    sealed = {entry.subject: entry for entry in journal.rows(session, action="stock.post")}
    heads = {posting.id: posting for posting in _rows(session, Posting)}
    places = {b.id: place(b.lot_id, b.site_code, b.owner, b.status) for b in _rows(session, Balance)}
    for posting_id, rows in _by_posting(session):
        head = heads.pop(posting_id, None)
        entry = sealed.pop(f"posting:{posting_id}", None)
        if entry is None:
            yield fault(f"posting {posting_id} has no journal entry", posting=posting_id)
            continue
        payload = json.loads(entry.payload)
        if payload["digest"] != digest(rows, places):
            told = f"posting {posting_id}: its movements do not match the hash in the journal"
            yield fault(told, posting=posting_id)
        if head is None or _head(head, payload) != _journalled_head(entry, payload):
            told = f"posting {posting_id}: who posted it, when, how or why is not what the journal says"
            yield fault(told, posting=posting_id)
    for subject in sealed:
        yield f"the journal holds {subject}, whose movements are not there"
    for number in heads:
        yield f"posting {number} has no movements"


def _rows(session: Session, model: type[SQLModel]) -> Iterator[Any]:
    """All rows of a table with their columns: a million are held at once, and as objects they take many times that."""
    yield from session.connection().execute(table_of(model).select().execution_options(yield_per=5000))


def given(kind: str, reason: str) -> dict[str, bool]:
    """Whether a reason was given, to be journalled where it and the act's own ground would read alike; else nothing.

    >>> given("receipt", ""), given("receipt", "receipt"), given("receipt", "came early")
    ({'given': False}, {'given': True}, {})
    """
    own = not reason.strip()
    return {"given": not own} if own or reason == ground("stock.post", {"kind": kind}) else {}


def _head(posting: Any, journalled: Mapping[str, Any]) -> tuple[object, ...]:
    """What a posting says of itself; without a reason, the journal has the act's own ground.

    Entries say whether a reason was given where both would read alike; older ones did not, and only the text is held
    against them.
    """
    own = not posting.reason.strip()
    reason = ground("stock.post", {"kind": posting.kind}) if own else posting.reason
    return (
        posting.kind,
        posting.key,
        posting.actor_id,
        reason if journalled.get("given", not own) != own else None,
        posting.effective_at,
        posting.recorded_at,
        posting.second_id,
    )


def _journalled_head(entry: Any, payload: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        payload["kind"],
        payload["key"],
        entry.actor_id,
        entry.reason,
        entry.effective_at,
        entry.recorded_at,
        payload.get("second"),
    )


def _by_posting(session: Session) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    table = table_of(Movement)
    query = table.select().order_by(table.c.posting_id, table.c.line).execution_options(yield_per=5000)
    found = session.connection().execute(query)
    names = tuple(found.keys())
    rows = (dict(zip(names, row, strict=True)) for row in found)
    for posting_id, together in groupby(rows, key=itemgetter("posting_id")):
        yield posting_id, list(together)
