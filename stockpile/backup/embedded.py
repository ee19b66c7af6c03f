"""SQLite: the online backup of the engine itself, of the very snapshot that a session reads."""

from __future__ import annotations

import os
import sqlite3
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlmodel import Session

from stockpile.backup.folders import sync
from stockpile.errors import Conflict

DATA = "database.db"


class NotEmpty(Conflict):
    """There are data where the backup would go."""

    code = "not_empty"


def copy(session: Session, to: Path) -> None:
    """Copy the snapshot of this session; those who write go on meanwhile."""
    source = session.connection().connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    handle = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    target = sqlite3.connect(to)
    try:
        source.backup(target)
    finally:
        target.close()
    sync(to)


def restore(data: Path, address: str, *, at: datetime, replace: bool) -> Path | None:
    """Put the copy in its place, whole or not at all; what was there is moved aside and its new path returned.

    Refuses where there are data, unless they are to be replaced. Nobody may be serving them.
    """
    database = make_url(address).database
    assert database, "an embedded database without a file"
    place = Path(database)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if place.exists() and not replace:
        raise NotEmpty(f"{place} holds data: give --replace to move them aside", path=str(place))
    draft = place.with_name(f"{place.name}.restoring")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with data.open("rb") as source, os.fdopen(handle, "wb") as target:
        while block := source.read(1 << 20):
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    aside = _aside(place, at)
    draft.rename(place)
    sync(place.parent)
    return aside


def _aside(place: Path, at: datetime) -> Path | None:
    """Move the database away with the log of what is committed and not yet in its file: neither is whole alone."""
    if not place.exists():
        return None
    aside = place.with_name(f"{place.name}.before-{at:%Y%m%dT%H%M%SZ}")
    for suffix in ("-wal", "-shm", ""):
        part = place.with_name(place.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside
