"""Reading a logger's file, and the gaps in it. Pure functions."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Final

from stockpile.errors import Invalid

NEEDED: Final = ("instant", "degrees")
OPTIONAL: Final = ("sensor", "site")
MOST_FAULTS: Final = 20
COLDEST, WARMEST = Decimal(-100), Decimal(100)


class BadLog(Invalid):
    """The file is no log of this site's loggers; `faults` names row and reason of each."""

    code = "bad_temperature_log"


@dataclass(frozen=True, slots=True, order=True)
class Logged:
    """One reading: sensor, instant (UTC), thousandths of a degree Celsius."""

    sensor: str
    at: datetime
    milli_celsius: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Time without a reading in which goods could have been too warm without anybody knowing."""

    sensor: str
    begins: datetime
    ends: datetime


def bad_log(faults: Sequence[str]) -> BadLog:
    """The refusal that names these faults, the first MOST_FAULTS of them."""
    more = f" (and {len(faults) - MOST_FAULTS} more)" if len(faults) > MOST_FAULTS else ""
    return BadLog("; ".join(faults[:MOST_FAULTS]) + more, field="csv", faults=list(faults[:MOST_FAULTS]))


def read_log(text: str, *, site: str, latest: datetime) -> list[Logged]:
    """The readings of a CSV with the columns instant, degrees and, if wanted, sensor and site; by sensor and time.

    Refuses, naming every row that is wrong: another site, an instant without a
    time zone or after `latest`, what is no number of degrees, two values for one instant.

    >>> at = datetime(2020, 4, 1, tzinfo=UTC)
    >>> [one.milli_celsius for one in read_log("instant,degrees\\n2020-03-30T08:00:00Z,5.25\\n", site="D", latest=at)]
    [5250]
    """
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    header = tuple(rows[0]) if rows else ()
    odd = [str(name) for name in header if name not in (*NEEDED, *OPTIONAL)]
    if not rows or not set(NEEDED) <= set(header) or odd:
        named = f"; {', '.join(odd)} is no column here" if odd else ""
        raise bad_log([f"the file needs a header with instant,degrees (and sensor,site if wanted) and rows{named}"])
    found: dict[tuple[str, datetime], Logged] = {}
    faults: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            one = _reading(row, site=site, latest=latest)
            if found.setdefault((one.sensor, one.at), one) != one:
                faults.append(f"row {number}: sensor '{one.sensor}' has another value at {one.at.isoformat()} above")
        except ValueError as failure:
            faults.append(f"row {number}: {failure}")
    if faults:
        raise bad_log(faults)
    return sorted(found.values())


def _reading(row: dict[str, str | None], *, site: str, latest: datetime) -> Logged:
    if None in row.values() or None in row:
        raise ValueError("has not as many cells as the header")
    given = {name: (value or "").strip() for name, value in row.items()}
    if given.get("site", site) not in (site, ""):
        raise ValueError(f"is of site '{given['site']}', not {site}")
    return Logged(given.get("sensor", ""), _instant(given["instant"], latest), _milli(given["degrees"]))


def _instant(value: str, latest: datetime) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as failure:
        raise ValueError(f"'{value}' is no instant like 2020-03-30T08:00:00Z") from failure
    if instant.tzinfo is None:
        raise ValueError(f"'{value}' carries no time zone: write it like 2020-03-30T08:00:00Z")
    if instant > latest:
        raise ValueError(f"'{value}' lies in the future (now it is {latest.isoformat()})")
    return instant.astimezone(UTC)


def _milli(value: str) -> int:
    try:
        degrees = Decimal(value)
        if not (degrees.is_finite() and COLDEST <= degrees <= WARMEST):
            raise InvalidOperation
    except InvalidOperation as failure:
        raise ValueError(f"'{value}' is no number of degrees Celsius from {COLDEST} to {WARMEST}") from failure
    return int((degrees * 1000).to_integral_value())


def gaps(readings: Sequence[Logged], *, longest: timedelta) -> Iterator[Gap]:
    """Where two readings of one sensor lie further apart than `longest`; readings in order of sensor and time."""
    for one, following in pairwise(readings):
        if one.sensor == following.sensor and following.at - one.at > longest:
            yield Gap(one.sensor, one.at, following.at)
