"""How much of a request the caseload supports: pure figures."""

from __future__ import annotations

import pytest

from stockpile.demand import rules
from stockpile.demand.rules import (
    expected_use,
    is_catch_up,
    share_of_spike,
    trailing_mean_milli,
    validate,
    whole_packs_up,
)


@pytest.mark.parametrize(
    ("asked", "expected", "cover", "supported", "code"),
    [
        (100, 0, 0, 0, rules.NO_CASELOAD),
        (100, 0, 500, 0, rules.NO_CASELOAD),
        (100, 80, 80, 0, rules.COVERED),
        (100, 80, 90, 0, rules.COVERED),
        (100, 80, 79, 10, rules.CAPPED),
        (100, 95, 0, 100, rules.FILLED),
        (100, 100, 0, 100, rules.FILLED),
        (100, 101, 0, 100, rules.FILLED),
        (100, 500, 0, 100, rules.FILLED),
        (100, 91, 0, 100, rules.FILLED),
        (100, 90, 0, 90, rules.CAPPED),
        (100, 81, 0, 90, rules.CAPPED),
        (10, 1, 0, 10, rules.FILLED),
    ],
)
def test_a_request_is_supported_up_to_what_is_missing_in_whole_packs(
    asked: int, expected: int, cover: int, supported: int, code: str
) -> None:
    found = validate(asked=asked, expected=expected, cover=cover, pack_size=10, days=3)
    assert (found.quantity, found.code) == (supported, code)
    assert found.quantity % 10 == 0
    assert found.quantity <= asked


def test_the_reason_is_a_sentence_with_its_figures() -> None:
    found = validate(asked=2000, expected=1500, cover=300, pack_size=10, days=3)
    assert found.sentence == (
        "3 days of reported admissions use 1,500, 300 are there or on the way: "
        "1,200 in whole packs are supported of 2,000 asked"
    )


@pytest.mark.parametrize(
    ("milli", "per_admission", "days", "use"),
    [(1500, 20_000, 3, 90), (1, 1, 1, 1), (0, 20_000, 3, 0), (1000, 500, 3, 2), (143, 2000, 7, 3)],
)
def test_expected_use_is_rounded_up_to_the_next_unit(milli: int, per_admission: int, days: int, use: int) -> None:
    assert expected_use(admissions_milli_per_day=milli, use_per_admission_milli=per_admission, days=days) == use


@pytest.mark.parametrize(("quantity", "up"), [(0, 0), (1, 10), (10, 10), (11, 20)])
def test_part_packs_are_rounded_up(quantity: int, up: int) -> None:
    assert whole_packs_up(quantity, 10) == up


WEEK = [38, 30, 27, 50, 53, 30, 34]
"""Admissions in the Netherlands from 26 March to 1 April 2020, as reported."""


@pytest.mark.parametrize(
    ("total", "before", "flagged"),
    [
        (270, WEEK, True),
        (102, WEEK, False),
        (103, WEEK, True),
        (270, WEEK[:4], False),
        (270, WEEK[:5], True),
        (270, [], False),
        (0, WEEK, False),
        (4, [0] * 7, False),
        (5, [0] * 7, True),
        (4, [1] * 7, False),
        (6, [1] * 7, True),
        (270, [300] * 7 + WEEK, True),
    ],
)
def test_a_day_that_jumps_beyond_three_medians_and_four_deviations_is_a_catch_up(
    total: int, before: list[int], flagged: bool
) -> None:
    assert is_catch_up(total, before) is flagged


def test_the_trailing_mean_counts_the_last_seven_days_and_rounds_down() -> None:
    assert trailing_mean_milli([99_000, *[1000] * 6, 2000]) == 1142
    assert trailing_mean_milli([]) == 0


def test_a_catch_up_day_counts_as_a_usual_day_and_never_as_more_than_was_reported() -> None:
    assert share_of_spike(270, 37_000) == 37_000
    assert share_of_spike(3, 37_000) == 3000
