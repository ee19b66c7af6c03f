"""Use put right for days without stock and gaps in reporting, kinds of series, and measures of accuracy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean, median
from typing import Final

SMOOTH: Final = "smooth"
INTERMITTENT: Final = "intermittent"
NO_USE: Final = "no use"
SHORT: Final = "short"

INTERVAL_LIMIT: Final = 1.32
"""From so many periods between uses on, a series counts as intermittent (Syntetos, Boylan and Croston 2005)."""
FEWEST_PERIODS: Final = 12
FEWEST_DAYS_SEEN: Final = 0.4
"""Of a period less of which was seen, nothing is known."""
SILENCE_FACTOR: Final = 3
SHORTEST_SILENCE: Final = 14

WEEK: Final = "week"
MONTH: Final = "month"


@dataclass(frozen=True, slots=True)
class Corrected:
    """Use per period, None where nobody knows; how many were scaled up, and how many are unknown."""

    values: tuple[float | None, ...]
    corrected: int
    unknown: int


def corrected(
    use: Mapping[date, int], *, starts: Sequence[date], ends: date, blind: frozenset[date] | set[date]
) -> Corrected:
    """Use by period, put right for the days on which nothing could be seen (`blind`).

    `starts`: the first day of each period, ascending; the last one ends on the
    day before `ends`. What was used on blind days counts, and the rest of a
    period stands for the whole of it; where less than two fifths were seen,
    the period is unknown, unless as much was used as elsewhere.

    >>> days = {date(2020, 1, 1): 3, date(2020, 1, 9): 4}
    >>> corrected(days, starts=[date(2020, 1, 1), date(2020, 1, 8)], ends=date(2020, 1, 15),
    ...           blind={date(2020, 1, 12), date(2020, 1, 13)}).values
    (3.0, 5.6)
    """
    values: list[float | None] = []
    changed = unknown = 0
    for first, after in zip(starts, [*starts[1:], ends], strict=True):
        days = [first + timedelta(days=number) for number in range((after - first).days)]
        hidden = sum(day in blind for day in days)
        used = sum(use.get(day, 0) for day in days)
        if len(days) - hidden < FEWEST_DAYS_SEEN * len(days):
            values.append(None)
            unknown += 1
        else:
            values.append(used * len(days) / (len(days) - hidden))
            changed += hidden > 0
    return Corrected(tuple(values), changed, unknown)


def silences(days: Sequence[date], *, first: date, last: date) -> set[date]:
    """The days on which a site reported nothing at all, where it usually does: gaps of reporting, not of use.

    `days`: those with any entry, ascending. A silence counts from SHORTEST_SILENCE
    days on, if it is more than SILENCE_FACTOR times as long as its usual one.

    >>> daily = [date(2020, 1, 1) + timedelta(days=n) for n in range(30)]
    >>> len(silences([*daily, date(2020, 3, 1)], first=daily[0], last=date(2020, 3, 1)))
    30
    """
    steps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(steps) < FEWEST_PERIODS:
        return set()
    longest = max(SHORTEST_SILENCE, SILENCE_FACTOR * median(steps))
    ends = [*pairwise(days), (days[-1], last + timedelta(days=1))]
    return {
        earlier + timedelta(days=number)
        for earlier, later in ends
        if (later - earlier).days > longest and earlier >= first
        for number in range(1, (later - earlier).days)
    }


def filled(values: Sequence[float | None]) -> tuple[float, ...]:
    """The series from its first known value on, each unknown one replaced by the mean of its nearest known ones.

    >>> filled([None, 4.0, None, 6.0])
    (4.0, 5.0, 6.0)
    """
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    assert known, "a series of which nothing is known"
    found = []
    for at in range(known[0][0], len(values)):
        value = values[at]
        if value is None:
            nearest = sorted(known, key=lambda one: (abs(one[0] - at), one[0]))[:4]
            value = fmean(one for _, one in nearest)
        found.append(value)
    return tuple(found)


def kind(values: Sequence[float], *, seen: Sequence[float | None]) -> str:
    """Whether a series is smooth or intermittent, has no use at all, or too few known periods to learn from."""
    if sum(value is not None for value in seen) < FEWEST_PERIODS:
        return SHORT
    used = sum(value > 0 for value in values)
    if used == 0:
        return NO_USE
    return INTERMITTENT if len(values) / used >= INTERVAL_LIMIT else SMOOTH


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Mean absolute scaled error, absolute error over use, and signed error over use."""

    mase: float
    wape: float
    bias: float


def accuracy(
    past: Sequence[Sequence[float]], actual: Sequence[Sequence[float]], foreseen: Sequence[Sequence[float]]
) -> Accuracy:
    """How far forecasts of many series were off; series that never changed before are left out of the MASE.

    MASE after Hyndman and Koehler (2006): errors over the mean step of the past series.
    """
    scaled, missed, surplus, used = [], 0.0, 0.0, 0.0
    for before, real, said in zip(past, actual, foreseen, strict=True):
        errors = [f - a for a, f in zip(real, said, strict=True)]
        step = fmean(abs(later - earlier) for earlier, later in pairwise(before))
        if step > 0:
            scaled.append(fmean(abs(error) for error in errors) / step)
        missed, surplus, used = missed + sum(map(abs, errors)), surplus + sum(errors), used + sum(real)
    return Accuracy(fmean(scaled) if scaled else 0.0, missed / used if used else 0.0, surplus / used if used else 0.0)


def pinball(quantile: float, *, actual: Sequence[float], foreseen: Sequence[float]) -> float:
    """The mean loss of a quantile forecast: what lies above it costs `quantile`, what lies below the rest of one."""
    return fmean(max(quantile * (a - f), (quantile - 1) * (a - f)) for a, f in zip(actual, foreseen, strict=True))


QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Series:
    """Use per period, oldest first, None where nobody knows; `season`: periods after which it repeats (1: none)."""

    key: tuple[str, str]
    values: tuple[float | None, ...]
    season: int = 1


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of a series: `horizon` means and, per quantile of QUANTILES, as many values.

    `error` and `simple_error` are mean absolute errors of the back-test, of the
    method chosen and of the best simple one; `bias` is mean forecast less use.
    """

    key: tuple[str, str]
    kind: str
    method: str
    means: tuple[float, ...]
    quantiles: tuple[tuple[float, ...], ...]
    error: float
    simple_error: float
    bias: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Many series and how many periods ahead."""

    series: tuple[Series, ...]
    horizon: int
