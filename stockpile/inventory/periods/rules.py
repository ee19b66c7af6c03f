"""How late an entry may be and when a month ends. Pure functions; instants are UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""How far two honest clocks may differ: an entry may lie so far ahead, and a period must have ended so long ago."""

BACKDATING_HOURS: Final = "backdating_hours"
REPLY_DAYS: Final = "reply_days"
RESERVATION_HOURS: Final = "reservation_hours"
SPEND_PEAK: Final = "spend_peak_permille"
SUPPLIER_SHARE: Final = "supplier_share_permille"


@dataclass(frozen=True, slots=True)
class Known:
    """A figure that the region may set: what it means, what counts until somebody sets it, and its limits."""

    meaning: str
    default: int
    least: int
    most: int


FIGURES: Final = {
    BACKDATING_HOURS: Known("how many hours before its recording an entry may have taken effect", 7 * 24, 0, 60 * 24),
    REPLY_DAYS: Known("how many days replies to an Idempotency-Key and ended sign-ins are kept", 90, 7, 3650),
    RESERVATION_HOURS: Known("how many hours approved stock stays reserved unless it is picked", 72, 1, 60 * 24),
    SPEND_PEAK: Known(
        "thousandths by which each unit of money spent in the dearest week counts more in a reorder: above zero, "
        "spend is smoothed",
        0,
        0,
        10_000,
    ),
    SUPPLIER_SHARE: Known(
        "thousandths of an item's demand that a reorder may buy from one of several suppliers: below 1000, "
        "suppliers share it",
        1000,
        100,
        1000,
    ),
}
"""The figures of the storeroom that a region may set."""


def month_end(month: date, time_zone: str) -> datetime:
    """The first instant after that month at a place, UTC; any day of the month may be given.

    >>> month_end(date(2020, 3, 30), "Europe/Brussels").isoformat()
    '2020-03-31T22:00:00+00:00'
    """
    first = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    return datetime(first.year, first.month, 1, tzinfo=ZoneInfo(time_zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Course:
    """How a balance stood at an instant (`then`) and at its lowest after every later leg (`lowest`), in base units."""

    then: int
    lowest: int


def bears(course: Course, changes: Sequence[int]) -> bool:
    """Whether these changes, entered one after the other at that instant, leave no later moment below zero.

    >>> bears(Course(then=5, lowest=3), [-3]), bears(Course(then=5, lowest=3), [-4]), bears(Course(5, 3), [-6, 6])
    (True, False, False)
    """
    sums = list(accumulate(changes))
    return course.then + min(sums) >= 0 and course.lowest + sums[-1] >= 0
