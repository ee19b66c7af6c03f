"""The journal: what was decided and changed, by whom, when and why. Append-only.

Each entry carries its RFC 9162 leaf hash, SHA-256(0x00 || canonical entry), so
that sealing into a tree can happen later, outside the writers' path.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, Session, col, select

from stockpile.actor import Act
from stockpile.db import BigId, Table


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
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def leaf_hash(entry: JournalEntry) -> str:
    """SHA-256 over a zero byte and the canonical entry, in hexadecimal (RFC 9162, section 2.1.1)."""
    content = {
        "recorded_at": entry.recorded_at.isoformat(),
        "effective_at": entry.effective_at.isoformat(),
        "actor_id": entry.actor_id,
        "actor_name": entry.actor_name,
        "action": entry.action,
        "subject": entry.subject,
        "reason": entry.reason,
        "payload": entry.payload,
    }
    return hashlib.sha256(b"\x00" + canonical(content).encode()).hexdigest()


def record(
    session: Session, act: Act, *, action: str, subject: str, payload: Mapping[str, Any], reason: str = ""
) -> JournalEntry:
    """Append one entry in the caller's transaction."""
    entry = JournalEntry(
        recorded_at=act.recorded_at,
        effective_at=act.at,
        actor_id=act.actor.id,
        actor_name=act.actor.name,
        action=action,
        subject=subject,
        reason=reason,
        payload=canonical(payload),
        leaf_hash="",
    )
    entry.leaf_hash = leaf_hash(entry)
    session.add(entry)
    return entry


def entries(session: Session, *, action: str | None = None) -> Iterator[JournalEntry]:
    """All entries in the order written, or those of one action."""
    query = select(JournalEntry).order_by(col(JournalEntry.id))
    if action is not None:
        query = query.where(JournalEntry.action == action)
    yield from session.exec(query.execution_options(yield_per=2000))


def discrepancies(session: Session) -> Iterator[str]:
    """Every entry whose hash is not that of its content, in plain words."""
    for entry in entries(session):
        if leaf_hash(entry) != entry.leaf_hash:
            yield f"journal entry {entry.id} ({entry.action} {entry.subject}): its content does not match its hash"
