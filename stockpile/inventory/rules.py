"""Statuses, movement kinds and ways; `eligibility` says whether stock may serve a use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

POOL: Final = "pool"

AVAILABLE: Final = "available"
RESERVED: Final = "reserved"
QUARANTINE: Final = "quarantine"
IN_TRANSIT: Final = "in_transit"
STATUSES: Final = (AVAILABLE, RESERVED, QUARANTINE, IN_TRANSIT)

SUPPLIER: Final = "supplier"
CONSUMPTION: Final = "consumption"
LOSS: Final = "loss"
MISSING: Final = "missing_on_arrival"
ASSEMBLY: Final = "assembly"
EXTERNALS: Final = (SUPPLIER, CONSUMPTION, LOSS, ASSEMBLY)

MOST_UNITS: Final = 10**9
"""More base units than this in one line of goods in are a slip of the finger."""
FURTHEST_EXPIRY: Final = timedelta(days=20 * 366)
"""No goods of ours keep for more than twenty years: such a date is a misread one."""

DEPOT: Final = "depot"
POINT_OF_USE: Final = "point_of_use"

APPROVED: Final = "approved"
DISPATCHED: Final = "dispatched"
RECEIVED: Final = "received"
DISCREPANCY: Final = "discrepancy"
CANCELLED: Final = "cancelled"
TRANSFER_STATES: Final = (APPROVED, DISPATCHED, RECEIVED, DISCREPANCY, CANCELLED)


class Fault(str):
    """What a proof found wrong, in plain words, and what it touches, by number; nothing named: it may be anything."""

    lots: tuple[int, ...] = ()
    balances: tuple[int, ...] = ()
    postings: tuple[int, ...] = ()


def fault(words: str, *, lot: int | None = None, balance: int | None = None, posting: int | None = None) -> Fault:
    """A fault that touches these."""
    found = Fault(words)
    found.lots = () if lot is None else (lot,)
    found.balances = () if balance is None else (balance,)
    found.postings = () if posting is None else (posting,)
    return found


LOWEST_PRIORITY: Final = 4
"""Priorities are those of requests: 1 saves lives, 4 is preparedness."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a depot to a point of use: travel time, whether it is cold, and cost per pack (minor units)."""

    minutes: int
    cold_chain: bool
    cost_minor: int
    time_zone: str


@lru_cache(maxsize=4096)
def local_day(at: datetime, time_zone: str) -> date:
    """The day that this instant falls on at a place; the lines of a posting all ask for the same one."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def arrival(route: Route, leaves: datetime) -> datetime:
    """When something that leaves at that instant is there (UTC)."""
    return leaves + timedelta(minutes=route.minutes)
