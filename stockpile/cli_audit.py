"""The sealed journal at the command line: seal, verify, hand out heads."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from stockpile.console import end_with, err, opened, out
from stockpile.db import reading
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed
from stockpile.transparency.sealing import verifier

audit = typer.Typer(no_args_is_help=True, help="The sealed journal: seal, verify, hand out heads.")


@audit.command("seal")
def seal() -> None:
    """Seal what is not sealed yet; a running server does this by itself every second."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session:
        signer = sealing.signer_of(session, settings.home)
    size = sealing.seal(engine, signer, at=datetime.now(UTC))
    out.print(f"sealed: the newest head covers {size:,} entries")


@audit.command("verify")
def verify_journal() -> None:
    """Recompute the sealed journal from its entries and check every head; exits with 3 and what is wrong."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session, Progress(console=err, transient=True) as progress:
        key = sealing.signer_of(session, settings.home).verifier_key
        size = sealed.latest_size(session)
        task = progress.add_task("recomputing the sealed journal", total=size)
        found = list(
            sealed.discrepancies(session, verifier_key=key, progress=lambda n: progress.update(task, completed=n))
        )
        waiting = sealed.unsealed(session)
    if found:
        end_with(found)
    out.print(f"verified: {size:,} sealed entries are what they were, every head is right; {waiting:,} wait for a seal")


@audit.command("head")
def hand_out(
    folder: Annotated[Path, typer.Option("--out", help="Folder for the checkpoint, the key and the verifier.")],
) -> None:
    """Write the newest signed head, the key and the stand-alone verifier: what a member keeps out of our hands."""
    settings, engine = Settings(), opened(Settings())
    with reading(engine) as session:
        key, top = sealing.signer_of(session, settings.home).verifier_key, sealed.head(session, None)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"checkpoint-{top.size}.txt").write_text(top.checkpoint, encoding="utf-8")
    (folder / "key.txt").write_text(key + "\n", encoding="utf-8")
    (folder / "verifier.py").write_bytes(Path(verifier.__file__).read_bytes())
    out.print(f"in {folder}: python verifier.py key.txt checkpoint checkpoint-{top.size}.txt", soft_wrap=True)
