"""A policy on the network of lots and lanes, where not every pack can reach every claimant.

A round serves units in the order of their levels (`rule`). On a network it serves them in the same
order *as far as they can be routed*. What can be routed is an integral polymatroid, so this greedy
rise is at once the lexicographically best one: of all routable awards that bring as many packs as
possible, the vector of the levels reached is decreasingly minimal: nobody stands higher where
somebody lower could have had the pack instead (Federgruen and Groenevelt 1986; Frank and Murota, arXiv
1907.02673). So the claims are as near to the rule as lanes allow, with the rule's own weights:

    leximin, pro rata        leximin of award / need (request)         weights need (request), caps
    per capita, coverage     leximin of award / people                 weights people, caps
    equal units              leximin of the award                      weights 1, caps
    equal losses             leximax of the loss                       weights 1, levels from -claim
    Talmud, harm avoided     phase by phase, each exact in its own levels
    entitlements, tiers      round after round, the awards of the earlier ones held

All these are exact (`Rule.exact_on_networks`). Tranches and the solidarity levy take parts of what is
at hand, counted without regard to lanes: *divide, then route, then pass on*: each of their rounds is
exact, what a portion cannot route goes to the next portion, and a note says so.
More that may be shared in all takes nothing from anyone here either, and nor does more of a lot where the total does
not bind; while a floor limits the total, stock at one depot draws on the share of those that another one reaches.
Exact too is the tie: of the last units at one level the smaller `tie`, then the smaller rank.

The method is that of `allocation.model`, with a ladder of levels in the place of fills: with S packs at hand
take the units below the level kappa of the S-th unit, and those at it; if these cannot be routed, a
minimum cut parts the network in two that are settled on their own. A `Ladder` gives the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from optimizer.allocation.flows import Arcs, greatest_flow
from optimizer.allocation.network import ROOT, Block, Flags, Ints, Network, PoolArrays, arrays_of, network_of
from optimizer.allocation.plan import Line
from optimizer.allocation.problem import Pool
from optimizer.allocation.routing import route
from optimizer.sharing.division import Note, claims_of, notes_on, run, whole_portion
from optimizer.sharing.ladder import Ladder, ladder_of
from optimizer.sharing.policy import Policy
from optimizer.sharing.problem import Claimant, Estate, EstateError
from optimizer.sharing.repair import repaired
from optimizer.sharing.rule import Amount, Round, Scope

Facts = Mapping[str, Mapping[str, Any]]
"""Facts about claimants by claim id or municipality (`problem.facts_from_json`)."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What a policy makes of a pool: packs per claim in the pool's order; `held` and `left` packs stay."""

    item: str
    packs: tuple[int, ...]
    held: int
    left: int
    set_aside: tuple[str, ...]
    notes: tuple[Note, ...]


class Ground:
    """A pool made ready once, to be shared by any number of policies."""

    def __init__(self, pool: Pool, facts: Facts) -> None:
        self.pool = pool
        self.arrays: PoolArrays = arrays_of(pool)
        self.network: Network = network_of(self.arrays, shareable_packs=pool.shareable_packs)
        self._lane_cost = {(lane.lot, lane.drop): lane.cost for lane in pool.lanes}
        self.supply = min(pool.shareable_packs, int(self.arrays.lot_packs.sum()))
        self.estate = Estate(pool.item, self.supply, _claimants(pool, self.arrays, facts))

    def share(self, policy: Policy, *, seed: str | None = None) -> Shares:
        """The awards of a policy. Raises PolicyError where a fact that it weighs, or the seed, is missing."""
        claimants = self.estate.claimants
        order = policy.order(self.pool.item, claimants, seed=seed)
        backing = _Routed(self, policy, np.array(order, dtype=np.int64))
        outcomes: dict[frozenset[int], tuple[list[int], int]] = {}

        def shared(aside: frozenset[int]) -> list[int]:
            within = Scope(claimants, tuple(at for at in range(len(claimants)) if at not in aside))
            awards, held = run(policy, within, backing, supply=self.supply, floor=0)
            outcomes[aside] = [int(one) for one in awards], held
            return outcomes[aside][0]

        claims = claims_of(claimants)
        aside = repaired(shared, claims, hopeless=self._hopeless)[1] if policy.repairs else frozenset[int]()
        if aside not in outcomes:
            shared(aside)
        packs, held = outcomes[aside]
        return Shares(
            item=self.pool.item,
            packs=tuple(packs),
            held=held,
            left=self.supply - held - sum(packs),
            set_aside=tuple(claimants[at].id for at in sorted(aside)),
            notes=(*notes_on(policy, claimants, awards=packs, aside=aside), *_routing_notes(policy)),
        )

    def lines(self, shares: Shares) -> tuple[Line, ...]:
        """The lots and lanes that bring the awards: first-expiring first, then cheapest."""
        return route(self.pool, self.arrays, np.array(shares.packs, dtype=np.int64))

    def cost(self, lines: Sequence[Line]) -> int:
        """Cost of the lines in minor money units."""
        return sum(self._lane_cost[line.lot, line.drop] * line.packs for line in lines)

    def _hopeless(self, claim: int, awards: list[int]) -> bool:
        """Whether the claim could not reach its useful minimum even if all others merely kept what they have."""
        packs = np.array(awards, dtype=np.int64)
        need = np.zeros_like(packs)
        need[claim] = self.estate.claimants[claim].cap
        block = self.network.asked(owed=packs, need=need)
        return greatest_flow(block, block.need).packs - int(packs.sum()) < int(self.arrays.useful[claim])


def _claimants(pool: Pool, arrays: PoolArrays, facts: Facts) -> tuple[Claimant, ...]:
    """The pool's claims with the facts of their municipality, then of the claim itself."""
    found = []
    for claim, need, useful in zip(pool.claims, arrays.need.tolist(), arrays.useful.tolist(), strict=True):
        known = {"requested": need, **facts.get(claim.municipality, {}), **facts.get(claim.id, {})}
        try:
            found.append(Claimant(id=claim.id, validated=need, tier=claim.tier, useful=useful, **known))
        except EstateError as failure:
            raise EstateError(f"{pool.item}: {failure}") from failure
    return tuple(found)


def _routing_notes(policy: Policy) -> Iterator[Note]:
    if not policy.sharing.exact_on_networks:
        words = f"{policy.sharing.name}: parts are divided first, then routed; what cannot be routed passes on."
        yield Note("divide_then_route", words)


class _Routed:
    """Rounds on the network: units in the order of their levels, as far as they can be routed."""

    pack = 1

    def __init__(self, ground: Ground, policy: Policy, order: Ints) -> None:
        self.size = len(order)
        self._network = ground.network
        self._rounding = policy.rounding
        self._order = order

    def serve(self, one: Round, awarded: Sequence[Amount], limit: Amount) -> list[Amount]:
        """Packs of this round per claim."""
        rows = one.stretches(awarded)
        packs = np.array(awarded, dtype=np.int64)
        if not rows or limit <= 0:
            return [0] * self.size
        ladder = ladder_of(rows, rounding=one.rounding or self._rounding, size=self.size)
        ties = np.zeros(self.size, dtype=np.int64)
        ties[[row.claim for row in rows]] = [row.tie for row in rows]
        rank = np.empty(self.size, dtype=np.int64)
        rank[np.lexsort((self._order, ties))] = np.arange(1, self.size + 1)
        block = self._network.asked(owed=packs, need=ladder.per_claim())
        supply = block.supply.copy()
        supply[ROOT] = min(int(supply[ROOT]), int(packs.sum()) + int(limit))
        climbing = _Climbing(ladder, rank, int(self._network.claim_node[0]))
        return list(climbing.packs(replace(block, supply=supply)).tolist())

    def portion(self, base: Amount, portions: tuple[Fraction, ...], at: int) -> Amount:
        """Whole parts by Webster's method."""
        return whole_portion(int(base), portions, at)


@dataclass(frozen=True, slots=True)
class _Settled:
    """Packs per node where the block is settled; else the near side of the cut that parts it."""

    packs: Ints | None
    near: Flags


@dataclass(frozen=True, slots=True)
class _Climbing:
    """One round on the network: the ladder of its units, ranks that settle ties, and the node of the first claim."""

    ladder: Ladder
    rank: Ints
    first_claim: int

    def packs(self, whole: Block) -> Ints:
        """Packs per claim: the block is cut in two until every part is settled."""
        found = np.zeros(len(self.rank), dtype=np.int64)
        waiting = [whole]
        while waiting:
            block = waiting.pop()
            if not block.need.any():
                continue
            settled = self._settle(block)
            if settled.packs is None:
                assert 0 < settled.near.sum() < len(block.nodes), "a cut that parts nothing"
                waiting += block.split(settled.near)
            else:
                served = block.need > 0
                found[block.nodes[served] - self.first_claim] = settled.packs[served]
        return found

    def _settle(self, block: Block) -> _Settled:
        """Try to give the units in the order of their levels; where that fails, say where to cut."""
        hand = int(block.supply.sum() - block.owed.sum())
        assert hand >= 0, "a block owes more than enters it"
        if hand == 0:
            return _Settled(np.zeros_like(block.need), block.need > 0)
        if hand >= int(block.need.sum()):
            full = greatest_flow(block, block.need)
            return _Settled(block.need if full.meets_all else None, full.near)
        below, tied = self._lowest(block, hand)
        lower = greatest_flow(block, below)
        if not lower.meets_all:
            return _Settled(None, lower.near)
        upper = greatest_flow(block, below + tied)
        if upper.packs < int(block.supply.sum()):
            return _Settled(None, upper.near)
        return _Settled(below + self._last(block, below, tied, count=upper.packs - lower.packs), upper.near)

    def _lowest(self, block: Block, count: int) -> tuple[Ints, Ints]:
        """Per node: units below the level of the `count`-th unit of the block's claims, and (0 or 1) at it."""
        needy = np.nonzero(block.need)[0]
        claims = block.nodes[needy] - self.first_claim
        kept = np.zeros(len(self.rank), dtype=np.bool_)
        kept[claims] = True
        lower, level = self.ladder.lowest(kept, count)
        below, tied = np.zeros_like(block.need), np.zeros_like(block.need)
        below[needy], tied[needy] = lower[claims], level[claims]
        return below, tied

    def _last(self, block: Block, below: Ints, tied: Ints, *, count: int) -> Ints:
        """Which `count` of the tied units are served: those of the smallest ranks that can be routed together."""
        if count == int(tied.sum()):
            return tied
        candidates = np.nonzero(tied)[0]
        rank = self.rank[block.nodes[candidates] - self.first_claim]
        last = np.zeros_like(tied)
        last[candidates[np.argsort(rank)[:count]]] = 1
        if greatest_flow(block, below + last).meets_all:
            return last
        sink = len(block.nodes)
        arcs = Arcs.joined(
            Arcs.entering(block, source=sink + 1),
            Arcs(block.tail, block.head, block.capacity, np.zeros_like(block.tail)),
            Arcs.leaving(block.owed + below, sink=sink),
            Arcs(candidates, np.full(len(candidates), sink), np.ones_like(candidates), rank),
        )
        flows = arcs.cheapest(source=sink + 1, sink=sink, packs=int((block.owed + below).sum()) + count)
        last[candidates] = flows[len(flows) - len(candidates) :]
        return last
