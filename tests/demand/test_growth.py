"""Where a surge may go, as far as the last weeks tell."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.db import reading, transact
from stockpile.demand import growth, queries
from stockpile.demand.tables import CaseloadReport

LEVEL = 70_000
WEEKS = 12


def test_a_surge_of_which_one_week_is_known_is_taken_to_go_on_as_it_is() -> None:
    assert growth.growth([{"a": LEVEL}]) == 0.0
    assert growth.courses(LEVEL, 0.0, weeks=2) == (growth.Course((LEVEL, LEVEL)),)


def test_a_growing_wave_may_turn_now_or_within_three_weeks_and_falls_as_it_rose() -> None:
    seen = growth.courses(LEVEL, growth.growth([{"a": LEVEL // 2}, {"a": LEVEL}]), weeks=WEEKS)
    peaks = [max(one.weeks) for one in seen]
    assert peaks == sorted(peaks)
    assert peaks[0] == LEVEL
    assert peaks[-1] > 2 * LEVEL
    assert [one.weeks.index(max(one.weeks)) for one in seen] == [0, 0, 1, 2]
    assert all(one.weeks[-1] < LEVEL // 20 for one in seen), "none of them goes on for ever"


def test_a_falling_wave_falls_on_in_every_course() -> None:
    seen = growth.courses(LEVEL, -0.5, weeks=WEEKS)
    assert all(list(one.weeks) == sorted(one.weeks, reverse=True) for one in seen)
    assert growth.expected(seen, 14) < 2 * LEVEL


def test_one_low_week_in_a_rising_wave_is_no_turn_yet() -> None:
    assert growth.growth([{"a": 20_000}, {"a": 60_000}, {"a": 50_000}]) > 0.0


def test_growth_beyond_what_is_believed_is_bounded_both_ways() -> None:
    assert growth.growth([{"a": 0}, {"a": 90_000_000}]) == growth.FASTEST
    assert growth.growth([{"a": 90_000_000}, {"a": 0}]) == -growth.FASTEST


@pytest.mark.parametrize("ppm", [500_000, 900_000, 995_000])
def test_more_service_never_reckons_with_less(ppm: int) -> None:
    seen = growth.courses(LEVEL, 0.8, weeks=WEEKS)
    lasts = {14: 700, 35: 300}
    assert growth.at_most(seen, lasts, ppm=ppm) <= growth.at_most(seen, lasts, ppm=ppm + 1000)
    assert growth.at_most(seen, lasts, ppm=995_000) == max(one.until(35) for one in seen)


def test_a_member_that_begins_to_report_is_no_growth(region: Engine) -> None:
    today = date(2020, 4, 26)

    def reported(session: Session) -> None:
        for back in range(14):
            for member in ("NL-1", "BE-1") if back < 7 else ("NL-1",):
                session.add(
                    CaseloadReport(
                        day=today - timedelta(days=back),
                        member_code=member,
                        cases=0,
                        cases_suppressed=False,
                        admissions=4,
                        basis="reported",
                        accepted_milli=4000,
                    )
                )

    transact(region, reported)
    with reading(region) as session:
        weeks = queries.weekly_admissions(session, today)
    assert weeks[-2:] == [{"NL-1": 28_000}, {"NL-1": 28_000, "BE-1": 28_000}]
    assert growth.growth(weeks) == 0.0
