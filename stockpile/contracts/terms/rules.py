"""The terms of a contract as values, its states, and what may be changed. Pure functions; money in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

PLANNED: Final = "planned"
TENDERED: Final = "tendered"
EVALUATED: Final = "evaluated"
STANDSTILL: Final = "standstill"
AWARDED: Final = "awarded"
ACTIVE: Final = "active"
SUSPENDED: Final = "suspended"
CLOSED: Final = "closed"
CANCELLED: Final = "cancelled"
UNSUCCESSFUL: Final = "unsuccessful"
STEPS: Final[Mapping[str, tuple[str, ...]]] = {
    PLANNED: (TENDERED, CANCELLED),
    TENDERED: (EVALUATED, CANCELLED, UNSUCCESSFUL),
    EVALUATED: (STANDSTILL, CANCELLED, UNSUCCESSFUL),
    STANDSTILL: (AWARDED, CANCELLED),
    AWARDED: (ACTIVE, CANCELLED),
    ACTIVE: (SUSPENDED, CLOSED),
    SUSPENDED: (ACTIVE, CLOSED),
    CLOSED: (),
    CANCELLED: (),
    UNSUCCESSFUL: (),
}
"""What a stored state may become. Expiring, expired and run-off follow from the day (`standing`)."""

BEFORE_SIGNATURE: Final = (PLANNED, TENDERED, EVALUATED, STANDSTILL, AWARDED, CANCELLED, UNSUCCESSFUL)
"""States of what is no contract yet, or never became one."""
EXPIRING, EXPIRED, RUN_OFF = "expiring", "expired", "run_off"
EXPIRING_DAYS: Final = 90
EVERY_DAY: Final = "1234567"
NORMAL, OPTION, IMMEDIATE = "normal", "option", "immediate"
LATE_PART, WHOLE_ORDER = "late_part", "order"
PER_DAY, IN_TOTAL = "day", "total"
HALF_UP, DOWN, UP = "half_up", "down", "up"


@dataclass(frozen=True, slots=True)
class Terms:
    """What one version of a contract says.

    Days are calendar days, money is in minor units, shares in thousandths.
    `order_weekdays`: the ISO weekdays on which may be ordered. Of the lot's
    remaining maximum `immediate_permille` must be there within
    `immediate_days`. A price follows its index by `index_share_permille`.
    Damages for lateness are `damages_rate_permille` of the value per day,
    divided by `damages_days` (None: the time the order had), beyond the grace,
    up to the cap, rounded by `damages_round_to_minor` each day or in total.
    What changes more than `substantial_permille` is no amendment.
    """

    effective_from: date
    ends: date
    ceiling_minor: int
    minimum_order_minor: int
    lead_time_days: int
    run_off_days: int = 183
    order_weekdays: str = EVERY_DAY
    immediate_permille: int = 0
    immediate_days: int = 0
    index_code: str = ""
    index_base_milli: int = 0
    index_share_permille: int = 0
    rotation_trigger_days: int = 0
    rotation_credit_permille: int = 0
    damages_rate_permille: int = 0
    damages_days: int | None = None
    damages_of: str = LATE_PART
    damages_grace_days: int = 0
    damages_cap_permille: int = 100
    damages_round_to_minor: int = 1
    damages_round_each: str = IN_TOTAL
    damages_rounding: str = HALF_UP
    substantial_permille: int = 100


TERM_NAMES: Final = tuple(one.name for one in fields(Terms))
AMENDABLE: Final = tuple(name for name in TERM_NAMES if name not in ("effective_from", "substantial_permille"))


def standing(state: str, *, ends: date, run_off_days: int, today: date) -> str:
    """The state with what the day makes of it: an active contract expires, and runs off for a while.

    >>> standing("active", ends=date(2023, 6, 30), run_off_days=30, today=date(2023, 7, 1))
    'run_off'
    """
    if state not in (ACTIVE, SUSPENDED):
        return state
    if today > ends:
        return RUN_OFF if today <= ends + timedelta(days=run_off_days) else EXPIRED
    if state == ACTIVE and today > ends - timedelta(days=EXPIRING_DAYS):
        return EXPIRING
    return state


def may_order(state: str) -> bool:
    """Whether orders may be placed under a contract that stands so (K4)."""
    return state in (ACTIVE, EXPIRING)


def may_deliver(state: str) -> bool:
    """Whether deliveries are taken in under a contract that stands so (K4): until the run-off is over."""
    return state in (ACTIVE, EXPIRING, SUSPENDED, RUN_OFF)


def indexed_price(price_minor: int, *, share_permille: int, base_milli: int, now_milli: int) -> int:
    """The price with its share that follows an index, half a minor unit up.

    >>> indexed_price(1000, share_permille=600, base_milli=100_000, now_milli=110_000)
    1060
    """
    if not share_permille or not base_milli:
        return price_minor
    factor = 1 - Fraction(share_permille, 1000) + Fraction(share_permille * now_milli, 1000 * base_milli)
    return rounded(price_minor * factor, to=1, mode=HALF_UP)


def rounded(amount: Fraction, *, to: int, mode: str) -> int:
    """An amount that is not below zero in multiples of `to` minor units, by the mode that the contract states.

    >>> rounded(Fraction(1027397, 100), to=5, mode="half_up"), rounded(Fraction(1027397, 100), to=1, mode="down")
    (10275, 10273)
    """
    steps = amount / to
    whole = steps.numerator // steps.denominator
    rest = steps - whole
    more = rest > 0 if mode == UP else rest >= Fraction(1, 2) if mode == HALF_UP else False
    return (whole + more) * to


@dataclass(frozen=True, slots=True)
class Change:
    """By how much one thing changes against the first version, in thousandths, and what it is."""

    what: str
    permille: int


def changes(first: Terms, new: Terms, *, starts: date, prices: Sequence[tuple[str, int, int]] = ()) -> list[Change]:
    """What an amendment changes against the first version; `prices`: (item, first price, new price)."""
    term = max(1, (first.ends - starts).days)
    found = [
        Change("the ceiling", _permille(new.ceiling_minor - first.ceiling_minor, first.ceiling_minor)),
        Change("the term", _permille((new.ends - first.ends).days, term)),
    ]
    return found + [Change(f"the price of {item}", _permille(later - sooner, sooner)) for item, sooner, later in prices]


def substantial(found: Sequence[Change], *, permille: int) -> list[Change]:
    """Those changes that raise more than the contract lets an amendment raise (K5)."""
    return [change for change in found if change.permille > permille]


def _permille(change: int, of: int) -> int:
    return -(-change * 1000 // of) if of else 0


def faults(terms: Terms) -> list[str]:
    """What is impossible in the terms, in words; empty where nothing is."""
    shares = ("immediate_permille", "index_share_permille", "rotation_credit_permille", "damages_cap_permille")
    counts = ("run_off_days", "immediate_days", "rotation_trigger_days", "damages_grace_days", "lead_time_days")
    found = [f"{name}: 0 to 1000" for name in shares if not 0 <= getattr(terms, name) <= 1000]
    found += [f"{name}: not below zero" for name in counts if getattr(terms, name) < 0]
    days = terms.order_weekdays
    if not days or set(days) - set(EVERY_DAY) or list(days) != sorted(set(days)):
        found.append("order_weekdays: ISO weekdays in order, such as 12345")
    if terms.damages_round_to_minor < 1 or terms.damages_rate_permille < 0:
        found.append("damages_round_to_minor: one or more; damages_rate_permille: not below zero")
    return found + [f"{name}: one of {', '.join(known)}" for name, known in _WORDS if getattr(terms, name) not in known]


_WORDS: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("damages_of", (LATE_PART, WHOLE_ORDER)),
    ("damages_round_each", (PER_DAY, IN_TOTAL)),
    ("damages_rounding", (HALF_UP, DOWN, UP)),
)


def terms_of(row: Any) -> Terms:
    """The terms that a row with the same columns holds."""
    return Terms(**{name: getattr(row, name) for name in TERM_NAMES})
