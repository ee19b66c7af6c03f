"""A day's reports, judged as they come in."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from stockpile.actor import Actor, Grant
from stockpile.db import reading
from stockpile.demand import operations, queries
from stockpile.demand.operations import DayReport, DayReported
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.rules import Missing
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

FIRST = date(2020, 4, 26)
DUTCH_WEEK = [38, 30, 27, 50, 53, 30, 34]


def report(
    engine: Engine, actor: Actor, day: date, *given: tuple[str, int | None], basis: str = "reported"
) -> dict[str, tuple[str, int | None]]:
    """Report a day; each member's flag and accepted admissions (thousandths)."""
    reports = [DayReport(member, 10, False, admissions, basis) for member, admissions in given]
    rows = do(engine, operations.report_day, acting(actor, after_hours=24 * 60), day=day, reports=reports)
    return {row.member_code: (row.flag, row.accepted_milli) for row in rows}


@pytest.fixture
def spring(region: Engine, cast: Cast) -> Engine:
    """The Dutch week of 26 March to 1 April 2020, a month later, where the small region has no reports yet."""
    for number, admissions in enumerate(DUTCH_WEEK):
        report(region, cast["coordinator"], FIRST + timedelta(days=number), ("NL-1", admissions), ("DE-1", 20))
    return region


def test_the_dutch_catch_up_of_2_april_is_flagged_and_counts_as_a_usual_day(spring: Engine, cast: Cast) -> None:
    day = FIRST + timedelta(days=7)
    assert report(spring, cast["coordinator"], day, ("NL-1", 270), ("DE-1", 21)) == {
        "NL-1": ("catch_up", sum(DUTCH_WEEK) * 1000 // 7),
        "DE-1": ("", 21_000),
    }
    with reading(spring) as session:
        assert [row.member_code for row in queries.flagged(session, day)] == ["NL-1"]
        assert queries.usual_admissions(session, day)["NL-1"] < 40_000


def test_a_flagged_day_does_not_make_the_next_one_look_usual(spring: Engine, cast: Cast) -> None:
    for number, admissions in ((7, 270), (8, 265)):
        flag, _ = report(spring, cast["coordinator"], FIRST + timedelta(days=number), ("NL-1", admissions))["NL-1"]
        assert flag == "catch_up"


def test_figures_sent_one_municipality_at_a_time_are_judged_together(region: Engine, cast: Cast) -> None:
    """60 and 60 pass alone beside a usual 38 a day; together they are a catch-up, and both count as a usual day."""
    for number, admissions in enumerate(DUTCH_WEEK):
        half = admissions // 2
        given = ("BE-1", half), ("BE-2", admissions - half)
        report(region, cast["coordinator"], FIRST + timedelta(days=number), *given)
    day = FIRST + timedelta(days=7)
    assert report(region, cast["coordinator"], day, ("BE-1", 60))["BE-1"] == ("", 60_000)
    assert report(region, cast["coordinator"], day, ("BE-2", 60))["BE-2"][0] == "catch_up"
    with reading(region) as session:
        assert [row.member_code for row in queries.flagged(session, day)] == ["BE-1", "BE-2"]
        assert all((row.accepted_milli or 0) < 25_000 for row in queries.flagged(session, day))


def test_what_a_person_released_is_not_flagged_again_by_a_late_report(spring: Engine, cast: Cast) -> None:
    day = FIRST + timedelta(days=7)
    report(spring, cast["coordinator"], day, ("DE-1", 270))
    act = acting(cast["coordinator2"], after_hours=24 * 60)
    do(spring, operations.release_flag, act, day=day, member="DE-1", reason="the hospital confirmed them")
    assert report(spring, cast["coordinator"], day, ("DE-2", 2))["DE-2"] == ("catch_up", 0)
    with reading(spring) as session:
        assert [row.member_code for row in queries.flagged(session, day)] == ["DE-2"]


def test_a_person_may_release_a_flag_with_a_reason(spring: Engine, cast: Cast) -> None:
    day = FIRST + timedelta(days=7)
    report(spring, cast["coordinator"], day, ("NL-1", 270), ("DE-1", 20))
    act = acting(cast["coordinator2"], after_hours=24 * 60)
    with pytest.raises(Invalid):
        do(spring, operations.release_flag, act, day=day, member="NL-1", reason=" ")
    requester = acting(cast["requester"], after_hours=24 * 60)
    with pytest.raises(Missing):
        do(spring, operations.release_flag, requester, day=day, member="NL-1", reason="they are real")
    released = do(spring, operations.release_flag, act, day=day, member="NL-1", reason="the hospital confirmed them")
    assert (released.flag, released.accepted_milli) == ("", 270_000)
    for member, refusal in (("NL-1", Conflict), ("DE-1", Conflict), ("BE-1", NotFound)):
        with pytest.raises(refusal):
            do(spring, operations.release_flag, act, day=day, member=member, reason="again")
    with reading(spring) as session:
        assert queries.flagged(session, day) == []


def test_a_day_is_reported_once(spring: Engine, cast: Cast) -> None:
    with pytest.raises(DayReported) as refused:
        report(spring, cast["coordinator"], FIRST, ("BE-1", 4), ("NL-1", 38))
    assert refused.value.facts == {"field": "day", "members": ["NL-1"]}
    assert report(spring, cast["coordinator"], FIRST, ("BE-1", 4)) == {"BE-1": ("", 4000)}


def test_unknown_members_and_days_ahead_are_refused(region: Engine, cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        report(region, cast["coordinator"], FIRST, ("NL-1", 4), ("FR-1", 4))
    assert refused.value.facts == {"field": "member", "row": 2}
    with pytest.raises(Invalid) as refused:
        report(region, cast["coordinator"], (NOW + timedelta(days=62)).date(), ("NL-1", 4))
    assert refused.value.facts == {"field": "day"}


def test_what_was_not_reported_is_unknown_and_not_zero(region: Engine, cast: Cast) -> None:
    assert report(region, cast["coordinator"], FIRST, ("NL-1", None)) == {"NL-1": ("", None)}
    report(region, cast["coordinator"], FIRST + timedelta(days=1), ("NL-1", 6))
    with reading(region) as session:
        assert queries.usual_admissions(session, FIRST + timedelta(days=1))["NL-1"] == 6000


def test_a_first_report_that_holds_all_that_went_before_is_set_apart(region: Engine, cast: Cast) -> None:
    given = report(region, cast["coordinator"], FIRST, ("NL-1", 400), basis="reported_cumulative_start")
    assert given == {"NL-1": ("cumulative_start", None)}


def test_a_municipality_reports_for_itself_only(region: Engine, cast: Cast) -> None:
    vaals = cast.engage("vaals", Grant("requester", member="NL-1"))
    assert report(region, vaals, FIRST, ("NL-1", 4)) == {"NL-1": ("", 4000)}
    with pytest.raises(Missing):
        report(region, vaals, FIRST, ("NL-1", 4), ("DE-1", 4))


def test_own_stock_replaces_what_was_said_before(region: Engine, cast: Cast) -> None:
    act = acting(cast["requester"])
    do(region, operations.declare_own_stock, act, member="DE-1", quantities={"TAB": 70, "PUMP": 2})
    with reading(region) as session:
        assert queries.own_stock(session) == {("DE-1", "TAB"): 70, ("DE-1", "PUMP"): 2}
    with pytest.raises(Invalid):
        do(region, operations.declare_own_stock, act, member="DE-1", quantities={"TAB": -1})
    with pytest.raises(Missing):
        do(region, operations.declare_own_stock, acting(cast["buyer"]), member="DE-1", quantities={"TAB": 1})


def test_own_stock_of_an_item_nobody_knows_is_refused_in_words(region: Engine, cast: Cast) -> None:
    with pytest.raises((Invalid, NotFound)):
        do(region, operations.declare_own_stock, acting(cast["requester"]), member="DE-1", quantities={"GLOVE": 1})
