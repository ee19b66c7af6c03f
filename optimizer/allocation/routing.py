"""Which lot goes where once the shares are fixed: first-expiring first, then cheapest (labels expiry and cost)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

import numpy as np

from optimizer.allocation.compact import Column, CompactPool
from optimizer.allocation.flows import Arcs
from optimizer.allocation.network import Ints, PoolArrays, column
from optimizer.allocation.plan import Line
from optimizer.allocation.pool import Pool


def route(pool: Pool, arrays: PoolArrays, packs: Ints) -> tuple[Line, ...]:
    """Lines that give each claim its packs, first-expiring first, then cheapest; ordered by drop, then lot."""
    lots, drops, sites = len(arrays.lot_packs), len(arrays.drop_claim), len(arrays.site_cap)
    lanes = np.nonzero(packs[arrays.drop_claim[arrays.lane_drop]] > 0)[0]
    lane_lot, lane_drop = arrays.lane_lot[lanes], arrays.lane_drop[lanes]
    first_claim = lots + drops
    first_site = first_claim + len(packs)
    sink = first_site + sites
    weight = min(lots, drops) * int(arrays.lane_cost.max(initial=0)) + 1
    lane_packs = np.minimum(arrays.lot_packs[lane_lot], arrays.drop_packs[lane_drop])
    guarded = np.where(arrays.lot_guard >= 0, first_site + arrays.lot_guard, sink + 1)
    leaving = np.zeros(sink, dtype=np.int64)
    leaving[first_claim:first_site] = packs
    arcs = Arcs.joined(
        Arcs(lane_lot, lots + lane_drop, lane_packs, arrays.lane_cost[lanes]),
        Arcs(guarded, np.arange(lots), arrays.lot_packs, weight * arrays.expiry_rank),
        Arcs(np.full(sites, sink + 1), first_site + np.arange(sites), arrays.site_cap, np.zeros(sites, dtype=np.int64)),
        Arcs(np.arange(lots, first_claim), first_claim + arrays.drop_claim, arrays.drop_packs, np.zeros(drops, int)),
        Arcs.leaving(leaving, sink=sink),
    )
    flows = arcs.cheapest(source=sink + 1, sink=sink, packs=int(packs.sum()))[: len(lanes)]
    moved: dict[tuple[int, int], int] = {}
    for lot, drop, flow in zip(arrays.lot_of[lane_lot].tolist(), lane_drop.tolist(), flows.tolist(), strict=True):
        if flow:
            moved[drop, lot] = moved.get((drop, lot), 0) + flow
    return tuple(Line(pool.lots[lot].id, pool.drops[drop].id, moved[drop, lot]) for drop, lot in sorted(moved))


@dataclass(frozen=True, slots=True)
class Routes:
    """Columns of a compact pool's plan: packs of lots along ways, and the price that proves it per lot."""

    way: Column
    lot: Column
    packs: Column
    price: Column


def compact_routes(pool: CompactPool, packs: Ints) -> Routes:
    """Ways and lots that give each claim its packs, first-expiring first, then cheapest; ordered by way, then lot."""
    lot_packs, lot_site = column(pool.lot_packs), column(pool.lot_site)
    day_weight = _day_weight(pool, packs)
    open_ways = np.nonzero(np.repeat(packs, np.diff(column(pool.first_way))) > 0)[0]
    owner = np.repeat(np.arange(len(packs)), np.diff(column(pool.first_way)))[open_ways]
    first, cost = column(pool.way_lot)[open_ways], column(pool.way_cost)[open_ways]
    lots = len(lot_packs)
    later = np.nonzero(lot_site[1:] == lot_site[:-1])[0]
    sink = lots + len(packs)
    arcs = Arcs.joined(
        Arcs(first, lots + owner, np.minimum(packs[owner], lot_packs.sum()), cost),
        Arcs(np.full(lots, sink + 1), np.arange(lots), lot_packs, day_weight),
        Arcs(later + 1, later, np.full(len(later), int(packs.sum())), np.zeros_like(later)),
        Arcs.leaving(np.concatenate([np.zeros(lots, dtype=np.int64), packs]), sink=sink),
    )
    flows = arcs.cheapest(source=sink + 1, sink=sink, packs=int(packs.sum()))
    on_way, used = flows[: len(first)], flows[len(first) : len(first) + lots]
    way, lot, moved = _matched(open_ways[on_way > 0], first[on_way > 0], on_way[on_way > 0], used, lot_site)
    order = np.lexsort((lot, way))
    handed_on = flows[len(first) + lots : len(first) + lots + len(later)]
    price = _prices(pool, day_weight, _Settled(owner, first, cost, on_way, used, handed_on))
    return Routes(_column(way[order]), _column(lot[order]), _column(moved[order]), _column(price))


def _day_weight(pool: CompactPool, packs: Ints) -> Ints:
    """What a pack of each lot weighs for its date; nothing where all stock is used, so that dates cannot matter."""
    lot_packs = column(pool.lot_packs)
    if int(packs.sum()) == int(lot_packs.sum()):
        return np.zeros_like(lot_packs)
    rank = np.unique(column(pool.lot_expiry), return_inverse=True)[1].astype(np.int64)
    return rank * (min(len(lot_packs), len(packs)) * int(column(pool.way_cost).max(initial=0)) + 1)


def _matched(way: Ints, first: Ints, moved: Ints, used: Ints, lot_site: Ints) -> tuple[Ints, Ints, Ints]:
    """Tell each way which lots it takes: per site both in descending order, laid side by side and cut at every end.

    The lots from any position on hold at least what the ways from there on take, so no lot is too young.
    """
    ways = np.argsort(lot_site[first] * len(used) - first, kind="stable")
    lots = np.nonzero(used)[0]
    lots = lots[np.argsort(lot_site[lots] * len(used) - lots)]
    way_end, lot_end = np.cumsum(moved[ways]), np.cumsum(used[lots])
    ends = np.sort(np.concatenate([way_end, lot_end[~np.isin(lot_end, way_end)]]))
    return (
        way[ways[np.searchsorted(way_end, ends)]],
        lots[np.searchsorted(lot_end, ends)],
        np.diff(ends, prepend=0),
    )


@dataclass(frozen=True, slots=True)
class _Settled:
    """A cheapest flow of a compact pool: open ways by position, their claim, first lot, cost and packs; packs of
    each lot; which lots take packs from the lot after them."""

    owner: Ints
    first: Ints
    cost: Ints
    on_way: Ints
    used: Ints
    handed_on: Ints


_FAR = 1 << 60


def _prices(pool: CompactPool, day_weight: Ints, flow: _Settled) -> Ints:
    """Prices of the lots under which no claim could be served cheaper: shortest ways in the residual graph.

    Its places are the lots and, last, the shelf of all free packs: taking up a lot weighs its date, handing
    over at a claim weighs the difference of the ways. Bellman and Ford on a dense matrix.
    """
    lots = len(flow.used)
    step = np.full((lots + 1, lots + 1), _FAR)
    taker, giver = _exchanges(flow)
    np.minimum.at(step, (flow.first[taker], flow.first[giver]), flow.cost[taker] - flow.cost[giver])
    later = np.nonzero(column(pool.lot_site)[1:] == column(pool.lot_site)[:-1])[0]
    step[later + 1, later] = np.minimum(step[later + 1, later], 0)
    lent = later[flow.handed_on > 0]
    step[lent, lent + 1] = np.minimum(step[lent, lent + 1], 0)
    free = np.nonzero(column(pool.lot_packs) > flow.used)[0]
    taken = np.nonzero(flow.used)[0]
    step[lots, free] = day_weight[free]
    step[taken, lots] = -day_weight[taken]
    price = np.zeros(lots + 1, dtype=np.int64)
    while ((nearer := np.minimum(price, (price[:, None] + step).min(axis=0))) < price).any():
        price = nearer
    worth: Ints = (price - price[lots])[:lots]
    return worth


def _exchanges(flow: _Settled) -> tuple[Ints, Ints]:
    """Pairs of ways of one claim: one that could bring a pack more, and one that brings some."""
    count = np.bincount(flow.owner)
    start = np.cumsum(count) - count
    giving = np.nonzero(flow.on_way)[0]
    sizes = count[flow.owner[giving]]
    giver = np.repeat(giving, sizes)
    within = np.arange(len(giver)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(start[flow.owner[giving]], sizes) + within, giver


def _column(values: Ints) -> Column:
    return array("q", np.ascontiguousarray(values, dtype=np.int64).tobytes())
