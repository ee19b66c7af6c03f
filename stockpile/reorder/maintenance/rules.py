"""Which spare parts maintenance needs by when. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Window:
    """So many base units of a part must be there when a window starts; it is over after its last day."""

    item: str
    starts: date
    ends: date
    units: int


def due(windows: Iterable[Window], *, today: date, days: dict[str, int]) -> dict[str, int]:
    """Base units by item that windows need before the next order could bring them.

    `days`: by item how far tonight's order must reach, the days until the next
    look and the lead time after it. A window that starts later waits for a
    later order; one that is over needs nothing.

    >>> later = Window("P", date(2020, 6, 1), date(2020, 6, 3), 5)
    >>> due([later], today=date(2020, 5, 1), days={"P": 20}), due([later], today=date(2020, 5, 15), days={"P": 20})
    ({}, {'P': 5})
    """
    needed: dict[str, int] = defaultdict(int)
    for one in windows:
        if today <= one.ends and one.starts <= today + timedelta(days=days.get(one.item, 0)):
            needed[one.item] += one.units
    return dict(needed)
