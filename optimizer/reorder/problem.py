"""What is missing and who sells it: frozen, and refused when it contradicts itself.

Quantities of items are whole base units, quantities of offers whole packs,
money whole minor units (hundredths). One period: every order is placed
tonight; lead times were spent in working out the shortages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

LARGEST_UNITS = 10**9
"""Upper limit of any count of units or packs: a millionth of a doubled need stays exact in 64-bit arithmetic."""
LARGEST_MINOR = 10**13
"""Upper limit of any sum of money (100 thousand million): every total of every plan fits 64 bits."""
LARGEST_PRICE_TIERS = 100_000
"""Upper limit of price tiers in all offers together."""


class ProblemError(ValueError):
    """A problem that contradicts itself; the message names the item, the row and the reason."""


@dataclass(frozen=True, slots=True)
class Shortage:
    """Base units of one item that are wanted, in one priority tier (1 is covered first).

    `units`: expected use over lead and review period plus unmet surge need and
    floor, minus on hand and inbound. `surge_units`: the part of them that is
    unmet surge need. `most_units`: never order more (room for packs and minimums).
    """

    item: str
    tier: int
    units: int
    most_units: int
    surge_units: int = 0


@dataclass(frozen=True, slots=True)
class Tier:
    """From this many packs on, every pack of the order costs `pack_price_minor` (all-units price)."""

    from_packs: int
    pack_price_minor: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A contract's offer of one item: nothing, or `minimum_packs` to `maximum_packs` in steps of `pack_multiple`.

    A maximum below the minimum says that the offer is spent: nothing can be ordered.
    `lead_time_days` is for the reader; a single period does not use it.
    """

    contract: str
    item: str
    pack_size: int
    minimum_packs: int
    pack_multiple: int
    maximum_packs: int
    lead_time_days: int
    tiers: tuple[Tier, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """A unified contract: least value of one call-off, and what its ceiling leaves."""

    id: str
    minimum_order_minor: int
    remaining_minor: int


@dataclass(frozen=True, slots=True)
class Problem:
    """All shortages, contracts and offers of one night, under one budget."""

    budget_minor: int
    shortages: tuple[Shortage, ...]
    contracts: tuple[Contract, ...]
    offers: tuple[Offer, ...]

    def __post_init__(self) -> None:
        _refuse_outside("problem", "budget", self.budget_minor, 0, LARGEST_MINOR)
        _refuse_duplicates("shortage", (row.item for row in self.shortages))
        _refuse_duplicates("contract", (row.id for row in self.contracts))
        _refuse_duplicates("offer", (f"{row.item} in contract {row.contract}" for row in self.offers))
        for shortage in self.shortages:
            _refuse_shortage(shortage)
        for contract in self.contracts:
            _refuse_outside(contract.id, "minimum_order_minor", contract.minimum_order_minor, 0, LARGEST_MINOR)
            _refuse_outside(contract.id, "remaining_minor", contract.remaining_minor, 0, LARGEST_MINOR)
        _refuse_offers(self)

    def canonical(self) -> bytes:
        """The problem as canonical JSON (sorted keys, no spaces): equal problems, equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def problem_from_json(text: bytes | str) -> Problem:
    """Read what `Problem.canonical` wrote; raises ProblemError where it contradicts itself."""
    data = json.loads(text)
    return Problem(
        budget_minor=data["budget_minor"],
        shortages=tuple(Shortage(**row) for row in data["shortages"]),
        contracts=tuple(Contract(**row) for row in data["contracts"]),
        offers=tuple(_offer(row) for row in data["offers"]),
    )


def _offer(row: dict[str, Any]) -> Offer:
    return Offer(**{**row, "tiers": tuple(Tier(**tier) for tier in row["tiers"])})


def _refuse_duplicates(kind: str, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise ProblemError(f"{one}: {kind} is given twice")
        seen.add(one)


def _refuse_outside(whose: str, field: str, value: int, least: int, most: int) -> None:
    if type(value) is not int:
        raise ProblemError(f"{whose}: {field} is {value!r}, not a whole number")
    if not least <= value <= most:
        raise ProblemError(f"{whose}: {field} is {value}, not {least} to {most}")


def _refuse_shortage(row: Shortage) -> None:
    _refuse_outside(row.item, "tier", row.tier, 1, 4)
    _refuse_outside(row.item, "units", row.units, 1, LARGEST_UNITS)
    _refuse_outside(row.item, "most_units", row.most_units, row.units, LARGEST_UNITS)
    _refuse_outside(row.item, "surge_units", row.surge_units, 0, row.units)


def _refuse_offers(problem: Problem) -> None:
    known = {contract.id for contract in problem.contracts}
    for offer in problem.offers:
        if offer.contract not in known:
            raise ProblemError(f"{offer.item}: an offer names the unknown contract {offer.contract}")
        _refuse_offer(offer)
    tiers = sum(len(offer.tiers) for offer in problem.offers)
    if tiers > LARGEST_PRICE_TIERS:
        raise ProblemError(f"problem: offers hold {tiers} price tiers, not up to {LARGEST_PRICE_TIERS}")


def _refuse_offer(offer: Offer) -> None:
    whose = f"{offer.item}: offer in contract {offer.contract}"
    _refuse_outside(whose, "pack_size", offer.pack_size, 1, LARGEST_UNITS)
    _refuse_outside(whose, "minimum_packs", offer.minimum_packs, 1, LARGEST_UNITS)
    _refuse_outside(whose, "pack_multiple", offer.pack_multiple, 1, LARGEST_UNITS)
    _refuse_outside(whose, "maximum_packs", offer.maximum_packs, 0, LARGEST_UNITS)
    _refuse_outside(whose, "lead_time_days", offer.lead_time_days, 0, LARGEST_UNITS)
    if not offer.tiers or offer.tiers[0].from_packs != 1:
        raise ProblemError(f"{whose}: price tiers do not begin at 1 pack")
    for tier in offer.tiers:
        _refuse_outside(whose, "from_packs", tier.from_packs, 1, LARGEST_UNITS)
        _refuse_outside(whose, "pack_price_minor", tier.pack_price_minor, 1, LARGEST_MINOR)
    for lower, upper in zip(offer.tiers, offer.tiers[1:], strict=False):
        if lower.from_packs >= upper.from_packs:
            raise ProblemError(f"{whose}: price tier from {upper.from_packs} follows from {lower.from_packs} packs")
