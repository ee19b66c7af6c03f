"""When a cold store was too warm or too cold for too long. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stockpile.catalogue.rules import COLD, RANGES, Range

PROPOSED: Final = "proposed"
DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Reading:
    """A temperature at an instant, in thousandths of a degree Celsius."""

    at: datetime
    milli_celsius: int


@dataclass(frozen=True, slots=True)
class Excursion:
    """Readings outside the range, one after the other, for longer than is tolerated."""

    begins: datetime
    ends: datetime
    extreme_milli: int


def excursions(readings: Sequence[Reading], allowed: Range = RANGES[COLD]) -> list[Excursion]:
    """Every run of readings outside the range (2 to 8 degrees) for longer than is tolerated (30 minutes), by time.

    A run ends with the first reading inside again, which is also taken as its end.
    """
    found: list[Excursion] = []
    outside: list[Reading] = []
    for reading in sorted(readings, key=lambda r: r.at):
        if allowed.allows(reading.milli_celsius):
            found += _excursion(outside, until=reading.at, allowed=allowed)
            outside = []
        else:
            outside.append(reading)
    return found + _excursion(outside, until=outside[-1].at if outside else None, allowed=allowed)


def _excursion(outside: list[Reading], *, until: datetime | None, allowed: Range) -> list[Excursion]:
    if not outside or until is None or until - outside[0].at <= allowed.tolerated:
        return []
    middle = (allowed.coldest_milli + allowed.warmest_milli) // 2
    extreme = max(outside, key=lambda r: abs(r.milli_celsius - middle))
    return [Excursion(outside[0].at, until, extreme.milli_celsius)]
