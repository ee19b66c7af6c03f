"""Many rows in one statement, with the same meaning on SQLite and PostgreSQL.

The rows travel as one JSON parameter, so that the statement is the same text
for one row and for a thousand: the server plans it once and answers once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import CursorResult, Date, DateTime
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Dialect
from sqlmodel import Session, SQLModel

from stockpile.db import table_of

LARGEST: Final = 5000
"""Rows that travel in one statement."""
COPIED_FROM: Final = 500
"""So many rows on, PostgreSQL takes them by COPY, where nothing is asked of it in return."""

Rows = Sequence[dict[str, Any]]
_DIALECTS: Final[dict[str, Dialect]] = {kind: registry.load(kind)() for kind in ("postgresql", "sqlite")}


def run(session: Session, statement: str, columns: str, rows: Rows, **given: Any) -> CursorResult[Any]:
    """Run a statement over the rows, which it names `{rows}` and reads as `r`; `{lock}` locks `b` until the end.

    `columns` are the names and types that it reads, as in "id bigint, key text".
    """
    dialect = session.get_bind().dialect
    text = _text(statement, columns, dialect.name)
    return session.connection().exec_driver_sql(text, {"rows": json.dumps(rows), **given})


def insert(
    session: Session,
    model: type[SQLModel],
    rows: Rows,
    *,
    give: Sequence[str] = (),
    skip_taken: bool = False,
    told: Callable[[int], None] | None = None,
) -> list[tuple[Any, ...]]:
    """Insert the rows in the order given; returns the columns `give` of what was inserted.

    All rows name the same columns. `skip_taken` leaves out rows whose unique
    key is there; a concurrent insert of the same key is waited for. `told` is
    called with the number of rows done so far.
    """
    copied = len(rows) >= COPIED_FROM and not give and not skip_taken
    if copied and session.get_bind().dialect.name == "postgresql":
        _copy(session, model, rows, told)
        return []
    given: list[tuple[Any, ...]] = []
    for start in range(0, len(rows), LARGEST):
        given += _insert(session, model, rows[start : start + LARGEST], give, skip_taken)
        if told is not None:
            told(min(start + LARGEST, len(rows)))
    return given


def _copy(session: Session, model: type[SQLModel], rows: Rows, told: Callable[[int], None] | None) -> None:
    """Insert by COPY, which checks the same constraints; the server works on each block while the next is written."""
    connection: Any = session.connection().connection.driver_connection
    names = tuple(rows[0])
    statement = f"COPY {table_of(model).name} ({', '.join(names)}) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(statement) as to:
        for start in range(0, len(rows), COPIED_FROM):
            block = _storable(model, names, "postgresql", rows[start : start + COPIED_FROM])
            to.write("".join([_line(map(row.get, names)) for row in block]))
            if told is not None:
                told(min(start + COPIED_FROM, len(rows)))


def _line(values: Iterable[Any]) -> str:
    """A row in COPY's text form."""
    told = ["\\N" if one is None else str(one) if type(one) is int else _field(one) for one in values]
    return "\t".join(told) + "\n"


def _field(value: object) -> str:
    """Text or a truth value as COPY reads it."""
    text = str(value)
    return text if text.isalnum() else text.translate(_ESCAPED)


_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def _insert(
    session: Session, model: type[SQLModel], rows: Rows, give: Sequence[str], skip_taken: bool
) -> list[tuple[Any, ...]]:
    kind, names = session.get_bind().dialect.name, tuple(rows[0])
    rows = _storable(model, names, kind, rows)
    result = run(session, *_insertion(model, names, tuple(give), skip_taken, kind), rows)
    return [tuple(row) for row in result] if give else []


def _storable(model: type[SQLModel], names: tuple[str, ...], kind: str, rows: Rows) -> Rows:
    """The rows with instants and days as this database writes them."""
    written = _written(model, names, kind)
    return [row | {name: write(row[name]) for name, write in written.items()} for row in rows] if written else rows


@functools.cache
def _insertion(
    model: type[SQLModel], names: tuple[str, ...], give: tuple[str, ...], skip_taken: bool, kind: str
) -> tuple[str, str]:
    """The statement that inserts these columns, and the columns with their types."""
    table = table_of(model)
    listed = ", ".join(names)
    taken = " ON CONFLICT DO NOTHING" if skip_taken else ""
    giving = f" RETURNING {', '.join(give)}" if give else ""
    statement = f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {{rows}} WHERE true{taken}{giving}"
    return statement, ", ".join(f"{name} {table.c[name].type.compile(_DIALECTS[kind])}" for name in names)


def written(session: Session, model: type[SQLModel], name: str, value: Any) -> str | None:
    """An instant or day as `run` wants it in a row for this column of the model."""
    return _written(model, (name,), session.get_bind().dialect.name)[name](value)


def instant(value: datetime | str | None) -> datetime | None:
    """An instant as `run` gives it back, UTC: this database's own driver tells it as a datetime or as text."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


@functools.cache
def _written(model: type[SQLModel], names: tuple[str, ...], kind: str) -> dict[str, Callable[[Any], str | None]]:
    """How instants and days are written for this database; JSON knows the other kinds of value."""
    types = {name: table_of(model).c[name].type for name in names}
    return {
        name: functools.partial(_write, one.dialect_impl(_DIALECTS[kind]).bind_processor(_DIALECTS[kind]))
        for name, one in types.items()
        if isinstance(getattr(one, "impl_instance", one), Date | DateTime)
    }


def _write(process: Callable[[Any], Any] | None, value: Any) -> str | None:
    """The value as text; None stays None."""
    found = process(value) if process else value
    return found if found is None or isinstance(found, str) else str(found.isoformat())


@functools.cache
def _text(statement: str, columns: str, kind: str) -> str:
    """The statement as this database says it."""
    if kind == "postgresql":
        source = f"json_to_recordset(%(rows)s::json) AS r ({columns})"
        return statement.format(rows=source, lock="FOR NO KEY UPDATE OF b")
    names = [column.split()[0] for column in columns.split(",")]
    fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return statement.format(rows=f"(SELECT {fields} FROM json_each(:rows)) AS r", lock="")
