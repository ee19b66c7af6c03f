"""What may be shared among whom: frozen, and refused when it contradicts itself.

All stock figures are whole packs of the item (one pack size per item); a fill
is allocated packs over validated packs. Whether a lot may lawfully reach a
drop (licence, cold chain, shelf life at arrival plus use, need-by) is decided
before: the problem holds a lane exactly where it may.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

LARGEST_PACKS = 1 << 20
"""Upper limit of one claim's need: keys (k - 1) / d stay exact in 64-bit arithmetic."""

LARGEST_COST = 10**9
"""Upper limit of a lane's cost per pack in minor money units: routing stays exact in 64-bit arithmetic."""

RULE = "leximin/1"
"""The sharing rule that this version knows; a problem that names another is not solved."""


class ProblemError(ValueError):
    """A problem that contradicts itself; the message names the item, the row and the reason."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Whole packs of one lot at one depot that may move."""

    id: str
    site: str
    expiry: date
    packs: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One municipality's claim on one item in one priority tier (1 is served first).

    `minimum_packs`: below this the claim is of no use (0: any pack helps).
    """

    id: str
    municipality: str
    tier: int
    minimum_packs: int = 0


@dataclass(frozen=True, slots=True)
class Drop:
    """A validated request of a claim at one point of use; a claim's need is the sum of its drops."""

    id: str
    claim: str
    packs: int


@dataclass(frozen=True, slots=True)
class Lane:
    """A lot may lawfully and in time reach a drop, at a cost per pack in minor money units."""

    lot: str
    drop: str
    cost: int


@dataclass(frozen=True, slots=True)
class Pool:
    """One item: its lots, the claims on it, and how many packs may leave in all (reserve floor kept)."""

    item: str
    shareable_packs: int
    lots: tuple[Lot, ...]
    claims: tuple[Claim, ...]
    drops: tuple[Drop, ...]
    lanes: tuple[Lane, ...]

    def __post_init__(self) -> None:
        _refuse_duplicates(self.item, "lot", (lot.id for lot in self.lots))
        _refuse_duplicates(self.item, "claim", (claim.id for claim in self.claims))
        _refuse_duplicates(self.item, "drop", (drop.id for drop in self.drops))
        _refuse_duplicates(self.item, "lane", ((lane.lot, lane.drop) for lane in self.lanes))
        _refuse_strangers(self.item, "drop", "claim", (d.claim for d in self.drops), {c.id for c in self.claims})
        _refuse_strangers(self.item, "lane", "lot", (a.lot for a in self.lanes), {lot.id for lot in self.lots})
        _refuse_strangers(self.item, "lane", "drop", (a.drop for a in self.lanes), {d.id for d in self.drops})
        _refuse_quantities(self)


@dataclass(frozen=True, slots=True)
class Problem:
    """All pools shared in one decision, under one named rule version."""

    rule: str
    pools: tuple[Pool, ...]

    def __post_init__(self) -> None:
        _refuse_duplicates("problem", "item", (pool.item for pool in self.pools))

    def canonical(self) -> bytes:
        """The problem as canonical JSON (sorted keys, no spaces): equal problems, equal bytes."""
        return json.dumps(self, sort_keys=True, separators=(",", ":"), default=_plain).encode()

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()


def _plain(value: date | Problem | Pool | Lot | Claim | Drop | Lane) -> str | dict[str, object]:
    """What json cannot write by itself; three times as fast as copying the problem by `asdict`, same bytes."""
    return value.isoformat() if isinstance(value, date) else {name: getattr(value, name) for name in value.__slots__}


def problem_from_json(text: bytes | str) -> Problem:
    """Read what `Problem.canonical` wrote; raises ProblemError where it contradicts itself."""
    data = json.loads(text)
    return Problem(rule=data["rule"], pools=tuple(_pool(row) for row in data["pools"]))


def _pool(row: dict[str, Any]) -> Pool:
    return Pool(
        item=row["item"],
        shareable_packs=row["shareable_packs"],
        lots=tuple(Lot(**{**lot, "expiry": date.fromisoformat(lot["expiry"])}) for lot in row["lots"]),
        claims=tuple(Claim(**claim) for claim in row["claims"]),
        drops=tuple(Drop(**drop) for drop in row["drops"]),
        lanes=tuple(Lane(**lane) for lane in row["lanes"]),
    )


def _refuse_duplicates(item: str, kind: str, ids: Iterable[object]) -> None:
    seen: set[object] = set()
    for one in ids:
        if one in seen:
            raise ProblemError(f"{item}: {kind} {one} is given twice")
        seen.add(one)


def _refuse_strangers(item: str, kind: str, field: str, used: Iterable[str], known: set[str]) -> None:
    for one in used:
        if one not in known:
            raise ProblemError(f"{item}: a {kind} names the unknown {field} {one}")


def _refuse_quantities(pool: Pool) -> None:
    if pool.shareable_packs < 0:
        raise ProblemError(f"{pool.item}: shareable_packs is {pool.shareable_packs}, below zero")
    for lot in pool.lots:
        if lot.packs < 0:
            raise ProblemError(f"{pool.item}: lot {lot.id} holds {lot.packs} packs, below zero")
    for claim in pool.claims:
        if claim.tier < 1 or claim.minimum_packs < 0:
            raise ProblemError(f"{pool.item}: claim {claim.id} has tier {claim.tier}, minimum {claim.minimum_packs}")
    _refuse_drops(pool)
    for lane in pool.lanes:
        if not 0 <= lane.cost <= LARGEST_COST:
            raise ProblemError(
                f"{pool.item}: lane {lane.lot} to {lane.drop} costs {lane.cost}, not 0 to {LARGEST_COST}"
            )


def _refuse_drops(pool: Pool) -> None:
    needs: dict[str, int] = {}
    for drop in pool.drops:
        needs[drop.claim] = needs.get(drop.claim, 0) + drop.packs
        if not 0 < drop.packs <= LARGEST_PACKS:
            raise ProblemError(f"{pool.item}: drop {drop.id} asks {drop.packs} packs, not 1 to {LARGEST_PACKS}")
    for claim, need in needs.items():
        if need > LARGEST_PACKS:
            raise ProblemError(f"{pool.item}: claim {claim} needs {need} packs in all, more than {LARGEST_PACKS}")
