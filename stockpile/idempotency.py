"""Same key, same reply: the key and the reply are stored in the transaction of the effect itself.

The key row is inserted before anything else: a concurrent duplicate waits for
it (PostgreSQL) or for the writer (SQLite) and then gets the stored reply.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlmodel import Field, Session

from stockpile.actor import Act, Actor
from stockpile.db import Table, insert_missing
from stockpile.errors import Invalid, Refusal


class StoredReply(Table, table=True):
    """The reply once given to a key. `status` 0 stands for "not answered yet", inside the writing transaction only."""

    __tablename__ = "stored_reply"

    account_id: int = Field(primary_key=True, sa_type=BigInteger)
    key: str = Field(primary_key=True)
    request_digest: str
    status: int
    body: str
    created_at: datetime


class KeyReused(Invalid):
    """The key was used before for something else."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and a JSON body; `repeated` where it was given before."""

    status: int
    body: Any
    repeated: bool = False


def once(
    session: Session,
    act: Act,
    *,
    key: str,
    request: bytes,
    work: Callable[[Session], Reply],
    refuse: Callable[[Refusal], Reply],
) -> Reply:
    """Do `work` unless this account used `key` before; then give the stored reply.

    A refusal undoes what the work did and is stored as the reply. The same key
    with another request is refused and stores nothing.
    """
    digest = hashlib.sha256(request).hexdigest()
    row = {"account_id": act.actor.id, "key": key, "request_digest": digest, "status": 0, "body": ""}
    insert_missing(session, StoredReply, [{**row, "created_at": act.recorded_at}])
    stored = session.get_one(StoredReply, (act.actor.id, key))
    if stored.request_digest != digest:
        raise KeyReused("this Idempotency-Key was used before with another request", field="Idempotency-Key")
    if stored.status:
        return Reply(stored.status, json.loads(stored.body), repeated=True)
    try:
        with session.begin_nested():
            reply = work(session)
    except Refusal as refusal:
        reply = refuse(refusal)
    stored.status, stored.body = reply.status, json.dumps(reply.body)
    session.add(stored)
    return reply


def stored(session: Session, actor: Actor, key: str) -> Reply | None:
    """The reply already given to this account's key, or None."""
    row = session.get(StoredReply, (actor.id, key))
    return Reply(row.status, json.loads(row.body), repeated=True) if row and row.status else None
