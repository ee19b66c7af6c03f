"""Sealing: a process of its own reads what was committed and signs a head over it; writers never wait for it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from stockpile import bulk, merkle
from stockpile.actor import Act
from stockpile.db import insert_once, reading, transact
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.journal import record
from stockpile.transparency.sealing import queries, rules
from stockpile.transparency.sealing.tables import HeadWitness, SealedEntry, SealGap, TreeHead, TreeNode


class NoKey(Refusal):
    """The key that signs heads cannot be read."""

    code = "no_seal_key"


def signer(home: Path, *, log: str) -> rules.Signer:
    """The installation's key for heads, made at the first use in `home`, readable by its owner alone."""
    path = home / "seal.pem"
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as failure:
        raise NoKey(f"the key {path.name} in the data folder cannot be read: {failure}", field="key") from failure
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"{path.name} is not an Ed25519 key", field="key")
    return rules.Signer(log, key)


def signer_of(session: Session, home: Path) -> rules.Signer:
    """The installation's key under the name of its region; refuses where no region is loaded."""
    return signer(home, log=f"stockpile/{governance.region(session).name}")


def _make_key(path: Path) -> None:
    """Write a new key under another name and link it, so that of two processes one wins and both read the same."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()


def seal(engine: Engine, key: rules.Signer, *, at: datetime) -> int:
    """Seal what was committed since the last head; returns how many entries the newest head covers.

    What is committed meanwhile waits for the next seal: one head, and so one
    commit, for all that came between two seals. Read and hashed on a snapshot,
    so that the writing transaction is short. Safe with any number of sealers:
    places are unique, so that of two that seal the same entries one stores its
    head and the other nothing.
    """
    while True:
        with reading(engine) as session:
            found = _found(session)
        if not found.waiting:
            return found.size
        head = _Head(found, key, at=at)
        try:
            transact(engine, head.store)
        except IntegrityError as failure:
            if not _taken(failure):
                raise
            return found.size
        if len(found.waiting) < rules.MOST_AT_ONCE:
            return head.size


def _taken(failure: IntegrityError) -> bool:
    """Whether another sealer was first: its head or its places stand already."""
    return any(name in str(failure.orig) for name in ("sealed_entry", "tree_head", "tree_node", "seal_gap"))


class _Found(NamedTuple):
    """What a snapshot shows: the last head, the gaps, and by number what waits: new entries, late ones out of gaps."""

    size: int
    highest: int
    peaks: list[bytes]
    gaps: list[tuple[int, int, datetime]]
    waiting: list[tuple[int, str]]


_NEWEST: Final = "SELECT size, highest_entry, peaks FROM tree_head ORDER BY size DESC LIMIT 1"
_NEW: Final = f"""SELECT id, leaf_hash FROM journal_entry WHERE id > coalesce((SELECT highest_entry FROM tree_head
    ORDER BY size DESC LIMIT 1), 0) ORDER BY id LIMIT {rules.MOST_AT_ONCE}"""
_GAPS: Final = "SELECT first_id, last_id, seen_at FROM seal_gap"
_LATE: Final = (
    "SELECT j.id, j.leaf_hash FROM {rows} CROSS JOIN journal_entry j WHERE j.id BETWEEN r.first_id AND r.last_id"
)


def _found(session: Session) -> _Found:
    newest, new, known = bulk.ask(session, [bulk.Question(one) for one in (_NEWEST, _NEW, _GAPS)])
    size, highest, peaks = next(iter(newest), (0, 0, "[]"))
    gaps = [(first, last, seen) for first, last, at in known if (seen := bulk.instant(at)) is not None]
    waiting = new.all()
    if gaps:
        rows = [{"first_id": first, "last_id": last} for first, last, _ in gaps]
        late = bulk.run(session, _LATE, "first_id bigint, last_id bigint", rows).all()
        waiting = sorted([*late, *waiting])[: rules.MOST_AT_ONCE]
    return _Found(size, highest, [bytes.fromhex(peak) for peak in json.loads(peaks)], gaps, waiting)


class _Head:
    """The next head, made without the database, and how it is stored."""

    def __init__(self, found: _Found, key: rules.Signer, *, at: datetime) -> None:
        self._found, self._at = found, at
        leaves = [bytes.fromhex(hashed) for _, hashed in found.waiting]
        frontier = merkle.Frontier(found.size, found.peaks)
        nodes = frontier.extend(leaves, from_level=rules.STORED_LEVEL)
        self._nodes = [(level, place, hashed.hex()) for level, place, hashed in nodes]
        self._places = [
            (place, number, leaf.hex())
            for place, ((number, _), leaf) in enumerate(zip(found.waiting, leaves, strict=True), start=found.size)
        ]
        self.size, root = frontier.size, frontier.root()
        self._row = {
            "size": self.size,
            "highest_entry": max(found.highest, found.waiting[-1][0]),
            "root": root.hex(),
            "peaks": json.dumps([peak.hex() for peak in frontier.peaks]),
            "sealed_at": at,
            "checkpoint": key.checkpoint(size=self.size, root=root, sealed_at=at),
        }

    def store(self, session: Session) -> None:
        """Write the places, the larger nodes, the gaps and the head: the places first, where two sealers meet."""
        bulk.append(session, SealedEntry, ("position", "entry_id", "leaf_hash"), self._places)
        bulk.append(session, TreeNode, ("level", "place", "hash"), self._nodes)
        gone, fresh = self._gaps()
        bulk.ask(session, [bulk.Question(_CLOSE, "first_id bigint", gone), bulk.inserting(TreeHead, [self._row])])
        bulk.insert(session, SealGap, fresh)

    def _gaps(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The gaps that are no more, too old or split by an entry that came out of them; and the new ones."""
        highest, numbers = self._found.highest, [number for number, _ in self._found.waiting]
        late = [number for number in numbers if number <= highest]
        skipped = rules.gaps(numbers[len(late) :], after=highest)
        fresh = [{"first_id": a, "last_id": b, "seen_at": self._at} for a, b in skipped]
        gone = []
        for first, last, seen_at in self._found.gaps:
            came, dead = [number for number in late if first <= number <= last], seen_at < self._at - rules.GAP_LIFE
            if came or dead:
                gone.append({"first_id": first})
            if came and not dead:
                parts = rules.gaps([*came, last + 1], after=first - 1)
                fresh += [{"first_id": a, "last_id": b, "seen_at": seen_at} for a, b in parts]
        return gone, fresh


_CLOSE: Final = "DELETE FROM seal_gap WHERE first_id IN (SELECT r.first_id FROM {rows})"


def witness(session: Session, act: Act, *, size: int, member: str) -> bool:
    """Note that a member has taken this head; returns False where it had before. Refuses an unknown head."""
    require(act.actor, "head.witness", member=member)
    queries.head(session, size)
    row = {"size": size, "member_code": member, "account_id": act.actor.id, "at": act.recorded_at}
    if insert_once(session, HeadWitness, row) is None:
        return False
    record(session, act, action="head.witness", subject=f"head:{size}", payload={"member": member})
    return True
