"""Backups at the command line: take one, restore one, and the drill that proves one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stockpile.backup import folders, operations
from stockpile.console import EXIT_DISCREPANCY, end_with, err, opened, out
from stockpile.errors import Invalid
from stockpile.jobs import schedule, watching
from stockpile.settings import Settings

backup = typer.Typer(no_args_is_help=True, help="Backups: take, list, and the drill that proves one.")


@backup.command("take")
def take(
    directory: Annotated[Path | None, typer.Argument(help="Where; else STOCKPILE_BACKUP_DIR.")] = None,
    keep: Annotated[int | None, typer.Option(help="So many stay; 0: all. Else STOCKPILE_BACKUP_KEEP.", min=0)] = None,
) -> None:
    """Back up one snapshot into a new folder, while the service goes on: exact to the operation."""
    settings, started = Settings(), time.monotonic()
    engine = opened(settings)
    taken = operations.take(
        engine,
        _directory(settings, directory),
        settings.home,
        at=datetime.now(UTC),
        keep=settings.backup_keep if keep is None else keep,
        tools=settings.postgres_bin,
    )
    mark = taken.manifest.mark
    out.print(
        f"backed up in {time.monotonic() - started:.1f} s: {mark.rows('movement'):,} movements, "
        f"{mark.rows('journal_entry'):,} journal entries in {taken.folder}",
        soft_wrap=True,
        highlight=False,
    )
    if taken.pruned:
        out.print(f"older backups that went: {', '.join(taken.pruned)}", soft_wrap=True)


@backup.command("list")
def list_backups(
    directory: Annotated[Path | None, typer.Argument(help="Where; else STOCKPILE_BACKUP_DIR.")] = None,
) -> None:
    """List the whole backups, oldest first."""
    for folder in folders.backups(_directory(Settings(), directory)):
        manifest = folders.read(folder)
        rows = f"{manifest.mark.rows('movement'):,} movements"
        typer.echo(f"{manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC  {manifest.dialect:<10}  {rows}  {folder}")


@backup.command("check")
def check(
    folder: Annotated[Path | None, typer.Argument(help="A backup or where they are (the newest is taken).")] = None,
) -> None:
    """The drill: restore into a scratch place, prove every row, balance, hash and head, compare; 3 if any is wrong."""
    settings, started = Settings(), time.monotonic()
    engine = opened(settings)
    place = _directory(settings, folder)
    done = operations.check(
        engine, place, at=datetime.now(UTC), tools=settings.postgres_bin, proof=settings.proof_address()
    )
    if done.found:
        err.print(f"{done.folder} is not to be relied on", soft_wrap=True)
        for one in done.found[:20]:
            err.print(f"[red]discrepancy:[/red] {one}", soft_wrap=True)
        raise typer.Exit(EXIT_DISCREPANCY)
    mark = done.manifest.mark
    out.print(
        f"{done.folder} holds: restored and proven in {time.monotonic() - started:.1f} s, "
        f"{mark.rows('movement'):,} movements and {mark.rows('journal_entry'):,} journal entries are those of "
        f"{done.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC; {done.entries_since:,} entries came since",
        soft_wrap=True,
        highlight=False,
    )


def restore(
    folder: Annotated[Path, typer.Argument(help="A backup, or where they are (the newest is taken).")],
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Move the data that are there aside first.")] = False,
) -> None:
    """Restore a backup as the installation's data; what is there is never overwritten. Stop the service first."""
    settings = Settings()
    from stockpile.serving import refuse_served

    refuse_served(settings.home)
    done = operations.restore(
        folders.newest(folder),
        settings.address(),
        settings.home,
        at=datetime.now(UTC),
        replace=replace,
        tools=settings.postgres_bin,
    )
    if done.different:
        end_with(done.different)
    if done.aside is not None:
        out.print(f"the data before are in {done.aside}", soft_wrap=True)
    out.print(
        f"restored: {done.manifest.mark.rows('movement'):,} movements as of {done.manifest.taken_at:%Y-%m-%d %H:%M:%S} "
        "UTC. Next: stockpile verify, then stockpile serve",
        soft_wrap=True,
        highlight=False,
    )


def watch_books(*, every: int) -> None:
    """Recompute the books as the scheduler does, stop what is wrong and say so; every so many seconds, or once (0).

    Ends with 3 at the first discrepancy: what follows is for a person.
    """
    settings = Settings()
    engine = opened(settings)
    while True:
        found = watching.watch(engine, schedule.act_of_scheduler(engine), home=settings.home)
        if found.found:
            err.print(f"stopped: {len(found.stopped)} places, see GET /api/v1/stops", soft_wrap=True)
            end_with(found.found)
        out.print(f"verified in {found.seconds:.1f} s: balances, hashes and sealed heads are right")
        if not every:
            return
        time.sleep(every)


def _directory(settings: Settings, given: Path | None) -> Path:
    found = given or settings.backup_dir
    if found is None:
        raise Invalid("say where: give a folder or set STOCKPILE_BACKUP_DIR", field="directory")
    return found
