"""Which packs to call off from which contract, what each line is for, and how far the plan is proven."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

OPTIMAL = "OPTIMAL"
FEASIBLE = "FEASIBLE"
STAGES = ("tier 1", "tier 2", "tier 3", "tier 4", "cost", "contracts", "lines")
"""What is made least, in this order: uncovered parts of each tier, cost in minor units, contracts used, lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """One call-off: packs of one item from one contract.

    `covers_units`: the missing units it covers; lines of one item cover in the order of their contracts' ids.
    """

    contract: str
    item: str
    packs: int
    units: int
    pack_price_minor: int
    cost_minor: int
    covers_units: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One of STAGES: the plan's value, and the bound below which no plan as good in the earlier stages can be.

    `proven`: the value equals its bound.
    """

    name: str
    value: int
    bound: int
    proven: bool

    @property
    def gap(self) -> float:
        """How far above the bound the value is, as a share of the value (0: proven)."""
        return (self.value - self.bound) / self.value if self.value else 0.0


@dataclass(frozen=True, slots=True)
class Uncovered:
    """Missing base units of one item that the plan does not cover."""

    item: str
    units: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why an item stays uncovered, in whole or in part."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for a problem (by digest). `status` is OPTIMAL when every stage is proven, else FEASIBLE."""

    problem_digest: str
    status: str
    lines: tuple[Line, ...]
    stages: tuple[Stage, ...]
    spend_minor: int
    uncovered: tuple[Uncovered, ...]
    left_out: tuple[LeftOut, ...]

    def canonical(self) -> bytes:
        """The plan as canonical JSON: same inputs, same bytes."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def plan_from_json(text: bytes | str) -> Plan:
    """Read what `Plan.canonical` wrote."""
    data = json.loads(text)
    return Plan(
        problem_digest=data["problem_digest"],
        status=data["status"],
        lines=tuple(Line(**row) for row in data["lines"]),
        stages=tuple(Stage(**row) for row in data["stages"]),
        spend_minor=data["spend_minor"],
        uncovered=tuple(Uncovered(**row) for row in data["uncovered"]),
        left_out=tuple(LeftOut(**row) for row in data["left_out"]),
    )
