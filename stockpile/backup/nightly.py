"""The backup of every night, taken and proven by the running service."""

from __future__ import annotations

import fcntl
import logging
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from stockpile.backup import folders, operations
from stockpile.errors import Refusal
from stockpile.settings import Settings

log = logging.getLogger(__name__)


def back_up(engine: Engine, settings: Settings, *, at: datetime) -> Path | None:
    """Back up and prove the copy, unless another process did so tonight; a failure is logged as loudly as we can.

    Returns the new backup's folder, or None where nothing was taken.
    """
    directory = settings.backup_dir
    assert directory is not None, "a nightly backup without a place"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (directory / "taking.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if any(folders.taken_at(folder).date() == at.date() for folder in folders.backups(directory)):
            log.info("the backup of this night is there already")
            return None
        try:
            return _take(engine, settings, directory, at=at)
        except (Refusal, SQLAlchemyError, OSError) as failure:
            log.critical("no backup was taken: %s", failure)
            return None


def _take(engine: Engine, settings: Settings, directory: Path, *, at: datetime) -> Path:
    tools = settings.postgres_bin
    taken = operations.take(engine, directory, settings.home, at=at, keep=settings.backup_keep, tools=tools)
    checked = operations.check(engine, taken.folder, at=at, tools=tools)
    if checked.found:
        log.critical("the backup %s is not to be relied on: %s", taken.folder, checked.found[0])
    else:
        log.info("backed up and proven: %s", taken.folder)
    return taken.folder
