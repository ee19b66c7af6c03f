"""Prices by tier and the states of a call-off, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PROPOSED: Final = "proposed"
APPROVED: Final = "approved"
PART_DELIVERED: Final = "part_delivered"
DELIVERED: Final = "delivered"
CANCELLED: Final = "cancelled"

CALLOFF_STATES: Final = (PROPOSED, APPROVED, PART_DELIVERED, DELIVERED, CANCELLED)
OPEN_STATES: Final = (APPROVED, PART_DELIVERED)


def tier_price(tiers: Sequence[tuple[int, int]], packs: int) -> int:
    """The price per pack (minor units) of the tier that `packs` reaches; tiers are (from_packs, price), all-units.

    >>> tier_price([(1, 500), (100, 470)], 99), tier_price([(1, 500), (100, 470)], 100)
    (500, 470)
    """
    reached = [price for from_packs, price in sorted(tiers) if packs >= from_packs]
    assert reached, f"{packs} packs reach no tier of {tiers}"
    return reached[-1]
