"""The ledger: the one function that moves stock, and the proof that it was right.

A posting is a list of moves between accounts. Balances are locked in the order
of their ids, so that concurrent postings queue and never deadlock; a move that
would take more than there is refuses the whole posting and names the account.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import CursorResult, bindparam, insert, tuple_, union_all, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import insert_missing, insert_once, table_of
from stockpile.errors import Conflict
from stockpile.inventory.rules import EXTERNALS, STATUSES
from stockpile.inventory.tables import Balance, Lot, Movement, Posting

CHUNK = 500
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, order=True)
class Account:
    """Where stock stands: a lot, at a site, of an owner, in a status."""

    lot_id: int
    site: str
    owner: str
    status: str


@dataclass(frozen=True, slots=True)
class Move:
    """So many base units of a lot from one place to another; an external place is named by a plain string."""

    lot_id: int
    quantity: int
    source: Account | str
    sink: Account | str
    document: str


class NotEnough(Conflict):
    """An account holds less than a posting would take from it."""

    code = "not_enough_stock"


class PostedBefore(Conflict):
    """This key has been posted already."""

    code = "posted_before"


@dataclass(slots=True)
class _Standing:
    """A locked balance while a posting is worked out."""

    id: int
    quantity: int
    version: int
    version_before: int


def post(session: Session, act: Act, *, kind: str, key: str, moves: Sequence[Move], reason: str = "") -> int:
    """Post all moves or none, in the caller's transaction; returns the posting's number.

    `key` is unique for ever: a second posting under it is refused. Refuses a
    negative balance, naming lot, site, owner, status, what is there and what
    was asked. Quantities are base units.
    """
    assert moves, "a posting without moves"
    for move in moves:
        _assert_sound(move)
    posting_id = _new_posting(session, act, kind=kind, key=key, reason=reason)
    accounts = sorted({place for move in moves for place in (move.source, move.sink) if isinstance(place, Account)})
    standings = _lock(session, accounts)
    rows = [_work_out(session, posting_id, line, move, standings) for line, move in enumerate(moves, start=1)]
    _store(session, standings.values(), rows)
    payload = {"posting": posting_id, "kind": kind, "key": key, "moves": len(rows), "digest": digest(rows)}
    journal.record(session, act, action="stock.post", subject=f"posting:{posting_id}", payload=payload, reason=reason)
    return posting_id


def digest(rows: Iterable[dict[str, Any]]) -> str:
    """SHA-256 over the movements of a posting in the order of their lines, ids left out; hexadecimal."""
    content = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    return hashlib.sha256(journal.canonical(content).encode()).hexdigest()


def discrepancies(session: Session) -> Iterator[str]:
    """Recompute every balance and every posting's hash from the movements; yields each difference in plain words."""
    yield from _balance_faults(session)
    yield from _posting_faults(session)


def _assert_sound(move: Move) -> None:
    assert move.quantity > 0, f"a move of {move.quantity}"
    assert move.source != move.sink, "a move to where it came from"
    for place in (move.source, move.sink):
        if isinstance(place, Account):
            assert place.status in STATUSES, f"unknown status {place.status}"
            assert place.lot_id == move.lot_id, "a move between lots"
        else:
            assert place in EXTERNALS, f"unknown external account {place}"


def _new_posting(session: Session, act: Act, *, kind: str, key: str, reason: str) -> int:
    row = {
        "key": key,
        "kind": kind,
        "actor_id": act.actor.id,
        "reason": reason,
        "effective_at": act.at,
        "recorded_at": act.recorded_at,
    }
    number = insert_once(session, Posting, row)
    if number is None:
        raise PostedBefore(f"{key} has been posted already", key=key)
    return number


def _lock(session: Session, accounts: Sequence[Account]) -> dict[Account, _Standing]:
    """Every account's balance, locked in the order of ids; missing ones are opened at zero first."""
    found = _ids(session, accounts)
    missing = [account for account in accounts if account not in found]
    if missing:
        insert_missing(session, Balance, [_opening(account) for account in missing])
        found |= _ids(session, missing)
    standings: dict[int, _Standing] = {}
    b = table_of(Balance).c
    columns = select_columns(b.id, b.quantity, b.version)
    for chunk in _chunks(sorted(found.values())):
        query = columns.where(b.id.in_(chunk)).order_by(b.id).with_for_update(key_share=True)
        standings |= {number: _Standing(number, q, v, v) for number, q, v in session.connection().execute(query)}
    return {account: standings[number] for account, number in found.items()}


def _ids(session: Session, accounts: Sequence[Account]) -> dict[Account, int]:
    found: dict[Account, int] = {}
    b = table_of(Balance).c
    key = tuple_(b.lot_id, b.site_code, b.owner, b.status)
    columns = select_columns(b.id, b.lot_id, b.site_code, b.owner, b.status)
    for chunk in _chunks(accounts):
        wanted = [(a.lot_id, a.site, a.owner, a.status) for a in chunk]
        rows = session.connection().execute(columns.where(key.in_(wanted)))
        found |= {Account(*rest): number for number, *rest in rows}
    return found


def _opening(account: Account) -> dict[str, Any]:
    return {
        "lot_id": account.lot_id,
        "site_code": account.site,
        "owner": account.owner,
        "status": account.status,
        "quantity": 0,
        "version": 0,
    }


def _work_out(
    session: Session, posting_id: int, line: int, move: Move, standings: dict[Account, _Standing]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "posting_id": posting_id,
        "line": line,
        "lot_id": move.lot_id,
        "quantity": move.quantity,
        "document": move.document,
    }
    for side, place, change in (("from", move.source, -move.quantity), ("to", move.sink, move.quantity)):
        row |= dict.fromkeys((f"{side}_balance_id", f"{side}_external", f"{side}_seq", f"{side}_after"))
        if not isinstance(place, Account):
            row[f"{side}_external"] = place
            continue
        standing = standings[place]
        if standing.quantity + change < 0:
            raise _shortage(session, place, there=standing.quantity, asked=move.quantity)
        standing.quantity += change
        standing.version += 1
        row[f"{side}_balance_id"] = standing.id
        row[f"{side}_seq"] = standing.version
        row[f"{side}_after"] = standing.quantity
    return row


def _shortage(session: Session, place: Account, *, there: int, asked: int) -> NotEnough:
    lot = session.get_one(Lot, place.lot_id)
    return NotEnough(
        f"{place.site} has {there} of {lot.item_code} lot {lot.code} {place.status} ({place.owner}), {asked} asked",
        item=lot.item_code,
        lot=lot.code,
        site=place.site,
        owner=place.owner,
        status=place.status,
        there=there,
        asked=asked,
    )


def _store(session: Session, standings: Iterable[_Standing], rows: list[dict[str, Any]]) -> None:
    changed = sorted((s for s in standings if s.version != s.version_before), key=lambda s: s.id)
    guarded = (
        update(Balance)
        .where(col(Balance.id) == bindparam("b_id"), col(Balance.version) == bindparam("b_before"))
        .values(quantity=bindparam("b_quantity"), version=bindparam("b_version"))
    )
    values = [
        {"b_id": s.id, "b_before": s.version_before, "b_quantity": s.quantity, "b_version": s.version} for s in changed
    ]
    if values:
        connection = session.connection()
        result = connection.execute(guarded, values)
        assert isinstance(result, CursorResult)
        assert result.rowcount == len(values), "a locked balance changed under the lock"
    session.connection().execute(insert(table_of(Movement)), rows)


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
            yield f"movement {movement}: stored as {stored}, recomputed as leg {last} leaving {quantity}"
        if quantity < 0:
            yield f"movement {movement}: balance {number} would fall to {quantity}"
    for balance in session.exec(select(Balance).order_by(col(Balance.id))):
        quantity, last = ends.pop(balance.id or 0, (0, 0))
        if (balance.quantity, balance.version) != (quantity, last):
            stored = f"{balance.quantity} after {balance.version} legs"
            yield f"balance {balance.id} stores {stored}, its movements give {quantity} after {last}"
    for number in ends:
        yield f"movements name balance {number}, which is not there"


def _posting_faults(session: Session) -> Iterator[str]:
    sealed = {entry.subject: entry for entry in journal.entries(session, action="stock.post")}
    heads = {posting.id: posting for posting in session.exec(select(Posting))}
    for posting_id, rows in _by_posting(session):
        entry = sealed.pop(f"posting:{posting_id}", None)
        if entry is None:
            yield f"posting {posting_id} has no journal entry"
            continue
        if json.loads(entry.payload)["digest"] != digest(rows):
            yield f"posting {posting_id}: its movements do not match the hash in the journal"
        if posting_id not in heads or _head(heads[posting_id]) != _journalled_head(entry):
            yield f"posting {posting_id}: who posted it, when, how or why is not what the journal says"
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
    )


def _by_posting(session: Session) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    table = table_of(Movement)
    query = table.select().order_by(table.c.posting_id, table.c.line).execution_options(yield_per=5000)
    found = session.connection().execute(query).mappings()
    for posting_id, rows in groupby(found, key=lambda row: int(row["posting_id"])):
        yield posting_id, [dict(row) for row in rows]


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


def lot_for(session: Session, *, item: str, code: str, expiry: date) -> Lot:
    """The lot of that item and batch code, opened if new; refuses another expiry than the one on record."""
    row = {"item_code": item, "code": code, "expiry": expiry, "on_hold": False, "hold_reason": ""}
    insert_missing(session, Lot, [row])
    lot = session.exec(select(Lot).where(Lot.item_code == item, Lot.code == code)).one()
    if lot.expiry != expiry:
        raise ExpiryDiffers(
            f"lot {code} of {item} is on record with expiry {lot.expiry}, not {expiry}",
            field="expiry",
            on_record=lot.expiry,
        )
    return lot


class ExpiryDiffers(Conflict):
    """One batch, one expiry date."""

    code = "expiry_differs"
