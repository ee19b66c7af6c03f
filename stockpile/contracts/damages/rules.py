"""What lateness costs, exactly. Pure; money in minor units, days are calendar days.

Of a value V, r thousandths per day and d days: each day late beyond the grace
costs V x r / 1000 / d. The EU's model framework contract has r = 300 and d the
duration of the contract in days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from stockpile.contracts.terms import rules as terms_rules
from stockpile.contracts.terms.rules import Terms


@dataclass(frozen=True, slots=True)
class Late:
    """A value (minor units) that came so many days late, force majeure already taken off."""

    value_minor: int
    days: int


@dataclass(frozen=True, slots=True)
class Damages:
    """What is due (minor units), what it would be without the cap, and how it was worked out."""

    amount_minor: int
    uncapped_minor: int
    worked_out: str


def days_late(due: date, arrived: date, excused: Sequence[tuple[date, date]] = ()) -> int:
    """Days after the due day up to the arrival, without those that force majeure excuses (both ends included).

    >>> days_late(date(2020, 4, 1), date(2020, 4, 11), [(date(2020, 4, 3), date(2020, 4, 5))])
    7
    """
    late = (due + timedelta(days=n) for n in range(1, (arrived - due).days + 1))
    return sum(not any(first <= day <= last for first, last in excused) for day in late)


def per_day(terms: Terms, value_minor: int, order_days: int) -> Fraction:
    """What a day costs before rounding; `order_days`: the time the order had, for contracts that go by it."""
    days = terms.damages_days or max(1, order_days)
    return Fraction(value_minor * terms.damages_rate_permille, 1000 * days)


def due(terms: Terms, late: Sequence[Late], *, order_minor: int, order_days: int) -> Damages:
    """The damages for what came late, rounded by the contract's rule and at most its cap of the order's value."""
    parts = [(one, one.days - terms.damages_grace_days) for one in late if one.days > terms.damages_grace_days]
    amounts = [_part(terms, one, days, order_days) for one, days in parts]
    total = sum(amounts)
    cap = order_minor * terms.damages_cap_permille // 1000
    return Damages(min(total, cap), total, _told(terms, parts, amounts, cap=cap, order_days=order_days))


def _part(terms: Terms, one: Late, days: int, order_days: int) -> int:
    daily = per_day(terms, one.value_minor, order_days)
    to, mode = terms.damages_round_to_minor, terms.damages_rounding
    if terms.damages_round_each == terms_rules.PER_DAY:
        return terms_rules.rounded(daily, to=to, mode=mode) * days
    return terms_rules.rounded(daily * days, to=to, mode=mode)


def _told(terms: Terms, parts: Sequence[tuple[Late, int]], amounts: Sequence[int], *, cap: int, order_days: int) -> str:
    rule = (
        f"{terms.damages_rate_permille}/1000 of the value per {terms.damages_days or max(1, order_days)} days, rounded "
        f"{terms.damages_rounding} to {terms.damages_round_to_minor} per {terms.damages_round_each}, "
        f"grace {terms.damages_grace_days} days, at most {cap}"
    )
    rows = [f"{one.value_minor} x {days} days = {amount}" for (one, days), amount in zip(parts, amounts, strict=True)]
    return "; ".join([rule, *rows])
