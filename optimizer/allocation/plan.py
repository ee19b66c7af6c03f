"""Who gets which packs from which lot, and what bound the result."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

FAIR = "leximin"
PRO_RATA = "pro_rata"
FIRST_COME = "first_come"


@dataclass(frozen=True, slots=True)
class Line:
    """Whole packs of one lot to one drop."""

    lot: str
    drop: str
    packs: int


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """Claims tied together by the same stock: their lots hold `packs`, they need `need` (packs).

    `lots` are the lots from which these claims alone are served; where packs < need,
    this stock is what binds; where packs >= need the claims are filled.
    """

    tier: int
    claims: tuple[str, ...]
    lots: tuple[str, ...]
    packs: int
    need: int


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """The shares of one item. `set_aside`: claims that would have got less than their useful minimum."""

    item: str
    lines: tuple[Line, ...]
    set_aside: tuple[str, ...]
    bottlenecks: tuple[Bottleneck, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for a problem (by digest). `method` is FAIR, or PRO_RATA where no fair plan came in time."""

    rule: str
    method: str
    problem_digest: str
    pools: tuple[PoolPlan, ...]

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
        rule=data["rule"],
        method=data["method"],
        problem_digest=data["problem_digest"],
        pools=tuple(_pool_plan(row) for row in data["pools"]),
    )


def _pool_plan(row: dict[str, Any]) -> PoolPlan:
    return PoolPlan(
        item=row["item"],
        lines=tuple(Line(**line) for line in row["lines"]),
        set_aside=tuple(row["set_aside"]),
        bottlenecks=tuple(
            Bottleneck(**{**b, "claims": tuple(b["claims"]), "lots": tuple(b["lots"])}) for b in row["bottlenecks"]
        ),
    )
