"""What is to be counted next at a site: by class, by when it was counted last, and blind."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from stockpile.db import reading
from stockpile.inventory.counts import operations as counts
from stockpile.inventory.queries import UnknownSite
from stockpile.inventory.worklist import queries
from stockpile.inventory.worklist.queries import ToCount
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do, lot_id


def listed(engine: Engine, site: str = "D-DE", *, days: int = 0) -> dict[str, ToCount]:
    """What is to be counted so many days from now, by item."""
    with reading(engine) as session:
        return {one.item: one for one in queries.to_count(session, site, at=NOW + timedelta(days))}


def count(engine: Engine, cast: Cast, *lots: tuple[str, int], site: str = "D-DE") -> None:
    """A count of these lots at a depot, approved by another person."""
    counter = acting(cast["logistics"])
    number = do(engine, counts.open_count, counter, site=site, reason="round").id or 0
    for lot, units in lots:
        do(
            engine,
            counts.enter,
            counter,
            number=number,
            lot_id=lot_id(engine, lot),
            owner="pool",
            status="available",
            counted=units,
        )
    do(engine, counts.approve, acting(cast["committee"]), number=number, reason="round")


def test_what_was_never_counted_is_due_today(region: Engine, cast: Cast) -> None:
    assert cast
    assert {one.due_on for one in listed(region).values()} == {NOW.date()}
    assert {one.last_counted for one in listed(region).values()} == {None}


def test_the_book_is_not_told(region: Engine, cast: Cast) -> None:
    assert cast
    assert not {"quantity", "book", "units"} & set(ToCount.__dataclass_fields__)
    assert listed(region)


def test_after_a_count_the_class_says_when_the_next_is_due(region: Engine, cast: Cast) -> None:
    count(region, cast, ("T-NEW", 300))
    one = listed(region)["TAB"]
    days = {"A": 30, "B": 90, "C": 180}[one.grade]
    assert (one.last_counted, one.due_on, one.overdue_days) == (NOW, NOW.date() + timedelta(days), 0)
    assert listed(region, days=days + 5)["TAB"].overdue_days == 5


def test_an_item_is_counted_only_when_each_of_its_shelves_is(region: Engine, cast: Cast) -> None:
    count(region, cast, ("T-OLD", 200), site="D-BE")
    assert listed(region, "D-BE")["TAB"].last_counted is None
    count(region, cast, ("T-NEW", 100), site="D-BE")
    assert listed(region, "D-BE")["TAB"].last_counted == NOW


def test_a_count_that_nobody_approved_counts_for_nothing(region: Engine, cast: Cast) -> None:
    counter = acting(cast["logistics"])
    number = do(region, counts.open_count, counter, site="D-DE", reason="round").id or 0
    line = {"lot_id": lot_id(region, "T-NEW"), "owner": "pool", "status": "available", "counted": 300}
    do(region, counts.enter, counter, number=number, **line)
    assert listed(region)["TAB"].last_counted is None


def test_controlled_items_and_those_of_the_first_priority_are_counted_monthly(region: Engine, cast: Cast) -> None:
    assert cast
    with region.begin() as connection:
        connection.execute(text("UPDATE item SET priority = 1 WHERE code = 'TAB'"))
    assert (listed(region)["TAB"].grade, listed(region)["TAB"].why) == ("A", "priority 1")
    with region.begin() as connection:
        connection.execute(text("UPDATE item SET controlled = true WHERE code = 'TAB'"))
    assert (listed(region)["TAB"].grade, listed(region)["TAB"].why) == ("A", "controlled")


def test_what_has_no_price_is_said_to_have_none(region: Engine, cast: Cast) -> None:
    assert cast
    with region.begin() as connection:
        connection.execute(text("DELETE FROM price_tier"))
        connection.execute(text("UPDATE item SET priority = 2, controlled = false"))
    assert {(one.grade, one.why) for one in listed(region).values()} == {("B", "no price")}


def test_an_unknown_site_is_named(region: Engine, cast: Cast) -> None:
    assert cast
    with pytest.raises(UnknownSite, match="D-XX"):
        listed(region, "D-XX")
