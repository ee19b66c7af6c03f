"""States and clocks of a grievance. Working days leave out weekends and the holidays of the country. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import holidays

RECEIVED: Final = "received"
ACKNOWLEDGED: Final = "acknowledged"
REDIRECTED: Final = "redirected"
UNDER_REVIEW: Final = "under_review"
RESOLVED: Final = "resolved"
APPEALED: Final = "appealed"
FINAL: Final = "final"
CLOSED: Final = "closed"
STATES: Final = (RECEIVED, ACKNOWLEDGED, REDIRECTED, UNDER_REVIEW, RESOLVED, APPEALED, FINAL, CLOSED)
NEXT: Final = {
    RECEIVED: (ACKNOWLEDGED, REDIRECTED),
    ACKNOWLEDGED: (UNDER_REVIEW, REDIRECTED),
    UNDER_REVIEW: (RESOLVED,),
    RESOLVED: (APPEALED, CLOSED),
    APPEALED: (FINAL,),
    FINAL: (CLOSED,),
    REDIRECTED: (CLOSED,),
    CLOSED: (),
}
CATEGORIES: Final = ("allocation", "procurement", "supplier", "conduct", "data", "other")
VERDICTS: Final = ("upheld", "part", "not_upheld")

ACKNOWLEDGE_DAYS: Final = 3
DECIDE_DAYS: Final = 15
APPEAL_DAYS: Final = 10
FINAL_DAYS: Final = 30
URGENT: Final = timedelta(hours=24)
BUFFER_PERMILLE: Final = 50
"""Of the stock that the plan shared, so much may serve urgent appeals that are upheld."""


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline: the step, when it is due, and when it was done, if it was."""

    step: str
    due: datetime
    done: datetime | None

    def missed(self, at: datetime) -> bool:
        """Whether it passed unmet by then."""
        return (self.done or at) > self.due


@lru_cache(maxsize=64)
def _days_off(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def working_day(day: date, country: str) -> bool:
    """Whether offices of the country work on that day (ISO 3166-1 alpha-2).

    >>> working_day(date(2020, 4, 27), "NL"), working_day(date(2020, 4, 27), "BE")
    (False, True)
    """
    return day.weekday() < 5 and day not in _days_off(country, day.year)


def working_days_later(day: date, days: int, country: str) -> date:
    """The day so many working days after `day`.

    >>> working_days_later(date(2020, 4, 9), 3, "DE")  # Good Friday and Easter Monday lie between
    datetime.date(2020, 4, 16)
    """
    while days:
        day += timedelta(days=1)
        days -= working_day(day, country)
    return day


def end_of(day: date, zone: str) -> datetime:
    """The last second of a local day, UTC."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """When the steps of a grievance were done, and by which calendar its clocks run."""

    received: datetime
    urgent: bool
    country: str
    zone: str
    acknowledged: datetime | None = None
    decided: datetime | None = None
    redirected: datetime | None = None
    appealed: datetime | None = None
    final: datetime | None = None


def clocks(times: Times) -> list[Clock]:
    """Every deadline of a grievance so far."""
    first = _later(times.received, ACKNOWLEDGE_DAYS, times)
    decide = times.received + URGENT if times.urgent else _later(times.received, DECIDE_DAYS, times)
    found = [
        Clock("acknowledge", min(first, decide), times.acknowledged or times.redirected or times.decided),
        Clock("decide", decide, times.decided or times.redirected),
    ]
    if times.appealed is not None:
        due = times.appealed + (URGENT if times.urgent else timedelta(days=FINAL_DAYS))
        found.append(Clock("decide the appeal", due, times.final))
    return found


def appeal_until(times: Times) -> datetime | None:
    """Until when the decision may be appealed; None while there is none."""
    return _later(times.decided, APPEAL_DAYS, times) if times.decided else None


def _later(instant: datetime, days: int, times: Times) -> datetime:
    local = instant.astimezone(ZoneInfo(times.zone)).date()
    return end_of(working_days_later(local, days, times.country), times.zone)
