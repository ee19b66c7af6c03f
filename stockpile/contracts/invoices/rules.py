"""The three-way match and what is owed. Pure; money in minor units, quantities in base units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SECOND_APPROVAL_PERCENT: Final = 10
"""An invoice this much over the order needs a second approval (O4)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an invoice beside the order's: what was ordered, accepted and invoiced, and what that is worth."""

    line: int
    item: str
    ordered: int
    accepted: int
    invoiced: int
    worth_minor: int
    amount_minor: int


def findings(lines: Sequence[Line]) -> list[str]:
    """What does not match between invoice, order and accepted goods, in words; empty where all does."""
    found = []
    for one in lines:
        where = f"line {one.line}, {one.item}"
        if one.invoiced > one.accepted:
            found.append(f"{where}: {one.invoiced} are invoiced, {one.accepted} were accepted")
        if one.amount_minor != one.worth_minor:
            found.append(f"{where}: {one.amount_minor} is invoiced, by the order's price it is {one.worth_minor}")
    return found


def needs_second(invoiced_minor: int, order_minor: int) -> bool:
    """Whether all that is invoiced of an order is more than a tenth over it (O4).

    >>> needs_second(1100, 1000), needs_second(1101, 1000)
    (False, True)
    """
    return invoiced_minor * 100 > order_minor * (100 + SECOND_APPROVAL_PERCENT)


def owed(accepted_minor: int, *, fee_minor: int, damages_minor: int, paid_minor: int) -> int:
    """What may still be paid of an order: accepted goods at its price and the fee, less damages and payments (O2)."""
    return max(0, accepted_minor + fee_minor - damages_minor - paid_minor)
