"""One item as arrays, its sharing network, and the cutting of a network in two along a minimum cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from optimizer.allocation.problem import LARGEST_PACKS, Pool

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ROOT = 0
"""The node through which every pack passes: what may be shared in all."""

PLENTY = 1 << 50
"""Stock figures are cut to this: more than all needs together, and sums stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class PoolArrays:
    """A pool by position: lots, claims, drops and lanes are numbered as the pool lists them.

    need[c] is the sum of c's drops; useful[c] = min(minimum_packs, need); expiry_rank
    counts the distinct expiry dates from 0 (first to expire).
    """

    lot_packs: Ints
    expiry_rank: Ints
    claim_tier: Ints
    need: Ints
    useful: Ints
    drop_claim: Ints
    drop_packs: Ints
    lane_lot: Ints
    lane_drop: Ints
    lane_cost: Ints


def arrays_of(pool: Pool) -> PoolArrays:
    """Number everything in the pool and add up the needs."""
    lot_at = {lot.id: at for at, lot in enumerate(pool.lots)}
    claim_at = {claim.id: at for at, claim in enumerate(pool.claims)}
    drop_at = {drop.id: at for at, drop in enumerate(pool.drops)}
    drop_claim = _ints([claim_at[drop.claim] for drop in pool.drops])
    drop_packs = _ints([drop.packs for drop in pool.drops])
    need = _added(drop_claim, drop_packs, size=len(pool.claims))
    dates = {day: rank for rank, day in enumerate(sorted({lot.expiry for lot in pool.lots}))}
    return PoolArrays(
        lot_packs=_ints([min(lot.packs, PLENTY) for lot in pool.lots]),
        expiry_rank=_ints([dates[lot.expiry] for lot in pool.lots]),
        claim_tier=_ints([claim.tier for claim in pool.claims]),
        need=need,
        useful=np.minimum(_ints([min(claim.minimum_packs, LARGEST_PACKS) for claim in pool.claims]), need),
        drop_claim=drop_claim,
        drop_packs=drop_packs,
        lane_lot=_ints([lot_at[lane.lot] for lane in pool.lanes]),
        lane_drop=_ints([drop_at[lane.drop] for lane in pool.lanes]),
        lane_cost=_ints([lane.cost for lane in pool.lanes]),
    )


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
        """The lots of the block with a lane to one of its needy claims, ascending."""
        reaching = block.need > 0
        for _ in ("drops", "lots"):
            reaching[block.tail[reaching[block.head]]] = True
        nodes = block.nodes[reaching].tolist()
        return sorted(lot for node in nodes for lot in self.lots_at.get(node, ()))


def network_of(arrays: PoolArrays, *, shareable_packs: int) -> Network:
    """Root, lots, drops and claims, in this order.

    Lots that reach the same drops are one node, and so are drops of one claim that
    the same lots reach; a claim with a single such drop needs no drop node.
    """
    lots, drops, lanes = _merged(arrays)
    owner = _ints([int(arrays.drop_claim[group[0]]) for group in drops])
    alone = np.bincount(owner, minlength=len(arrays.need))[owner] == 1
    first_drop, first_claim = 1 + len(lots), 1 + len(lots) + int((~alone).sum())
    drop_node = np.where(alone, first_claim + owner, first_drop + np.cumsum(~alone) - 1)
    lane_tail, lane_head = np.nonzero(lanes)
    lot_caps = _ints([int(arrays.lot_packs[group].sum()) for group in lots])
    drop_caps = _ints([int(arrays.drop_packs[group].sum()) for group in drops])[~alone]
    nothing = np.zeros(first_claim + len(arrays.need), dtype=np.int64)
    supply = nothing.copy()
    supply[ROOT] = min(shareable_packs, PLENTY)
    whole = Block(
        nodes=np.arange(len(nothing)),
        tail=np.concatenate([np.full(len(lots), ROOT), 1 + lane_tail, drop_node[~alone]]),
        head=np.concatenate([np.arange(1, first_drop), drop_node[lane_head], first_claim + owner[~alone]]),
        capacity=np.concatenate([lot_caps, np.full(len(lane_tail), PLENTY), drop_caps]),
        supply=supply,
        owed=nothing,
        need=nothing,
    )
    lots_at = {1 + at: tuple(group) for at, group in enumerate(lots)}
    return Network(whole=whole, lots_at=lots_at, claim_node=first_claim + np.arange(len(arrays.need)))


def _merged(arrays: PoolArrays) -> tuple[list[list[int]], list[list[int]], Flags]:
    """Lots with the same drops, drops of one claim with the same lots, and the lanes between these groups."""
    reach = np.zeros((len(arrays.lot_packs), len(arrays.drop_claim)), dtype=np.bool_)
    reach[arrays.lane_lot, arrays.lane_drop] = True
    lots = _groups([row.tobytes() for row in reach])
    columns = [column.tobytes() for column in np.ascontiguousarray(reach.T)]
    drops = _groups(list(zip(arrays.drop_claim.tolist(), columns, strict=True)))
    first_lots, first_drops = [group[0] for group in lots], [group[0] for group in drops]
    return lots, drops, reach[first_lots][:, first_drops]


def _groups(keys: list[bytes] | list[tuple[int, bytes]]) -> list[list[int]]:
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
