"""Heads, proofs, and the verification of the whole journal against its heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile import journal, merkle
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
    or moved, a head that does not fit, an entry that was never sealed. Entries
    that wait for a seal are held against the hash that they carry.
    `progress` is told how many entries were read.
    """
    frontier, earliest, position, run = merkle.Frontier(), "", 0, list[bytes]()
    tops = iter(session.exec(select(TreeHead).order_by(col(TreeHead.size))).all())
    due = next(tops, None)
    for row in _rows(session, _SEALED):
        hashed = bytes.fromhex(row.sealed_hash) if row.id is None else journal.hash_of_row(row)
        yield from _entry_faults(row, hashed.hex(), position=position, earliest=earliest)
        run.append(hashed)
        position += 1
        if progress is not None and position % 10_000 == 0:
            progress(position)
        if due is not None and position == due.size:
            frontier.extend(run, from_level=_NONE)
            run.clear()
            yield from _head_faults(due, frontier.root(), verifier_key)
            earliest, due = (due.sealed_at - rules.LATEST_ARRIVAL).isoformat(), next(tops, None)
    if due is not None:
        yield f"the head of {due.size} entries stands, but only {position} entries are sealed"
    yield from _unsealed_faults(session)


_NONE: Final = 64
"""No subtree is so large: whoever verifies keeps none."""

_INSTANT: Final = {
    "postgresql": """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""",
    "sqlite": "replace({0}, ' ', 'T') || '+00:00'",
}
"""An instant as text, in the database's own words: to parse a million of them takes longer than all the hashing."""


class _Sealed(NamedTuple):
    """A place of the tree with the entry that was sealed there; the entry's columns are None where it is gone.

    Of an entry that is in no place yet: the hash that it carries, and -1 for the place.
    """

    position: int
    entry_id: int
    sealed_hash: str
    id: int | None
    recorded_at: str
    effective_at: str
    actor_id: int
    actor_name: str
    action: str
    subject: str
    reason: str
    payload: str


_COLUMNS: Final = "{recorded_at}, {effective_at}, j.actor_id, j.actor_name, j.action, j.subject, j.reason, j.payload"
_SEALED: Final = f"""SELECT s.position, s.entry_id, s.leaf_hash, j.id, {_COLUMNS}
    FROM sealed_entry s LEFT JOIN journal_entry j ON j.id = s.entry_id ORDER BY s.position"""
_WAITING: Final = f"""SELECT -1, j.id, j.leaf_hash, j.id, {_COLUMNS} FROM journal_entry j
    WHERE NOT EXISTS (SELECT 1 FROM sealed_entry s WHERE s.entry_id = j.id) ORDER BY j.id"""


def _rows(session: Session, query: str) -> Iterator[_Sealed]:
    instant = _INSTANT[session.get_bind().dialect.name]
    told = {name: instant.format(f"j.{name}") for name in ("recorded_at", "effective_at")}
    found = session.connection().execution_options(yield_per=5000).exec_driver_sql(query.format(**told))
    for row in found:
        one = _Sealed(*row)
        if one.id is not None and (".000000" in one.recorded_at or ".000000" in one.effective_at):
            one = one._replace(recorded_at=_short(one.recorded_at), effective_at=_short(one.effective_at))
        yield one


def _short(instant: str) -> str:
    return instant.replace(".000000", "")


def _entry_faults(row: _Sealed, hashed: str, *, position: int, earliest: str) -> Iterator[str]:
    if row.position != position:
        yield f"place {position} of the tree is missing: the next sealed is place {row.position}"
    if row.id is None:
        yield f"journal entry {row.entry_id}, sealed at place {row.position}, was deleted"
        return
    if hashed != row.sealed_hash:
        yield f"journal entry {row.id} ({row.action} {row.subject}) is not what was sealed at place {row.position}"
    if row.recorded_at < earliest:
        yield f"journal entry {row.id} says it was recorded at {row.recorded_at}, but an earlier head has it not"


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


def _unsealed_faults(session: Session) -> Iterator[str]:
    """Entries in no place of the tree: edited since they were written, or passed over by the sealer.

    Passed over are those numbered below the highest sealed one, and those older than a head allows.
    """
    top = latest(session)
    earliest = "" if top is None else (top.sealed_at - rules.LATEST_ARRIVAL).isoformat()
    for row in _rows(session, _WAITING):
        if journal.hash_of_row(row).hex() != row.sealed_hash:
            yield (
                f"journal entry {row.id} ({row.action} {row.subject}), which waits for a seal, is not what was written:"
                " its content does not match its hash"
            )
        if top is not None and (row.entry_id <= top.highest_entry or row.recorded_at < earliest):
            yield (
                f"journal entry {row.id} was passed over by the seal of {top.sealed_at.isoformat()}: inserted, or late"
            )


def unsealed(session: Session) -> int:
    """How many entries wait to be sealed."""
    return session.exec(select(func.count()).select_from(JournalEntry)).one() - (latest_size(session))


def latest_size(session: Session) -> int:
    """How many entries the newest head covers."""
    return session.exec(select(func.coalesce(func.max(TreeHead.size), 0))).one()
