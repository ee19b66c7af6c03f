"""Many rows in one statement, and many statements in one round trip, with the same meaning on SQLite and PostgreSQL.

The rows travel as one JSON parameter, so that the statement is the same text
for one row and for a thousand: the server plans it once and answers once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import psycopg
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from stockpile.db import table_of

LARGEST: Final = 5000
"""Rows that travel in one statement."""
COPIED_FROM: Final = 500
"""So many rows on, PostgreSQL takes them by COPY, where nothing is asked of it in return."""

Rows = Sequence[dict[str, Any]]
_DIALECTS: Final[dict[str, Dialect]] = {kind: registry.load(kind)() for kind in ("postgresql", "sqlite")}
_WAITING: Final = "stockpile_waiting"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement over rows, which it names `{rows}` and reads as `r`; `{lock}` locks `b` until the end.

    `columns` are the names and types that it reads, as in "id bigint, key text".
    A statement that reads columns is not run over no rows at all: it would give
    nothing. `changes`: so many rows must it change, or we are wrong.
    """

    statement: str
    columns: str = ""
    rows: Rows = ()
    changes: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that a statement gave, or how many it changed."""

    rows: list[tuple[Any, ...]]
    rowcount: int

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """The rows, one by one."""
        return iter(self.rows)

    def all(self) -> list[tuple[Any, ...]]:
        """The rows."""
        return self.rows


def run(session: Session, statement: str, columns: str, rows: Rows) -> Answer:
    """Run one statement over the rows; see `Question`."""
    return ask(session, [Question(statement, columns, rows)])[0]


def ask(session: Session, questions: Sequence[Question]) -> list[Answer]:
    """Run the statements, one after the other in one round trip, after those that wait."""
    waiting: list[Question] = session.info.get(_WAITING, [])
    asked, before = [*waiting, *questions], len(waiting)
    waiting.clear()
    return _sent(session.connection(), asked)[before:]


def tell(session: Session, question: Question) -> None:
    """Run a statement whose answer nobody needs: at once, or inside `together` before the next that is asked."""
    if _WAITING in session.info:
        session.info[_WAITING].append(question)
    else:
        ask(session, [question])


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Inside, statements of `tell` wait for the next one that is asked something, and go with it in one round trip.

    They go before any other statement of the session too: nobody who reads here sees less than what was told.
    """
    assert _WAITING not in session.info, "together inside together"
    waiting: list[Question] = []
    session.info[_WAITING] = waiting
    connection = session.connection()

    def first(*_: Any) -> None:
        if waiting:
            asked = waiting.copy()
            waiting.clear()
            _sent(connection, asked)

    event.listen(connection, "before_cursor_execute", first)
    try:
        yield
        first()
    finally:
        event.remove(connection, "before_cursor_execute", first)
        del session.info[_WAITING]


def look_up(session: Session) -> None:
    """Find rows by index until the transaction ends: tables grow faster than the statistics the server plans by.

    Else PostgreSQL joins a thousand rows by reading a whole table, and goes on so when it has become a large one.
    """
    if session.get_bind().dialect.name == "postgresql":
        tell(session, Question(_LOOK_UP))


_LOOK_UP: Final = "SELECT " + ", ".join(
    f"set_config('enable_{way}', 'off', true)" for way in ("seqscan", "hashjoin", "mergejoin")
)


def _sent(connection: Connection, asked: Sequence[Question]) -> list[Answer]:
    """The answers to all that is asked, in order; what has nothing to read is not sent."""
    kind = connection.dialect.name
    sent = [one for one in asked if one.rows or not one.columns]
    prepared = [(_text(one.statement, one.columns, kind), {"rows": _ENCODE[kind](one.rows)}) for one in sent]
    given = iter(_together(connection, prepared) if kind == "postgresql" else _in_turn(connection, prepared))
    answers = [next(given) if one.rows or not one.columns else _NOTHING for one in asked]
    for question, answer in zip(asked, answers, strict=True):
        assert question.changes in (None, answer.rowcount), f"{answer.rowcount} rows: {question.statement}"
    return answers


_NOTHING: Final = Answer([], 0)


def _in_turn(connection: Connection, prepared: Sequence[tuple[str, dict[str, Any]]]) -> list[Answer]:
    answers = []
    for text, given in prepared:
        result = connection.exec_driver_sql(text, given)
        answers.append(Answer([tuple(row) for row in result] if result.returns_rows else [], result.rowcount))
    return answers


def _together(connection: Connection, prepared: Sequence[tuple[str, dict[str, Any]]]) -> list[Answer]:
    """In one round trip of PostgreSQL; failures are those that SQLAlchemy would raise."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    if not prepared:
        return []
    try:
        if len(prepared) == 1:
            cursors = [raw.execute(*prepared[0])]
        else:
            with raw.pipeline():
                cursors = [raw.execute(text, given) for text, given in prepared]
        return [Answer(one.fetchall() if one.description else [], one.rowcount) for one in cursors]
    except psycopg.Error as failure:
        raise _told(connection, "; ".join(text for text, _ in prepared), failure) from failure


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
        question = inserting(model, rows[start : start + LARGEST], give=give, skip_taken=skip_taken)
        if give:
            given += ask(session, [question])[0]
        else:
            tell(session, question)
        if told is not None:
            told(min(start + LARGEST, len(rows)))
    return given


def append(
    session: Session, model: type[SQLModel], names: Sequence[str], rows: Sequence[tuple[int | str, ...]]
) -> None:
    """Insert many rows of whole numbers and of text without white space or backslashes, in the order given.

    The cheapest way that there is: COPY in PostgreSQL, one prepared statement in SQLite.
    """
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        shape = "\t".join(["%s"] * len(names)) + "\n"
        _written(session, model, names, ("".join([shape % row for row in rows]),))
        return
    ask(session, [])
    statement = f"INSERT INTO {table_of(model).name} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    session.connection().exec_driver_sql(statement, list(rows))


def _copy(session: Session, model: type[SQLModel], rows: Rows, told: Callable[[int], None] | None) -> None:
    """Insert by COPY, which checks the same constraints; the server works on each block while the next is written."""
    names = tuple(rows[0])

    def blocks() -> Iterator[str]:
        for start in range(0, len(rows), COPIED_FROM):
            yield "".join([_line(map(row.get, names)) for row in rows[start : start + COPIED_FROM]])
            if told is not None:
                told(min(start + COPIED_FROM, len(rows)))

    _written(session, model, names, blocks())


def _written(session: Session, model: type[SQLModel], names: Sequence[str], blocks: Iterable[str]) -> None:
    """Write blocks of COPY's text form; failures are those that SQLAlchemy would raise."""
    ask(session, [])
    connection = session.connection()
    raw: Any = connection.connection.driver_connection
    statement = f"COPY {table_of(model).name} ({', '.join(names)}) FROM STDIN"
    try:
        with raw.cursor() as cursor, cursor.copy(statement) as to:
            for block in blocks:
                to.write(block)
    except psycopg.Error as failure:
        raise _told(connection, statement, failure) from failure


def _told(connection: Connection, statement: str, failure: psycopg.Error) -> BaseException:
    """The failure as SQLAlchemy would raise it; a connection that is gone is not used again."""
    raw: Any = connection.connection.driver_connection
    if raw.closed:
        connection.invalidate(failure)
    return DBAPIError.instance(statement, None, failure, psycopg.Error, dialect=connection.dialect)


def _line(values: Iterable[Any]) -> str:
    """A row in COPY's text form."""
    told = ["\\N" if one is None else str(one) if type(one) is int else _field(one) for one in values]
    return "\t".join(told) + "\n"


@functools.lru_cache(maxsize=4096, typed=True)
def _field(value: object) -> str:
    """Text, an instant, a day or a truth value as COPY reads it; the same ones come again and again."""
    text = value if isinstance(value, str) else _iso(value) if isinstance(value, date) else str(value)
    return text if text.isalnum() else text.translate(_ESCAPED)


_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def inserting(model: type[SQLModel], rows: Rows, *, give: Sequence[str] = (), skip_taken: bool = False) -> Question:
    """The statement of `insert`, for at most LARGEST rows and at least one."""
    statement, columns = _insertion(model, tuple(rows[0]), tuple(give), skip_taken)
    return Question(statement, columns, rows, None if skip_taken else len(rows))


@functools.cache
def _insertion(
    model: type[SQLModel], names: tuple[str, ...], give: tuple[str, ...], skip_taken: bool
) -> tuple[str, str]:
    """The statement that inserts these columns, and the columns with their types."""
    table = table_of(model)
    listed = ", ".join(names)
    taken = " ON CONFLICT DO NOTHING" if skip_taken else ""
    giving = f" RETURNING {', '.join(give)}" if give else ""
    statement = f"INSERT INTO {table.name} ({listed}) SELECT {listed} FROM {{rows}} WHERE true{taken}{giving}"
    return statement, ", ".join(f"{name} {table.c[name].type.compile(_DIALECTS['postgresql'])}" for name in names)


@functools.cache
def _text(statement: str, columns: str, kind: str) -> str:
    """The statement as this database says it."""
    if kind == "postgresql":
        source = f"json_to_recordset(%(rows)s::json) AS r ({columns})"
        return statement.format(rows=source, lock="FOR NO KEY UPDATE OF b")
    names = [column.split()[0] for column in columns.split(",")] if columns else []
    fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return statement.format(rows=f"(SELECT {fields} FROM json_each(:rows)) AS r", lock="")


@functools.lru_cache(maxsize=4096)
def _iso(value: object) -> str:
    """An instant (made UTC) or a day, as PostgreSQL reads it."""
    if isinstance(value, datetime):
        assert value.tzinfo is not None, "an instant without a time zone"
        return value.astimezone(UTC).isoformat()
    assert isinstance(value, date), f"{type(value)} does not travel"
    return value.isoformat()


@functools.lru_cache(maxsize=4096)
def _iso_sqlite(value: object) -> str:
    """As `_iso`, in the spelling under which SQLite's columns keep it."""
    if isinstance(value, datetime):
        assert value.tzinfo is not None, "an instant without a time zone"
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return _iso(value)


_ENCODE: Final[dict[str, Callable[[Any], str]]] = {
    "postgresql": json.JSONEncoder(default=_iso, check_circular=False).encode,
    "sqlite": json.JSONEncoder(default=_iso_sqlite, check_circular=False).encode,
}


def instant(value: Any) -> datetime | None:
    """An instant that a statement gave, UTC: SQLite gives text."""
    if value is None:
        return None
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(found, datetime)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def day(value: Any) -> date:
    """A day that a statement gave: SQLite gives text."""
    found = date.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(found, date)
    return found
