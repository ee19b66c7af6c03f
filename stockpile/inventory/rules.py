"""Statuses, movement kinds, and the one predicate that says whether a lot may serve a place.

The predicate `obstacle` is asked by planning, picking, dispatch and reports
alike, so that no list offers what another refuses.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
EXTERNALS: Final = (SUPPLIER, CONSUMPTION, LOSS)

DEPOT: Final = "depot"
POINT_OF_USE: Final = "point_of_use"

APPROVED: Final = "approved"
DISPATCHED: Final = "dispatched"
RECEIVED: Final = "received"
DISCREPANCY: Final = "discrepancy"
CANCELLED: Final = "cancelled"
TRANSFER_STATES: Final = (APPROVED, DISPATCHED, RECEIVED, DISCREPANCY, CANCELLED)

LOWEST_PRIORITY: Final = 4
"""Priorities are those of requests: 1 saves lives, 4 is preparedness."""

NOT_LICENSED: Final = "not_licensed"
ON_HOLD: Final = "on_hold"
NO_LANE: Final = "no_lane"
NO_COLD_LANE: Final = "no_cold_lane"
TOO_LATE: Final = "too_late"
SHELF_LIFE: Final = "shelf_life"
NO_STOCK: Final = "no_stock"

OBSTACLES: Final[dict[str, str]] = {
    NOT_LICENSED: "the item is not licensed in this country",
    ON_HOLD: "the lot is on hold",
    NO_LANE: "no lane leads from the depot to the point of use",
    NO_COLD_LANE: "the item needs a cold chain and the lane has none",
    TOO_LATE: "it would arrive after it is needed",
    SHELF_LIFE: "it would expire before it is used up",
    NO_STOCK: "no depot holds any of it",
}
"""Why a lot cannot serve a place, in the order in which reasons are given: the law first."""


@dataclass(frozen=True, slots=True)
class Route:
    """A way from a depot to a point of use: travel time, whether it is cold, and cost per pack (minor units)."""

    minutes: int
    cold_chain: bool
    cost_minor: int
    time_zone: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What is needed of the stock: where (licensed there or not), by when, how long it must last after arrival."""

    licensed: bool
    need_by: datetime
    use_days: int
    cold_chain: bool


def local_day(at: datetime, time_zone: str) -> date:
    """The day that this instant falls on at a place."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def arrival(route: Route, leaves: datetime) -> datetime:
    """When something that leaves at that instant is there (UTC)."""
    return leaves + timedelta(minutes=route.minutes)


def usable_through(expiry: date, use_days: int) -> date:
    """The last local day of arrival on which `use_days` of use still end by the expiry day, which counts as usable."""
    return expiry - timedelta(days=use_days)


def obstacle(*, expiry: date, on_hold: bool, route: Route | None, wish: Wish, leaves: datetime) -> str | None:
    """Why this lot may not serve this wish over this route, or None where it may.

    `leaves` is the instant at which it would leave, UTC. A lot is usable
    through its expiry day in the time zone of the place that uses it.
    """
    if not wish.licensed:
        return NOT_LICENSED
    if on_hold:
        return ON_HOLD
    if route is None:
        return NO_LANE
    if wish.cold_chain and not route.cold_chain:
        return NO_COLD_LANE
    arrives = arrival(route, leaves)
    if arrives > wish.need_by:
        return TOO_LATE
    if local_day(arrives, route.time_zone) > usable_through(expiry, wish.use_days):
        return SHELF_LIFE
    return None
