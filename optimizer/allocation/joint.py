"""Exact fractional leximin of all items together where depots can dispatch only so much volume.

Volumes make one network of all items: a depot's volume enters at the depot and flows to its lots, each up to
its packs times their volume, and on to the claims. A claim's fill is volume over needed volume, the same
fraction as in packs. Packs may be cut here: the fills are those that no plan in whole packs beats.

Method: give every claim of a block the same fill S / W (volume at hand over volume needed, at most 1). If
that can be routed, the block is settled; if not, a minimum cut parts it in two, and the fills of the far side are lower
than those of the near side (Megiddo 1974). All capacities are multiplied by W, all needs by S: whole
numbers, exact. Items without volume, totals that may be shared, buffers, floors and later tiers are left
out: the fills are then a bound (a relaxation), and a bound they remain. Claims of the first tier are shared.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from optimizer.allocation.compact import CompactPool
from optimizer.allocation.flows import greatest_flow
from optimizer.allocation.network import PLENTY, Block, Flags, Ints, arrays_of, column, compact_network
from optimizer.allocation.pool import ProblemError
from optimizer.allocation.problem import Pool, Problem

LARGEST_PRODUCT = 1 << 61


@dataclass(frozen=True, slots=True)
class Level:
    """Claims tied at one fill: `volume` over `need` (volumes), as (pool, claim) positions, and what feeds them.

    Lots (pool, lot) that count in full, and depots that count with the volume they can dispatch: together
    they hold `volume`, and nothing else reaches these claims (but for what lower levels leave untouched).
    """

    fill: Fraction
    claims: tuple[tuple[int, int], ...]
    sites: tuple[str, ...]


def fractional_levels(problem: Problem) -> list[Level]:
    """The exact levels of the first tier's claims, lowest first. Raises ProblemError where 64 bits do not suffice."""
    joint = _joined(problem)
    levels = []
    waiting = [joint.block]
    while waiting:
        block = waiting.pop()
        if not block.need.any():
            continue
        fill, near = _same_fill(block)
        if near is None:
            levels.append(joint.level(block, fill))
        else:
            waiting += block.split(near)
    return sorted(levels, key=lambda level: (level.fill, level.claims))


def _same_fill(block: Block) -> tuple[Fraction, Flags | None]:
    """The fill that all claims of the block share, and the near side of a cut where they cannot."""
    hand, need = int(block.supply.sum() - block.owed.sum()), int(block.need.sum())
    fill = min(Fraction(1), Fraction(hand, need))
    if fill == 0:
        return fill, None
    top, bottom = fill.numerator, fill.denominator
    most = int(block.supply.sum()) * bottom
    if max(most, need * top) >= LARGEST_PRODUCT:
        raise ProblemError("problem: volumes are too fine for exact arithmetic; give them in a coarser unit")
    free = block.capacity >= PLENTY
    scaled = replace(
        block,
        supply=block.supply * bottom,
        owed=block.owed * bottom,
        capacity=np.where(free, most + 1, np.where(free, 0, block.capacity) * bottom),
    )
    flow = greatest_flow(scaled, block.need * top)
    return fill, None if flow.meets_all else flow.near


@dataclass(frozen=True, slots=True)
class _Joint:
    """All pools in one block: depots first, then per pool its own nodes."""

    block: Block
    sites: tuple[str, ...]
    claims: list[tuple[int, int]]
    claim_at: Ints

    def level(self, block: Block, fill: Fraction) -> Level:
        tied = self.claim_at[block.nodes[block.need > 0]].tolist()
        depots = block.nodes[block.nodes < len(self.sites)].tolist()
        return Level(fill, tuple(self.claims[at] for at in tied), tuple(self.sites[at] for at in depots))


def _joined(problem: Problem) -> _Joint:
    limits = {limit.site: limit.volume for limit in problem.dispatch}
    sites = tuple(limits)
    parts = [_part(number, pool, sites) for number, pool in enumerate(problem.pools) if pool.unit_volume]
    sizes = [len(sites), *(len(part.supply) for part in parts)]
    starts = np.cumsum(sizes)
    count = int(starts[-1])
    claim_at = np.full(count, -1)
    for start, part in zip(starts, parts, strict=False):
        claim_at[start + part.claim_node] = 0
    claim_at[claim_at == 0] = np.arange(int((claim_at == 0).sum()))
    stocked = np.zeros(len(sites), dtype=np.int64)
    for part in parts:
        np.add.at(stocked, part.depot, part.depot_volume)
    volumes = np.minimum(np.array([min(limits[site], PLENTY) for site in sites], dtype=np.int64), stocked)
    block = Block(
        nodes=np.arange(count),
        tail=np.concatenate([at for s, p in zip(starts, parts, strict=False) for at in (p.depot, s + p.tail)]),
        head=np.concatenate([s + at for s, p in zip(starts, parts, strict=False) for at in (p.depot_lot, p.head)]),
        capacity=np.concatenate([at for p in parts for at in (p.depot_volume, p.capacity)]),
        supply=np.concatenate([volumes, *(part.supply for part in parts)]),
        owed=np.zeros(count, dtype=np.int64),
        need=np.concatenate([np.zeros_like(volumes), *(part.need for part in parts)]),
    )
    return _Joint(block, sites, [claim for part in parts for claim in part.claims], claim_at)


@dataclass(frozen=True, slots=True)
class _Part:
    """One pool in volumes: its arcs, what enters at lots of depots without a limit, needs, and arcs from depots."""

    tail: Ints
    head: Ints
    capacity: Ints
    supply: Ints
    need: Ints
    depot: Ints
    depot_lot: Ints
    depot_volume: Ints
    claim_node: Ints
    claims: list[tuple[int, int]]


def _part(number: int, pool: Pool | CompactPool, sites: tuple[str, ...]) -> _Part:
    volume = pool.unit_volume
    inner = _inside(pool)
    at = {site: place for place, site in enumerate(sites)}
    depot = np.array([at.get(site, -1) for site in inner.lot_site], dtype=np.int64)
    first = inner.tier == inner.tier.min(initial=1 << 62)
    lots, claims = len(inner.packs), inner.claim_node[first]
    need = np.zeros(inner.nodes, dtype=np.int64)
    need[claims] = inner.need[first] * volume
    supply = np.zeros_like(need)
    free, limited = np.nonzero(depot < 0)[0], np.nonzero((depot >= 0) & (inner.packs > 0))[0]
    supply[free] = _volumes(inner.packs[free], volume)
    assert lots <= inner.nodes, "lots are the first nodes"
    return _Part(
        tail=inner.tail,
        head=inner.head,
        capacity=_volumes(inner.capacity, volume),
        supply=supply,
        need=need,
        depot=depot[limited],
        depot_lot=limited,
        depot_volume=_volumes(inner.packs[limited], volume),
        claim_node=claims,
        claims=[(number, claim) for claim in np.nonzero(first)[0].tolist()],
    )


def _volumes(packs: Ints, volume: int) -> Ints:
    return np.where(packs >= PLENTY // volume, PLENTY, np.minimum(packs, PLENTY // volume) * volume)


@dataclass(frozen=True, slots=True)
class _Inside:
    """A pool's own network: lots are the first nodes; arcs and their capacities in packs; claims by node."""

    nodes: int
    packs: Ints
    lot_site: list[str]
    tail: Ints
    head: Ints
    capacity: Ints
    claim_node: Ints
    tier: Ints
    need: Ints


def _inside(pool: Pool | CompactPool) -> _Inside:
    if isinstance(pool, CompactPool):
        network = compact_network(replace(pool, shareable_packs=sum(pool.lot_packs)))
        arcs, nodes = network.whole, len(network.whole.nodes)
        places = [pool.sites[at] for at in pool.lot_site]
        figures = column(pool.claim_tier), column(pool.claim_need)
        packs = column(pool.lot_packs)
        return _Inside(nodes, packs, places, arcs.tail, arcs.head, arcs.capacity, network.claim_node, *figures)
    arrays = arrays_of(replace(pool, buffers=(), picked=()))
    lots, drops = len(pool.lots), len(pool.drops)
    first_claim = lots + drops
    return _Inside(
        nodes=first_claim + len(pool.claims),
        packs=arrays.lot_packs,
        lot_site=[lot.site for lot in pool.lots],
        tail=np.concatenate([arrays.lane_lot, np.arange(lots, first_claim)]),
        head=np.concatenate([lots + arrays.lane_drop, first_claim + arrays.drop_claim]),
        capacity=np.concatenate([np.full(len(arrays.lane_lot), PLENTY), arrays.drop_packs]),
        claim_node=first_claim + np.arange(len(pool.claims)),
        tier=arrays.claim_tier,
        need=arrays.need,
    )
