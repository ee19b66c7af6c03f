"""Reading daily reports with care, and what a caseload lets a municipality ask for. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

TRAILING_DAYS: Final = 7
FEWEST_DAYS: Final = 5
SPIKE_FACTOR: Final = 3
SPIKE_DEVIATIONS: Final = 4

NOT_FLAGGED: Final = ""
CATCH_UP: Final = "catch_up"
CUMULATIVE_START: Final = "cumulative_start"

FILLED: Final = "supported"
CAPPED: Final = "capped_by_caseload"
COVERED: Final = "own_cover_sufficient"
NO_CASELOAD: Final = "no_caseload_reported"
REVISED: Final = "revised_by_person"


@dataclass(frozen=True, slots=True)
class Validation:
    """How much of a request the caseload supports, in base units, with the reason as code and sentence."""

    quantity: int
    code: str
    sentence: str


def is_catch_up(total: int, before: Sequence[int]) -> bool:
    """Whether a country's daily total is a reporting catch-up rather than a day's admissions.

    `before`: the accepted totals of up to seven days before, oldest first. A
    day counts as catch-up when it is more than three times their median and
    more than four Poisson deviations above it; with fewer than five days
    nothing is judged.

    >>> is_catch_up(270, [38, 30, 27, 50, 53, 30, 34])
    True
    >>> is_catch_up(83, [30, 27, 50, 53, 30, 34, 37])
    False
    """
    recent = before[-TRAILING_DAYS:]
    if len(recent) < FEWEST_DAYS:
        return False
    usual = median(recent)
    return total > SPIKE_FACTOR * usual and total > usual + SPIKE_DEVIATIONS * max(1.0, usual) ** 0.5


def trailing_mean_milli(accepted_milli: Sequence[int]) -> int:
    """Mean of the last seven days in thousandths of an admission, rounded down; 0 with no days."""
    recent = accepted_milli[-TRAILING_DAYS:]
    return sum(recent) // len(recent) if recent else 0


def expected_use(*, admissions_milli_per_day: int, use_per_admission_milli: int, days: int) -> int:
    """Base units that `days` days of admissions are expected to use, rounded up.

    >>> expected_use(admissions_milli_per_day=1500, use_per_admission_milli=20_000, days=3)
    90
    """
    return -(-admissions_milli_per_day * use_per_admission_milli * days // 1_000_000)


def whole_packs_up(quantity: int, pack_size: int) -> int:
    """The quantity rounded up to whole packs, in base units."""
    return -(-quantity // pack_size) * pack_size


def validate(*, asked: int, expected: int, cover: int, pack_size: int, days: int) -> Validation:
    """What of a request is validated need, in base units and whole packs.

    `expected`: use over the `days` to be covered; `cover`: own stock, stock in
    the ledger and stock on the way. Need is what the cover does not meet,
    rounded up to whole packs, and never more than was asked.
    """
    if expected == 0:
        return Validation(0, NO_CASELOAD, f"no admissions were reported that would use it in the next {days} days")
    missing = expected - cover
    basis = f"{days} days of reported admissions use {expected:,}, {cover:,} are there or on the way"
    if missing <= 0:
        return Validation(0, COVERED, f"own cover is enough: {basis}")
    need = whole_packs_up(missing, pack_size)
    if need < asked:
        return Validation(need, CAPPED, f"{basis}: {need:,} in whole packs are supported of {asked:,} asked")
    return Validation(asked, FILLED, f"{basis}: the {asked:,} asked are supported")


def share_of_spike(reported: int, trailing_milli: int) -> int:
    """What counts (thousandths) of a report on a catch-up day: the usual day, never more than was reported."""
    return min(reported * 1000, trailing_milli)


def totals_by_country(reports: Mapping[str, int], country_of: Mapping[str, str]) -> dict[str, int]:
    """Sum of a day's admissions by country."""
    totals: dict[str, int] = {}
    for member, admissions in reports.items():
        totals[country_of[member]] = totals.get(country_of[member], 0) + admissions
    return totals
