"""Going back to an instant on PostgreSQL: a base backup and archived logs give exactly what was posted until then."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import mkdtemp

import pytest
from sqlalchemy import Engine, text

from stockpile import migrations
from stockpile.actor import Act
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.inventory import operations as inventory
from stockpile.inventory.operations import ReceiptLine
from stockpile.region import loading
from stockpile.region.reading import read
from tests.campaign.cluster import BIN, Cluster
from tests.conftest import NOW, SMALL_REGION
from tests.inventory.stockroom import faults

pytestmark = pytest.mark.skipif(not (BIN / "pg_basebackup").is_file(), reason="PostgreSQL's programs are not here")


@pytest.fixture
def archive() -> Iterator[Path]:
    """Where the server puts its logs and base backups; the server's own user writes there."""
    folder = Path(mkdtemp(prefix="campaign-archive-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(archive: Path) -> Iterator[Cluster]:
    """A server that archives its logs."""
    found = Cluster(
        "archive_mode=on", f"archive_command='cp %p {archive}/%f.part && mv {archive}/%f.part {archive}/%f'"
    )
    yield found
    found.delete()


def receive(engine: Engine, number: int) -> None:
    """Post one more delivery."""
    act = Act(governance.founder(), NOW, NOW + timedelta(seconds=number))
    lines = [ReceiptLine("TAB", f"L-{number}", date(2021, 6, 30), 10)]
    transact(engine, lambda session: inventory.receive(session, act, site="D-DE", lines=lines, key=f"{number}"))


def count(engine: Engine) -> int:
    """How many deliveries there are."""
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM lot WHERE code LIKE 'L-%'"))
        return int(found.scalar_one())


def test_an_instant_is_restored_exactly_to_the_operation(cluster: Cluster, archive: Path) -> None:
    cluster.create("kept")
    address = "postgresql+psycopg" + cluster.address("kept").removeprefix("postgresql")
    engine = open_engine(address)
    migrations.upgrade(engine)
    act = Act(governance.founder(), NOW, NOW)

    def load(session: object) -> None:
        loading.installation_account(session)  # type: ignore[arg-type]
        loading.load(session, act, read(SMALL_REGION))  # type: ignore[arg-type]

    transact(engine, load)
    for number in range(5):
        receive(engine, number)
    cluster.base_backup(archive / "base")
    for number in range(5, 17):
        receive(engine, number)
    with engine.connect() as connection:
        instant = connection.execute(text("SELECT clock_timestamp()::text")).scalar_one()
    time.sleep(0.05)
    for number in range(17, 23):
        receive(engine, number)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        last = connection.execute(text("SELECT pg_walfile_name(pg_current_wal_lsn())")).scalar_one()
        connection.execute(text("SELECT pg_switch_wal()"))
    for _ in range(200):
        if (archive / last).exists():
            break
        time.sleep(0.1)
    engine.dispose()
    cluster.stop("immediate")
    cluster.go_back(archive / "base", archive, until=instant)
    restored = open_engine(address)
    assert count(restored) == 17
    assert faults(restored) == []
    receive(restored, 100)
    restored.dispose()
