"""What of the shared limits holds back those who miss packs: "dispatch at Genk takes no more".

Plain whole numbers on top of any feasible plan. A limit without room for one more pack holds a claim back: a depot's
where a lot there has packs to spare and a lane to one of its drops; a vehicle's or a receiver's, which are the claim's
own, where a lot has such a lane, for its packs could be exchanged for others'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from optimizer.allocation.plan import Plan
from optimizer.allocation.problem import Problem
from optimizer.allocation.standing import Standing, standing_after

DISPATCH, VEHICLES, RECEIVING = "dispatch", "vehicles", "receiving"
Key: TypeAlias = tuple[str, str, str]
"""Kind of limit, depot ("" for a receiver's), municipality ("" for a depot's)."""


@dataclass(frozen=True, slots=True)
class Full:
    """A limit without room for another pack: its volume and what the plan uses of it; packs in `lots` that it holds."""

    kind: str
    site: str
    municipality: str
    volume: int
    used: int
    packs: int
    lots: tuple[str, ...]


def holding_back(problem: Problem, plan: Plan) -> dict[tuple[str, str], tuple[Full, ...]]:
    """By (item, claim) that misses packs, the limits that hold it back."""
    volumes: dict[Key, int] = {(DISPATCH, one.site, ""): one.volume for one in problem.dispatch}
    volumes |= {(VEHICLES, one.site, one.municipality): one.volume for one in problem.vehicles}
    volumes |= {(RECEIVING, "", one.municipality): one.volume for one in problem.storage}
    if not volumes:
        return {}
    standings = [standing_after(pool, row)[0] for pool, row in zip(problem.pools, plan.pools, strict=True)]
    used = _used(problem, plan, standings)
    _book_swaps(problem, plan, standings)
    found = {}
    for standing in standings:
        for claim, need in enumerate(standing.need):
            if standing.total[claim] < need and standing.pool.unit_volume:
                full = _full(standing, claim, volumes, used)
                if full:
                    found[standing.pool.item, standing.pool.claims[claim].id] = full
    return found


def _keys(site: str, town: str) -> tuple[Key, Key, Key]:
    return (DISPATCH, site, ""), (VEHICLES, site, town), (RECEIVING, "", town)


def _used(problem: Problem, plan: Plan, standings: list[Standing]) -> dict[Key, int]:
    used: dict[Key, int] = defaultdict(int)
    at = {one.pool.item: one for one in standings}
    for pool, row in zip(problem.pools, plan.pools, strict=True):
        for line in row.lines if pool.unit_volume else ():
            for key in _keys(*_ends(at[pool.item], at[pool.item], line.lot, line.drop)):
                used[key] += line.packs * pool.unit_volume
    packs = {(one.of, one.lot, one.item, one.drop): one.packs for one in problem.substitutes}
    for swap in plan.swaps:
        giving, taking = at[swap.of], at[swap.item]
        taken = swap.times * packs[swap.of, swap.lot, swap.item, swap.drop] * giving.pool.unit_volume
        for key in _keys(*_ends(giving, taking, swap.lot, swap.drop)):
            used[key] += taken
    return used


def _book_swaps(problem: Problem, plan: Plan, standings: list[Standing]) -> None:
    offers = {(one.of, one.lot, one.item, one.drop): one for one in problem.substitutes}
    at = {one.pool.item: one for one in standings}
    for swap in plan.swaps:
        offer = offers[swap.of, swap.lot, swap.item, swap.drop]
        at[swap.of].take(at[swap.of].lot_at[swap.lot], swap.times * offer.packs)
        taking = at[swap.item]
        drop = taking.drop_at[swap.drop]
        gained = min(swap.times * offer.counts_as, taking.drop_room[drop])
        taking.drop_room[drop] -= gained
        taking.total[taking.owner[drop]] += gained


def _ends(giving: Standing, taking: Standing, lot: str, drop: str) -> tuple[str, str]:
    claim = taking.pool.claims[taking.owner[taking.drop_at[drop]]]
    return giving.pool.lots[giving.lot_at[lot]].site, claim.municipality


def _full(standing: Standing, claim: int, volumes: Mapping[Key, int], used: Mapping[Key, int]) -> tuple[Full, ...]:
    lots = {lot for drop in standing.drops_of[claim] if standing.drop_room[drop] > 0 for lot in standing.lanes[drop]}
    held: dict[Key, list[int]] = defaultdict(list)
    town, volume = standing.pool.claims[claim].municipality, standing.pool.unit_volume
    for lot in sorted(lots):
        spare, row = standing.can_leave(lot), standing.pool.lots[lot]
        for key in _keys(row.site, town):
            there = spare if key[0] == DISPATCH else row.packs > row.immovable_packs
            if there and key in volumes and volumes[key] - used.get(key, 0) < volume:
                held[key].append(lot)
    return tuple(
        Full(
            *key,
            volumes[key],
            used.get(key, 0),
            sum(standing.lot_left[lot] for lot in lots),
            tuple(standing.pool.lots[lot].id for lot in lots),
        )
        for key, lots in sorted(held.items())
    )
