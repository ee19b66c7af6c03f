"""The folder of one backup: the data, the key of the seals, and a manifest that says what was in it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from stockpile.backup.marks import Mark
from stockpile.errors import Conflict, NotFound

MANIFEST: Final = "manifest.json"
KEY: Final = "seal.pem"
PREFIX: Final = "stockpile-"
FORMAT: Final = 1


class NoBackup(NotFound):
    """There is no whole backup in that folder."""

    code = "no_backup"


class Damaged(Conflict):
    """The backup's files are not those that were written."""

    code = "backup_damaged"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: the kind of database, its revision, the rows of every table, the data file's SHA-256."""

    taken_at: datetime
    dialect: str
    revision: str
    version: str
    data: str
    digest: str
    mark: Mark


def sync(path: Path) -> None:
    """Have the file or folder on the disk before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, last of all: a folder without one is no backup."""
    content = asdict(manifest) | {"format": FORMAT, "taken_at": manifest.taken_at.isoformat()}
    path = folder / MANIFEST
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for one in (path, folder):
        sync(one)


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose data file is what was written; refuses what is not whole."""
    path = folder / MANIFEST
    if not path.is_file():
        raise NoBackup(f"{folder} holds no whole backup: there is no {MANIFEST} in it", field="folder")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise Damaged(f"{path} was written by another version of Stockpile: restore it with that one")
        tables = {name: (int(count), str(hashed)) for name, (count, hashed) in content.pop("mark")["tables"].items()}
        taken_at = datetime.fromisoformat(content.pop("taken_at"))
        manifest = Manifest(taken_at=taken_at, mark=Mark(tables), **content)
    except (ValueError, TypeError, KeyError) as failure:
        raise Damaged(f"{path} cannot be read: {failure}", field="manifest") from failure
    _check(folder, manifest)
    return manifest


def _check(folder: Path, manifest: Manifest) -> None:
    data = folder / manifest.data
    if Path(manifest.data).name != manifest.data or not data.is_file():
        raise Damaged(f"{folder} lacks the data file {manifest.data}: take another backup", file=manifest.data)
    if digest(data) != manifest.digest:
        raise Damaged(
            f"{data} is not the file that was written (its SHA-256 differs): take another backup", file=manifest.data
        )


def backups(directory: Path) -> list[Path]:
    """The whole backups in a directory, oldest first."""
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if path.name.startswith(PREFIX) and (path / MANIFEST).is_file())


def taken_at(folder: Path) -> datetime:
    """When a whole backup was taken, without looking into its data."""
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return datetime.fromisoformat(content["taken_at"])


def newest(folder: Path) -> Path:
    """The folder itself where it is a backup, else the newest backup in it; refuses where there is none."""
    if (folder / MANIFEST).is_file():
        return folder
    found = backups(folder)
    if not found:
        raise NoBackup(f"{folder} holds no whole backup", field="folder")
    return found[-1]


def prune(directory: Path, *, keep: int) -> list[str]:
    """Delete all but the newest `keep` backups; returns the names of those that went."""
    assert keep > 0, "a pruning that leaves no backup"
    old = backups(directory)[:-keep]
    for path in old:
        shutil.rmtree(path)
    return [path.name for path in old]
