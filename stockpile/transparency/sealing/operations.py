"""Sealing: a process of its own reads what was committed and signs a head over it; writers never wait for it."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from sqlalchemy import Engine, and_, delete, or_
from sqlalchemy import select as select_columns
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from stockpile import bulk
from stockpile.actor import Act
from stockpile.db import insert_once, reading, table_of, transact
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.journal import JournalEntry, record
from stockpile.transparency.sealing import queries, rules
from stockpile.transparency.sealing.tables import HeadWitness, SealedEntry, SealGap, TreeHead, TreeNode

MOST_GAPS = 500


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

    Safe with any number of sealers: places are unique, so that of two that
    seal the same entries one stores its head and the other nothing.
    """
    while True:
        with reading(engine) as session:
            waiting, size = _waiting(session)[1], queries.latest_size(session)
        if not waiting:
            return size
        try:
            transact(engine, lambda session: _seal_once(session, key, at=at))
        except IntegrityError as failure:
            if not _taken(failure):
                raise
            return size


def _taken(failure: IntegrityError) -> bool:
    """Whether another sealer was first: its head or its places stand already."""
    return any(name in str(failure.orig) for name in ("sealed_entry", "tree_head", "tree_node", "seal_gap"))


def _waiting(session: Session) -> tuple[TreeHead | None, list[tuple[int, str]]]:
    """The last head, and what was committed since, by number: new entries and late ones out of gaps."""
    top = queries.latest(session)
    highest = 0 if top is None else top.highest_entry
    entry, gap = table_of(JournalEntry).c, table_of(SealGap).c
    skipped = session.connection().execute(select_columns(gap.first_id, gap.last_id).limit(MOST_GAPS)).all()
    chosen = [entry.id > highest, *(and_(entry.id >= first, entry.id <= last) for first, last in skipped)]
    query = select_columns(entry.id, entry.leaf_hash).where(or_(*chosen)).order_by(entry.id)
    found = session.connection().execute(query.limit(rules.MOST_AT_ONCE)).all()
    return top, [(int(number), str(hashed)) for number, hashed in found]


def _seal_once(session: Session, key: rules.Signer, *, at: datetime) -> None:
    top, waiting = _waiting(session)
    if not waiting:
        return
    highest = 0 if top is None else top.highest_entry
    frontier = queries.frontier_of(top)
    sealed: list[dict[str, Any]] = []
    nodes: list[dict[str, Any]] = []
    for number, leaf_hash in waiting:
        sealed.append({"position": frontier.size, "entry_id": number, "leaf_hash": leaf_hash})
        completed = frontier.append(bytes.fromhex(leaf_hash))
        nodes += [
            {"level": level, "place": place, "hash": hashed.hex()}
            for level, place, hashed in completed
            if level >= rules.STORED_LEVEL
        ]
    bulk.insert(session, SealedEntry, sealed)
    bulk.insert(session, TreeNode, nodes)
    _mark_gaps(session, [number for number, _ in waiting], highest=highest, at=at)
    session.add(
        TreeHead(
            size=frontier.size,
            highest_entry=max(highest, waiting[-1][0]),
            root=frontier.root().hex(),
            peaks=json.dumps([peak.hex() for peak in frontier.peaks]),
            sealed_at=at,
            checkpoint=key.checkpoint(size=frontier.size, root=frontier.root(), sealed_at=at),
        )
    )


def _mark_gaps(session: Session, sealed: list[int], *, highest: int, at: datetime) -> None:
    """Remember the numbers skipped now; split the gaps out of which an entry came; forget the dead ones."""
    table = table_of(SealGap)
    fresh = [{"first_id": a, "last_id": b, "seen_at": at} for a, b in _fresh(sealed, highest)]
    late = [number for number in sealed if number <= highest]
    for first, last, seen_at in session.connection().execute(select_columns(*table.c)).all():
        came = [number for number in late if first <= number <= last]
        if came:
            session.connection().execute(delete(table).where(table.c.first_id == first))
            parts = rules.gaps([*came, last + 1], after=first - 1)
            fresh += [{"first_id": a, "last_id": b, "seen_at": seen_at} for a, b in parts]
    bulk.insert(session, SealGap, fresh)
    session.connection().execute(delete(table).where(table.c.seen_at < at - rules.GAP_LIFE))


def _fresh(sealed: list[int], highest: int) -> list[tuple[int, int]]:
    return rules.gaps([number for number in sealed if number > highest], after=highest)


def witness(session: Session, act: Act, *, size: int, member: str) -> bool:
    """Note that a member has taken this head; returns False where it had before. Refuses an unknown head."""
    require(act.actor, "head.witness", member=member)
    queries.head(session, size)
    row = {"size": size, "member_code": member, "account_id": act.actor.id, "at": act.recorded_at}
    if insert_once(session, HeadWitness, row) is None:
        return False
    record(session, act, action="head.witness", subject=f"head:{size}", payload={"member": member})
    return True
