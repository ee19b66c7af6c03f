"""The journal: what was decided and changed, by whom, when and why. Append-only.

Each entry carries its RFC 9162 leaf hash, SHA-256(0x00 || canonical entry), so
that sealing into a tree can happen later, outside the writers' path.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger
from sqlmodel import Field, Session, col, select

from stockpile import bulk
from stockpile.actor import Act
from stockpile.db import BigId, Table, table_of
from stockpile.errors import Invalid
from stockpile.grounds import ground


class JournalEntry(Table, table=True):
    """One decision or change. `payload` is canonical JSON; `leaf_hash` covers every other column but `id`."""

    __tablename__ = "journal_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    recorded_at: datetime
    effective_at: datetime
    actor_id: int = Field(sa_type=BigInteger, index=True)
    actor_name: str
    action: str = Field(index=True)
    subject: str = Field(index=True)
    reason: str
    payload: str
    leaf_hash: str


def canonical(content: object) -> str:
    """JSON with sorted keys and no spaces: equal content, equal text."""
    return _CANONICAL.encode(content)


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def leaf_hash(entry: Any) -> str:
    """SHA-256 over a zero byte and the canonical entry, or a row with its columns, in hexadecimal (RFC 9162, 2.1.1)."""
    return _hash({name: getattr(entry, name) for name in _HASHED})


def content(entry: Any) -> dict[str, Any]:
    """What is hashed of an entry (or of a row with its columns): everything but its number; instants as text."""
    return _told({name: getattr(entry, name) for name in _HASHED})


def hash_of_row(row: Any) -> bytes:
    """The leaf hash of a row with the entry's columns, instants as text, as 32 bytes.

    The text is `canonical(content)` written down by hand, which is six times
    as fast: a million entries are verified while somebody waits.
    """
    columns = {name: getattr(row, name) for name in _HASHED}
    return hashlib.sha256(_leaf(columns, row.effective_at, row.recorded_at)).digest()


def _leaf(of: Mapping[str, Any], effective_at: str, recorded_at: str) -> bytes:
    text = (
        f'{{"action":{_quoted(of["action"])},"actor_id":{of["actor_id"]},"actor_name":{_quoted(of["actor_name"])},'
        f'"effective_at":"{effective_at}","payload":{_quoted(of["payload"])},"reason":{_quoted(of["reason"])},'
        f'"recorded_at":"{recorded_at}","subject":{_quoted(of["subject"])}}}'
    )
    return b"\x00" + text.encode()


def _hash(columns: Mapping[str, Any]) -> str:
    return hashlib.sha256(b"\x00" + canonical(_told(columns)).encode()).hexdigest()


def _told(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {**columns, **{name: columns[name].isoformat() for name in ("recorded_at", "effective_at")}}


_quoted = json.encoder.encode_basestring
_HASHED: Final = ("recorded_at", "effective_at", "actor_id", "actor_name", "action", "subject", "reason", "payload")


class NoReason(Invalid):
    """What was done is put on record with its reason, and none was given."""

    code = "no_reason"


@dataclass(frozen=True, slots=True)
class Note:
    """One entry to be: what was done to what, by which act, and why; without a `reason` the act's own ground counts."""

    act: Act
    action: str
    subject: str
    payload: Mapping[str, Any]
    reason: str = ""


def record(
    session: Session, act: Act, *, action: str, subject: str, payload: Mapping[str, Any], reason: str = ""
) -> JournalEntry:
    """Append one entry in the caller's transaction; `reason` '' where the act is its own (`grounds`)."""
    entry = JournalEntry(**_columns(Note(act, action, subject, payload, reason)))
    session.add(entry)
    return entry


def record_each(session: Session, notes: Sequence[Note]) -> None:
    """Append the entries in the order given, after all that were appended before, with one statement."""
    session.flush()
    bulk.insert(session, JournalEntry, [_columns(note) for note in notes])


def _columns(note: Note) -> dict[str, Any]:
    reason = note.reason if note.reason.strip() else ground(note.action, note.payload)
    if not reason:
        raise NoReason(f"{note.action} goes into the journal only with a reason: say why", field="reason")
    columns = {
        "recorded_at": note.act.recorded_at,
        "effective_at": note.act.at,
        "actor_id": note.act.actor.id,
        "actor_name": note.act.actor.name,
        "action": note.action,
        "subject": note.subject,
        "reason": reason,
        "payload": canonical(note.payload),
    }
    at, recorded_at = note.act.at.isoformat(), note.act.recorded_at.isoformat()
    return columns | {"leaf_hash": hashlib.sha256(_leaf(columns, at, recorded_at)).hexdigest()}


def entries(session: Session, *, action: str | None = None) -> Iterator[JournalEntry]:
    """All entries in the order written, or those of one action."""
    query = select(JournalEntry).order_by(col(JournalEntry.id))
    if action is not None:
        query = query.where(JournalEntry.action == action)
    yield from session.exec(query.execution_options(yield_per=2000))


def rows(session: Session, *, action: str | None = None) -> Iterator[Any]:
    """As `entries`, as rows with their columns: for whoever reads a million and changes none."""
    table = table_of(JournalEntry)
    query = table.select().order_by(table.c.id)
    if action is not None:
        query = query.where(table.c.action == action)
    yield from session.connection().execute(query.execution_options(yield_per=5000))


def discrepancies(session: Session) -> Iterator[str]:
    """Every entry whose hash is not that of its content, in plain words."""
    for entry in rows(session):
        if leaf_hash(entry) != entry.leaf_hash:
            yield f"journal entry {entry.id} ({entry.action} {entry.subject}): its content does not match its hash"
