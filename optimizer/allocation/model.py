"""The fair plan: leximin fills in whole packs by minimum cuts, then first-expiring, then cheapest routing.

Sets
    T tiers, ascending; C claims, C_t those of tier t; J drops, J_c those of claim c;
    L lots; A lanes, pairs (l, j).
Data (whole packs)
    R shareable in all; s_l packs of lot l; q_j packs asked at drop j; d_c = sum of q_j over J_c;
    m_c useful minimum, at most d_c; e_l rank of lot l's expiry date; k_lj cost of a lane.
Variables
    x_lj packs of lot l to drop j, whole, x_lj >= 0; y_c = sum of x_lj over j in J_c.
Constraints
    (root)  sum of all x <= R        (lot)  sum over j of x_lj <= s_l
    (drop)  sum over l of x_lj <= q_j
Objective
    (fair)   tier by tier, y of the earlier tiers held: the vector of fills y_c / d_c over C_t, sorted
             ascending, lexicographically greatest; for the last unit among equals: smaller d_c, then
             the order of the claims.
    (expiry) with y held: as many packs as possible of the first expiry date, then of the next, ...
    (cost)   with y and the packs per expiry date held: least sum of k_lj x_lj.

(fair) is exact. Unit n of claim c has the key (n - 1) / d_c: its fill before that unit. The greatest
plan takes units by ascending key as far as they can be routed, since what can be routed is an integral
polymatroid (Frank and Murota, "Fair integral network flows", arXiv 1907.02673). With S packs at hand
let kappa be the key of the S-th unit; `below` are the units with smaller keys, `tied` those with key
kappa. If `below` cannot be routed, or `below + tied` cannot use all S packs, a minimum cut parts the
network: across it every arc towards the scarce side is full and every arc back is empty in each
optimal plan, so the two sides are solved on their own (Megiddo 1974). If both can, the block is
settled: a minimum-cost flow over the ranks (d_c, order) picks who gets the last units (a minimum-weight
basis of a matroid, so any costs in this order give the same one). Two different keys differ by more
than 2^-40 because d_c <= 2^20: a bisection on multiples of 2^-40 in 64-bit integers finds kappa exactly.

(expiry, cost) is exact: one minimum-cost flow with lane costs k_lj and lot costs W e_l. The lot totals
that meet given y are the bases of a polymatroid, so any costs that grow with the date give the
lexicographically first use; a simple cycle of the residual network changes the lane cost by at most
min(|L|, |J|) max k, and W is one more.

(minimum) y_c = 0 or y_c >= m_c is a stated heuristic, as no exact theory is known: while claims have
0 < y_c < m_c, the one with the greatest (m_c - y_c) / d_c (ties: the later claim) of the first tier
that has one is set aside and the rest is solved anew. Then claims set aside are taken back, smallest
d_c first, where the plan solved with them gives them m_c and every other claim no less than before,
until none can be. Given who is set aside, everything above is exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from ortools.graph.python import max_flow, min_cost_flow

from optimizer.allocation.network import PLENTY, Block, Flags, Ints, Network, PoolArrays, arrays_of, network_of
from optimizer.allocation.plan import FAIR, Bottleneck, Line, Plan, PoolPlan
from optimizer.allocation.problem import RULE, Pool, Problem, ProblemError

KEY_BITS = 40
"""Keys are told apart in steps of 2^-40."""


def share(problem: Problem) -> Plan:
    """The fair plan of every pool: same problem, same bytes. Raises ProblemError for an unknown rule."""
    if problem.rule != RULE:
        raise ProblemError(f"problem: the rule {problem.rule} is not known, only {RULE}")
    pools = tuple(_share_pool(pool) for pool in problem.pools)
    return Plan(rule=problem.rule, method=FAIR, problem_digest=problem.digest(), pools=pools)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A settled block of one tier: nobody outside it competes for its packs."""

    tier: int
    block: Block
    packs: Ints


@dataclass(frozen=True, slots=True)
class _Shares:
    """Packs per claim, and the leaves they come from."""

    packs: Ints
    leaves: tuple[_Leaf, ...]


def _share_pool(pool: Pool) -> PoolPlan:
    arrays = arrays_of(pool)
    network = network_of(arrays, shareable_packs=pool.shareable_packs)
    shares, aside = _useful_shares(network, arrays)
    bottlenecks = sorted((_bottleneck(leaf, network, pool) for leaf in shares.leaves), key=_by_fill)
    return PoolPlan(
        item=pool.item,
        lines=_route(pool, arrays, shares.packs),
        set_aside=tuple(pool.claims[at].id for at in sorted(aside)),
        bottlenecks=tuple(bottlenecks),
    )


def _bottleneck(leaf: _Leaf, network: Network, pool: Pool) -> Bottleneck:
    claims = leaf.block.nodes[leaf.block.need > 0] - network.claim_node[0]
    return Bottleneck(
        tier=leaf.tier,
        claims=tuple(pool.claims[at].id for at in claims),
        lots=tuple(pool.lots[at].id for at in network.lots_reaching(leaf.block) if pool.lots[at].packs),
        packs=_available(leaf),
        need=int(leaf.block.need.sum()),
    )


def _available(leaf: _Leaf) -> int:
    """Packs that the leaf's claims got, or, where all needs are met, what they could get if they needed more."""
    needy, needs = leaf.block.need > 0, int(leaf.block.need.sum())
    given = int(leaf.packs.sum())
    if given < needs:
        return given
    hand = int(leaf.block.supply.sum() - leaf.block.owed.sum())
    wide = replace(leaf.block, capacity=np.where(needy[leaf.block.head], PLENTY, leaf.block.capacity))
    return _max_flow(wide, hand * needy).packs - int(leaf.block.owed.sum())


def _by_fill(bottleneck: Bottleneck) -> tuple[int, Fraction, tuple[str, ...]]:
    return bottleneck.tier, Fraction(bottleneck.packs, bottleneck.need), bottleneck.claims


# --- (minimum): who is set aside ---------------------------------------------------------------


def _useful_shares(network: Network, arrays: PoolArrays) -> tuple[_Shares, set[int]]:
    """Fair shares in which nobody gets less than is useful, and the claims set aside for it."""
    aside: set[int] = set()
    shares = _fair_shares(network, arrays, aside=aside)
    while (worst := _least_useful(arrays, shares.packs)) is not None:
        aside.add(worst)
        shares = _fair_shares(network, arrays, aside=aside, known=shares, first_tier=int(arrays.claim_tier[worst]))
    while (back := _taken_back(network, arrays, shares, aside)) is not None:
        shares, claim = back
        aside.remove(claim)
    return shares, aside


def _least_useful(arrays: PoolArrays, packs: Ints) -> int | None:
    """The claim that falls short of its useful minimum by the greatest part of its need, first tier first."""
    short = np.nonzero((packs > 0) & (packs < arrays.useful))[0].tolist()
    if not short:
        return None
    tier = min(int(arrays.claim_tier[at]) for at in short)
    missing = arrays.useful - packs
    in_tier = [at for at in short if arrays.claim_tier[at] == tier]
    return max(in_tier, key=lambda at: (Fraction(int(missing[at]), int(arrays.need[at])), at))


def _taken_back(network: Network, arrays: PoolArrays, shares: _Shares, aside: set[int]) -> tuple[_Shares, int] | None:
    """The first claim set aside that can be served after all at nobody's expense, and the shares with it."""
    for claim in sorted(aside, key=lambda at: (int(arrays.need[at]), at)):
        if _spare_for(network, arrays, shares.packs, claim=claim) < arrays.useful[claim]:
            continue
        again = _fair_shares(network, arrays, aside=aside - {claim})
        if again.packs[claim] >= arrays.useful[claim] and (again.packs >= shares.packs).all():
            return again, claim
    return None


def _spare_for(network: Network, arrays: PoolArrays, packs: Ints, *, claim: int) -> int:
    """Packs that this claim could get while all others keep what they have."""
    need = np.zeros_like(packs)
    need[claim] = arrays.need[claim]
    block = network.asked(owed=packs, need=need)
    return _max_flow(block, block.need).packs - int(packs.sum())


# --- (fair): who gets how many packs -----------------------------------------------------------


def _fair_shares(
    network: Network, arrays: PoolArrays, *, aside: set[int], known: _Shares | None = None, first_tier: int = 1
) -> _Shares:
    """Leximin tier by tier among the claims not set aside; tiers before `first_tier` are taken from `known`."""
    packs = np.zeros_like(arrays.need)
    leaves: list[_Leaf] = []
    if known:
        packs[arrays.claim_tier < first_tier] = known.packs[arrays.claim_tier < first_tier]
        leaves = [leaf for leaf in known.leaves if leaf.tier < first_tier]
    active = arrays.need > 0
    active[sorted(aside)] = False
    for tier in sorted(set(arrays.claim_tier[active & (arrays.claim_tier >= first_tier)].tolist())):
        need = np.where(active & (arrays.claim_tier == tier), arrays.need, 0)
        settled = _leximin(network.asked(owed=packs, need=need), tier=tier)
        for leaf in settled:
            served = leaf.block.need > 0
            packs[leaf.block.nodes[served] - network.claim_node[0]] = leaf.packs[served]
        leaves += settled
    return _Shares(packs=packs, leaves=tuple(leaves))


def _leximin(block: Block, *, tier: int) -> list[_Leaf]:
    """Cut the block into leaves, each settled on its own."""
    leaves: list[_Leaf] = []
    waiting = [block]
    while waiting:
        block = waiting.pop()
        if not block.need.any():
            continue
        settled = _settle(block)
        if settled.packs is not None:
            leaves.append(_Leaf(tier=tier, block=block, packs=settled.packs))
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
        full = _max_flow(block, block.need)
        return _Settled(block.need if full.meets_all else None, full.near)
    below, tied = units_by_key(block.need, hand)
    lower = _max_flow(block, below)
    if not lower.meets_all:
        return _Settled(None, lower.near)
    upper = _max_flow(block, below + tied)
    if upper.packs < int(block.supply.sum()):
        return _Settled(None, upper.near)
    return _Settled(below + _last_units(block, below, tied, count=upper.packs - lower.packs), upper.near)


def units_by_key(need: Ints, count: int) -> tuple[Ints, Ints]:
    """Per need d: its units with a key (n - 1) / d below that of the `count`-th smallest, and (0 or 1) at it.

    0 < count <= sum of the needs, needs at most 2^20.

    >>> below, tied = units_by_key(np.array([2, 3, 6]), 5)
    >>> below.tolist(), tied.tolist()
    ([1, 1, 2], [0, 1, 1])
    """
    low, high = 0, 1 << KEY_BITS
    while high - low > 1:
        middle = (low + high) >> 1
        if int(_units_under(need, middle).sum()) >= count:
            high = middle
        else:
            low = middle
    below = _units_under(need, low)
    return below, _units_under(need, high) - below


def _units_under(need: Ints, bound: int) -> Ints:
    """Per need d: how many units have a key below bound / 2^KEY_BITS, that is the ceiling of bound d / 2^KEY_BITS."""
    under: Ints = -((-bound * need) >> KEY_BITS)
    return under


def _last_units(block: Block, below: Ints, tied: Ints, *, count: int) -> Ints:
    """Which `count` of the tied units are served: those of smaller needs, then of earlier claims."""
    if count == int(tied.sum()):
        return tied
    candidates = np.nonzero(tied)[0]
    rank = np.empty(len(candidates), dtype=np.int64)
    rank[np.lexsort((candidates, block.need[candidates]))] = np.arange(1, len(candidates) + 1)
    sink = len(block.nodes)
    total = int((block.owed + below).sum()) + count
    arcs = _Arcs.joined(
        _Arcs.entering(block, source=sink + 1),
        _Arcs(block.tail, block.head, block.capacity, np.zeros_like(block.tail)),
        _Arcs.leaving(block.owed + below, sink=sink),
        _Arcs(candidates, np.full(len(candidates), sink), np.ones_like(candidates), rank),
    )
    flows = arcs.cheapest(source=sink + 1, sink=sink, packs=total)
    last = np.zeros_like(tied)
    last[candidates] = flows[len(flows) - len(candidates) :]
    return last


# --- (expiry, cost): which lot goes where ------------------------------------------------------


def _route(pool: Pool, arrays: PoolArrays, packs: Ints) -> tuple[Line, ...]:
    """Lines that give each claim its packs, first-expiring first, then cheapest; ordered by drop, then lot."""
    lots, drops, claims = len(arrays.lot_packs), len(arrays.drop_claim), len(packs)
    first_claim, sink = lots + drops, lots + drops + claims
    lanes = np.nonzero(packs[arrays.drop_claim[arrays.lane_drop]] > 0)[0]
    lane_lot, lane_drop = arrays.lane_lot[lanes], arrays.lane_drop[lanes]
    weight = min(lots, drops) * int(arrays.lane_cost.max(initial=0)) + 1
    lane_packs = np.minimum(arrays.lot_packs[lane_lot], arrays.drop_packs[lane_drop])
    arcs = _Arcs.joined(
        _Arcs(lane_lot, lots + lane_drop, lane_packs, arrays.lane_cost[lanes]),
        _Arcs(np.full(lots, sink + 1), np.arange(lots), arrays.lot_packs, weight * arrays.expiry_rank),
        _Arcs(np.arange(lots, first_claim), first_claim + arrays.drop_claim, arrays.drop_packs, np.zeros(drops, int)),
        _Arcs.leaving(np.concatenate([np.zeros(first_claim, dtype=np.int64), packs]), sink=sink),
    )
    flows = arcs.cheapest(source=sink + 1, sink=sink, packs=int(packs.sum()))[: len(lanes)]
    order = np.lexsort((lane_lot, lane_drop))
    moved = order[flows[order] > 0]
    rows = zip(lane_lot[moved].tolist(), lane_drop[moved].tolist(), flows[moved].tolist(), strict=True)
    return tuple(Line(lot=pool.lots[lot].id, drop=pool.drops[drop].id, packs=moved) for lot, drop, moved in rows)


# --- OR-Tools ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Flow:
    """A maximum flow: its packs, whether every demand is met, and the source's side of a minimum cut."""

    packs: int
    meets_all: bool
    near: Flags


def _max_flow(block: Block, wanted: Ints) -> _Flow:
    """Route as much as possible of what is owed and `wanted`."""
    sink = len(block.nodes)
    demand = block.owed + wanted
    total = int(demand.sum())
    arcs = _Arcs.joined(
        _Arcs.entering(block, source=sink + 1),
        _Arcs(block.tail, block.head, block.capacity, np.zeros_like(block.tail)),
        _Arcs.leaving(demand, sink=sink),
    )
    near = np.zeros(sink + 2, dtype=np.bool_)
    packs, reached = arcs.greatest(source=sink + 1, sink=sink, most=total)
    near[reached] = True
    return _Flow(packs=packs, meets_all=packs == total, near=near[:sink])


@dataclass(frozen=True, slots=True)
class _Arcs:
    tail: Ints
    head: Ints
    capacity: Ints
    cost: Ints

    @classmethod
    def joined(cls, *parts: _Arcs) -> _Arcs:
        return cls(
            tail=np.concatenate([part.tail for part in parts]),
            head=np.concatenate([part.head for part in parts]),
            capacity=np.concatenate([part.capacity for part in parts]),
            cost=np.concatenate([part.cost for part in parts]),
        )

    @classmethod
    def entering(cls, block: Block, *, source: int) -> _Arcs:
        at = np.nonzero(block.supply)[0]
        return cls(np.full(len(at), source), at, block.supply[at], np.zeros_like(at))

    @classmethod
    def leaving(cls, demand: Ints, *, sink: int) -> _Arcs:
        at = np.nonzero(demand)[0]
        return cls(at, np.full(len(at), sink), demand[at], np.zeros_like(at))

    def greatest(self, *, source: int, sink: int, most: int) -> tuple[int, Ints]:
        """A maximum flow's packs and the nodes on the source's side of a minimum cut.

        Capacities above `most`, a bound of the flow, are never in a minimum cut: they
        are cut to one more, to keep sums small.
        """
        solver = max_flow.SimpleMaxFlow()
        capacity = np.minimum(self.capacity, most + 1)
        solver.add_arcs_with_capacity(self.tail.astype(np.int32), self.head.astype(np.int32), capacity)
        status = solver.solve(source, sink)
        assert status == solver.OPTIMAL, f"maximum flow: {status}"
        return solver.optimal_flow(), np.array(solver.get_source_side_min_cut(), dtype=np.int64)

    def cheapest(self, *, source: int, sink: int, packs: int) -> Ints:
        """The flow of every arc in a cheapest flow of this many packs, which must exist."""
        solver = min_cost_flow.SimpleMinCostFlow()
        numbers = solver.add_arcs_with_capacity_and_unit_cost(
            self.tail.astype(np.int32), self.head.astype(np.int32), np.minimum(self.capacity, packs), self.cost
        )
        solver.set_nodes_supplies(np.array([source, sink], np.int32), np.array([packs, -packs], np.int64))
        status = solver.solve()
        assert status == solver.OPTIMAL, f"cheapest flow: {status}"
        flows: Ints = solver.flows(numbers)
        return flows
