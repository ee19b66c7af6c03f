"""Which orders to place in which week, what they cost and serve, and how far the plan is proven."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

PROVEN = "PROVEN"
FEASIBLE = "FEASIBLE"
UNSERVED = "UNSERVED"
"""Within the gap that was asked for; not proven that far; a line that must be served is not."""


@dataclass(frozen=True, slots=True)
class Order:
    """Units of a line ordered from one of its offers in a week; they arrive `lead_weeks` of the offer later."""

    line: str
    offer: str
    week: int
    units: int
    cost_minor: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cost:
    """The plan's life-cycle cost by part, in thousandths of a minor unit; `total` is their sum.

    `residual` is subtracted in it. `unserved` is no money: see FORMAT.md.
    """

    acquire: int
    order: int
    hold: int
    below_floor: int
    expire: int
    unmet: int
    unserved: int
    peak: int
    residual: int
    total: int


@dataclass(frozen=True, slots=True)
class Service:
    """What a line's plan serves: units wanted, left unmet and written off."""

    line: str
    demand: int
    unmet: int
    expired: int


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit more of a shared clause is worth, in thousandths of a minor unit, as a decimal text."""

    clause: str
    price: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for a problem (by digest).

    `asked_gap_ppm`: the gap up to which it counts as PROVEN, in millionths of the cost.
    `bound`: no plan costs less (thousandths of a minor unit); it follows from `prices` alone: the cheapest plan of
    every line at these prices, less what the clauses are worth at them.
    """

    problem_digest: str
    status: str
    asked_gap_ppm: int
    orders: tuple[Order, ...]
    cost: Cost
    bound: int
    services: tuple[Service, ...]
    prices: tuple[Price, ...]

    @property
    def gap(self) -> float:
        """How far the cost is above the bound, as a share of the cost."""
        return (self.cost.total - self.bound) / max(1, abs(self.cost.total))

    def canonical(self) -> bytes:
        """The plan as canonical JSON (sorted keys, no spaces)."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()
