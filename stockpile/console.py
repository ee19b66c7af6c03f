"""What the commands of an operator share: where they print, how the database is opened, what ends a command."""

from __future__ import annotations

import sys
from typing import Final, Literal, NoReturn

from rich.console import Console
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from stockpile import migrations, solving
from stockpile.backup import nightly as backups
from stockpile.db import open_engine
from stockpile.settings import Settings

out = Console()
err = Console(stderr=True)
EXIT_DISCREPANCY: Final = 3
Part = Literal["all", "api", "screens"]
"""What of the service a process serves."""


def opened(settings: Settings) -> Engine:
    """The installation's database, at the newest revision; where it is is told on standard error."""
    err.print(f"[dim]data: {make_url(settings.address()).render_as_string(hide_password=True)}[/dim]", soft_wrap=True)
    solving.choose(settings)
    backups.choose(settings)
    engine = open_engine(settings.address())
    migrations.upgrade(engine)
    return engine


def end_with(found: list[str]) -> NoReturn:
    """Tell what is wrong and end the command."""
    for one in found[:20]:
        err.print(f"[red]discrepancy:[/red] {one}", soft_wrap=True)
    err.print(f"{len(found)} discrepancies: stop posting and restore from a backup, nothing is mended by itself")
    sys.exit(EXIT_DISCREPANCY)
