"""Where other stock systems are known to fail: one test each, or the name of the test that holds it already.

What goes wrong elsewhere                                   | what holds it here
a removal is checked before its row is locked               | tests/laws/test_crowds.py::test_hands_that_take_at_once_never_take_more_than_there_is
the same removal by a batch of scanners                     | tests/laws/test_group_commit.py::test_of_fifty_who_take_one_of_twenty_exactly_twenty_get_one
several server processes at one shelf                       | tests/laws/test_group_commit.py::test_five_processes_that_group_for_themselves_never_take_more_than_there_is
two requests reserve the same last units                    | tests/laws/test_group_over_http.py::test_twenty_scanners_at_once_take_exactly_what_is_there
postings that cross deadlock                                | tests/laws/test_crowds.py::test_transfers_that_cross_each_other_neither_deadlock_nor_lose_a_unit
a dispatch by two people leaves twice                       | tests/laws/test_crowds.py::test_a_transfer_that_two_vans_claim_together_leaves_once
a message sent again posts again                            | tests/laws/test_same_key_same_reply.py::test_a_message_sent_again_gets_the_first_reply_and_takes_nothing_more
a crash between movement and balance                        | tests/laws/test_crowds.py::test_a_crash_after_the_posting_leaves_nothing_behind
the database itself would take a negative                   | tests/laws/test_tampering_is_found.py::test_the_database_itself_refuses_a_shelf_below_zero
the balance drifts from its movements                       | tests/laws/test_stock_is_conserved.py::test_units_are_conserved_and_no_shelf_falls_below_zero_whatever_is_done
a movement is edited or deleted unseen                      | tests/laws/test_tampering_is_found.py::test_every_forgery_in_the_books_is_found_and_named
a late entry leaves a later instant negative                | tests/inventory/test_late_entries.py::test_a_late_entry_may_not_take_what_a_later_one_has_used
an entry of 00:00 and one of 23:59 are mixed up             | tests/inventory/test_late_entries.py::test_in_at_midnight_and_out_at_the_last_minute_are_taken_by_their_instants
the past changes after its period was closed                | tests/inventory/test_late_entries.py::test_a_change_of_what_was_closed_or_of_its_instants_is_found
the past as it was known cannot be told                     | tests/laws/test_time_is_kept.py::test_no_instant_lies_below_zero_and_the_past_is_told_as_it_was
expired stock is offered by one list and refused by another | tests/inventory/test_goods_out.py::test_dispatch_asks_the_same_question_as_planning
expired stock is issued                                     | tests/inventory/test_goods_out.py::test_an_expired_lot_is_not_issued_to_patients
"expires today" means four things                           | tests/inventory/test_eligibility.py::test_a_lot_is_usable_through_its_expiry_day_where_it_is_used
the day of expiry is off by the time zone                   | tests/inventory/test_goods_in.py::test_a_lot_that_expired_yesterday_at_the_depot_is_refused_though_it_is_still_yesterday_in_utc
the night the clocks change moves a day                     | tests/inventory/test_eligibility.py::test_the_night_the_clocks_change_does_not_move_the_last_day
first-expiring stops at the first lot                       | tests/inventory/test_goods_out.py::test_what_expires_first_is_issued_first_across_lots
stock in a held place still counts as available             | tests/inventory/test_goods_out.py::test_a_lot_on_hold_is_offered_to_no_plan_and_leaves_no_site
a recall misses what is on the road                         | tests/inventory/test_storeroom_care.py::test_a_recall_reaches_shelves_reservations_and_what_is_on_the_road
a stocktake counts what moved meanwhile as lost             | tests/inventory/test_storeroom_care.py::test_what_moves_after_a_line_was_counted_is_no_difference
a return is straight available                              | tests/inventory/test_storeroom_care.py::test_a_return_goes_to_quarantine_and_is_released_by_the_pharmacist
part packs are rounded up in silence                        | tests/allocation/test_asking.py::test_part_packs_are_refused_with_the_next_whole_quantity
a scan without expiry blanks the one on record              | tests/inventory/test_scanning.py::test_a_scan_without_an_expiry_keeps_the_one_on_record
one batch gets two expiry dates                             | tests/inventory/test_scanning.py::test_another_expiry_than_the_one_on_record_is_refused_by_name
a serial number is appended to the batch                    | tests/inventory/test_scanning.py::test_a_serial_is_kept_apart_from_the_batch
a scan takes expired stock in                               | tests/inventory/test_scanning.py::test_an_expired_lot_is_named_and_cannot_be_received
day 00 of a printed expiry is not the end of its month      | tests/catalogue/test_scans.py::test_day_00_is_the_last_of_its_month_and_a_year_lies_49_back_to_50_ahead
one batch code of two items is one lot                      | tests/inventory/test_goods_in.py::test_one_batch_number_of_two_items_is_two_lots
what is over or missing at receipt has no place             | tests/inventory/test_goods_out.py::test_what_came_is_booked_as_it_came
scarce stock goes to who asked first                        | tests/allocation/test_sharing_out.py::test_scarce_tablets_are_shared_fairly_inside_the_reserve_floor
a reservation is kept for ever                              | tests/inventory/test_reservations.py::test_what_nobody_picked_in_three_days_is_available_again
a re-run shakes what was picked already                     | tests/inventory/test_reservations.py::test_what_was_picked_does_not_expire_and_is_not_cancelled_before_it_is_put_back
a nightly job runs in two processes twice                   | tests/jobs/test_due_slots.py::test_four_processes_on_one_night_have_one_effect
an import names neither row nor field                       | tests/region/test_templates.py::test_a_fault_is_named_by_file_row_and_column
"""  # noqa: E501  (a table)

from __future__ import annotations

import ast
import time
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, delete, inspect
from sqlalchemy.exc import IntegrityError
from sqlmodel import BigInteger, Integer, SQLModel

from optimizer.allocation.model import share
from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool, Problem
from stockpile.actor import Grant
from stockpile.allocation.reservations import operations as reservations
from stockpile.app import build
from stockpile.db import reading, table_of, transact
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.inventory import holding, ledger, operations, queries, recording, rules, transfers
from stockpile.inventory import tables as stock
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.ledger import Account, Move, NotEnough
from stockpile.inventory.opening import ExpiryDiffers
from stockpile.inventory.operations import ReceiptLine, Use
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.quality import operations as quality
from stockpile.inventory.recalls import queries as traced
from stockpile.inventory.reserving import NotReserved
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, account, do, faults, line_ids, lot_id, send_out, shelves, take_in
from tests.laws.parallel import at_once, kinds

ROOT = Path(__file__).parents[2]
ELSEWHERE = [line.partition(" | ")[2].strip() for line in (__doc__ or "").splitlines() if "::test_" in line]


@pytest.mark.parametrize("named", ELSEWHERE)
def test_what_is_said_to_be_held_elsewhere_is(named: str) -> None:
    path, _, name = named.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_a_removal_beyond_what_is_there_is_refused_and_not_cut_to_it(region: Engine, cast: Cast) -> None:
    """Elsewhere: clamped to zero, answered as done, and the whole quantity logged as removed."""
    act, shelf = acting(cast["logistics"]), account(region, "T-NEW", "D-DE")
    with pytest.raises(NotEnough, match=r"has 300 .* 301 asked"):
        do(region, operations.adjust, act, account=shelf, change=-301, key="too much", reason="lost")
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 300


def test_asked_for_25_of_20_the_answer_comes_at_once_and_names_both(region: Engine, cast: Cast) -> None:
    """Elsewhere: an automatic reservation that looks for the missing five and never ends."""
    take_in(region, acting(cast["logistics"]), lot="TWENTY", quantity=20)
    begun = time.monotonic()
    with pytest.raises(NotEnough) as refused:
        send_out(region, acting(cast["committee"]), lot="TWENTY", quantity=25)
    assert time.monotonic() - begun < 5
    assert (refused.value.facts["there"], refused.value.facts["asked"]) == (20, 25)


def test_twenty_people_reserve_ten_of_stock_and_ten_are_told_there_is_none(region: Engine, cast: Cast) -> None:
    """Elsewhere: every one of them holds a reservation."""
    take_in(region, acting(cast["logistics"]), lot="TEN", quantity=10)
    act = acting(cast["committee"])
    lot = lot_id(region, "TEN")

    def reserve(number: int) -> object:
        part = transfers.Part("D-DE", "H-NL", lot, "NL-1", f"note:{number}", 1)
        return do(region, transfers.arrange, act, source=f"plan:{number}", parts=[part])

    outcomes = at_once([partial(reserve, number) for number in range(20)])
    assert kinds(outcomes) == ["NotEnough"] * 10 + ["done"] * 10
    assert shelves(region, "TEN") == {("TEN", "D-DE", "pool", "reserved"): 10}


def test_no_more_is_given_back_than_was_reserved(region: Engine, cast: Cast) -> None:
    """Elsewhere: two who cancel one reservation free it twice."""
    sent, act = send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=30), acting(cast["coordinator"])
    cancel = partial(do, region, reservations.cancel, act, number=sent.id, line=None, reason="not needed")
    outcomes = at_once([cancel, cancel])
    assert kinds(outcomes) == [NotReserved.__name__, "done"]
    assert shelves(region, "T-NEW")["T-NEW", "D-DE", "pool", "available"] == 300


def test_what_is_read_right_after_a_posting_is_what_stands_there(region: Engine, cast: Cast) -> None:
    """Elsewhere: the available figure is a cache that a job fills later, and decisions rest on it."""
    act = acting(cast["logistics"])
    for number in range(5):
        take_in(region, act, lot=f"SEEN-{number}", quantity=7)
        with reading(region) as session:
            assert sum(row.quantity for row in queries.pool_stock(session) if row.lot == f"SEEN-{number}") == 7
            assert outlook.promise(session, item="TAB", by=NOW.date()).on_hand == 600 + 7 * (number + 1)


def test_what_expires_first_leaves_first_and_never_last(region: Engine, cast: Cast) -> None:
    """Elsewhere: the automatic choice took the freshest lot and left the old one to expire."""
    logistics = acting(cast["logistics"])
    for lot, expiry in (("LATE", date(2022, 1, 31)), ("SOON", date(2020, 9, 30)), ("MID", date(2021, 1, 31))):
        take_in(region, logistics, lot=lot, quantity=10, expiry=expiry)
        sent = send_out(region, acting(cast["committee"]), lot=lot, quantity=10, source=f"plan:{lot}")
        do(region, transfers.dispatch, logistics, numbers=[sent.id])
        do(region, transfers.receive, logistics, number=sent.id)
    do(region, operations.issue, logistics, site="H-NL", uses=[Use("NL-1", "TAB", 15)], key="use")
    assert shelves(region, "SOON", "MID", "LATE") == {
        ("MID", "H-NL", "NL-1", "available"): 5,
        ("LATE", "H-NL", "NL-1", "available"): 10,
    }


def test_what_is_in_quarantine_is_offered_to_nobody_and_cannot_be_taken(region: Engine, cast: Cast) -> None:
    """Elsewhere: first-expired-first-out handed out quarantined lots, for status was no part of the question."""
    shelf, act = account(region, "T-OLD", "D-BE"), acting(cast["logistics"])
    line = recording.Line(shelf.lot_id, 200)
    do(region, _record, act, one=recording.Record(act, recording.SET_ASIDE, "D-BE", [line], "aside", "wet"))
    with reading(region) as session:
        assert [row.lot for row in queries.pool_stock(session) if row.lot == "T-OLD"] == []
        assert outlook.promise(session, item="TAB", by=NOW.date()).on_hand == 400
    with pytest.raises(NotEnough, match="has 0 of TAB lot T-OLD available"):
        send_out(region, acting(cast["committee"]), lot="T-OLD", quantity=10, origin="D-BE")


def _record(session: object, _act: object, *, one: recording.Record) -> int:
    return recording.record(session, one)  # type: ignore[arg-type]


def test_one_batch_with_two_expiry_dates_is_refused_and_both_are_named(region: Engine, cast: Cast) -> None:
    """Elsewhere: two rows of one batch, or the later date in place of the earlier."""
    lines = [ReceiptLine("TAB", "T-NEW", date(2021, 7, 31), 10)]
    with pytest.raises(ExpiryDiffers, match="expiry 2021-06-30, not 2021-07-31"):
        do(region, operations.receive, acting(cast["logistics"]), site="D-DE", lines=lines, key="other date")


def test_there_is_no_quantity_that_is_not_whole() -> None:
    """Elsewhere: packs as floats leave ghosts of a ten-millionth that no list can clear."""
    quantities = ("quantity", "units", "counted", "book", "received", "damaged", "missing", "over", "cancelled")
    named = [
        (table.name, column.name, column.type)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if column.name in quantities and table.name != "request"
    ]
    assert len(named) > 15
    assert [one for one in named if not isinstance(one[2], BigInteger | Integer)] == []


@ON_SQLITE
def test_a_fraction_or_a_number_in_quotes_is_refused_at_the_door(region: Engine) -> None:
    """Elsewhere: 0.1 + 0.2 of a pack is received, and "1e3" is a thousand."""
    act = acting(governance.founder())
    secret = "a storekeeper's long password"
    given = {"name": "store", "title": "store", "password": secret, "grants": []}

    do(region, governance.add_account, act, **(given | {"grants": [Grant("logistics")]}))
    with TestClient(build(region, Settings(), scheduled=False)) as client:
        for quantity in ("0.1", '"5"', "1e3", "true", "1.0"):
            line = f'{{"item": "TAB", "lot": "F", "expiry": "2021-06-30", "quantity": {quantity}}}'
            body = f'{{"site": "D-DE", "lines": [{line}]}}'.encode()
            kind = {"Content-Type": "application/json"}
            answer = client.post("/api/v1/receipts", content=body, auth=("store", secret), headers=kind)
            assert answer.status_code in (400, 422), quantity
    assert shelves(region, "F") == {}


def test_an_item_or_lot_with_a_history_cannot_be_deleted(region: Engine) -> None:
    """Elsewhere: the history went with the item."""
    for model in (stock.Lot, stock.Balance, stock.Posting, stock.Site):
        with pytest.raises(IntegrityError):
            transact(region, lambda session, model=model: session.connection().execute(delete(model)))  # type: ignore[misc]
    assert faults(region) == []


def test_no_reference_takes_its_rows_along_when_something_is_deleted(region: Engine) -> None:
    found = inspect(region)
    for table in SQLModel.metadata.tables:
        for key in found.get_foreign_keys(table):
            assert key.get("options", {}).get("ondelete") in (None, "NO ACTION", "RESTRICT"), (table, key)


def test_a_shelf_emptied_to_the_last_unit_keeps_its_trace(region: Engine, cast: Cast) -> None:
    """Elsewhere: a row that falls to zero is deleted, and with it the way to who had it."""
    lot = take_in(region, acting(cast["logistics"]), lot="GONE", quantity=5)
    shelf = account(region, "GONE", "D-DE")
    do(region, operations.adjust, acting(cast["logistics"]), account=shelf, change=-5, key="all", reason="broken")
    with reading(region) as session:
        trace = traced.trace(session, lot)
    assert (trace.received, trace.lost, [one.quantity for one in trace.origins]) == (5, 5, [5])


def test_a_new_lot_of_a_place_that_was_empty_is_one_shelf_and_not_two(region: Engine, cast: Cast) -> None:
    """Elsewhere: a locked row is passed over and a second one opened beside it, to be merged some night."""
    act, lot = acting(cast["logistics"]), take_in(region, acting(cast["logistics"]), lot="ONE", quantity=1)
    place = Account(lot, "D-BE", rules.POOL, rules.AVAILABLE)

    def bring(number: int) -> int:
        moves = [Move(lot, 1, rules.SUPPLIER, place, "unordered")]
        return do(region, ledger.post, act, kind="receipt", key=f"one {number}", moves=moves)

    assert kinds(at_once([partial(bring, number) for number in range(8)])) == ["done"] * 8
    with reading(region) as session:
        table = table_of(stock.Balance)
        rows = session.connection().execute(table.select().where(table.c.lot_id == lot, table.c.site_code == "D-BE"))
        assert [row.quantity for row in rows] == [8]


def test_a_count_of_one_lot_leaves_all_the_others_as_they_are(region: Engine, cast: Cast) -> None:
    """Elsewhere: an inventory of a product sets every lot that was not listed to zero."""
    before, counter = shelves(region), acting(cast["logistics"])
    number = do(region, counts.open_count, counter, site="D-DE", reason="monthly").id or 0
    line = {"number": number, "lot_id": lot_id(region, "T-NEW"), "owner": "pool", "status": "available"}
    do(region, counts.enter, counter, counted=299, **line)
    do(region, counts.approve, acting(cast["committee"]), number=number, reason="one broken")
    assert shelves(region) == before | {("T-NEW", "D-DE", "pool", "available"): 299}


def test_an_approved_transfer_takes_no_further_line_and_all_that_left_arrives(region: Engine, cast: Cast) -> None:
    """Elsewhere: lines added after the goods had left never reached who received them."""
    sent, logistics = send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=30), acting(cast["logistics"])
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    with pytest.raises(IntegrityError):
        send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=10)
    arrived = {line: transfers.Arrived(30) for line in line_ids(region, sent)}
    do(region, transfers.receive, logistics, number=sent.id, arrived=arrived)
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "NL-1", "available"] == 30


def test_one_lot_is_owned_in_parts_and_nobody_uses_anothers(region: Engine, cast: Cast) -> None:
    """Elsewhere: a lot has one owner, and control of it is a label."""
    logistics = acting(cast["logistics"])
    for member, destination, quantity in (("DE-1", "H-DE", 10), ("DE-2", "H-DE", 20)):
        part = transfers.Part("D-DE", destination, lot_id(region, "T-NEW"), member, "note:1", quantity)
        [sent] = do(region, transfers.arrange, acting(cast["committee"]), source=f"plan:{member}", parts=[part])
        do(region, transfers.dispatch, logistics, numbers=[sent.id])
        do(region, transfers.receive, logistics, number=sent.id)
    issued = do(
        region, operations.issue, logistics, site="H-DE", uses=[Use("DE-1", "TAB", 25)], key="use", allow_partial=True
    )
    assert [quantity for _, quantity in issued] == [10]
    assert shelves(region, "T-NEW")["T-NEW", "H-DE", "DE-2", "available"] == 20


def test_stock_in_quarantine_can_be_counted_written_off_and_destroyed(region: Engine, cast: Cast) -> None:
    """Elsewhere: what is held can neither be moved nor corrected."""
    logistics, shelf = acting(cast["logistics"]), account(region, "T-OLD", "D-BE")
    line = recording.Line(shelf.lot_id, 50)
    do(region, _record, logistics, one=recording.Record(logistics, recording.SET_ASIDE, "D-BE", [line], "a", "wet"))
    apart = Account(shelf.lot_id, "D-BE", rules.POOL, rules.QUARANTINE)
    do(region, operations.adjust, logistics, account=apart, change=-5, key="b", reason="five more are broken")
    made = do(region, quality.propose_disposal, logistics, account=apart, quantity=45, reason="wet")
    do(region, quality.witness_disposal, acting(cast["pharmacist"]), number=made.id, certificate="burnt")
    assert ("T-OLD", "D-BE", "pool", "quarantine") not in shelves(region)
    assert faults(region) == []


def test_why_a_lot_is_not_offered_is_said(region: Engine, cast: Cast) -> None:
    """Elsewhere: it is just not in the list."""
    sent = send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=10)
    do(region, holding.hold, acting(cast["logistics"]), lot_id=lot_id(region, "T-NEW"), reason="a complaint")
    with pytest.raises(transfers.NotFit, match="lot T-NEW of TAB may not leave: the lot is on hold"):
        do(region, transfers.dispatch, acting(cast["logistics"]), numbers=[sent.id])


def test_a_refusal_says_what_to_do_and_never_to_ask_an_administrator(region: Engine, cast: Cast) -> None:
    """Elsewhere: "contact your administrator"."""
    act, shelf = acting(cast["logistics"]), account(region, "T-NEW", "D-DE")
    given = {"account": shelf, "change": -999, "key": "x", "reason": "lost"}
    with pytest.raises(Refusal) as refused:
        do(region, operations.adjust, act, **given)
    assert {"item", "lot", "site", "owner", "status", "there", "asked"} <= set(refused.value.facts)
    assert "contact" not in refused.value.message


def test_equal_needs_get_equal_shares_and_each_keeps_what_it_needs_most() -> None:
    """Elsewhere: three equal requests of 60 for 100 boxes get 60, 40 and nothing; nobody's reserve is asked for."""

    towns = ("a", "b", "c")
    pool = Pool(
        item="BOX",
        shareable_packs=100,
        lots=(Lot("l", "D", date(2021, 1, 1), 100),),
        claims=tuple(Claim(town, town, 1, 0) for town in towns),
        drops=tuple(Drop(town, town, 60) for town in towns),
        lanes=tuple(Lane("l", town, 1) for town in towns),
    )
    plan = share(Problem(rule="leximin/1", pools=(pool,)))
    assert sorted(line.packs for line in plan.pools[0].lines) == [33, 33, 34]


def test_an_order_of_a_thousand_lines_is_one_posting_and_takes_no_minute(region: Engine, cast: Cast) -> None:
    """Elsewhere: an order of 1,231 lines opens in 22 seconds, an import of 5,000 rows never ends."""
    lines = [ReceiptLine("TAB", f"MANY-{number}", NOW.date() + timedelta(days=400), 10) for number in range(1000)]
    begun = time.monotonic()
    do(region, operations.receive, acting(cast["logistics"]), site="D-DE", lines=lines, key="many")
    with reading(region) as session:
        found = queries.balances(session, limit=2000)
    assert time.monotonic() - begun < 60
    assert sum(1 for row in found if row.lot.startswith("MANY-")) == 1000
