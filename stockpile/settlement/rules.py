"""Dividing a cost to the cent, and netting. Pure functions; money in minor units, whole numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

POOL: Final = "pool"
POPULATION, RESERVATION, USE, MIXED = "population", "reservation", "use", "mixed"
KEYS: Final = (POPULATION, RESERVATION, USE, MIXED)
PURCHASE, TRANSPORT, STORAGE, EXPIRY, LOAN, OTHER = "purchase", "transport", "storage", "expiry", "loan", "other"
OPTION: Final = "option"
KINDS: Final = (PURCHASE, TRANSPORT, STORAGE, EXPIRY, OPTION, LOAN, OTHER)
STORAGE_CLASSES: Final = ("ambient", "cold", "frozen", "controlled")
OPEN, CALCULATED, CLOSED = "open", "calculated", "closed"
LENT, PART_RETURNED, RETURNED, CONVERTED = "open", "part_returned", "returned", "converted"


@dataclass(frozen=True, slots=True)
class Mix:
    """How a mixed key adds up: percent by population, by reservation and by use, 100 together."""

    population: int
    reservation: int
    use: int

    @property
    def whole(self) -> bool:
        """Whether the parts make a whole."""
        parts = (self.population, self.reservation, self.use)
        return min(parts) >= 0 and sum(parts) == 100


def divide(total_minor: int, weights: Mapping[str, Fraction | int]) -> dict[str, int]:
    """The total by these weights, to the cent: largest remainders, ties by name. Who weighs nothing pays nothing.

    Raises ZeroDivisionError where nobody weighs anything.

    >>> divide(100, {"A": 1, "B": 1, "C": 1}), divide(-100, {"A": 1, "B": 1, "C": 1})
    ({'A': 34, 'B': 33, 'C': 33}, {'A': -34, 'B': -33, 'C': -33})
    """
    sign = -1 if total_minor < 0 else 1
    whole = sum((Fraction(one) for one in weights.values()), Fraction(0))
    exact = {name: abs(total_minor) * Fraction(one) / whole for name, one in weights.items()}
    parts = {name: int(one) for name, one in exact.items()}
    left = abs(total_minor) - sum(parts.values())
    for name in sorted(exact, key=lambda one: (parts[one] - exact[one], one))[:left]:
        parts[name] += 1
    return {name: sign * parts[name] for name in sorted(parts)}


def mixed(mix: Mix, keys: Mapping[str, Mapping[str, int]]) -> dict[str, Fraction]:
    """The weights of a mixed key: each part's shares in its percent; raises ZeroDivisionError where a part is empty."""
    weights: dict[str, Fraction] = {}
    for key, percent in ((POPULATION, mix.population), (RESERVATION, mix.reservation), (USE, mix.use)):
        whole = sum(keys[key].values())
        part = Fraction(percent, whole) if percent else Fraction(0)
        for member, one in keys[key].items() if percent else ():
            weights[member] = weights.get(member, Fraction(0)) + part * one
    return weights


def payments(nets: Mapping[str, int]) -> list[tuple[str, str, int]]:
    """Who pays whom how much so that everybody is even: fewer payments than parties. `nets` add up to zero.

    Above zero owes, below zero is owed; the largest debtor pays the largest creditor first.

    >>> payments({"A": 50, "B": -30, "C": -20})
    [('A', 'B', 30), ('A', 'C', 20)]
    """
    assert sum(nets.values()) == 0, "nets that do not add up"
    owed = {name: amount for name, amount in nets.items() if amount}
    made = []
    while owed:
        debtor = max(sorted(owed), key=lambda one: owed[one])
        creditor = min(sorted(owed), key=lambda one: owed[one])
        amount = min(owed[debtor], -owed[creditor])
        made.append((debtor, creditor, amount))
        owed[debtor] -= amount
        owed[creditor] += amount
        owed = {name: left for name, left in owed.items() if left}
    return made


def sale_minor(quantity: int, *, pack_size: int, pack_price_minor: int) -> int:
    """What so many base units cost at a price per pack, rounded half up to the cent.

    >>> sale_minor(15, pack_size=10, pack_price_minor=333), sale_minor(10, pack_size=20, pack_price_minor=333)
    (500, 167)
    """
    return int(Fraction(quantity * pack_price_minor, pack_size) + Fraction(1, 2))


def shorter_by(*, lent_on: date, lent_expiry: date, back_on: date, back_expiry: date) -> int:
    """By how many days what comes back lasts shorter than what was lent did then; 0: like for like.

    >>> d = date(2020, 1, 1)
    >>> shorter_by(lent_on=d, lent_expiry=date(2020, 12, 31), back_on=date(2020, 3, 1), back_expiry=date(2021, 1, 31))
    29
    """
    return max(0, (lent_expiry - lent_on).days - (back_expiry - back_on).days)
