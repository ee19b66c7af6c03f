"""Entries made late, closed periods, and what stood where at an instant."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, update
from sqlmodel import col

from stockpile.actor import Act
from stockpile.db import reading
from stockpile.errors import Invalid, NotAllowed
from stockpile.inventory import ledger, operations, rules, transfers
from stockpile.inventory.corrections import operations as corrections
from stockpile.inventory.ledger import Account, Move
from stockpile.inventory.operations import ReceiptLine
from stockpile.inventory.periods import late
from stockpile.inventory.periods import operations as periods
from stockpile.inventory.periods import queries as times
from stockpile.inventory.periods.rules import BACKDATING_HOURS, CLOCK_TOLERANCE
from stockpile.inventory.tables import Posting
from tests.conftest import NOW, Cast, acting, unguard
from tests.inventory.stockroom import account, do, faults, lot_id, send_out, shelves

HOUR = timedelta(hours=1)
SHELF = ("N-1", "D-DE", "pool", "available")


def said(act: Act, at: datetime) -> Act:
    """The act, said to have taken effect at that instant."""
    return late.dated(act, at)


def bring(engine: Engine, act: Act, quantity: int, key: str) -> int:
    """Receive tablets of the batch N-1 at Aachen; the posting's number."""
    lines = [ReceiptLine("TAB", "N-1", date(2021, 6, 30), quantity)]
    return do(engine, operations.receive, act, site="D-DE", lines=lines, key=key)


def take(engine: Engine, act: Act, quantity: int, key: str) -> int:
    """Write off tablets of the batch N-1 at Aachen; the posting's number."""
    given = {"account": account(engine, "N-1", "D-DE"), "change": -quantity, "key": key, "reason": "lost"}
    return do(engine, operations.adjust, act, **given)


@pytest.fixture
def logistics(cast: Cast) -> Act:
    """An act of the storekeeper at NOW."""
    return acting(cast["logistics"])


def test_what_left_before_it_came_is_refused_even_when_there_is_enough_today(region: Engine, logistics: Act) -> None:
    bring(region, logistics, 10, "in")
    with pytest.raises(late.NotEnoughThen, match="there were 0 on 2020-03-30 07:00 UTC") as refused:
        take(region, said(logistics, NOW - HOUR), 4, "out")
    assert (refused.value.facts["there"], refused.value.facts["asked"]) == (0, 4)
    take(region, said(logistics, NOW), 4, "out")
    assert shelves(region, "N-1") == {SHELF: 6}
    assert faults(region) == []


def test_a_late_entry_may_not_take_what_a_later_one_has_used(region: Engine, logistics: Act) -> None:
    bring(region, said(logistics, NOW - 10 * HOUR), 10, "in")
    take(region, said(logistics, NOW - 2 * HOUR), 10, "out")
    bring(region, logistics, 50, "more")
    with pytest.raises(late.NotEnoughThen, match="left less than nothing on 2020-03-30 06:00 UTC") as refused:
        take(region, said(logistics, NOW - 5 * HOUR), 1, "late")
    assert refused.value.facts["falls_at"] == NOW - 2 * HOUR
    take(region, said(logistics, NOW), 1, "today")
    assert faults(region) == []


def test_in_at_midnight_and_out_at_the_last_minute_are_taken_by_their_instants(region: Engine, logistics: Act) -> None:
    """A day later, in either order of entry; the same day is not enough for goods that came after they left."""
    midnight = datetime(2020, 3, 28, tzinfo=UTC)
    last = midnight + timedelta(hours=23, minutes=59)
    bring(region, said(logistics, midnight), 10, "in")
    take(region, said(logistics, last), 10, "out")
    bring(region, said(logistics, last), 5, "more")
    with pytest.raises(late.NotEnoughThen, match="23:59"):
        take(region, said(logistics, last - timedelta(minutes=1)), 5, "a minute before")
    take(region, said(logistics, last), 5, "with it")
    assert faults(region) == []


def test_how_late_an_entry_may_be_is_bounded_and_the_committee_sets_it(
    region: Engine, cast: Cast, logistics: Act
) -> None:
    bring(region, said(logistics, NOW - timedelta(days=7)), 1, "seven days")
    with pytest.raises(late.TooLate, match="more than 168 hours"):
        bring(region, said(logistics, NOW - timedelta(days=7, seconds=1)), 1, "longer")
    given = {"name": BACKDATING_HOURS, "reason": "paper from the field"}
    with pytest.raises(NotAllowed):
        do(region, periods.set_figure, logistics, value=240, **given)
    with pytest.raises(Invalid, match="from 0 to 1440"):
        do(region, periods.set_figure, acting(cast["committee"]), value=9999, **given)
    do(region, periods.set_figure, acting(cast["committee"]), value=240, **given)
    bring(region, said(logistics, NOW - timedelta(days=9)), 1, "longer")


def test_nothing_is_entered_for_the_future_beyond_what_clocks_differ(region: Engine, logistics: Act) -> None:
    bring(region, said(logistics, NOW + CLOCK_TOLERANCE), 1, "fast clock")
    with pytest.raises(late.InFuture, match="lies ahead"):
        bring(region, said(logistics, NOW + CLOCK_TOLERANCE + timedelta(seconds=1)), 1, "tomorrow")


def test_what_takes_effect_now_never_precedes_what_it_takes(region: Engine, logistics: Act) -> None:
    """Two desks' clocks differ by a minute: the posting is stamped with the instant of what it takes."""
    ahead = replace(logistics, at=NOW + timedelta(minutes=1))
    bring(region, ahead, 10, "in")
    number = take(region, logistics, 10, "out")
    with reading(region) as session:
        assert session.get_one(Posting, number).effective_at == ahead.at
    assert faults(region) == []


def test_a_transfer_is_not_received_before_it_left(region: Engine, cast: Cast, logistics: Act) -> None:
    sent = send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=30)
    desk = acting(logistics.actor, after_hours=5)
    do(region, transfers.dispatch, said(desk, NOW + 2 * HOUR), numbers=[sent.id])
    with pytest.raises(Invalid, match="lies before transfer 1 left"):
        do(region, transfers.receive, said(desk, NOW + HOUR), number=sent.id)
    do(region, transfers.receive, said(desk, NOW + 4 * HOUR), number=sent.id)
    with reading(region) as session:
        then = {one.status: one.quantity for one in times.stock_at(session, NOW + 3 * HOUR) if one.site == "H-NL"}
    assert then == {rules.IN_TRANSIT: 30}
    assert faults(region) == []


def close(engine: Engine, cast: Cast, **given: object) -> None:
    """Close a period as the committee."""
    do(engine, periods.close, acting(cast["committee"]), **given)


def test_a_closed_period_takes_no_entry_and_is_not_opened_again(region: Engine, cast: Cast, logistics: Act) -> None:
    close(region, cast, ends_at=NOW - 24 * HOUR, reason="weekly")
    with pytest.raises(late.PeriodClosed, match=r"closed and stays as it is.*corrections"):
        bring(region, said(logistics, NOW - 25 * HOUR), 1, "late")
    with pytest.raises(late.PeriodClosed):
        bring(region, acting(logistics.actor, NOW - 25 * HOUR), 1, "an old clock")
    bring(region, said(logistics, NOW - 24 * HOUR), 1, "the first instant after it")
    for earlier in (NOW - 24 * HOUR, NOW - 48 * HOUR):
        with pytest.raises(periods.ClosedAlready, match="not opened again"):
            close(region, cast, ends_at=earlier)
    close(region, cast, ends_at=NOW - HOUR)
    assert faults(region) == []


def test_only_what_is_over_is_closed_and_only_by_the_committee(region: Engine, cast: Cast, logistics: Act) -> None:
    with pytest.raises(NotAllowed):
        do(region, periods.close, logistics, ends_at=NOW - HOUR)
    for given in ({"ends_at": NOW}, {"month": date(2020, 3, 1)}):
        with pytest.raises(Invalid, match="has not passed yet"):
            close(region, cast, **given)
    with pytest.raises(Invalid, match="not both"):
        close(region, cast)
    close(region, cast, month=date(2020, 2, 29))
    with reading(region) as session:
        assert times.closed_before(session) == datetime(2020, 2, 29, 23, tzinfo=UTC)


def test_a_wrong_entry_is_undone_by_a_new_one_of_today_that_names_it(
    region: Engine, cast: Cast, logistics: Act
) -> None:
    wrong = bring(region, said(logistics, NOW - 30 * HOUR), 10, "in")
    close(region, cast, ends_at=NOW - 24 * HOUR)
    number = do(region, corrections.correct, logistics, number=wrong, reason="it was another batch")
    with reading(region) as session:
        posting = session.get_one(Posting, number)
        assert (posting.effective_at, posting.reason) == (NOW, f"corrects posting {wrong}: it was another batch")
        assert [one.quantity for one in times.stock_at(session, NOW - 25 * HOUR) if one.lot == "N-1"] == [10]
    assert shelves(region, "N-1") == {}
    with pytest.raises(ledger.PostedBefore, match=f"posting {wrong} was corrected before"):
        do(region, corrections.correct, logistics, number=wrong, reason="again")
    with pytest.raises(corrections.NotCorrected, match="is a correction"):
        do(region, corrections.correct, logistics, number=number, reason="back")
    assert faults(region) == []


def test_a_correction_takes_nothing_out_of_quarantine_and_needs_a_reason(
    region: Engine, cast: Cast, logistics: Act
) -> None:
    sent = send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=30)
    number = do(region, transfers.dispatch, logistics, numbers=[sent.id])
    with pytest.raises(corrections.NotCorrected, match="is a dispatch"):
        do(region, corrections.correct, logistics, number=number, reason="wrong")
    with pytest.raises(Invalid, match="needs a reason"):
        do(region, corrections.correct, logistics, number=number, reason=" ")
    with pytest.raises(corrections.UnknownPosting):
        do(region, corrections.correct, logistics, number=999, reason="wrong")
    there = account(region, "T-NEW", "D-DE")
    apart = Account(there.lot_id, there.site, there.owner, rules.QUARANTINE)
    moves = [Move(there.lot_id, 5, there, apart, "set_aside")]
    number = do(region, ledger.post, logistics, kind="set_aside", key="aside", moves=moves)
    with pytest.raises(corrections.NotCorrected):
        do(region, corrections.correct, logistics, number=number, reason="wrong")


def test_what_stood_where_is_told_as_it_was_and_as_it_was_known(region: Engine, logistics: Act) -> None:
    """Ten came on Saturday, entered on Monday at eight; four left on Sunday, entered on Monday at ten."""
    saturday, sunday, ten = NOW - 48 * HOUR, NOW - 24 * HOUR, NOW + 2 * HOUR
    bring(region, said(logistics, saturday), 10, "in")
    take(region, said(replace(logistics, at=ten, recorded_at=ten), sunday), 4, "out")

    def stood(at: datetime, known: datetime | None = None) -> int:
        with reading(region) as session:
            return sum(one.quantity for one in times.stock_at(session, at, known=known) if one.lot == "N-1")

    assert [stood(at) for at in (saturday - HOUR, saturday, sunday, ten)] == [0, 10, 6, 6]
    assert [stood(sunday, known) for known in (NOW - HOUR, NOW, NOW + HOUR, ten)] == [0, 10, 10, 6]


def test_a_change_of_what_was_closed_or_of_its_instants_is_found(region: Engine, cast: Cast, logistics: Act) -> None:
    number = bring(region, said(logistics, NOW - 30 * HOUR), 10, "in")
    close(region, cast, ends_at=NOW - 24 * HOUR)
    assert faults(region) == []
    moved = update(Posting).where(col(Posting.id) == number).values(effective_at=NOW - HOUR)
    with region.begin() as connection:
        unguard(connection)
        connection.execute(moved)
    found = " ".join(faults(region))
    assert "its stock is not that of its closing" in found
    assert "the instant of its last movement" in found
    assert lot_id(region, "N-1")
