"""Who gets which packs from which lot, and what bound the result."""

from __future__ import annotations

import hashlib
import json
from array import array
from bisect import bisect_right
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from optimizer.allocation.compact import Column, CompactPool
from optimizer.allocation.problem import Problem

FAIR = "leximin"
PRO_RATA = "pro_rata"
FIRST_COME = "first_come"
BEST = "best_found"
BY_POLICY = "policy"

OWN_ROUTING = "the exact plan without shared limits; its own routing keeps every shared limit"
OTHER_ROUTING = "the exact plan without shared limits; another routing of the same packs keeps every shared limit"
"""What the bound of a plan says that shared limits take nothing from."""


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


@dataclass(frozen=True)
class CompactPlan:
    """The shares of one item of a compact pool, in columns (`array('q')`), ordered by way, then lot.

    `line_packs` packs of lot `line_lot` go along way `line_way`. `lot_price` proves the routing: what a pack of
    each lot is worth, in minor money units, where a later expiry date weighs min(lots, claims) x the
    dearest way + 1 per date.
    """

    item: str
    pool: CompactPool
    line_way: Column
    line_lot: Column
    line_packs: Column
    lot_price: Column
    set_aside: tuple[str, ...]
    bottlenecks: tuple[Bottleneck, ...]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines, as `PoolPlan` lists them."""
        first_way, pool = self.pool.first_way, self.pool
        rows = zip(self.line_way, self.line_lot, self.line_packs, strict=True)
        return tuple(Line(pool.lot_ids[t], pool.claim_ids[bisect_right(first_way, w) - 1], n) for w, t, n in rows)

    def row(self) -> dict[str, object]:
        """What the canonical JSON holds of this plan."""
        columns = {name: getattr(self, name).tolist() for name in _LINE_COLUMNS}
        return {
            "item": self.item,
            "columns": columns,
            "set_aside": self.set_aside,
            "bottlenecks": [asdict(one) for one in self.bottlenecks],
        }


_LINE_COLUMNS = ("line_way", "line_lot", "line_packs", "lot_price")


@dataclass(frozen=True, slots=True)
class Swap:
    """`times` whole swaps of a substitute: lot `lot` of item `of` stands in for `item` at `drop`."""

    of: str
    lot: str
    item: str
    drop: str
    times: int


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a plan under shared limits may be from the best one.

    Fills as exact fractions "packs/need", first tier, at the first place where the plan's sorted fills differ from
    those that no plan beats (`rank` counts from 1; 0 where they nowhere differ: proven best). `source` says how the
    bound was found.

    The rest lets anyone find the bound again (`bound_check`). `relaxed`: the shares of items as they would be without
    the shared limits, where the plan gives otherwise; a lot of a substitute is named "item/lot" there. `unshared`:
    items that a rule of thumb shared, for which at best all that may leave is shared evenly. `blocks`: (item, claim)
    that the depots' dispatch ties together, least filled first.
    """

    proven: bool
    rank: int
    reached: str
    at_most: str
    gap: str
    source: str
    relaxed: tuple[PoolPlan | CompactPlan, ...] = ()
    unshared: tuple[str, ...] = ()
    blocks: tuple[tuple[tuple[str, str], ...], ...] = ()

    def told(self) -> dict[str, Any]:
        """The bound for a reader, without what proves it."""
        return {name: getattr(self, name) for name in ("proven", "rank", "reached", "at_most", "gap", "source")}


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan for a problem (by digest).

    `method` is FAIR; PRO_RATA where no fair plan came in time; BEST where limits shared by items leave no proof of
    the fair plan: then `bound` says how far from it the plan may be; BY_POLICY where the problem names policies.
    """

    rule: str
    method: str
    problem_digest: str
    pools: tuple[PoolPlan | CompactPlan, ...]
    bound: Bound | None = None
    swaps: tuple[Swap, ...] = ()

    def canonical(self) -> bytes:
        """The plan as canonical JSON: same inputs, same bytes."""
        return json.dumps(self, sort_keys=True, separators=(",", ":"), default=_plain).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, CompactPlan):
        return value.row()
    empty = {Plan: ("bound", "swaps"), Bound: ("relaxed", "unshared", "blocks")}.get(type(value), ())
    left_out = {name for name in empty if not getattr(value, name)}
    return {name: getattr(value, name) for name in value.__slots__ if name not in left_out}


def plan_from_json(text: bytes | str, problem: Problem | None = None) -> Plan:
    """Read what `Plan.canonical` wrote; the plan of a compact pool is read beside its problem.

    Raises ValueError where the problem is missing, or does not have the item in compact form.
    """
    data = json.loads(text)
    compact = {pool.item: pool for pool in problem.pools if isinstance(pool, CompactPool)} if problem else {}
    return Plan(
        rule=data["rule"],
        method=data["method"],
        problem_digest=data["problem_digest"],
        pools=_rows(data["pools"], compact),
        bound=_bound(data["bound"], compact) if data.get("bound") else None,
        swaps=tuple(Swap(**row) for row in data.get("swaps", ())),
    )


def _rows(rows: list[dict[str, Any]], compact: dict[str, CompactPool]) -> tuple[PoolPlan | CompactPlan, ...]:
    return tuple(_compact_plan(row, compact) if "columns" in row else _pool_plan(row) for row in rows)


def _bound(row: dict[str, Any], compact: dict[str, CompactPool]) -> Bound:
    read = {
        "relaxed": _rows(row.get("relaxed", []), compact),
        "unshared": tuple(row.get("unshared", ())),
        "blocks": tuple(tuple((item, claim) for item, claim in block) for block in row.get("blocks", ())),
    }
    return Bound(**{**row, **read})


def _pool_plan(row: dict[str, Any]) -> PoolPlan:
    return PoolPlan(
        item=row["item"],
        lines=tuple(Line(**line) for line in row["lines"]),
        set_aside=tuple(row["set_aside"]),
        bottlenecks=_bottlenecks(row),
    )


def _bottlenecks(row: dict[str, Any]) -> tuple[Bottleneck, ...]:
    return tuple(
        Bottleneck(**{**b, "claims": tuple(b["claims"]), "lots": tuple(b["lots"])}) for b in row["bottlenecks"]
    )


def _compact_plan(row: dict[str, Any], compact: dict[str, CompactPool]) -> CompactPlan:
    if row["item"] not in compact:
        raise ValueError(f"{row['item']}: its plan is in columns and can be read only beside its compact pool")
    columns = {name: array("q", row["columns"][name]) for name in _LINE_COLUMNS}
    return CompactPlan(
        item=row["item"],
        pool=compact[row["item"]],
        set_aside=tuple(row["set_aside"]),
        bottlenecks=_bottlenecks(row),
        **columns,
    )
