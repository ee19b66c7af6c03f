"""When a job comes due, and which slot an instant falls in: local times, and clocks that change. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

RUNNING: Final = "running"
DONE: Final = "done"
DONE_BEFORE: Final = "done_before"
REFUSED: Final = "refused"
FAILED: Final = "failed"
LOST: Final = "lost"

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SILENT_SECONDS: Final = 60
"""A run that has not been heard of for so long is lost: its process has ended."""
RETRY_MINUTES: Final = (5, 15, 60)
"""How long to wait before the second, third and fourth try at a slot; there is no fifth."""


@dataclass(frozen=True, slots=True)
class When:
    """At that minute of every hour (`hour` None), or of that hour of every day, or of one weekday (0 is Monday).

    `time_zone` is an IANA name; an hourly job comes due by UTC.
    """

    minute: int
    hour: int | None = None
    weekday: int | None = None
    time_zone: str = "UTC"
    enabled: bool = True

    def said(self) -> str:
        """In words.

        >>> When(minute=5).said(), When(2, 0, weekday=0, time_zone="Europe/Brussels").said()
        ('every hour at minute 5', 'every mon at 00:02, Europe/Brussels')
        """
        if self.hour is None:
            return f"every hour at minute {self.minute}"
        day = "day" if self.weekday is None else WEEKDAYS[self.weekday]
        return f"every {day} at {self.hour:02}:{self.minute:02}, {self.time_zone}"


def newest_due(now: datetime, when: When) -> datetime:
    """The last instant until now at which the job came due, UTC.

    A local time that a clock change leaves out is the instant that the old
    offset gives; one that comes twice is the first of the two: each day once.

    >>> night = When(30, 2, time_zone="Europe/Brussels")
    >>> newest_due(datetime(2020, 3, 29, 12, tzinfo=UTC), night).isoformat()
    '2020-03-29T01:30:00+00:00'
    >>> newest_due(datetime(2020, 10, 25, 1, 45, tzinfo=UTC), night).isoformat()
    '2020-10-25T00:30:00+00:00'
    """
    if when.hour is None:
        due = now.replace(minute=when.minute, second=0, microsecond=0)
        return due if due <= now else due - timedelta(hours=1)
    day = now.astimezone(ZoneInfo(when.time_zone)).date()
    found = (_instant(day - timedelta(days=back), when) for back in range(9))
    return next(due for due in found if due is not None and due <= now)


def next_due(now: datetime, when: When) -> datetime:
    """The first instant after now at which the job comes due, UTC."""
    if when.hour is None:
        return newest_due(now, when) + timedelta(hours=1)
    day = now.astimezone(ZoneInfo(when.time_zone)).date()
    found = (_instant(day + timedelta(days=ahead), when) for ahead in range(9))
    return next(due for due in found if due is not None and due > now)


def _instant(day: date, when: When) -> datetime | None:
    assert when.hour is not None
    if when.weekday not in (None, day.weekday()):
        return None
    local = datetime(day.year, day.month, day.day, when.hour, when.minute, tzinfo=ZoneInfo(when.time_zone))
    return local.astimezone(UTC)


def slot(at: datetime, when: When) -> str:
    """The slot that an instant falls in: its hour (UTC), or its local day.

    >>> slot(datetime(2020, 3, 29, 22, 0, tzinfo=UTC), When(0, 2, time_zone="Europe/Brussels"))
    '2020-03-30'
    """
    if when.hour is None:
        return f"{at:%Y-%m-%dT%H}Z"
    return at.astimezone(ZoneInfo(when.time_zone)).date().isoformat()


def may_try(now: datetime, tries: list[tuple[datetime, str]]) -> bool:
    """Whether a slot that is not done may be tried now.

    `tries`: when each earlier one was last heard of, and its state. A try that runs and is heard of is left to itself.
    """
    if not tries:
        return True
    if len(tries) > len(RETRY_MINUTES):
        return False
    heard, state = max(tries)
    if state == RUNNING:
        return now - heard > timedelta(seconds=SILENT_SECONDS)
    return now - heard >= timedelta(minutes=RETRY_MINUTES[len(tries) - 1])
