"""Quarters, bands over many periods, and how right an outlook was. Pure functions; quantities in base units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

QUARTERS_AHEAD: Final = 4


def quarter_of(day: date) -> str:
    """The quarter of a day.

    >>> quarter_of(date(2020, 3, 31))
    '2020-Q1'
    """
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"


def first_day(quarter: str) -> date:
    """The first day of a quarter.

    >>> first_day("2020-Q2").isoformat()
    '2020-04-01'
    """
    return date(int(quarter[:4]), 3 * int(quarter[-1]) - 2, 1)


def following(quarter: str) -> str:
    """The quarter after."""
    return quarter_of(first_day(quarter) + timedelta(days=100))


def ahead(today: date, *, count: int = QUARTERS_AHEAD) -> list[str]:
    """The next quarters that have not begun yet.

    >>> ahead(date(2020, 11, 5), count=2)
    ['2021-Q1', '2021-Q2']
    """
    found = [following(quarter_of(today))]
    while len(found) < count:
        found.append(following(found[-1]))
    return found


def over(quarter: str, *, starts: date, period_days: int, milli: Sequence[int]) -> int:
    """Base units that a forecast gives a quarter, rounded to the nearest; beyond its end its last period goes on.

    `milli`: thousandths per period from `starts` on. Each day counts as its
    period's share.

    >>> over("2020-Q2", starts=date(2020, 4, 1), period_days=7, milli=[7000, 14000])
    175
    """
    begins, ends = first_day(quarter), first_day(following(quarter))
    total = 0
    for number in range((ends - begins).days):
        place = ((begins - starts).days + number) // period_days
        total += milli[min(max(place, 0), len(milli) - 1)]
    return (2 * total + 1000 * period_days) // (2000 * period_days)


def shares(ordered: Mapping[str, int], suppliers: Sequence[str]) -> dict[str, int]:
    """Each supplier's part of an item in thousandths: as was ordered lately, equal parts where nothing was.

    >>> shares({"A": 300, "B": 100}, ["A", "B"]), shares({}, ["A", "B"])
    ({'A': 750, 'B': 250}, {'A': 500, 'B': 500})
    """
    known = {one: ordered.get(one, 0) for one in suppliers}
    total = sum(known.values())
    return {one: 1000 * part // total if total else 1000 // len(suppliers) for one, part in known.items()}


def accuracy_permille(*, ordered: int, expected: int) -> int | None:
    """1 less the share by which orders missed the outlook, in thousandths; None where nothing was expected.

    >>> accuracy_permille(ordered=80, expected=100), accuracy_permille(ordered=300, expected=100)
    (800, -1000)
    """
    return 1000 - 1000 * abs(ordered - expected) // expected if expected else None
