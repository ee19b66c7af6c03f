"""When a cold store was too warm or too cold for too long. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

COLDEST_MILLI, WARMEST_MILLI = 2_000, 8_000
TOLERATED: Final = timedelta(minutes=30)

PROPOSED: Final = "proposed"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Reading:
    """A temperature at an instant, in thousandths of a degree Celsius."""

    at: datetime
    milli_celsius: int


@dataclass(frozen=True, slots=True)
class Excursion:
    """Readings outside 2 to 8 degrees, one after the other, over more than half an hour."""

    begins: datetime
    ends: datetime
    extreme_milli: int


def excursions(readings: Sequence[Reading]) -> list[Excursion]:
    """Every run of readings outside 2 to 8 degrees that lasts longer than half an hour, in order of time.

    A run ends with the first reading inside again, which is also taken as its end.
    """
    found: list[Excursion] = []
    outside: list[Reading] = []
    for reading in sorted(readings, key=lambda r: r.at):
        if COLDEST_MILLI <= reading.milli_celsius <= WARMEST_MILLI:
            found += _excursion(outside, until=reading.at)
            outside = []
        else:
            outside.append(reading)
    return found + _excursion(outside, until=outside[-1].at if outside else None)


def _excursion(outside: list[Reading], *, until: datetime | None) -> list[Excursion]:
    if not outside or until is None or until - outside[0].at <= TOLERATED:
        return []
    extreme = max(outside, key=lambda r: abs(r.milli_celsius - (COLDEST_MILLI + WARMEST_MILLI) // 2))
    return [Excursion(outside[0].at, until, extreme.milli_celsius)]
