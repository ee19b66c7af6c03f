"""PostgreSQL's own wall: what the application's database role cannot do, and that the application does without it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Grant
from stockpile.backup import folders, operations
from stockpile.backup.nightly import back_up
from stockpile.db import open_engine, reading, transact, write_for
from stockpile.errors import Invalid
from stockpile.inventory import ledger
from stockpile.migrations.hardening import APPEND_ONLY, SCOPED, NotPostgres, harden
from stockpile.settings import Settings
from tests.access import story
from tests.access.doors import Doors
from tests.backup.test_backups import TOOLS
from tests.conftest import NOW

UPDATED = sorted(set(SCOPED) - set(APPEND_ONLY))
HOSTILE = (
    "UPDATE movement SET quantity = 1",
    "DELETE FROM movement",
    "TRUNCATE movement",
    "UPDATE journal_entry SET reason = ''",
    "DELETE FROM journal_entry",
    "DELETE FROM tree_head",
    "UPDATE sealed_entry SET index = 0",
    "UPDATE committee_vote SET choice = 'for'",
    "DELETE FROM rights_version",
    "ALTER TABLE movement DISABLE TRIGGER append_only",
    "DROP TABLE movement",
    "CREATE TABLE mine (id int)",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER TABLE request DISABLE ROW LEVEL SECURITY",
    "DROP POLICY stockpile_read ON request",
    "SET ROLE pg_read_all_data",
    "UPDATE alembic_version SET version_num = '0001'",
    "GRANT ALL ON movement TO PUBLIC; UPDATE movement SET quantity = 1",
    "CREATE ROLE mine SUPERUSER",
    "COPY movement TO PROGRAM 'cat'",
    "SELECT pg_read_file('/etc/passwd')",
)


@pytest.fixture
def walled(region: Engine) -> Iterator[Engine]:
    """The small region on PostgreSQL, entered as the application's role."""
    if region.dialect.name != "postgresql":
        pytest.skip("only PostgreSQL has roles")
    role = f"app_{uuid4().hex[:12]}"
    harden(region, role=role)
    harden(region, role=role)
    url = make_url(region.url).set(username=role, password=None)
    opened = open_engine(url.render_as_string(hide_password=False))
    yield opened
    opened.dispose()
    with region.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def test_the_application_does_its_work_as_the_role_that_cannot_undo_it(walled: Engine, tmp_path: Path) -> None:
    story.tell(Doors(walled, tmp_path))
    with reading(walled) as session:
        assert [*ledger.discrepancies(session), *journal.discrepancies(session)] == []


@pytest.mark.parametrize("statement", HOSTILE)
def test_hostile_sql_as_the_application_s_role_is_refused_or_changes_nothing(walled: Engine, statement: str) -> None:
    with walled.connect() as connection, connection.begin() as whole:
        before = connection.execute(text("SELECT count(*), sum(quantity) FROM movement")).one()
        with pytest.raises(ProgrammingError), connection.begin_nested():
            connection.exec_driver_sql(statement)
        assert connection.execute(text("SELECT count(*), sum(quantity) FROM movement")).one() == before
        whole.rollback()


def test_a_row_of_another_member_is_not_written_in_a_transaction_for_one_member(walled: Engine, tmp_path: Path) -> None:
    doors = Doors(walled, tmp_path)
    story.tell(doors)

    def change(session: Session, member: str) -> int:
        write_for(session, ["BE-1"])
        changed = text("UPDATE request SET justification = 'x' WHERE member_code = :member")
        return session.connection().execute(changed, {"member": member}).rowcount  # type: ignore[attr-defined]

    assert transact(walled, lambda session: change(session, "DE-1")) == 0
    assert transact(walled, lambda session: change(session, "BE-1")) > 0

    def add(session: Session) -> None:
        write_for(session, ["BE-1"])
        session.connection().execute(
            text("INSERT INTO own_stock (member_code, item_code, quantity) VALUES ('NL-1', 'TAB', 1)")
        )

    with pytest.raises(ProgrammingError, match="row-level security"):
        transact(walled, add)
    doors.engage("anna", Grant("requester", member="BE-2"))
    asked = {"surge": 1, "requests": [story.REQUEST | {"member": "BE-2", "quantity": 10}]}
    assert doors.call("anna", "POST", "/requests", asked).status_code == 201


def test_a_transaction_for_one_writes_no_row_that_is_anothers_in_any_table_behind_the_wall(
    walled: Engine, tmp_path: Path
) -> None:
    """Whatever SQL it is: with everybody's rights the same statement changes every row."""
    story.tell(Doors(walled, tmp_path))

    def change(session: Session, table: str, owners: list[str] | None) -> int:
        write_for(session, owners)
        column = SCOPED[table]
        changed = text(f"UPDATE {table} SET {column} = {column}")
        return session.connection().execute(changed).rowcount  # type: ignore[attr-defined]

    filled = {table: transact(walled, lambda s, t=table: change(s, t, None)) for table in UPDATED}  # type: ignore[misc]
    assert {table for table, rows in filled.items() if rows} >= {"request", "tender_bid", "tender_choice"}
    for table in UPDATED:
        assert transact(walled, lambda s, t=table: change(s, t, [])) == 0, table  # type: ignore[misc]
    assert transact(walled, lambda session: change(session, "tender_bid", ["SUP-2"])) == 0
    assert transact(walled, lambda session: change(session, "tender_bid", ["SUP-1"])) == filled["tender_bid"]


def test_a_backup_is_whole_though_taken_behind_the_wall_and_is_restored_where_its_role_is_unknown(
    walled: Engine, region: Engine, tmp_path: Path
) -> None:
    if not (TOOLS / "pg_dump").is_file():
        pytest.skip("PostgreSQL's programs are not here")
    taken = operations.take(walled, tmp_path / "backups", tmp_path, at=NOW, keep=1, tools=TOOLS)
    done = operations.check(region, taken.folder, at=NOW, tools=TOOLS)
    assert done.found == []


def test_who_comes_with_the_role_but_not_through_the_application_sees_no_member_s_rows(walled: Engine) -> None:
    with walled.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM caseload_report")).scalar() == 55
        connection.execute(text("RESET stockpile.members"))
        connection.execute(text("SET LOCAL stockpile.members = ''"))
        assert connection.execute(text("SELECT count(*) FROM caseload_report")).scalar() == 0


def test_the_embedded_database_and_names_that_are_none_are_refused(region: Engine) -> None:
    if region.dialect.name == "postgresql":
        with pytest.raises(Invalid, match="small letters"):
            harden(region, role='x"; DROP TABLE movement')
    else:
        with pytest.raises(NotPostgres):
            harden(region, role="stockpile_app")


def test_the_nightly_backup_is_taken_as_the_application_s_role_and_proven_as_one_that_may(
    walled: Engine, region: Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    story.tell(Doors(walled, tmp_path))
    given = {"home": tmp_path / "home", "postgres_bin": TOOLS}
    alone = Settings(**given, backup_dir=tmp_path / "alone")
    with caplog.at_level(logging.INFO):
        taken = back_up(walled, alone, at=NOW)
    assert taken.folder is not None
    assert taken.fault
    [loud] = [record.message for record in caplog.records if record.levelname == "CRITICAL"]
    assert "is taken and not proven" in loud
    assert "set STOCKPILE_BACKUP_PROOF_URL" in loud
    caplog.clear()
    prover = region.url.render_as_string(hide_password=False)
    both = Settings(**given, backup_dir=tmp_path / "both", backup_proof_url=prover)
    with caplog.at_level(logging.INFO):
        proven = back_up(walled, both, at=NOW)
    assert [record.levelname for record in caplog.records if "backed up and proven" in record.message] == ["INFO"]
    assert proven.folder is not None
    assert proven.fault == ""
    manifest = folders.read(proven.folder)
    with reading(region) as session:
        for table in ("movement", "journal_entry", *SCOPED):
            rows = session.connection().execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            assert manifest.mark.rows(table) == rows, f"{table} is whole though its rows are walled"
