"""The database: one engine, one unit of work, the same meaning on SQLite and PostgreSQL.

SQLite has no row locks and silently ignores FOR UPDATE: every writing
transaction there begins IMMEDIATE, so that writers queue. PostgreSQL writes at
READ COMMITTED under row locks taken in one order; reports and planning read
one REPEATABLE READ snapshot.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from sqlalchemy import BigInteger, CursorResult, Engine, Integer, create_engine, event, text
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import DisconnectionError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.pool import NullPool
from sqlmodel import Session, SQLModel

from stockpile import counting

Result = TypeVar("Result")

BigId = BigInteger().with_variant(Integer, "sqlite")
"""Type of generated keys: 64 bits; SQLite only numbers a column of its own INTEGER type."""

RETRIED_STATES = {"40001", "40P01", "55P03"}
FULL_STATES = {"53100"}
ATTEMPTS = 5

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """Base of every table; the tables of all domains share one metadata."""


def table_of(model: type[SQLModel]) -> SqlTable:
    """The SQLAlchemy table of a model, for statements over many rows."""
    found = model.__table__  # type: ignore[attr-defined]
    assert isinstance(found, SqlTable)
    return found


def open_engine(address: str, *, pooled: bool = True) -> Engine:
    """An engine for `address`, with the settings that the ledger rests on; not `pooled`: every session is new."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, connect_args={"timeout": 30}, **({} if pooled else {"poolclass": NullPool}))
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if not pooled:
        return create_engine(url, poolclass=NullPool, connect_args=_POSTGRES_ARGUMENTS)
    pool = {"pool_size": 10, "max_overflow": 10, "pool_timeout": 10, "pool_use_lifo": True}
    engine = create_engine(url, **pool, connect_args=_POSTGRES_ARGUMENTS)
    event.listen(engine, "checkin", _rest)
    event.listen(engine, "checkout", _ask_rested)
    return engine


RESTED_SECONDS = 1.0
"""A connection that was not used for so long is asked whether it is still there before it is used again."""


def _rest(_connection: object, record: Any) -> None:
    record.info["rests_since"] = time.monotonic()


def _ask_rested(connection: Any, record: Any, _proxy: object) -> None:
    """Have the pool open another connection in the place of one that has gone: a round trip, so not for every use."""
    if time.monotonic() - record.info.get("rests_since", time.monotonic()) < RESTED_SECONDS:
        return
    try:
        connection.execute("SELECT 1")
        connection.rollback()
    except psycopg.Error as failure:
        raise DisconnectionError("the connection has gone while it rested") from failure


_POSTGRES_ARGUMENTS = {
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "options": "-c timezone=UTC -c jit=off -c lock_timeout=10s -c statement_timeout=60s "
    "-c idle_in_transaction_session_timeout=60s -c stockpile.members=*",
}


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("stockpile_reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One consistent snapshot to read from; what was read stays usable after it, nothing is written through it."""
    options: dict[str, Any] = {"stockpile_reading": True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with Session(engine.execution_options(**options)) as session:
        yield session
        session.expunge_all()
        session.rollback()


def transact(engine: Engine, work: Callable[[Session], Result], *, keep: bool = True) -> Result:
    """Run `work` in one transaction and commit it; whole or nothing. `keep` False undoes it whatever it did.

    Serialisation failures, deadlocks and lock time-outs are tried again, at
    most ATTEMPTS times; a commit whose fate is unknown is not (the caller
    repeats it with the same idempotency key).
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with Session(engine, expire_on_commit=False) as session, session.begin() as whole:
                result = work(session)
                if not keep:
                    whole.rollback()
            if keep:
                counting.committed(session.info)
            return result
        except OperationalError as failure:
            state = getattr(failure.orig, "sqlstate", None)
            if state not in RETRIED_STATES or attempt == ATTEMPTS:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
    raise AssertionError("unreachable: the loop returns or raises")


def write_for(session: Session, members: Sequence[str] | None) -> None:
    """Let the rest of this transaction write rows of these members alone; None: of all.

    It is PostgreSQL that keeps to it, where the application's role was hardened; elsewhere nothing happens.
    """
    if members is not None and session.get_bind().dialect.name == "postgresql":
        narrowed = {"members": ",".join(members) or "-"}
        session.connection().execute(text("SELECT set_config('stockpile.members', :members, true)"), narrowed)


def is_full(failure: Exception) -> bool:
    """Whether the database refused to write because it has no room left."""
    orig = getattr(failure, "orig", None)
    return getattr(orig, "sqlstate", None) in FULL_STATES or "disk is full" in str(orig)


def is_away(failure: Exception) -> bool:
    """Whether the database could not be reached, went away, was too busy, or ended the session: none asked wrongly.

    True of a pool that has no connection left too.
    """
    if isinstance(failure, PoolExhausted) or getattr(failure, "connection_invalidated", False):
        return True
    return isinstance(failure, OperationalError | InterfaceError) and not is_full(failure)


def breaks(failure: IntegrityError, constraint: str, table: str, columns: Sequence[str]) -> bool:
    """Whether it was this unique constraint, and no other, that the database refused a row for."""
    told = getattr(failure.orig, "diag", None)
    if told is not None:
        return bool(told.constraint_name == constraint)
    return str(failure.orig) == "UNIQUE constraint failed: " + ", ".join(f"{table}.{column}" for column in columns)


def rows_changed(session: Session, statement: Any) -> int:
    """Run an UPDATE or DELETE and say how many rows it changed: the guard of every claim of a state."""
    result = session.connection().execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


def insert_missing(session: Session, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose unique key is not there yet, in the order given."""
    if not rows:
        return
    session.connection().execute(_insert(session, model).on_conflict_do_nothing(), rows)


def insert_once(session: Session, model: type[SQLModel], row: dict[str, Any]) -> int | None:
    """Insert the row and return its number, or None where its unique key is there already.

    A concurrent insert of the same key waits for the other to end.
    """
    statement = _insert(session, model).values(**row).on_conflict_do_nothing().returning(table_of(model).c.id)
    number: int | None = session.connection().execute(statement).scalar()
    return number


def _insert(session: Session, model: type[SQLModel]) -> Any:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table_of(model))
