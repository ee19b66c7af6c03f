"""Which step of an order follows which, and business days. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from stockpile.contracts import rules

FROM: Final[Mapping[str, tuple[str, ...]]] = {
    "adopt": (rules.SUGGESTED,),
    "reject": rules.WAITING_STATES,
    "cancel": (*rules.WAITING_STATES, *rules.UNTOUCHED_STATES),
    "send": (rules.APPROVED,),
    "acknowledge": (rules.SENT,),
    "confirm": (rules.ACKNOWLEDGED, rules.CONFIRMED),
    "ship": (rules.SENT, rules.ACKNOWLEDGED, rules.CONFIRMED, rules.PART_SHIPPED, rules.PART_DELIVERED),
    "close_short": rules.OPEN_STATES,
    "accept": (rules.DELIVERED,),
}
"""The states in which a step may be taken."""


def business_days(start: date, end: date, *, country: str) -> int:
    """Working days of a country after `start`, up to and with `end`: no weekends, no public holidays.

    >>> business_days(date(2020, 4, 3), date(2020, 4, 6), country="BE")
    1
    >>> business_days(date(2020, 4, 9), date(2020, 4, 14), country="DE")  # Good Friday and Easter Monday lie between
    1
    """
    days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
    return sum(rules.working_day(day, country) for day in days)


def pack_fault(packs: int, *, minimum: int, multiple: int) -> str:
    """What is wrong with so many packs, by the clause's name; '' where nothing is.

    >>> pack_fault(7, minimum=5, multiple=5)
    'clause pack multiple: 7 packs are not a multiple of 5'
    """
    if packs < minimum:
        return f"clause minimum order: {packs} packs are fewer than {minimum}"
    return f"clause pack multiple: {packs} packs are not a multiple of {multiple}" if packs % multiple else ""


def day_fault(weekdays: str, today: date) -> str:
    """What is wrong with ordering on that day by the contract's calendar; '' where nothing is.

    >>> day_fault("135", date(2020, 3, 31))
    'clause order calendar: orders are placed on ISO weekdays 135, 2020-03-31 is a 2'
    """
    today_is = str(today.isoweekday())
    known = f"clause order calendar: orders are placed on ISO weekdays {weekdays}, {today} is a {today_is}"
    return "" if today_is in weekdays else known


def spread(rejected: int, quantities: Sequence[int]) -> list[int]:
    """Rejected base units over deliveries of a line, the latest first; as many as there are at most.

    >>> spread(5, [4, 3])
    [2, 3]
    """
    left, parts = rejected, []
    for quantity in reversed(quantities):
        parts.append(min(left, quantity))
        left -= parts[-1]
    return list(reversed(parts))
