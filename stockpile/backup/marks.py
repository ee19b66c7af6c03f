"""What a database holds, to the row: how a copy is compared with what it was taken from."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import MetaData, Table, inspect, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.journal import JournalEntry


@dataclass(frozen=True, slots=True)
class Mark:
    """Of every table: how many rows it has, and SHA-256 over their content in the order of the primary key."""

    tables: dict[str, tuple[int, str]]

    def rows(self, table: str) -> int:
        """How many rows of that table; 0 where there is no such table."""
        return self.tables.get(table, (0, ""))[0]


def mark(session: Session) -> Mark:
    """What the session's snapshot holds. Reads every row of every table."""
    connection = session.connection()
    metadata, names = MetaData(), inspect(connection).get_table_names()
    metadata.reflect(connection, only=names)
    return Mark({name: _of_table(session, metadata.tables[name]) for name in sorted(names)})


def _of_table(session: Session, table: Table) -> tuple[int, str]:
    keys = list(table.primary_key.columns) or list(table.columns)
    query = select(table).order_by(*keys).execution_options(yield_per=5000)
    count, digest = 0, hashlib.sha256()
    for row in session.connection().execute(query):
        count += 1
        digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return count, digest.hexdigest()


def differences(expected: Mark, found: Mark) -> list[str]:
    """Every table whose rows are not the same, in plain words."""
    told = []
    for name in sorted(expected.tables.keys() | found.tables.keys()):
        before, after = expected.tables.get(name), found.tables.get(name)
        if before is None or after is None:
            told.append(f"table {name} is only in the {'copy' if before is None else 'original'}")
        elif before[0] != after[0]:
            told.append(f"table {name} has {after[0]:,} rows, {before[0]:,} were there")
        elif before[1] != after[1]:
            told.append(f"table {name} has the same number of rows with another content")
    return told


def loaded(session: Session) -> bool:
    """Whether a region is loaded."""
    try:
        governance.region(session)
    except Refusal:
        return False
    return True


def lost(copy: Session, live: Session) -> Iterator[str]:
    """Every journal entry of the copy that the live installation has no more, or has with another content."""
    with closing(_entries(copy)) as here, closing(_entries(live)) as there:
        yield from _missing(here, there)


def _missing(here: Iterator[tuple[int, str]], there: Iterator[tuple[int, str]]) -> Iterator[str]:
    current = next(there, None)
    for number, hashed in here:
        while current is not None and current[0] < number:
            current = next(there, None)
        if current is None or current[0] != number:
            yield f"journal entry {number} is in the backup and no longer in the installation"
        elif current[1] != hashed:
            yield f"journal entry {number} is another one in the installation than in the backup"


def _entries(session: Session) -> Generator[tuple[int, str], None, None]:
    query = select_rows(JournalEntry.id, JournalEntry.leaf_hash).order_by(col(JournalEntry.id))
    with closing(session.exec(query.execution_options(yield_per=5000))) as rows:
        for number, hashed in rows:
            assert number is not None
            yield number, hashed
