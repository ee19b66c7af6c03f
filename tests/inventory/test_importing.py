"""Stock by file: all rows or none, in the meaning of the single operations, each fault by row and column."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, func
from sqlmodel import select

from stockpile.actor import Act, Grant
from stockpile.db import reading
from stockpile.inventory import holding
from stockpile.inventory.tables import Lot, Movement, Posting
from tests.conftest import Cast, acting
from tests.inventory.importroom import csv, imported, line, lost, receipt
from tests.inventory.stockroom import ON_SQLITE, do, faults, lot_id, shelves, take_in


@pytest.fixture
def clerk(cast: Cast) -> Act:
    """An act of a logistician."""
    return acting(cast["logistics"])


def counted(engine: Engine) -> tuple[int, int, int]:
    """How many lots, postings and movements there are."""
    with reading(engine) as session:
        lots, postings, movements = (
            session.exec(select(func.count()).select_from(t)).one() for t in (Lot, Posting, Movement)
        )
        return lots, postings, movements


def test_a_file_of_every_kind_moves_what_each_row_says(region: Engine, clerk: Act) -> None:
    rows = [
        receipt("N-1", 100, document="DN 7"),
        line(kind="opening", gtin="9529999990013", lot="N-2", expiry="2022-05-31", packs=3, to_site="D-BE"),
        receipt("N-1", 20, status="quarantine"),
        lost("N-1", 5),
        line(kind="adjustment", item="TAB", lot="N-2", quantity=4, to_site="D-BE", reason="found behind a shelf"),
        line(kind="set_aside", item="TAB", lot="N-1", quantity=10, from_site="D-DE", reason="wet boxes"),
    ]
    assert imported(region, clerk, csv(*rows)) == ("done", [])
    assert shelves(region, "N-1", "N-2") == {
        ("N-1", "D-DE", "pool", "available"): 85,
        ("N-1", "D-DE", "pool", "quarantine"): 30,
        ("N-2", "D-BE", "pool", "available"): 34,
    }
    assert faults(region) == []
    with reading(region) as session:
        documents = set(session.exec(select(Movement.document).join(Posting).where(Posting.key.startswith("import:"))))  # type: ignore[attr-defined]
    assert documents == {"note:DN 7", "unordered", "opening", "adjustment", "set_aside"}


def test_what_members_have_is_issued_and_returned_by_file(region: Engine, clerk: Act) -> None:
    found = "adjustment"
    rows = [
        line(kind=found, item="TAB", lot="T-NEW", quantity=50, to_site="H-NL", owner="NL-1", reason="opening balance"),
        line(kind="issue", item="TAB", lot="T-NEW", quantity=30, from_site="H-NL", owner="NL-1"),
        line(
            kind="return",
            item="TAB",
            lot="T-NEW",
            quantity=15,
            from_site="H-NL",
            to_site="D-DE",
            owner="NL-1",
            reason="not needed",
        ),
    ]
    state, told = imported(region, clerk, csv(*rows))
    assert (state, told) == ("done", [])
    there = shelves(region, "T-NEW")
    assert there["T-NEW", "H-NL", "NL-1", "available"] == 5
    assert there["T-NEW", "D-DE", "pool", "quarantine"] == 15
    assert faults(region) == []


def test_one_bad_row_and_nothing_of_the_file_is_there(region: Engine, clerk: Act) -> None:
    before = counted(region), shelves(region)
    state, told = imported(region, clerk, csv(receipt("N-1"), receipt("N-2", item="NONE"), receipt("N-3")))
    assert state == "refused"
    assert told == [(3, "item", "no item has the code NONE")]
    assert (counted(region), shelves(region)) == before


def test_a_dry_run_writes_nothing_and_says_it_would_be_posted(region: Engine, clerk: Act) -> None:
    before = counted(region)
    assert imported(region, clerk, csv(receipt("N-1"), lost("N-1", 10)), dry_run=True) == ("done", [])
    assert counted(region) == before


@pytest.mark.parametrize("dry_run", [True, False])
def test_every_fault_is_named_by_row_and_column_at_once(region: Engine, clerk: Act, dry_run: bool) -> None:
    rows = [
        receipt("N-1", gtin="9529999990014"),
        receipt("T-OLD", expiry="2023-01-31"),
        receipt("N-3", expiry="2020-03-29"),
        receipt("N-4", to_site="H-NL"),
        receipt("N-5", to_site="MOON"),
        receipt("N-6", "1.0"),
        receipt("N-7", gtin="09529999990020"),
        lost("T-NEW", 301),
        lost("T-NEW", 300, reason=""),
        lost("GHOST", 1),
        receipt("N-8", owner="NL-1"),
        receipt("N-9", 1, expiry="2022-02-00"),
        line(kind="issue", item="TAB", lot="T-NEW", quantity=1, from_site="H-NL", owner="NL-1"),
        line(kind="issue", item="TAB", lot="T-NEW", quantity=1, from_site="H-NL", owner="XX-9"),
    ]
    state, told = imported(region, clerk, csv(*rows), dry_run=dry_run)
    assert state == "refused"
    assert [(row, column) for row, column, _ in told] == [
        (2, "gtin"), (3, "expiry"), (4, "expiry"), (5, "to_site"), (6, "to_site"), (7, "quantity"), (8, "gtin"),
        (9, "quantity"), (10, "reason"), (11, "lot"), (12, "owner"), (13, "expiry"), (14, "quantity"), (15, "owner"),
    ]  # fmt: skip
    reasons = {row: reason for row, _, reason in told}
    assert "check digit" in reasons[2].lower()
    assert reasons[3] == "lot T-OLD of TAB is on record with expiry 2020-04-20"
    assert "N-3 expired on 2020-03-29" in reasons[4]
    assert "whole number" in reasons[7]
    assert reasons[8] == "is the GTIN of VIAL, not of TAB"
    assert reasons[9] == "D-DE has 300 of TAB lot T-NEW available (pool), 301 asked"
    assert "day 00" in reasons[13]
    assert reasons[14] == "H-NL has 0 of TAB lot T-NEW available (NL-1), 1 asked"


def test_the_shortage_names_the_row_and_what_rows_before_it_left(region: Engine, clerk: Act) -> None:
    state, told = imported(region, clerk, csv(lost("T-NEW", 200), lost("T-NEW", 100), lost("T-NEW", 1)), dry_run=True)
    assert state == "refused"
    assert told == [(4, "quantity", "D-DE has 0 of TAB lot T-NEW available (pool), 1 asked")]


def test_a_refused_receipt_is_the_only_finding_though_others_lack_its_stock(region: Engine, clerk: Act) -> None:
    rows = [receipt("N-1", "ten"), lost("N-1", 3), receipt("N-2", expiry="2019-01-01"), lost("N-2", 4)]
    state, told = imported(region, clerk, csv(*rows))
    assert state == "refused"
    assert [(row, column) for row, column, _ in told] == [(2, "quantity"), (4, "expiry")]


def test_two_expiries_of_one_new_batch_are_told_at_the_second(region: Engine, clerk: Act) -> None:
    state, told = imported(region, clerk, csv(receipt("N-1"), receipt("N-1", expiry="2022-03-31")))
    assert state == "refused"
    assert told == [(3, "expiry", "lot N-1 of TAB is in another row with expiry 2022-01-31")]


def test_rows_are_posted_in_the_order_of_their_instants_and_in_before_out(region: Engine, clerk: Act) -> None:
    day = "2020-03-29T10:00:00Z"
    rows = [lost("N-1", 10, effective_at=day), receipt("N-1", 10, effective_at=day), lost("N-2", 1), receipt("N-2", 1)]
    assert imported(region, clerk, csv(*rows)) == ("done", [])
    too_early = [lost("N-3", 10, effective_at=day), receipt("N-3", 10)]
    state, told = imported(region, clerk, csv(*too_early))
    assert (state, [(row, column) for row, column, _ in told]) == ("refused", [(2, "lot")])


def test_an_instant_to_come_or_long_gone_is_refused(region: Engine, clerk: Act) -> None:
    rows = [receipt("N-1", effective_at="2020-03-30T08:00:01Z"), receipt("N-1", effective_at="2019-01-01T00:00:00Z")]
    _, told = imported(region, clerk, csv(*rows))
    assert [(row, column) for row, column, _ in told] == [(2, "effective_at"), (3, "effective_at")]


def test_a_lot_on_hold_is_not_issued_by_file_either(region: Engine, cast: Cast, clerk: Act) -> None:
    found = line(kind="adjustment", item="TAB", lot="T-NEW", quantity=5, to_site="H-NL", owner="NL-1", reason="count")
    assert imported(region, clerk, csv(found))[0] == "done"
    do(region, holding.hold, clerk, lot_id=lot_id(region, "T-NEW"), reason="doubt")
    row = line(kind="issue", item="TAB", lot="T-NEW", quantity=5, from_site="H-NL", owner="NL-1")
    _, told = imported(region, clerk, csv(row))
    assert told == [(2, "lot", "lot T-NEW is not issued: the lot is on hold (expiry 2021-06-30)")]


def test_rows_take_the_rights_of_their_kind_and_site(region: Engine, cast: Cast) -> None:
    local = acting(cast.engage("aachen", Grant("logistics", site="D-DE")))
    state, told = imported(region, local, csv(receipt("N-1"), receipt("N-2", to_site="D-BE")))
    assert state == "refused"
    assert told == [(3, "kind", "aachen may not stock.receive for D-BE")]
    assert imported(region, local, csv(receipt("N-1")))[0] == "done"


@ON_SQLITE
def test_who_may_record_nothing_sends_no_file(region: Engine, cast: Cast) -> None:
    from stockpile.governance.rules import Missing

    with pytest.raises(Missing):
        imported(region, acting(cast["auditor"]), csv(receipt("N-1")))


def test_a_thousand_lines_and_more_of_one_delivery_are_few_postings(region: Engine, clerk: Act) -> None:
    rows = [receipt(f"L-{n % 40}", 1 + n % 9) for n in range(2500)]
    _, postings, movements = counted(region)
    assert imported(region, clerk, csv(*rows)) == ("done", [])
    assert counted(region)[1:] == (postings + 3, movements + 2500)
    assert sum(shelves(region, *(f"L-{n}" for n in range(40))).values()) == sum(1 + n % 9 for n in range(2500))
    assert faults(region) == []


def test_text_that_means_something_to_the_database_arrives_as_it_is(region: Engine, clerk: Act) -> None:
    odd = r"a\tb \N \\. %s {rows} ' ; --"
    rows = [receipt("N-1", 1, document=f'"{odd}"', reason=f'"{odd}"') for _ in range(600)]
    assert imported(region, clerk, csv(*rows)) == ("done", [])
    with reading(region) as session:
        reasons = set(session.exec(select(Posting.reason).where(Posting.key.startswith("import:"))))  # type: ignore[attr-defined]
        documents = set(session.exec(select(Movement.document).where(Movement.document.startswith("note:"))))  # type: ignore[attr-defined]
    assert reasons == {odd}
    assert documents == {f"note:{odd}"}
    assert faults(region) == []


def test_the_same_rows_one_by_one_and_by_file_leave_the_same_shelves(region: Engine, clerk: Act) -> None:
    take_in(region, clerk, lot="ONE", quantity=70)
    assert imported(region, clerk, csv(receipt("TWO", 70, expiry="2021-06-30")))[0] == "done"
    there = shelves(region, "ONE", "TWO")
    assert there["ONE", "D-DE", "pool", "available"] == there["TWO", "D-DE", "pool", "available"]


def test_losses_that_are_too_much_for_one_person_together_are_told_of_the_file(region: Engine, clerk: Act) -> None:
    """Each of the three rows is within the limit of value for one person; the posting that they make is not."""
    assert imported(region, clerk, csv(receipt("N-1", 5000))) == ("done", [])
    rows = [lost("N-1", 1500), lost("N-1", 1400), lost("N-1", 1300)]
    for dry_run in (True, False):
        state, told = imported(region, clerk, csv(*rows), dry_run=dry_run)
        assert state == "refused"
        assert [(one[0], one[1]) for one in told] == [(0, "")]
        assert "another person confirm it" in told[0][2]
    assert shelves(region, "N-1")["N-1", "D-DE", "pool", "available"] == 5000
