"""Same key, same reply: the key and the reply are stored in the transaction of the effect itself.

`once` inserts the key's row before anything else: a concurrent duplicate waits
for it (PostgreSQL) or for the writer (SQLite) and then gets the stored reply.
`once_each`, for many requests in one transaction, inserts rows with their
replies at the end: a concurrent duplicate waits there, and then begins anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import BigInteger
from sqlmodel import Field, Session

from stockpile import bulk
from stockpile.actor import Act, Actor
from stockpile.db import Table
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


class Raced(Exception):
    """A concurrent request under the same key was faster: undo the transaction and begin anew."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP status and a JSON body; `repeated` where it was given before."""

    status: int
    body: Any
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A request under a key: by which account, when (UTC, real), and the digest of what was asked."""

    account_id: int
    key: str
    request_digest: str
    at: datetime


def digest(request: bytes) -> str:
    """What tells one request from another under the same key: SHA-256, hexadecimal."""
    return hashlib.sha256(request).hexdigest()


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

    request_digest = digest(request)
    row = _row(Asked(act.actor.id, key, request_digest, act.recorded_at), Reply(0, None))
    if not bulk.insert(session, StoredReply, [row], give=("key",), skip_taken=True):
        return _again(session.get_one(StoredReply, (act.actor.id, key)), request_digest)
    try:
        with session.begin_nested():
            reply = work(session)
    except Refusal as refusal:
        reply = refuse(refusal)
    session.flush()
    kept = {"account_id": act.actor.id, "key": key, "status": reply.status, "body": json.dumps(reply.body)}
    bulk.run(session, _KEEP, "account_id bigint, key text, status integer, body text", [kept])
    return reply


def forget(session: Session, *, before: datetime) -> int:
    """Delete the replies that were given before that instant (real time); how many.

    A request that is repeated after that is a new one; only a posting is never made twice under its key.
    """
    forgotten = 0
    while True:
        session.flush()
        gone = bulk.run(session, _FORGET, "before timestamptz", [{"before": before}]).rowcount
        forgotten += gone
        if gone < FORGOTTEN_AT_ONCE:
            return forgotten


FORGOTTEN_AT_ONCE: Final = 20_000
_FORGET: Final = (
    "DELETE FROM stored_reply WHERE (account_id, key) IN (SELECT s.account_id, s.key FROM stored_reply s"
    f" WHERE s.created_at < (SELECT r.before FROM {{rows}}) LIMIT {FORGOTTEN_AT_ONCE})"
)


def asking(asked: Sequence[Asked]) -> bulk.Question:
    """What `once_each` wants to know first: the replies that these keys have."""
    rows = [{"account_id": one.account_id, "key": one.key} for one in asked]
    return bulk.Question(_FIND, "account_id bigint, key text", rows)


def once_each(
    session: Session,
    asked: Sequence[Asked],
    work: Callable[[Sequence[int]], Sequence[Reply]],
    *,
    found: bulk.Answer | None = None,
) -> list[Reply | KeyReused]:
    """Do `work` for those whose key is new, all at once; the others get the reply of their key.

    `work` is given the positions of the new ones, in the order asked, and
    gives their replies. Of those that share a key, the first is done. The same
    key with another request is refused and stores nothing. Raises `Raced`
    where a concurrent request under one of the keys was faster. `found` is the
    answer to `asking`, where it has been asked in this transaction.
    """
    first: dict[tuple[int, str], int] = {}
    for position, one in enumerate(asked):
        first.setdefault((one.account_id, one.key), position)
    kept = {(account, key): _Kept(*rest) for account, key, *rest in found or bulk.ask(session, [asking(asked)])[0]}
    positions = [position for name, position in first.items() if name not in kept]
    replies = dict(zip(positions, work(positions), strict=True)) if positions else {}
    rows = _keep(session, asked, replies) if replies else {}
    for one in asked if len(asked) > len(replies) else ():
        row = rows.get((one.account_id, one.key))
        if row is not None:
            kept[one.account_id, one.key] = _Kept(row["request_digest"], row["status"], row["body"])
    return [
        replies[position] if position in replies else _again_or_why(kept[one.account_id, one.key], one)
        for position, one in enumerate(asked)
    ]


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept under a key."""

    request_digest: str
    status: int
    body: str


def _keep(
    session: Session, asked: Sequence[Asked], replies: Mapping[int, Reply]
) -> dict[tuple[int, str], dict[str, Any]]:
    """Store the replies, in one order so that two who bring the same keys wait for each other and never deadlock."""
    rows = {(asked[at].account_id, asked[at].key): _row(asked[at], reply) for at, reply in replies.items()}
    ordered = [rows[name] for name in sorted(rows)]
    kept = bulk.insert(session, StoredReply, ordered, give=("key",), skip_taken=True)
    if len(kept) < len(rows):
        raise Raced("a concurrent request used one of the keys")
    return rows


def _row(one: Asked, reply: Reply) -> dict[str, Any]:
    return {
        "account_id": one.account_id,
        "key": one.key,
        "request_digest": one.request_digest,
        "status": reply.status,
        "body": json.dumps(reply.body),
        "created_at": one.at,
    }


def _again(row: StoredReply | _Kept, request_digest: str) -> Reply:
    if row.request_digest != request_digest:
        raise KeyReused("this Idempotency-Key was used before with another request", field="Idempotency-Key")
    return Reply(row.status, json.loads(row.body), repeated=True)


def _again_or_why(row: _Kept, one: Asked) -> Reply | KeyReused:
    try:
        return _again(row, one.request_digest)
    except KeyReused as refusal:
        return refusal


_KEEP: Final = (
    "UPDATE stored_reply SET status = r.status, body = r.body FROM {rows}"
    " WHERE stored_reply.account_id = r.account_id AND stored_reply.key = r.key"
)
_FIND: Final = (
    "SELECT s.account_id, s.key, s.request_digest, s.status, s.body FROM {rows}"
    " JOIN stored_reply s ON s.account_id = r.account_id AND s.key = r.key"
)


def stored(session: Session, actor: Actor, key: str, *, request: bytes | None = None) -> Reply | None:
    """The reply already given to this account's key, or None; refuses a `request` that is not the one answered."""
    row = session.get(StoredReply, (actor.id, key))
    if row is None or not row.status:
        return None
    return _again(row, digest(request) if request is not None else row.request_digest)
