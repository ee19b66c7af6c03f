"""One item as arrays, its sharing network, and the cutting of a network in two along a minimum cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation.compact import Column, CompactPool
from optimizer.allocation.pool import LARGEST_PACKS, Pool

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ROOT = 0
"""The node through which every pack passes: what may be shared in all."""

PLENTY = 1 << 50
"""Stock figures are cut to this: more than all needs together, and sums stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class PoolArrays:
    """A pool by position: claims, drops and lots are numbered as the pool lists them.

    After the pool's lots follow its picked lines, each as a lot of its own that reaches its drop
    alone; lot_of gives the pool's lot. lot_packs is what may move and is not picked. need[c] is the
    sum of c's drops, floor[c] what it gets before all tiers (picked packs included); useful[c] =
    min(minimum_packs, need), 0 for a claim with a floor; expiry_rank counts the distinct expiry dates
    from 1 (first to expire; 0: picked). site_cap[s] is what may leave each site that keeps a buffer,
    lot_guard the number of that site, or -1 (picked packs are counted already).
    """

    lot_packs: Ints
    lot_of: Ints
    expiry_rank: Ints
    claim_tier: Ints
    need: Ints
    floor: Ints
    useful: Ints
    drop_claim: Ints
    drop_packs: Ints
    lane_lot: Ints
    lane_drop: Ints
    lane_cost: Ints
    site_cap: Ints
    lot_guard: Ints


def arrays_of(pool: Pool) -> PoolArrays:
    """Number everything in the pool and add up the needs."""
    lot_at = {lot.id: at for at, lot in enumerate(pool.lots)}
    claim_at = {claim.id: at for at, claim in enumerate(pool.claims)}
    drop_at = {drop.id: at for at, drop in enumerate(pool.drops)}
    picked = pool.picked
    picked_lot, picked_drop = [lot_at[one.lot] for one in picked], [drop_at[one.drop] for one in picked]
    free = _ints([min(lot.packs - lot.immovable_packs, PLENTY) for lot in pool.lots])
    np.subtract.at(free, picked_lot, [one.packs for one in picked])
    drop_claim = _ints([claim_at[drop.claim] for drop in pool.drops])
    drop_packs = _ints([drop.packs for drop in pool.drops])
    need = _added(drop_claim, drop_packs, size=len(pool.claims))
    floor = np.maximum(_floors(pool, need), _picked_by_claim(pool, drop_claim, picked_drop))
    dates = {day: rank for rank, day in enumerate(sorted({lot.expiry for lot in pool.lots}), start=1)}
    minimum = np.minimum(_ints([min(claim.minimum_packs, LARGEST_PACKS) for claim in pool.claims]), need)
    guards, caps = _guards(pool)
    return PoolArrays(
        lot_packs=np.concatenate([free, _ints([one.packs for one in picked])]),
        lot_of=_ints([*range(len(pool.lots)), *picked_lot]),
        expiry_rank=_ints([dates[lot.expiry] for lot in pool.lots] + [0] * len(picked)),
        claim_tier=_ints([claim.tier for claim in pool.claims]),
        need=need,
        floor=floor,
        useful=np.where(floor > 0, 0, minimum),
        drop_claim=drop_claim,
        drop_packs=drop_packs,
        lane_lot=_ints([lot_at[lane.lot] for lane in pool.lanes] + [len(pool.lots) + at for at in range(len(picked))]),
        lane_drop=_ints([drop_at[lane.drop] for lane in pool.lanes] + picked_drop),
        lane_cost=_ints([lane.cost for lane in pool.lanes] + [0] * len(picked)),
        site_cap=caps,
        lot_guard=np.concatenate([guards, np.full(len(picked), -1)]),
    )


def _floors(pool: Pool, need: Ints) -> Ints:
    return _ints([claim.floor(d) for claim, d in zip(pool.claims, need.tolist(), strict=True)])


def _picked_by_claim(pool: Pool, drop_claim: Ints, picked_drop: list[int]) -> Ints:
    return _added(drop_claim[_ints(picked_drop)], _ints([one.packs for one in pool.picked]), size=len(pool.claims))


def _guards(pool: Pool) -> tuple[Ints, Ints]:
    """Per lot the number of its site among those that keep a buffer, or -1; what may leave these besides the picked."""
    number = {buffer.site: at for at, buffer in enumerate(pool.buffers)}
    site = {lot.id: number.get(lot.site, -1) for lot in pool.lots}
    left = [-buffer.packs for buffer in pool.buffers]
    for lot in pool.lots:
        if site[lot.id] >= 0:
            left[site[lot.id]] += lot.packs
    for one in pool.picked:
        if site[one.lot] >= 0:
            left[site[one.lot]] -= one.packs
    return _ints(list(site.values())), _ints([min(PLENTY, max(0, packs)) for packs in left])


@dataclass(frozen=True, slots=True)
class Block:
    """A network, or a part of one that a cut has made independent; nodes are numbered locally.

    Packs enter at nodes (`supply`), move along arcs up to `capacity`, and leave at
    nodes: `owed` must leave there, and up to `need` more may. `nodes` are the numbers
    of these nodes in the whole network.
    """

    nodes: Ints
    tail: Ints
    head: Ints
    capacity: Ints
    supply: Ints
    owed: Ints
    need: Ints

    def part(self, kept: Flags) -> Block:
        """The nodes in `kept` and the arcs between them."""
        number = np.cumsum(kept) - 1
        arcs = kept[self.tail] & kept[self.head]
        return Block(
            nodes=self.nodes[kept],
            tail=number[self.tail[arcs]],
            head=number[self.head[arcs]],
            capacity=self.capacity[arcs],
            supply=self.supply[kept],
            owed=self.owed[kept],
            need=self.need[kept],
        )

    def split(self, near: Flags) -> tuple[Block, Block]:
        """Cut along a saturated cut (near: the source's side) into (near, far).

        Arcs from near to far carry all they can: the far side gets that as supply,
        the near side owes it. Arcs from far to near carry nothing.
        """
        cut = near[self.tail] & ~near[self.head]
        supply, owed = self.supply.copy(), self.owed.copy()
        np.add.at(supply, self.head[cut], self.capacity[cut])
        np.add.at(owed, self.tail[cut], self.capacity[cut])
        whole = replace(self, supply=supply, owed=owed)
        return whole.part(near), whole.part(~near)


@dataclass(frozen=True, slots=True)
class Network:
    """The sharing network of a pool: `whole` without any demand; lots of a node; node of each claim."""

    whole: Block
    lots_at: dict[int, tuple[int, ...]]
    claim_node: Ints

    def asked(self, *, owed: Ints, need: Ints) -> Block:
        """The network with these demands per claim; claims that ask nothing are left out."""
        at_owed, at_need = np.zeros_like(self.whole.owed), np.zeros_like(self.whole.need)
        at_owed[self.claim_node], at_need[self.claim_node] = owed, need
        kept = np.ones(len(at_owed), dtype=np.bool_)
        kept[self.claim_node] = (owed + need) > 0
        return replace(self.whole, owed=at_owed, need=at_need).part(kept)

    def lots_reaching(self, block: Block) -> list[int]:
        """The lots of the block from which packs can reach one of its needy claims, ascending."""
        reaching = block.need > 0
        known = -1
        while (count := int(reaching.sum())) > known:
            known = count
            reaching[block.tail[reaching[block.head]]] = True
        nodes = block.nodes[reaching].tolist()
        return sorted(lot for node in nodes for lot in self.lots_at.get(node, ()))


def network_of(arrays: PoolArrays, *, shareable_packs: int) -> Network:
    """Root, sites with a buffer, lots, drops and claims, in this order.

    Lots that reach the same drops (from the same site with a buffer) are one node, and so are drops
    of one claim that the same lots reach; a claim with a single such drop needs no drop node.
    """
    lots, drops, lanes = _merged(arrays)
    owner = _ints([int(arrays.drop_claim[group[0]]) for group in drops])
    alone = np.bincount(owner, minlength=len(arrays.need))[owner] == 1
    first_lot = 1 + len(arrays.site_cap)
    first_drop = first_lot + len(lots)
    first_claim = first_drop + int((~alone).sum())
    drop_node = np.where(alone, first_claim + owner, first_drop + np.cumsum(~alone) - 1)
    lane_tail, lane_head = np.nonzero(lanes)
    lot_caps = _ints([int(arrays.lot_packs[group].sum()) for group in lots])
    drop_caps = _ints([int(arrays.drop_packs[group].sum()) for group in drops])[~alone]
    nothing = np.zeros(first_claim + len(arrays.need), dtype=np.int64)
    supply = nothing.copy()
    supply[ROOT] = min(shareable_packs, PLENTY)
    guard = _ints([int(arrays.lot_guard[group[0]]) for group in lots])
    sites = np.arange(len(arrays.site_cap))
    whole = Block(
        nodes=np.arange(len(nothing)),
        tail=np.concatenate([np.full(len(sites), ROOT), 1 + guard, first_lot + lane_tail, drop_node[~alone]]),
        head=np.concatenate(
            [1 + sites, np.arange(first_lot, first_drop), drop_node[lane_head], first_claim + owner[~alone]]
        ),
        capacity=np.concatenate([arrays.site_cap, lot_caps, np.full(len(lane_tail), PLENTY), drop_caps]),
        supply=supply,
        owed=nothing,
        need=nothing,
    )
    lots_at = {
        first_lot + at: tuple(sorted({int(arrays.lot_of[lot]) for lot in group})) for at, group in enumerate(lots)
    }
    return Network(whole=whole, lots_at=lots_at, claim_node=first_claim + np.arange(len(arrays.need)))


def compact_network(pool: CompactPool) -> Network:
    """Root where it may bind, lots and claims; a lot hands packs on to the lot before it at its site.

    That chain lets a way end at its first lot alone.
    """
    packs, need = column(pool.lot_packs), column(pool.claim_need)
    lots, site, total = len(packs), column(pool.lot_site), int(packs.sum())
    bound = int(pool.shareable_packs < total)
    first_claim = bound + lots
    later = np.nonzero(site[1:] == site[:-1])[0]
    nothing = np.zeros(first_claim + len(need), dtype=np.int64)
    supply = nothing.copy()
    if bound:
        supply[ROOT] = pool.shareable_packs
    else:
        supply[:lots] = packs
    rooted = np.arange(lots * bound)
    owner = np.repeat(np.arange(len(need)), np.diff(column(pool.first_way)))
    ways = column(pool.way_lot)
    whole = Block(
        nodes=np.arange(len(nothing)),
        tail=np.concatenate([np.zeros_like(rooted), bound + later + 1, bound + ways]),
        head=np.concatenate([bound + rooted, bound + later, first_claim + owner]),
        capacity=np.concatenate([packs[rooted], np.full(len(later) + len(ways), PLENTY)]),
        supply=supply,
        owed=nothing,
        need=nothing,
    )
    lots_at: dict[int, tuple[int, ...]] = {bound + at: (at,) for at in range(lots)}
    return Network(whole=whole, lots_at=lots_at, claim_node=first_claim + np.arange(len(need)))


def column(values: Column) -> Ints:
    """A column of a compact pool as an array, without copying."""
    return np.frombuffer(values, dtype=np.int64) if len(values) else np.zeros(0, dtype=np.int64)


def _merged(arrays: PoolArrays) -> tuple[list[list[int]], list[list[int]], Flags]:
    """Lots with the same drops, drops of one claim with the same lots, and the lanes between these groups."""
    reach = np.zeros((len(arrays.lot_packs), len(arrays.drop_claim)), dtype=np.bool_)
    reach[arrays.lane_lot, arrays.lane_drop] = True
    lots = _groups([(int(guard), row.tobytes()) for guard, row in zip(arrays.lot_guard, reach, strict=True)])
    columns = [column.tobytes() for column in np.ascontiguousarray(reach.T)]
    drops = _groups(list(zip(arrays.drop_claim.tolist(), columns, strict=True)))
    first_lots, first_drops = [group[0] for group in lots], [group[0] for group in drops]
    return lots, drops, reach[first_lots][:, first_drops]


def _groups(keys: list[tuple[int, bytes]]) -> list[list[int]]:
    """Positions with equal keys together, in order of first appearance."""
    found: dict[object, list[int]] = {}
    for at, key in enumerate(keys):
        found.setdefault(key, []).append(at)
    return list(found.values())


def _added(where: Ints, amounts: Ints, *, size: int) -> Ints:
    totals = np.zeros(size, dtype=np.int64)
    np.add.at(totals, where, amounts)
    return totals


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
