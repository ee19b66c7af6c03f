"""Exact leximin fills in whole packs of one block: cut it in two until every part is settled.

The labels (fair), kappa, `below` and `tied` are those of the model's mathematics. What is
owed at a claim that has a need is its floor: its units are served before all keys, and the next ones
have the keys of the units after them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from optimizer.allocation.flows import Arcs, greatest_flow
from optimizer.allocation.network import Block, Flags, Ints

KEY_BITS = 40
"""Keys are told apart in steps of 2^-40."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A settled block of one tier: nobody outside it competes for its packs. `packs` come on top of what is owed."""

    tier: int
    block: Block
    packs: Ints


def leximin(block: Block, *, tier: int) -> list[Leaf]:
    """Cut the block into leaves, each settled on its own; what it owes must be routable."""
    leaves: list[Leaf] = []
    waiting = [block]
    while waiting:
        block = waiting.pop()
        if not block.need.any():
            continue
        settled = _settle(block)
        if settled.packs is not None:
            leaves.append(Leaf(tier=tier, block=block, packs=settled.packs))
        else:
            assert 0 < settled.near.sum() < len(block.nodes), "a cut that parts nothing"
            waiting += block.split(settled.near)
    return leaves


@dataclass(frozen=True, slots=True)
class _Settled:
    """Packs per node where the block is a leaf; else the near side of the cut that parts it."""

    packs: Ints | None
    near: Flags


def _settle(block: Block) -> _Settled:
    """Try to give each need its units in the order of their keys; where that fails, say where to cut."""
    hand = int(block.supply.sum() - block.owed.sum())
    assert hand >= 0, "a block owes more than enters it"
    if hand == 0:
        return _Settled(np.zeros_like(block.need), block.need > 0)
    if hand >= int(block.need.sum()):
        full = greatest_flow(block, block.need)
        return _Settled(block.need if full.meets_all else None, full.near)
    below, tied = units_by_key(block.need, hand, floor=block.owed)
    lower = greatest_flow(block, below)
    if not lower.meets_all:
        return _Settled(None, lower.near)
    upper = greatest_flow(block, below + tied)
    if upper.packs < int(block.supply.sum()):
        return _Settled(None, upper.near)
    return _Settled(below + _last_units(block, below, tied, count=upper.packs - lower.packs), upper.near)


def units_by_key(need: Ints, count: int, *, floor: Ints | None = None) -> tuple[Ints, Ints]:
    """Per need d: its units with a key (n - 1) / d below that of the `count`-th smallest, and (0 or 1) at it.

    0 < count <= sum of the needs, needs at most 2^20. With a floor f the units are those after the
    first f of f + d, with the keys that they have among all f + d.

    >>> below, tied = units_by_key(np.array([2, 3, 6]), 5)
    >>> below.tolist(), tied.tolist()
    ([1, 1, 2], [0, 1, 1])
    >>> below, tied = units_by_key(np.array([2, 1]), 1, floor=np.array([0, 3]))
    >>> below.tolist(), tied.tolist()
    ([0, 0], [1, 0])
    """
    started = None if floor is None or not (floor * (need > 0)).any() else np.where(need > 0, floor, 0)
    whole = need if started is None else need + started
    low, high, below, within = _around(whole, count, started)
    while int(within.sum()) > 4 * len(need) and high - low > 1:
        middle = (low + high) >> 1
        under = _units_under(whole, middle, started)
        if int(under.sum()) >= count:
            high, within = middle, under - below
        else:
            low, below, within = middle, under, within + below - under
    return _picked_out(whole, below, within, count - int(below.sum()), started)


def _around(whole: Ints, count: int, started: Ints | None) -> tuple[int, int, Ints, Ints]:
    """Bounds with fewer than `count` units below the one, and at least so many below the other; units below, within.

    Without floors the units below b / 2^KEY_BITS are b d / 2^KEY_BITS rounded up, so the fill
    that `count` makes of all needs is such a bound, and so is that of one pack less per need.
    """
    low, high = 0, 1 << KEY_BITS
    if started is None:
        total = int(whole.sum())
        low = (max(0, count - len(whole)) << KEY_BITS) // total
        high = min(high, (count << KEY_BITS) // total + 1)
    below = _units_under(whole, low, started)
    return low, high, below, _units_under(whole, high, started) - below


def _picked_out(whole: Ints, below: Ints, within: Ints, count: int, started: Ints | None) -> tuple[Ints, Ints]:
    """Of the units `within` that follow those `below`: those before the `count`-th smallest key, and those at it.

    Keys in steps of half of 2^-KEY_BITS, rounded down: equal where they are equal, apart where they are not.
    """
    owner = np.repeat(np.arange(len(whole)), within)
    first = below if started is None else below + started
    number = first[owner] + np.arange(len(owner)) - (np.cumsum(within) - within)[owner]
    key = (number << (KEY_BITS + 1)) // whole[owner]
    kappa = np.partition(key, count - 1)[count - 1]
    size = len(whole)
    return below + np.bincount(owner[key < kappa], minlength=size), np.bincount(owner[key == kappa], minlength=size)


def _units_under(need: Ints, bound: int, started: Ints | None) -> Ints:
    """Per need d: how many units have a key below bound / 2^KEY_BITS, that is the ceiling of bound d / 2^KEY_BITS."""
    under: Ints = -((-bound * need) >> KEY_BITS)
    return under if started is None else np.maximum(under - started, 0)


def _last_units(block: Block, below: Ints, tied: Ints, *, count: int) -> Ints:
    """Which `count` of the tied units are served: those of smaller needs, then of earlier claims."""
    if count == int(tied.sum()):
        return tied
    candidates = np.nonzero(tied)[0]
    whole = (block.owed + block.need)[candidates]
    rank = np.empty(len(candidates), dtype=np.int64)
    rank[np.lexsort((candidates, whole))] = np.arange(1, len(candidates) + 1)
    last = np.zeros_like(tied)
    last[candidates[rank <= count]] = 1
    if greatest_flow(block, below + last).meets_all:
        return last
    sink = len(block.nodes)
    total = int((block.owed + below).sum()) + count
    arcs = Arcs.joined(
        Arcs.entering(block, source=sink + 1),
        Arcs(block.tail, block.head, block.capacity, np.zeros_like(block.tail)),
        Arcs.leaving(block.owed + below, sink=sink),
        Arcs(candidates, np.full(len(candidates), sink), np.ones_like(candidates), rank),
    )
    flows = arcs.cheapest(source=sink + 1, sink=sink, packs=total)
    last[candidates] = flows[len(flows) - len(candidates) :]
    return last
