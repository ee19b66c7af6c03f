"""The fair plan by trying everything: for tiny pools only, and sharing no code with the model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from optimizer.allocation.problem import Pool

Flows = tuple[int, ...]


def all_flows(pool: Pool) -> Iterator[Flows]:
    """Every feasible vector of packs per lane."""
    lot_left = {lot.id: lot.packs for lot in pool.lots}
    drop_left = {drop.id: drop.packs for drop in pool.drops}

    def extend(chosen: list[int], root_left: int) -> Iterator[Flows]:
        if len(chosen) == len(pool.lanes):
            yield tuple(chosen)
            return
        lane = pool.lanes[len(chosen)]
        for packs in range(min(lot_left[lane.lot], drop_left[lane.drop], root_left) + 1):
            lot_left[lane.lot] -= packs
            drop_left[lane.drop] -= packs
            yield from extend([*chosen, packs], root_left - packs)
            lot_left[lane.lot] += packs
            drop_left[lane.drop] += packs

    return extend([], pool.shareable_packs)


def totals_of(pool: Pool, flows: Flows) -> tuple[int, ...]:
    owner = {drop.id: drop.claim for drop in pool.drops}
    totals = {claim.id: 0 for claim in pool.claims}
    for lane, packs in zip(pool.lanes, flows, strict=True):
        totals[owner[lane.drop]] += packs
    return tuple(totals.values())


def needs_of(pool: Pool) -> tuple[int, ...]:
    return tuple(sum(drop.packs for drop in pool.drops if drop.claim == claim.id) for claim in pool.claims)


def fair_totals(pool: Pool, reachable: set[tuple[int, ...]]) -> tuple[int, ...]:
    """The best of the reachable totals: sorted fills tier by tier; then the stated rule for the last unit."""
    needs = needs_of(pool)
    tiers = sorted({claim.tier for claim in pool.claims})

    def worth(totals: tuple[int, ...]) -> tuple[object, ...]:
        by_tier = []
        for tier in tiers:
            at = [c for c, claim in enumerate(pool.claims) if claim.tier == tier]
            fills = sorted(Fraction(totals[c], needs[c]) for c in at)
            by_tier.append((fills, _favoured(totals, needs, at)))
        return tuple(itertools.chain.from_iterable(by_tier))

    return max(reachable, key=worth)


def _favoured(totals: tuple[int, ...], needs: tuple[int, ...], at: list[int]) -> tuple[tuple[Fraction, int, int], ...]:
    """Units by (key, need, position), negated: of two equal sets of fills the earlier claims' is greater."""
    units = sorted((Fraction(n, needs[c]), needs[c], c) for c in at for n in range(totals[c]))
    return tuple((-key, -need, -c) for key, need, c in units)


def best_routing(pool: Pool, flows: list[Flows]) -> tuple[tuple[int, ...], int]:
    """Of these flows the best (packs per expiry date, first date first; lane cost)."""
    return max((routing_of(pool, one) for one in flows), key=lambda routing: (routing[0], -routing[1]))


def routing_of(pool: Pool, flows: Flows) -> tuple[tuple[int, ...], int]:
    expiry = {lot.id: lot.expiry for lot in pool.lots}
    used = {day: 0 for day in sorted(set(expiry.values()))}
    for lane, packs in zip(pool.lanes, flows, strict=True):
        used[expiry[lane.lot]] += packs
    return tuple(used.values()), sum(lane.cost * packs for lane, packs in zip(pool.lanes, flows, strict=True))


def useful_of(pool: Pool) -> tuple[int, ...]:
    return tuple(min(claim.minimum_packs, need) for claim, need in zip(pool.claims, needs_of(pool), strict=True))


def useful_totals(pool: Pool, reachable: set[tuple[int, ...]]) -> tuple[tuple[int, ...], set[int]]:
    """The stated heuristic for useful minimums, word by word, with brute force for each fair plan."""
    needs, useful = needs_of(pool), useful_of(pool)

    def fair_without(aside: set[int]) -> tuple[int, ...]:
        return fair_totals(pool, {totals for totals in reachable if all(totals[c] == 0 for c in aside)})

    aside: set[int] = set()
    totals = fair_without(aside)
    while short := [c for c in range(len(needs)) if 0 < totals[c] < useful[c]]:
        tier = min(pool.claims[c].tier for c in short)
        in_tier = [c for c in short if pool.claims[c].tier == tier]
        aside.add(max(in_tier, key=lambda c: (Fraction(useful[c] - totals[c], needs[c]), c)))
        totals = fair_without(aside)
    taken = True
    while taken:
        taken = False
        for c in sorted(aside, key=lambda c: (needs[c], c)):
            again = fair_without(aside - {c})
            if again[c] >= useful[c] and all(new >= old for new, old in zip(again, totals, strict=True)):
                aside, totals, taken = aside - {c}, again, True
                break
    return totals, aside
