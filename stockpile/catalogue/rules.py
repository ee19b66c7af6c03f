"""Storage classes and the temperatures they allow. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

AMBIENT: Final = "ambient"
COLD: Final = "cold"
FROZEN: Final = "frozen"
CONTROLLED: Final = "controlled"
STORAGE_CLASSES: Final = (AMBIENT, COLD, FROZEN, CONTROLLED)


@dataclass(frozen=True, slots=True)
class Range:
    """What a storage class allows: thousandths of a degree Celsius, and how long outside is tolerated."""

    coldest_milli: int
    warmest_milli: int
    tolerated: timedelta

    def allows(self, milli_celsius: int) -> bool:
        """Whether this temperature is within the range; the limits are."""
        return self.coldest_milli <= milli_celsius <= self.warmest_milli


RANGES: Final[dict[str, Range]] = {
    AMBIENT: Range(2_000, 25_000, timedelta(hours=24)),
    CONTROLLED: Range(2_000, 25_000, timedelta(hours=24)),
    COLD: Range(2_000, 8_000, timedelta(minutes=30)),
    FROZEN: Range(-30_000, -15_000, timedelta(minutes=30)),
}
"""The refrigerator at 2 to 8 degrees, the freezer at -15 or below, and room temperature to 25 degrees."""


def storage_class(*, cold_chain: bool, controlled: bool, storage: str) -> str:
    """Where an item is kept: frozen where its storage names a temperature below zero, else cold, safe or shelf.

    >>> storage_class(cold_chain=True, controlled=False, storage="-20C")
    'frozen'
    >>> storage_class(cold_chain=True, controlled=True, storage="2-8C")
    'cold'
    >>> storage_class(cold_chain=False, controlled=True, storage="<=25C")
    'controlled'
    """
    if re.match(r"\s*(<=?\s*)?-\s*\d", storage) or "frozen" in storage.lower():
        return FROZEN
    if cold_chain:
        return COLD
    return CONTROLLED if controlled else AMBIENT
