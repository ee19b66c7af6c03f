"""What may be taken in at the dock and what is set aside. Pure functions; quantities are base units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from stockpile.catalogue.rules import Range

SETTLED: Final = "settled"
WAITING: Final = "waiting"
ACCEPTED: Final = "accepted"
SENT_BACK: Final = "sent_back"

REFUSE: Final = "refuse"
SET_ASIDE: Final = "set_aside"

DAMAGED: Final = "damaged"
SURPLUS: Final = "surplus"
WRONG: Final = "wrong"
EXCURSION: Final = "excursion"
SHORT_DATED: Final = "short_dated"
ON_HOLD: Final = "on_hold"
AWAITS_RELEASE: Final = "awaits_release"

ABSURD_FACTOR: Final = 10
"""So many times the order is a slip of the finger, not a delivery."""


@dataclass(frozen=True, slots=True)
class Temperature:
    """What a transport's logger shows: thousandths of a degree Celsius, and minutes outside the allowed range.

    `minutes_outside` None: it is not known how long, which counts as too long.
    """

    lowest_milli: int
    highest_milli: int
    minutes_outside: int | None
    logger: str = ""


def excursion(shown: Temperature, allowed: Range) -> bool:
    """Whether the goods were outside their range for longer than is tolerated."""
    if allowed.allows(shown.lowest_milli) and allowed.allows(shown.highest_milli):
        return False
    return shown.minutes_outside is None or timedelta(minutes=shown.minutes_outside) > allowed.tolerated


def short_dated(expiry: date, today: date, shelf_life_days: int) -> bool:
    """Whether fewer days are left than the contract asks on delivery."""
    return (expiry - today).days < shelf_life_days


@dataclass(frozen=True, slots=True)
class Shares:
    """Where a lot's units go: to the shelf, or set aside; `waiting` of those set aside await a decision."""

    available: int
    quarantine: int
    waiting: int


def shares(*, arrived: int, damaged: int, surplus: int, all_aside: bool) -> Shares:
    """Damaged units and the surplus are set aside, the surplus taken from the good ones; or all are.

    >>> shares(arrived=100, damaged=10, surplus=20, all_aside=False)
    Shares(available=70, quarantine=30, waiting=20)
    >>> shares(arrived=100, damaged=90, surplus=20, all_aside=False)
    Shares(available=0, quarantine=100, waiting=10)
    """
    good = arrived - damaged
    waiting = min(surplus, good)
    available = 0 if all_aside else good - waiting
    return Shares(available, arrived - available, waiting)
