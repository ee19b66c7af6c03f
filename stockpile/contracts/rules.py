"""Prices by tier, the states of a call-off, and working days, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

import holidays

SUGGESTED: Final = "suggested"
PROPOSED: Final = "proposed"
APPROVED: Final = "approved"
SENT: Final = "sent"
ACKNOWLEDGED: Final = "acknowledged"
CONFIRMED: Final = "confirmed"
PART_SHIPPED: Final = "part_shipped"
PART_DELIVERED: Final = "part_delivered"
DELIVERED: Final = "delivered"
ACCEPTED: Final = "accepted"
INVOICED: Final = "invoiced"
PAID: Final = "paid"
CLOSED: Final = "closed"
REJECTED: Final = "rejected"
CANCELLED: Final = "cancelled"
SHORT_CLOSED: Final = "short_closed"

CALLOFF_STATES: Final = (
    SUGGESTED,
    PROPOSED,
    APPROVED,
    SENT,
    ACKNOWLEDGED,
    CONFIRMED,
    PART_SHIPPED,
    PART_DELIVERED,
    DELIVERED,
    ACCEPTED,
    INVOICED,
    PAID,
    CLOSED,
    REJECTED,
    CANCELLED,
    SHORT_CLOSED,
)
WAITING_STATES: Final = (SUGGESTED, PROPOSED)
"""An order that nobody has approved: it takes nothing from the contract."""
OPEN_STATES: Final = (APPROVED, SENT, ACKNOWLEDGED, CONFIRMED, PART_SHIPPED, PART_DELIVERED)
"""An order of which something is still to come; goods may come before the paperwork does."""
UNTOUCHED_STATES: Final = (APPROVED, SENT, ACKNOWLEDGED, CONFIRMED)
"""An order that stands and of which nothing has been shipped or received."""
ENDED_STATES: Final = (PAID, CLOSED, REJECTED, CANCELLED, SHORT_CLOSED)
"""An order of which nothing is to be delivered, accepted or paid any more."""

SATURDAY: Final = 6
RUN, HAND, SHORTAGE = "run", "hand", "shortage"


def tier_price(tiers: Sequence[tuple[int, int]], packs: int) -> int:
    """The price per pack (minor units) of the tier that `packs` reaches; tiers are (from_packs, price), all-units.

    >>> tier_price([(1, 500), (100, 470)], 99), tier_price([(1, 500), (100, 470)], 100)
    (500, 470)
    """
    reached = [price for from_packs, price in sorted(tiers) if packs >= from_packs]
    assert reached, f"{packs} packs reach no tier of {tiers}"
    return reached[-1]


def option_price(price_minor: int, permille: int) -> int:
    """The price of a pack by a surge option: the tier's price times the option's factor, half a minor unit up.

    >>> option_price(500, 1250)
    625
    """
    return (price_minor * permille + 500) // 1000


@lru_cache(maxsize=64)
def _days_off(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def working_day(day: date, country: str) -> bool:
    """Whether offices of the country work on that day: no weekend, no public holiday (ISO 3166-1 alpha-2).

    >>> working_day(date(2020, 4, 27), "NL"), working_day(date(2020, 4, 27), "BE")
    (False, True)
    """
    return day.isoweekday() < SATURDAY and day not in _days_off(country, day.year)


def knows_holidays(country: str) -> bool:
    """Whether the public holidays of a country are known.

    >>> knows_holidays("BE"), knows_holidays("XX")
    (True, False)
    """
    return country in holidays.list_supported_countries(include_aliases=False)
