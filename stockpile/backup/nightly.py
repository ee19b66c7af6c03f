"""The backup of every night, taken and proven by the job of that name."""

from __future__ import annotations

import fcntl
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from stockpile.backup import folders, operations
from stockpile.errors import Conflict, Refusal
from stockpile.jobs import nightly
from stockpile.settings import Settings

log = logging.getLogger(__name__)


class NotBackedUp(Conflict):
    """No backup of this night was taken."""

    code = "not_backed_up"


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of a night: the new backup's folder, None where there is none; what is wrong with it, or why not."""

    folder: Path | None
    fault: str = ""


def choose(settings: Settings) -> None:
    """Let the backup job of this process keep its copies where the settings say, or tell that there is no place."""

    def keep(engine: Engine, at: datetime) -> dict[str, Any]:
        kept = back_up(engine, settings, at=at)
        if kept.folder is None and kept.fault:
            raise NotBackedUp(f"no backup was taken: {kept.fault}", field="STOCKPILE_BACKUP_DIR")
        if kept.folder is None:
            return {"backup": None, "why": "the backup of this night is there already"}
        return {"backup": kept.folder.name, "proven": not kept.fault, "why": kept.fault}

    nightly.keep_backups_with(keep if settings.backup_dir is not None else None)


def back_up(engine: Engine, settings: Settings, *, at: datetime) -> Kept:
    """Back up and prove the copy, unless another process did so tonight; a failure is logged as loudly as we can."""
    directory = settings.backup_dir
    assert directory is not None, "a nightly backup without a place"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (directory / "taking.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if any(folders.taken_at(folder).date() == at.date() for folder in folders.backups(directory)):
                log.info("the backup of this night is there already")
                return Kept(None)
            return _take(engine, settings, directory, at=at)
    except (Refusal, SQLAlchemyError, OSError) as failure:
        log.critical("no backup was taken: %s", failure)
        return Kept(None, str(failure))


def _take(engine: Engine, settings: Settings, directory: Path, *, at: datetime) -> Kept:
    tools = settings.postgres_bin
    taken = operations.take(engine, directory, settings.home, at=at, keep=settings.backup_keep, tools=tools)
    try:
        checked = operations.check(engine, taken.folder, at=at, tools=tools, proof=settings.proof_address())
    except (Refusal, SQLAlchemyError, OSError) as failure:
        log.critical("the backup %s is taken and not proven: %s", taken.folder, failure)
        return Kept(taken.folder, str(failure))
    if checked.found:
        log.critical("the backup %s is not to be relied on: %s", taken.folder, checked.found[0])
        return Kept(taken.folder, checked.found[0])
    log.info("backed up and proven: %s", taken.folder)
    return Kept(taken.folder)
