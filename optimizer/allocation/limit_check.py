"""The check of what items share: volumes of depots, lanes and stores, and swaps; counted anew from the plan's lines.

Plain whole numbers, nothing of the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction

from optimizer.allocation.plan import FAIR, Plan
from optimizer.allocation.problem import CompactPool, Pool, Problem, Substitute
from optimizer.allocation.standing import Standing


def swapped(problem: Problem, plan: Plan, standings: list[Standing]) -> list[str]:
    """Book the plan's swaps on the standings (lots give, drops get); what is wrong with single swaps."""
    at = {pool.item: number for number, pool in enumerate(problem.pools)}
    known = {(one.of, one.lot, one.item, one.drop): one for one in problem.substitutes}
    findings, seen = [], set()
    for swap in plan.swaps:
        key = (swap.of, swap.lot, swap.item, swap.drop)
        offer = known.get(key)
        if offer is None or key in seen or type(swap.times) is not int or swap.times <= 0:
            findings.append(f"{swap.of}: {swap.times} swaps of lot {swap.lot} for {swap.item}: not offered, or not so")
            continue
        seen.add(key)
        _book(offer, swap.times, standings[at[swap.of]], standings[at[swap.item]])
    return findings


def _book(offer: Substitute, times: int, giving: Standing, taking: Standing) -> None:
    giving.take(giving.lot_at[offer.lot], times * offer.packs)
    drop = taking.drop_at[offer.drop]
    claim = taking.owner[drop]
    # The last swap may bring more than is missing; it may not be wholly for nothing.
    gained = times * offer.counts_as
    spilt = max(0, gained - taking.drop_room[drop])
    gained -= spilt if spilt < offer.counts_as else 0
    taking.drop_room[drop] -= gained
    taking.total[claim] += gained


def broken_limits(problem: Problem, plan: Plan) -> Iterator[str]:
    """Shared volumes that the plan exceeds."""
    used: dict[tuple[str, str], int] = defaultdict(int)
    volumes = {pool.item: pool.unit_volume for pool in problem.pools}
    for pool, rows in zip(problem.pools, plan.pools, strict=True):
        if pool.unit_volume:
            sites, towns = {lot.id: lot.site for lot in pool.lots}, _towns(pool)
            for line in rows.lines:
                used[sites[line.lot], towns[line.drop]] += line.packs * pool.unit_volume
    offers = {(one.of, one.lot, one.item, one.drop): one for one in problem.substitutes}
    pools = {pool.item: pool for pool in problem.pools}
    for swap in plan.swaps:
        giving, taking = pools[swap.of], pools[swap.item]
        site = next(lot.site for lot in giving.lots if lot.id == swap.lot)
        packs = swap.times * offers[swap.of, swap.lot, swap.item, swap.drop].packs
        used[site, _towns(taking)[swap.drop]] += packs * volumes[swap.of]
    for depot in problem.dispatch:
        yield from _over(
            sum(v for (s, _), v in used.items() if s == depot.site), depot.volume, f"{depot.site} dispatches"
        )
    for lane in problem.vehicles:
        here = f"the vehicles from {lane.site} to {lane.municipality} carry"
        yield from _over(used.get((lane.site, lane.municipality), 0), lane.volume, here)
    for store in problem.storage:
        there = sum(volume for (_, town), volume in used.items() if town == store.municipality)
        yield from _over(there, store.volume, f"{store.municipality} stores")


def _towns(pool: Pool | CompactPool) -> dict[str, str]:
    municipality = {claim.id: claim.municipality for claim in pool.claims}
    return {drop.id: municipality[drop.claim] for drop in pool.drops}


def _over(used: int, limit: int, who: str) -> Iterator[str]:
    if used > limit:
        yield f"problem: {who} a volume of {used}, {used - limit} more than the limit of {limit}"


def bound_findings(plan: Plan) -> Iterator[str]:
    """What a plan within shared limits claims about its bound, and whether that adds up."""
    bound = plan.bound
    if bound is None:
        yield "the plan says nothing about its bound under the shared limits"
    elif bound.proven != (bound.rank == 0) or (plan.method == FAIR and not bound.proven):
        yield "the plan's bound contradicts itself"
    elif bound.rank and Fraction(bound.at_most) - Fraction(bound.reached) != Fraction(bound.gap):
        yield "the plan's gap is not the difference of its bound and what it reaches"
