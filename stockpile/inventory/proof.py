"""The proof that the ledger was right: every balance and every posting recomputed from the movements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from json.encoder import encode_basestring
from typing import Any, Final

from sqlalchemy import select as select_columns
from sqlalchemy import union_all
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.db import table_of
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
    said: dict[str, str] = {}
    content = ",".join([_told(row, places, said) for row in rows])
    return hashlib.sha256(f"[{content}]".encode()).hexdigest()


def _told(row: Mapping[str, Any], places: Mapping[int, str], said: dict[str, str]) -> str:
    """A movement as `journal.canonical` writes it with its places, which takes five times as long to say so."""

    def text(value: str | None) -> str:
        if value is None:
            return "null"
        return said.get(value) or said.setdefault(value, encode_basestring(value))

    source, sink = row["from_balance_id"], row["to_balance_id"]
    return _TOLD % (
        text(row["document"]),
        _whole(row["from_after"]),
        _whole(source),
        text(row["from_external"]),
        "null" if source is None else text(places.get(source, "nowhere")),
        _whole(row["from_seq"]),
        row["line"],
        row["lot_id"],
        row["posting_id"],
        row["quantity"],
        _whole(row["to_after"]),
        _whole(sink),
        text(row["to_external"]),
        "null" if sink is None else text(places.get(sink, "nowhere")),
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
    for balance in session.exec(select(Balance).order_by(col(Balance.id))):
        quantity, last = ends.pop(balance.id or 0, (0, 0))
        if (balance.quantity, balance.version) != (quantity, last):
            stored = f"{balance.quantity} after {balance.version} legs"
            told = f"balance {balance.id} stores {stored}, its movements give {quantity} after {last}"
            yield fault(told, balance=balance.id)
    for number in ends:
        yield f"movements name balance {number}, which is not there"


def _posting_faults(session: Session) -> Iterator[str]:
    sealed = {entry.subject: entry for entry in journal.entries(session, action="stock.post")}
    heads = {posting.id: posting for posting in session.exec(select(Posting))}
    places = {b.id or 0: place(b.lot_id, b.site_code, b.owner, b.status) for b in session.exec(select(Balance))}
    for posting_id, rows in _by_posting(session):
        entry = sealed.pop(f"posting:{posting_id}", None)
        if entry is None:
            yield fault(f"posting {posting_id} has no journal entry", posting=posting_id)
            continue
        if json.loads(entry.payload)["digest"] != digest(rows, places):
            told = f"posting {posting_id}: its movements do not match the hash in the journal"
            yield fault(told, posting=posting_id)
        if posting_id not in heads or _head(heads[posting_id]) != _journalled_head(entry):
            told = f"posting {posting_id}: who posted it, when, how or why is not what the journal says"
            yield fault(told, posting=posting_id)
    for subject in sealed:
        yield f"the journal holds {subject}, whose movements are not there"
    with_movements = select(Movement.posting_id)
    for number in session.exec(select(Posting.id).where(col(Posting.id).not_in(with_movements))):
        yield f"posting {number} has no movements"


def _head(posting: Posting) -> tuple[object, ...]:
    return (
        posting.kind,
        posting.key,
        posting.actor_id,
        posting.reason,
        posting.effective_at,
        posting.recorded_at,
        posting.second_id,
    )


def _journalled_head(entry: journal.JournalEntry) -> tuple[object, ...]:
    payload = json.loads(entry.payload)
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
    found = session.connection().execute(query).mappings()
    for posting_id, rows in groupby(found, key=lambda row: int(row["posting_id"])):
        yield posting_id, [dict(row) for row in rows]
