"""PostgreSQL: pg_dump and pg_restore, found in the settings' folder or on the path, of one exported snapshot."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import uuid4

from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from stockpile.backup.embedded import NotEmpty
from stockpile.db import open_engine
from stockpile.errors import Conflict, Refusal

DATA: Final = "database.dump"
NOT_ALLOWED: Final = "42501"
_MAJOR: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_WALL: Final = re.compile(r"^(\d+; \d+ \d+ (?:POLICY|ROW SECURITY) )", re.MULTILINE)


class NoTool(Refusal):
    """A program of PostgreSQL that is needed is not there, or is too old for the server."""

    code = "no_postgres_tool"


class MayNotProve(Refusal):
    """The database's role may not make a scratch database."""

    code = "may_not_prove"


class ToolFailed(Conflict):
    """A program of PostgreSQL ended with an error."""

    code = "postgres_tool_failed"


def tool(name: str, *, major: int, folder: Path | None) -> str:
    """The path of a program of PostgreSQL that is at least as new as the server; refuses where there is none."""
    found = str(folder / name) if folder is not None else shutil.which(name)
    if found is None or not Path(found).is_file():
        raise NoTool(
            f"{name} is not here: install postgresql-client-{major}, or set STOCKPILE_POSTGRES_BIN to its folder"
        )
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    told = _MAJOR.search(said)
    if told is None or int(told[1]) < major:
        raise NoTool(
            f"{found} is of PostgreSQL {told[1] if told else 'unknown'}, the server of {major}: install "
            f"postgresql-client-{major}, or set STOCKPILE_POSTGRES_BIN to its folder"
        )
    return found


def major_of(session: Session) -> int:
    """The server's major version."""
    version: int = session.connection().execute(text("SELECT current_setting('server_version_num')::int")).scalar_one()
    return version // 10_000


def dump(session: Session, to: Path, *, folder: Path | None) -> None:
    """Dump the snapshot of this session, which must not end before; those who write go on meanwhile."""
    program = tool("pg_dump", major=major_of(session), folder=folder)
    snapshot: str = session.connection().execute(text("SELECT pg_export_snapshot()")).scalar_one()
    engine = session.get_bind().engine
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    flags = ("--format=custom", "--no-owner", "--no-privileges", "--enable-row-security")
    run([program, *flags, f"--snapshot={snapshot}", f"--file={to}"], engine.url)


def restore(data: Path, address: str, *, folder: Path | None) -> None:
    """Restore into an empty database in one transaction; refuses one that has tables.

    The second wall is left out, for its role may not be known there: `stockpile database harden` builds it again.
    """
    engine = open_engine(address)
    try:
        if inspect(engine).get_table_names():
            raise NotEmpty(
                "the database has tables: create an empty one (createdb), set STOCKPILE_DATABASE_URL to it and restore "
                "there; nothing that is there is overwritten"
            )
        with Session(engine) as session:
            program = tool("pg_restore", major=major_of(session), folder=folder)
    finally:
        engine.dispose()
    flags = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    with TemporaryDirectory() as made:
        chosen = Path(made) / "chosen"
        chosen.write_text(_without_wall(program, data), encoding="utf-8")
        run([program, *flags, f"--use-list={chosen}", str(data)], make_url(address))


def _without_wall(program: str, data: Path) -> str:
    """The contents of a dump as pg_restore takes them, but for row-level security."""
    done = subprocess.run([program, "--list", str(data)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolFailed(f"{data} cannot be read: {done.stderr.strip()[-1000:]}")
    return _WALL.sub(r";\1", done.stdout)


def run(command: Sequence[str], url: URL) -> None:
    """Run a program of PostgreSQL on that database; the password goes by the environment, never by the arguments."""
    for_everybody = f"{os.environ.get('PGOPTIONS', '')} -c stockpile.members=*".strip()
    environment = (
        os.environ | {"PGOPTIONS": for_everybody} | ({"PGPASSWORD": str(url.password)} if url.password else {})
    )
    target = url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    program, *rest = command
    done = subprocess.run(
        [program, f"--dbname={target}", *rest], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolFailed(f"{Path(program).name} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")


def endless(session: Session) -> None:
    """Let this transaction last as long as the copy takes."""
    for setting in ("idle_in_transaction_session_timeout", "statement_timeout"):
        session.connection().execute(text(f"SET LOCAL {setting} = 0"))


@contextmanager
def scratch(engine: Engine, *, address: str = "") -> Iterator[str]:
    """The address of a new empty database, dropped afterwards: on the same server, or on that of `address`.

    Refuses where the role may not make one; the application's hardened role may not.
    """
    name, other = f"stockpile_check_{uuid4().hex[:12]}", open_engine(address, pooled=False) if address else engine
    with other.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
        except ProgrammingError as failure:
            if getattr(failure.orig, "sqlstate", "") != NOT_ALLOWED:
                raise
            raise MayNotProve(
                f"{other.url.username} may not make a database to prove a backup in: set STOCKPILE_BACKUP_PROOF_URL to "
                "a role that may (CREATEDB), on this server or on another of its version; or run "
                "`stockpile backup check` as such a role",
                field="STOCKPILE_BACKUP_PROOF_URL",
            ) from failure
        try:
            yield other.url.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
