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
    (floor) y_c >= f_c, promised before all tiers   (buffer) what leaves a depot <= its stock - what must stay
    (picked) x_lj >= what is picked already
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

(floor, buffer, picked) keep all this exact: floors are owed before the keys are asked (the polytope of what can
be routed, cut from below, is one again); a buffer is a node before the depot's lots; a picked line is a lot of
its own that reaches its drop alone and has the earliest date. Floors that cannot all be routed are refused
with the smallest set in conflict (`conflict`). Limits that items share are `limits`' part.

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

from optimizer.allocation.compact import CompactPool
from optimizer.allocation.conflict import ContradictionError, conflict_of
from optimizer.allocation.flows import greatest_flow
from optimizer.allocation.levels import KEY_BITS, Leaf, leximin, units_by_key
from optimizer.allocation.limits import within_limits
from optimizer.allocation.network import (
    PLENTY,
    Ints,
    Network,
    arrays_of,
    column,
    compact_network,
    network_of,
)
from optimizer.allocation.plan import FAIR, Bottleneck, CompactPlan, Plan, PoolPlan
from optimizer.allocation.problem import RULE, Pool, Problem, ProblemError
from optimizer.allocation.routing import compact_routes, route

__all__ = ["KEY_BITS", "share", "share_pool", "units_by_key"]


def share(problem: Problem) -> Plan:
    """The fair plan of every pool: same problem, same bytes.

    Raises ProblemError for an unknown rule, ContradictionError where promises cannot be kept together.
    """
    if problem.rule != RULE:
        raise ProblemError(f"problem: the rule {problem.rule} is not known, only {RULE}")
    if problem.policies:
        raise ProblemError("problem: it names policies: `sharing.deciding` shares by them")
    pools = tuple(share_pool(pool) for pool in problem.pools)
    plan = Plan(rule=problem.rule, method=FAIR, problem_digest=problem.digest(), pools=pools)
    return within_limits(problem, plan, share_pool) if problem.shared_limits() else plan


def share_pool(pool: Pool | CompactPool) -> PoolPlan | CompactPlan:
    """The fair plan of one item."""
    return _share_compact(pool) if isinstance(pool, CompactPool) else _share_pool(pool)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What each claim asks, by position: tier, need, floor (served before all tiers), least that is useful."""

    claim_tier: Ints
    need: Ints
    floor: Ints
    useful: Ints


@dataclass(frozen=True, slots=True)
class _Shares:
    """Packs per claim, and the leaves they come from."""

    packs: Ints
    leaves: tuple[Leaf, ...]


def _share_pool(pool: Pool) -> PoolPlan:
    arrays = arrays_of(pool)
    network = network_of(arrays, shareable_packs=pool.shareable_packs)
    _require_floors(pool, network, arrays.floor)
    asked = _Asked(arrays.claim_tier, arrays.need, arrays.floor, arrays.useful)
    shares, aside = _useful_shares(network, asked)
    return PoolPlan(
        item=pool.item,
        lines=route(pool, arrays, shares.packs),
        set_aside=tuple(pool.claims[at].id for at in sorted(aside)),
        bottlenecks=_bottlenecks(shares, network, pool),
    )


def _require_floors(pool: Pool, network: Network, floor: Ints) -> None:
    if not greatest_flow(network.asked(owed=floor, need=np.zeros_like(floor)), np.zeros(1, dtype=np.int64)).meets_all:
        raise ContradictionError(conflict_of(pool))


def _share_compact(pool: CompactPool) -> CompactPlan:
    network, need = compact_network(pool), column(pool.claim_need)
    useful = np.minimum(column(pool.claim_minimum), need)
    asked = _Asked(column(pool.claim_tier), need, np.zeros_like(need), useful)
    shares, aside = _useful_shares(network, asked)
    routes = compact_routes(pool, shares.packs)
    return CompactPlan(
        item=pool.item,
        pool=pool,
        line_way=routes.way,
        line_lot=routes.lot,
        line_packs=routes.packs,
        lot_price=routes.price,
        set_aside=tuple(pool.claim_ids[at] for at in sorted(aside)),
        bottlenecks=_bottlenecks(shares, network, pool),
    )


def _bottlenecks(shares: _Shares, network: Network, pool: Pool | CompactPool) -> tuple[Bottleneck, ...]:
    claims = pool.claim_ids if isinstance(pool, CompactPool) else [claim.id for claim in pool.claims]
    if isinstance(pool, CompactPool):
        lots = [name if packs else "" for name, packs in zip(pool.lot_ids, pool.lot_packs, strict=True)]
    else:
        lots = [lot.id if lot.packs > lot.immovable_packs else "" for lot in pool.lots]
    found = []
    for leaf in shares.leaves:
        tied = (leaf.block.nodes[leaf.block.need > 0] - network.claim_node[0]).tolist()
        bottleneck = Bottleneck(
            tier=leaf.tier,
            claims=tuple(claims[at] for at in tied),
            lots=tuple(lots[at] for at in network.lots_reaching(leaf.block) if lots[at]),
            packs=_available(leaf),
            need=int((leaf.block.need + leaf.block.owed * (leaf.block.need > 0)).sum()),
        )
        found.append(bottleneck)
    return tuple(sorted(found, key=_by_fill))


def _available(leaf: Leaf) -> int:
    """Packs that the leaf's claims got, or, where all needs are met, what they could get if they needed more."""
    needy, needs = leaf.block.need > 0, int(leaf.block.need.sum())
    given, floors = int(leaf.packs.sum()), int(leaf.block.owed[needy].sum())
    if given < needs:
        return given + floors
    hand = int(leaf.block.supply.sum() - leaf.block.owed.sum())
    wide = replace(leaf.block, capacity=np.where(needy[leaf.block.head], PLENTY, leaf.block.capacity))
    return greatest_flow(wide, hand * needy).packs - int(leaf.block.owed.sum()) + floors


def _by_fill(bottleneck: Bottleneck) -> tuple[int, Fraction, tuple[str, ...]]:
    return bottleneck.tier, Fraction(bottleneck.packs, bottleneck.need), bottleneck.claims


# --- (minimum): who is set aside ---------------------------------------------------------------


def _useful_shares(network: Network, asked: _Asked) -> tuple[_Shares, set[int]]:
    """Fair shares in which nobody gets less than is useful, and the claims set aside for it."""
    aside: set[int] = set()
    shares = _fair_shares(network, asked, aside=aside)
    while (worst := _least_useful(asked, shares.packs)) is not None:
        aside.add(worst)
        shares = _fair_shares(network, asked, aside=aside, known=shares, first_tier=int(asked.claim_tier[worst]))
    while (back := _taken_back(network, asked, shares, aside)) is not None:
        shares, claim = back
        aside.remove(claim)
    return shares, aside


def _least_useful(asked: _Asked, packs: Ints) -> int | None:
    """The claim that falls short of its useful minimum by the greatest part of its need, first tier first."""
    short = np.nonzero((packs > 0) & (packs < asked.useful))[0].tolist()
    if not short:
        return None
    tier = min(int(asked.claim_tier[at]) for at in short)
    missing = asked.useful - packs
    in_tier = [at for at in short if asked.claim_tier[at] == tier]
    return max(in_tier, key=lambda at: (Fraction(int(missing[at]), int(asked.need[at])), at))


def _taken_back(network: Network, asked: _Asked, shares: _Shares, aside: set[int]) -> tuple[_Shares, int] | None:
    """The first claim set aside that can be served after all at nobody's expense, and the shares with it."""
    for claim in sorted(aside, key=lambda at: (int(asked.need[at]), at)):
        if _spare_for(network, asked, shares.packs, claim=claim) < asked.useful[claim]:
            continue
        again = _fair_shares(network, asked, aside=aside - {claim})
        if again.packs[claim] >= asked.useful[claim] and (again.packs >= shares.packs).all():
            return again, claim
    return None


def _spare_for(network: Network, asked: _Asked, packs: Ints, *, claim: int) -> int:
    """Packs that this claim could get while all others keep what they have."""
    need = np.zeros_like(packs)
    need[claim] = asked.need[claim]
    block = network.asked(owed=packs, need=need)
    return greatest_flow(block, block.need).packs - int(packs.sum())


# --- (fair): who gets how many packs -----------------------------------------------------------


def _fair_shares(
    network: Network,
    asked: _Asked,
    *,
    aside: set[int],
    known: _Shares | None = None,
    first_tier: int = 1,
) -> _Shares:
    """Leximin tier by tier among the claims not set aside; tiers before `first_tier` are taken from `known`."""
    packs = asked.floor.copy()
    leaves: list[Leaf] = []
    if known:
        packs[asked.claim_tier < first_tier] = known.packs[asked.claim_tier < first_tier]
        leaves = [leaf for leaf in known.leaves if leaf.tier < first_tier]
    active = asked.need > 0
    active[sorted(aside)] = False
    for tier in sorted(set(asked.claim_tier[active & (asked.claim_tier >= first_tier)].tolist())):
        need = np.where(active & (asked.claim_tier == tier), asked.need - asked.floor, 0)
        settled = leximin(network.asked(owed=packs, need=need), tier=tier)
        for leaf in settled:
            served = leaf.block.need > 0
            packs[leaf.block.nodes[served] - network.claim_node[0]] += leaf.packs[served]
        leaves += settled
    return _Shares(packs=packs, leaves=tuple(leaves))
