"""Whoever edits the books by hand is found out: each row below is one forgery and the words that name it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel import Session

from stockpile import journal
from stockpile.db import transact
from stockpile.inventory import ledger, rules
from stockpile.inventory.moves import Account, Move
from tests.conftest import Cast, acting, unguard
from tests.inventory.stockroom import ON_SQLITE, faults, send_out, take_in

FORGERIES = [
    ("the quantity of a movement", "UPDATE movement SET quantity = quantity + 1 WHERE id = 2", "movement 2"),
    ("what stood on the shelf after it", "UPDATE movement SET to_after = to_after + 1 WHERE id = 2", "movement 2"),
    ("the order of its legs", "UPDATE movement SET to_seq = 9 WHERE id = 2", "movement 2"),
    ("the document behind a movement", "UPDATE movement SET document = 'forged' WHERE id = 2", "posting"),
    ("the source of a movement", "UPDATE movement SET from_external = 'loss' WHERE id = 2", "posting"),
    ("whose a balance is", "UPDATE balance SET owner = 'DE-1' WHERE id = 1", "posting"),
    ("where a balance is", "UPDATE balance SET site_code = 'H-DE' WHERE id = 1", "posting"),
    ("a balance", "UPDATE balance SET quantity = quantity + 5 WHERE id = 1", "balance 1"),
    ("the count of a balance's legs", "UPDATE balance SET version = version + 1 WHERE id = 1", "balance 1"),
    ("a movement taken out", "DELETE FROM movement WHERE id = 2", "balance"),
    ("a whole posting taken out", "DELETE FROM movement WHERE posting_id = 1", "posting:1"),
    (
        "a movement put in",
        "INSERT INTO movement (id, posting_id, line, lot_id, quantity, from_external, to_balance_id, to_seq, to_after,"
        " document) SELECT 900, 1, 99, lot_id, 7, 'supplier', to_balance_id, to_seq + 90, to_after + 7, 'forged'"
        " FROM movement WHERE id = 1",
        "movement 900",
    ),
    (
        "a movement put in that touches no shelf",
        "INSERT INTO movement (id, posting_id, line, lot_id, quantity, from_external, to_external, document)"
        " SELECT 901, 1, 99, lot_id, 7, 'supplier', 'loss', 'forged' FROM movement WHERE id = 1",
        "posting 1",
    ),
    ("the actor of an entry", "UPDATE journal_entry SET actor_name = 'nobody' WHERE id = 2", "journal entry 2"),
    ("the reason of an entry", "UPDATE journal_entry SET reason = 'forged' WHERE id = 2", "journal entry 2"),
    ("the hash of an entry", "UPDATE journal_entry SET leaf_hash = 'forged' WHERE id = 2", "journal entry 2"),
    ("the entry of a posting", "DELETE FROM journal_entry WHERE subject = 'posting:2'", "posting 2 has no journal"),
]
FALSE_HEADS = [
    ("who posted", "UPDATE posting SET actor_id = actor_id + 1 WHERE id = 2"),
    ("when it was posted", "UPDATE posting SET effective_at = '2019-01-01 00:00:00' WHERE id = 2"),
    ("why it was posted", "UPDATE posting SET reason = 'forged' WHERE id = 2"),
]


@pytest.fixture
def books(region: Engine, cast: Cast) -> Engine:
    """Books with a delivery and a reservation in them, besides the opening stock."""
    act = acting(cast["logistics"])
    take_in(region, act, lot="BOOKS", quantity=40)
    send_out(region, act, lot="BOOKS", quantity=10)
    return region


def found_after(engine: Engine, *statements: str) -> list[str]:
    """What the proofs find once these statements have been run; nothing is kept."""
    with Session(engine) as session:
        unguard(session.connection())
        for statement in statements:
            assert session.connection().execute(text(statement)).rowcount, "the forgery touched nothing"
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
        session.rollback()
    return found


def test_honest_books_have_no_discrepancy(books: Engine) -> None:
    assert faults(books) == []


def test_every_forgery_in_the_books_is_found_and_named(books: Engine) -> None:
    found = {what: found_after(books, statement) for what, statement, _ in FORGERIES}
    unnamed = {what: found[what] for what, _, names in FORGERIES if not any(names in one for one in found[what])}
    assert unnamed == {}


def test_who_posted_when_and_why_cannot_be_changed_unseen(books: Engine) -> None:
    unnoticed = [what for what, statement in FALSE_HEADS if not found_after(books, statement)]
    assert unnoticed == []


@ON_SQLITE
def test_a_reason_that_reads_like_none_is_neither_taken_away_nor_added_unseen(books: Engine, cast: Cast) -> None:
    """A correction for the reason "adjustment", and one for none: the journal's words are the same for both.

    Entries from before it was noted which it was are no fault of anybody's.
    """
    move = Move(1, 1, Account(1, "D-BE", rules.POOL, rules.AVAILABLE), rules.LOSS, "lost")
    for reason in ("adjustment", ""):
        given = {"kind": "adjustment", "key": f"for {reason}", "moves": [move], "reason": reason}
        transact(books, lambda session, given=given: ledger.post(session, acting(cast["logistics"]), **given))
    assert faults(books) == []
    for before, after in (("adjustment", ""), ("", "adjustment")):
        found = found_after(books, f"UPDATE posting SET reason = '{after}' WHERE key = 'for {before}'")
        assert any("how or why is not what the journal says" in one for one in found), before
    older = "UPDATE journal_entry SET payload = replace(payload, '\"given\"\\:false,', '') WHERE action = 'stock.post'"
    assert not any("who posted it" in one for one in found_after(books, older))


def test_the_payload_of_a_journal_entry_cannot_be_edited_unseen(books: Engine) -> None:
    edit = "UPDATE journal_entry SET payload = replace(payload, 'moves', 'movements') WHERE action = 'stock.post'"
    assert any(one.startswith("journal entry") for one in found_after(books, edit))


def test_a_movement_and_its_shelf_edited_together_are_still_found_by_the_posting_hash(books: Engine) -> None:
    found = found_after(
        books,
        "UPDATE movement SET quantity = quantity + 1, to_after = to_after + 1 WHERE id = 1",
        "UPDATE balance SET quantity = quantity + 1 WHERE id = (SELECT to_balance_id FROM movement WHERE id = 1)",
    )
    assert any("do not match the hash in the journal" in one for one in found), found


def test_the_database_itself_refuses_a_shelf_below_zero(books: Engine) -> None:
    with pytest.raises(IntegrityError):
        found_after(books, "UPDATE balance SET quantity = -1 WHERE id = 1")


APPEND_ONLY = [
    *(f"UPDATE {table} SET {column} = {column}" for table, column in (("movement", "quantity"), ("posting", "reason"))),
    "UPDATE journal_entry SET reason = 'forged' WHERE id = 1",
    *(f"DELETE FROM {table}" for table in ("movement", "posting", "journal_entry")),
]


def test_the_database_itself_refuses_to_change_or_delete_what_was_posted(books: Engine) -> None:
    for statement in APPEND_ONLY:
        with books.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))
    assert faults(books) == []


def test_whole_tables_of_what_was_posted_cannot_be_emptied(books: Engine) -> None:
    if books.dialect.name == "sqlite":
        pytest.skip("SQLite has no TRUNCATE")
    with books.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text("TRUNCATE posting CASCADE"))


def test_a_claimed_number_without_movements_may_be_withdrawn(books: Engine) -> None:
    """A refused posting leaves no head behind, beside one that was granted."""
    with Session(books) as session:
        session.connection().execute(
            text(
                "INSERT INTO posting (id, key, kind, actor_id, reason, effective_at, recorded_at)"
                " SELECT 900, 'claimed', kind, actor_id, reason, effective_at, recorded_at FROM posting WHERE id = 1"
            )
        )
        for statement in ("UPDATE posting SET reason = 'later' WHERE id = 900", "DELETE FROM posting WHERE id = 900"):
            assert session.connection().execute(text(statement)).rowcount == 1  # type: ignore[attr-defined]
        session.rollback()
