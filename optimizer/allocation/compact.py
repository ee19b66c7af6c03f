"""One item for a whole region, in columns: what `Pool` says lane by lane, for half a million claims at once.

A pool of 500 municipalities and 50 depots has thousands of lanes that differ in
nothing but the depot: whether a lot may reach a claim depends on the lot's depot and on
whether it expires late enough. So lots stand in the order (site, expiry), and a *way* from a
site to a claim names the first lot of the site that may use it: that one and every later
lot of the same site may. A claim has one drop of the same name.

Columns are `array('q')`: NumPy reads them in place, the checker without NumPy. `lots`, `claims`,
`drops` and `lanes` show the same pool in the words of `Pool`, made anew each time.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from operator import le, lt
from typing import Any, TypeAlias

from optimizer.allocation.pool import (
    LARGEST_COST,
    LARGEST_PACKS,
    LARGEST_VOLUME,
    Buffer,
    Claim,
    Drop,
    Lane,
    Lot,
    Picked,
    Pool,
    ProblemError,
)

Column: TypeAlias = "array[int]"
"""Signed 64-bit numbers (`array('q')`)."""

COLUMNS = (
    "lot_site",
    "lot_expiry",
    "lot_packs",
    "claim_tier",
    "claim_minimum",
    "claim_need",
    "first_way",
    "way_lot",
    "way_cost",
)


@dataclass(frozen=True, eq=True)
class CompactPool:
    """Columns of one item; positions count from 0.

    lot_site, lot_expiry (proleptic day number), lot_packs: per lot, ordered by (site, expiry).
    claim_tier, claim_minimum, claim_need: per claim. The ways of claim c are first_way[c] to
    first_way[c + 1]; way_lot is the first lot of the way's site that may use it, ascending within a
    claim and one way per site; way_cost is in minor money units per pack.
    """

    item: str
    shareable_packs: int
    sites: tuple[str, ...]
    lot_ids: tuple[str, ...]
    claim_ids: tuple[str, ...]
    lot_site: Column
    lot_expiry: Column
    lot_packs: Column
    claim_tier: Column
    claim_minimum: Column
    claim_need: Column
    first_way: Column
    way_lot: Column
    way_cost: Column
    unit_volume: int = 0

    def __post_init__(self) -> None:
        for name in COLUMNS:
            if not isinstance(getattr(self, name), array):
                object.__setattr__(self, name, array("q", getattr(self, name)))
        _refuse_shapes(self)
        _refuse_figures(self)
        _refuse_ways(self)

    @cached_property
    def site_end(self) -> list[int]:
        """Per lot: the position after the last lot of its site."""
        ends = [0] * len(self.lot_site)
        end = len(ends)
        for at in range(len(ends) - 1, -1, -1):
            if at + 1 < len(ends) and self.lot_site[at] != self.lot_site[at + 1]:
                end = at + 1
            ends[at] = end
        return ends

    @property
    def lots(self) -> tuple[Lot, ...]:
        """The lots, as `Pool` lists them."""
        rows = zip(self.lot_ids, self.lot_site, self.lot_expiry, self.lot_packs, strict=True)
        return tuple(Lot(name, self.sites[site], date.fromordinal(day), packs) for name, site, day, packs in rows)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims, as `Pool` lists them; the municipality has the claim's name."""
        rows = zip(self.claim_ids, self.claim_tier, self.claim_minimum, strict=True)
        return tuple(Claim(name, name, tier, minimum) for name, tier, minimum in rows)

    @property
    def drops(self) -> tuple[Drop, ...]:
        """One drop per claim, with the claim's name."""
        return tuple(Drop(name, name, need) for name, need in zip(self.claim_ids, self.claim_need, strict=True))

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Every lot that may use a way, to the way's claim."""
        return tuple(
            Lane(self.lot_ids[lot], claim, self.way_cost[way])
            for at, claim in enumerate(self.claim_ids)
            for way in range(self.first_way[at], self.first_way[at + 1])
            for lot in range(self.way_lot[way], self.site_end[self.way_lot[way]])
        )

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """None: a compact pool keeps no buffers (its lots hold what may move)."""
        return ()

    @property
    def picked(self) -> tuple[Picked, ...]:
        """None: nothing of a compact pool is picked yet."""
        return ()

    def needs(self) -> dict[str, int]:
        """Need per claim."""
        return dict(zip(self.claim_ids, self.claim_need, strict=True))

    def row(self) -> dict[str, object]:
        """What the canonical JSON holds of this pool: names and columns."""
        return {**self._named(), "columns": {name: getattr(self, name).tolist() for name in COLUMNS}}

    def digest_row(self) -> dict[str, object]:
        """What the problem's digest takes of this pool: names, and the SHA-256 of each column (little-endian)."""
        return {**self._named(), "columns": {name: column_digest(getattr(self, name)) for name in COLUMNS}}

    def _named(self) -> dict[str, object]:
        named = {name: getattr(self, name) for name in ("item", "shareable_packs", "sites", "lot_ids", "claim_ids")}
        return {**named, "unit_volume": self.unit_volume} if self.unit_volume else named


def spread(pool: Pool | CompactPool) -> Pool:
    """The pool with every lot, claim, drop and lane as an object of its own; one that is so already is given back."""
    if isinstance(pool, Pool):
        return pool
    return Pool(
        item=pool.item,
        shareable_packs=pool.shareable_packs,
        lots=pool.lots,
        claims=pool.claims,
        drops=pool.drops,
        lanes=pool.lanes,
        buffers=pool.buffers,
        picked=pool.picked,
        unit_volume=pool.unit_volume,
    )


def compact_from_row(row: dict[str, Any]) -> CompactPool:
    """Read what `CompactPool.row` wrote; raises ProblemError where it contradicts itself."""
    columns = row["columns"]
    if set(columns) != set(COLUMNS):
        raise ProblemError(f"{row['item']}: the columns are {', '.join(sorted(columns))}, not {', '.join(COLUMNS)}")
    return CompactPool(
        item=row["item"],
        shareable_packs=row["shareable_packs"],
        unit_volume=row.get("unit_volume", 0),
        sites=tuple(row["sites"]),
        lot_ids=tuple(row["lot_ids"]),
        claim_ids=tuple(row["claim_ids"]),
        **columns,
    )


def column_digest(column: Sequence[int]) -> str:
    """SHA-256 of the column's 64-bit little-endian numbers, in hexadecimal."""
    numbers = column if isinstance(column, array) else array("q", column)
    if sys.byteorder == "big":
        numbers = array("q", numbers)
        numbers.byteswap()
    return hashlib.sha256(numbers).hexdigest()


def _refuse_shapes(pool: CompactPool) -> None:
    lots, claims, ways = len(pool.lot_ids), len(pool.claim_ids), len(pool.way_lot)
    sizes = dict(zip(COLUMNS, (lots, lots, lots, claims, claims, claims, claims + 1, ways, ways), strict=True))
    for name, size in sizes.items():
        if len(getattr(pool, name)) != size:
            raise ProblemError(f"{pool.item}: the column {name} has {len(getattr(pool, name))} rows, not {size}")
    for kind, names in (("site", pool.sites), ("lot", pool.lot_ids), ("claim", pool.claim_ids)):
        if len(set(names)) < len(names):
            raise ProblemError(f"{pool.item}: a {kind} is given twice")


def _refuse_figures(pool: CompactPool) -> None:
    limits = {
        "lot_site": (0, len(pool.sites) - 1),
        "lot_expiry": (1, date.max.toordinal()),
        "lot_packs": (0, sys.maxsize >> 12),
        "claim_tier": (1, sys.maxsize),
        "claim_minimum": (0, sys.maxsize),
        "claim_need": (1, LARGEST_PACKS),
        "way_lot": (0, len(pool.lot_ids) - 1),
        "way_cost": (0, LARGEST_COST),
    }
    if not 0 <= pool.unit_volume <= LARGEST_VOLUME:
        raise ProblemError(f"{pool.item}: unit_volume is {pool.unit_volume}, not 0 to {LARGEST_VOLUME}")
    if pool.shareable_packs < 0:
        raise ProblemError(f"{pool.item}: shareable_packs is {pool.shareable_packs}, below zero")
    for name, (low, high) in limits.items():
        column = getattr(pool, name)
        if column and not (low <= min(column) and max(column) <= high):
            row = next(at for at, value in enumerate(column) if not low <= value <= high)
            raise ProblemError(f"{pool.item}: {name} of row {row} is {column[row]}, not {low} to {high}")


def _refuse_ways(pool: CompactPool) -> None:
    places = list(zip(pool.lot_site, pool.lot_expiry, strict=True))
    if not all(map(le, places, places[1:])):
        raise ProblemError(f"{pool.item}: the lots are not in the order of site and expiry")
    first = pool.first_way
    if first[0] != 0 or first[-1] != len(pool.way_lot) or not all(map(le, first, first[1:])):
        raise ProblemError(f"{pool.item}: first_way does not count from 0 to the {len(pool.way_lot)} ways")
    sites = list(map(pool.lot_site.__getitem__, pool.way_lot))
    ascending = list(map(lt, sites, sites[1:]))
    for start in first[1:-1]:  # a new claim may begin anywhere
        if 0 < start < len(sites):
            ascending[start - 1] = True
    if not all(ascending):
        way = ascending.index(False) + 1
        raise ProblemError(f"{pool.item}: way {way} does not lead from a later site than the one before it")
