"""Heads, proofs, and the verification of the whole journal against its heads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile import journal, merkle
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.journal import JournalEntry
from stockpile.transparency.sealing import rules, verifier
from stockpile.transparency.sealing.tables import HeadWitness, SealedEntry, TreeHead, TreeNode


class NoSuchHead(NotFound):
    """No head covers exactly that many entries."""

    code = "unknown_head"


class NotSealed(NotFound):
    """The entry is not sealed, or not yet under that head."""

    code = "not_sealed"


def latest(session: Session) -> TreeHead | None:
    """The newest head, or None before the first seal."""
    return session.exec(select(TreeHead).order_by(col(TreeHead.size).desc()).limit(1)).first()


def head(session: Session, size: int | None) -> TreeHead:
    """The head of that size, or the newest; refuses where there is none."""
    found = latest(session) if size is None else session.get(TreeHead, size)
    if found is None:
        raise NoSuchHead("nothing is sealed yet" if size is None else f"no head covers {size} entries", field="size")
    return found


def heads(session: Session, *, below: int | None, limit: int) -> list[TreeHead]:
    """Heads, newest first, at most `limit`, of fewer than `below` entries."""
    query = select(TreeHead).order_by(col(TreeHead.size).desc()).limit(limit)
    return list(session.exec(query if below is None else query.where(TreeHead.size < below)))


def witnesses(session: Session, size: int) -> list[HeadWitness]:
    """Who has taken this head, in the order of taking."""
    return list(session.exec(select(HeadWitness).where(HeadWitness.size == size).order_by(col(HeadWitness.id))))


def inclusion(session: Session, *, entry_id: int, size: int | None) -> dict[str, Any]:
    """That the entry is under the head: its content, its place, and the audit path (hexadecimal)."""
    top = head(session, size)
    sealed = session.exec(select(SealedEntry).where(SealedEntry.entry_id == entry_id)).first()
    if sealed is None or sealed.position >= top.size:
        raise NotSealed(f"journal entry {entry_id} is not under the head of {top.size} entries", field="entry")
    entry = session.get_one(JournalEntry, entry_id)
    proof = merkle.inclusion_proof(sealed.position, top.size, subtree(session))
    return {
        "entry": journal.content(entry),
        "index": sealed.position,
        "size": top.size,
        "proof": [step.hex() for step in proof],
        "checkpoint": top.checkpoint,
    }


def consistency(session: Session, *, old: int, size: int | None) -> dict[str, Any]:
    """That the head of `old` entries is the beginning of the other: both checkpoints and the proof (hexadecimal)."""
    before, after = head(session, old), head(session, size)
    if before.size > after.size:
        raise NoSuchHead(f"{before.size} entries are not the beginning of {after.size}", field="old")
    proof = merkle.consistency_proof(before.size, after.size, subtree(session))
    return {"old": before.checkpoint, "new": after.checkpoint, "proof": [step.hex() for step in proof]}


def subtree(session: Session) -> merkle.Subtree:
    """How to get the hash of a complete subtree: stored, or from its leaves."""

    def hash_of(level: int, place: int) -> bytes:
        if level >= rules.STORED_LEVEL:
            return bytes.fromhex(session.get_one(TreeNode, (level, place)).hash)
        first = place << level
        query = select(SealedEntry.leaf_hash).order_by(col(SealedEntry.position))
        query = query.where(SealedEntry.position >= first, SealedEntry.position < first + (1 << level))
        return merkle.root(bytes.fromhex(one) for one in session.exec(query))

    return hash_of


def leaves(session: Session, *, size: int) -> Iterator[str]:
    """The first `size` leaf hashes in their order, hexadecimal: from these anyone recomputes the root."""
    query = select(SealedEntry.leaf_hash).where(SealedEntry.position < size).order_by(col(SealedEntry.position))
    yield from session.exec(query.execution_options(yield_per=5000))


def discrepancies(
    session: Session, *, verifier_key: str, progress: Callable[[int], None] | None = None
) -> Iterator[str]:
    """Every sealed entry recomputed from its content, every head recomputed and its signature checked.

    Yields each difference in plain words: an entry edited, deleted, inserted
    or moved, a head that does not fit, an entry that was never sealed.
    `progress` is told how many entries were read.
    """
    frontier = merkle.Frontier()
    tops = iter(session.exec(select(TreeHead).order_by(col(TreeHead.size))).all())
    due = next(tops, None)
    previous: datetime | None = None
    for row in _sealed_rows(session):
        yield from _entry_faults(row, position=frontier.size, previous=previous)
        frontier.append(bytes.fromhex(row.sealed_hash) if row.id is None else journal.hash_of_row(row))
        if progress is not None and frontier.size % 10_000 == 0:
            progress(frontier.size)
        if due is not None and frontier.size == due.size:
            yield from _head_faults(due, frontier.root(), verifier_key)
            previous, due = due.sealed_at, next(tops, None)
    if due is not None:
        yield f"the head of {due.size} entries stands, but only {frontier.size} entries are sealed"
    yield from _never_sealed(session)


def _sealed_rows(session: Session) -> Iterator[Row[Any]]:
    sealed, entry = table_of(SealedEntry), table_of(JournalEntry)
    query = (
        select_columns(sealed.c.position, sealed.c.entry_id, sealed.c.leaf_hash.label("sealed_hash"), *entry.c)
        .join_from(sealed, entry, sealed.c.entry_id == entry.c.id, isouter=True)
        .order_by(sealed.c.position)
    )
    yield from session.connection().execute(query.execution_options(yield_per=5000))


def _entry_faults(row: Row[Any], *, position: int, previous: datetime | None) -> Iterator[str]:
    if row.position != position:
        yield f"place {position} of the tree is missing: the next sealed is place {row.position}"
    if row.id is None:
        yield f"journal entry {row.entry_id}, sealed at place {row.position}, was deleted"
        return
    if journal.hash_of_row(row).hex() != row.sealed_hash:
        yield f"journal entry {row.id} ({row.action} {row.subject}) is not what was sealed at place {row.position}"
    if previous is not None and row.recorded_at < previous - rules.LATEST_ARRIVAL:
        stated = f"says it was recorded at {row.recorded_at.isoformat()}"
        yield f"journal entry {row.id} {stated}, but was not there when {previous.isoformat()} was sealed"


def _head_faults(top: TreeHead, root: bytes, verifier_key: str) -> Iterator[str]:
    if top.root != root.hex():
        yield f"the head of {top.size} entries has another root than its entries give"
    try:
        size, signed_root = verifier.open_checkpoint(top.checkpoint, verifier_key)
    except verifier.Unproven as fault:
        yield f"the head of {top.size} entries: {fault}"
    else:
        if (size, signed_root.hex()) != (top.size, top.root):
            yield f"the head of {top.size} entries is not what its checkpoint signs"


def _never_sealed(session: Session) -> Iterator[str]:
    """Entries that the sealer passed over: numbered below the highest sealed one, or older than a head allows."""
    top = latest(session)
    if top is None:
        return
    sealed = select(SealedEntry.entry_id)
    query = select(JournalEntry.id).where(col(JournalEntry.id).not_in(sealed))
    passed_over = (JournalEntry.id <= top.highest_entry) | (  # type: ignore[operator]
        col(JournalEntry.recorded_at) < top.sealed_at - rules.LATEST_ARRIVAL
    )
    for number in session.exec(query.where(passed_over)):
        yield f"journal entry {number} was passed over by the seal of {top.sealed_at.isoformat()}: inserted, or late"


def unsealed(session: Session) -> int:
    """How many entries wait to be sealed."""
    return session.exec(select(func.count()).select_from(JournalEntry)).one() - (latest_size(session))


def latest_size(session: Session) -> int:
    """How many entries the newest head covers."""
    return session.exec(select(func.coalesce(func.max(TreeHead.size), 0))).one()


def frontier_of(top: TreeHead | None) -> merkle.Frontier:
    """The frontier from which the next seal goes on."""
    if top is None:
        return merkle.Frontier()
    return merkle.Frontier(top.size, [bytes.fromhex(peak) for peak in json.loads(top.peaks)])
