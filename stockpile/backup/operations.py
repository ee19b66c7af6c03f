"""Taking a backup, restoring one, and the drill: restoring the newest one beside the installation and proving it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, text
from sqlmodel import Session

from stockpile import __version__, migrations
from stockpile.backup import embedded, folders, marks, server
from stockpile.backup.folders import Manifest
from stockpile.db import open_engine, reading
from stockpile.errors import Conflict, Invalid
from stockpile.jobs import watching


class Inexact(Conflict):
    """What was copied is not what was there; nothing is kept."""

    code = "backup_inexact"


@dataclass(frozen=True, slots=True)
class Taken:
    """A backup that was taken, and the older ones that went for it."""

    folder: Path
    manifest: Manifest
    pruned: list[str]


def take(
    engine: Engine, directory: Path, home: Path, *, at: datetime, keep: int = 0, tools: Path | None = None
) -> Taken:
    """Back up one snapshot of the database into a new folder of `directory`, while others go on writing.

    The copy is exact to the operation: the same snapshot is counted and hashed
    row by row, and a restored copy is compared with that. `keep` > 0: so many
    backups stay, older ones go. The folder holds the key of the seals and the
    hashes of passwords: it is as secret as the installation.
    """
    name = f"{folders.PREFIX}{at:%Y%m%dT%H%M%S%fZ}"
    draft, folder = directory / f".{name}", directory / name
    draft.mkdir(mode=0o700, parents=True)
    try:
        manifest = _copy(engine, draft, at=at, tools=tools)
        if (home / folders.KEY).is_file():
            _copy_key(home, draft)
        folders.write(draft, manifest)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    draft.rename(folder)
    folders.sync(directory)
    return Taken(folder, manifest, folders.prune(directory, keep=keep) if keep else [])


def _copy(engine: Engine, folder: Path, *, at: datetime, tools: Path | None) -> Manifest:
    dialect = engine.dialect.name
    data = embedded.DATA if dialect == "sqlite" else server.DATA
    with reading(engine) as session:
        if dialect == "sqlite":
            found = marks.mark(session)
            embedded.copy(session, folder / data)
        else:
            server.endless(session)
            server.dump(session, folder / data, folder=tools)
            found = marks.mark(session)
        revision: str = session.connection().execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    if dialect == "sqlite":
        _compare(found, folder / data)
    return Manifest(at, dialect, revision, __version__, data, folders.digest(folder / data), found)


def _compare(expected: marks.Mark, copy: Path) -> None:
    """Refuse a copy that is not what was read; looking at it leaves no log beside it."""
    engine = open_engine(f"sqlite:///{copy}")
    with reading(engine) as session:
        different = marks.differences(expected, marks.mark(session))
    with engine.connect() as connection:
        connection.rollback()
        connection.connection.driver_connection.execute("PRAGMA journal_mode=DELETE")  # type: ignore[union-attr]
    engine.dispose()
    if different:
        raise Inexact(f"the copy is not what was there: {'; '.join(different)}")


def _copy_key(source: Path, target: Path) -> None:
    handle = os.open(target / folders.KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write((source / folders.KEY).read_bytes())


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored: what it was, where the data before it went, and what differs from it (nothing)."""

    manifest: Manifest
    aside: Path | None
    different: list[str]


def restore(
    folder: Path, address: str, home: Path, *, at: datetime, replace: bool = False, tools: Path | None = None
) -> Restored:
    """Restore a backup into the database at `address`, with the key of the seals into `home` where none is.

    Never overwrites: an embedded database is moved aside when it may be replaced, a server's must be empty.
    The restored rows are compared with the manifest before anything else touches them.
    """
    manifest = folders.read(folder)
    kind = "sqlite" if address.startswith("sqlite") else "postgresql"
    if manifest.dialect != kind:
        raise Invalid(f"this is a backup of {manifest.dialect}, the settings name {kind}", field="folder")
    aside = None
    if kind == "sqlite":
        aside = embedded.restore(folder / manifest.data, address, at=at, replace=replace)
    else:
        server.restore(folder / manifest.data, address, folder=tools)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if (folder / folders.KEY).is_file() and not (home / folders.KEY).exists():
        _copy_key(folder, home)
    engine = open_engine(address)
    with reading(engine) as session:
        different = marks.differences(manifest.mark, marks.mark(session))
    engine.dispose()
    return Restored(manifest, aside, different)


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a drill: the backup, what was found wrong (nothing), and what was posted since it was taken."""

    folder: Path
    manifest: Manifest
    found: list[str]
    entries_since: int


def check(engine: Engine, folder: Path, *, at: datetime, tools: Path | None = None, proof: str = "") -> Checked:
    """Restore a backup into a scratch place, prove it there, and compare it with the installation.

    Compared are every row with the manifest, ledger, journal and sealed heads
    with themselves, and every journal entry with that of the installation: an
    entry that the installation has lost or changed since is named. `proof`: the
    address of a server, and of a role there, to make the scratch database with.
    """
    folder = folders.newest(folder)
    manifest = folders.read(folder)
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="stockpile-check-")))
        address = stack.enter_context(_scratch(engine, manifest, home, proof))
        restored = restore(folder, address, home, at=at, tools=tools)
        copy = open_engine(address)
        stack.callback(copy.dispose)
        migrations.upgrade(copy)
        with reading(copy) as there, reading(engine) as live:
            found = [*restored.different, *_wrong(there, home), *marks.lost(there, live)]
            since = _entries(live) - _entries(there)
    return Checked(folder, manifest, found, since)


@contextmanager
def _scratch(engine: Engine, manifest: Manifest, home: Path, proof: str) -> Iterator[str]:
    if manifest.dialect == "sqlite":
        yield f"sqlite:///{home / 'stockpile.db'}"
    elif engine.dialect.name == "postgresql":
        with server.scratch(engine, address=proof) as address:
            yield address
    else:
        raise Invalid("this is a backup of postgresql: check it where STOCKPILE_DATABASE_URL names a server")


def _wrong(session: Session, home: Path) -> list[str]:
    return watching.faults(session, home) if marks.loaded(session) else []


def _entries(session: Session) -> int:
    count: int = session.connection().execute(text("SELECT count(*) FROM journal_entry")).scalar_one()
    return count
