"""Reproducible problems for the tests: tiny ones for brute force, regions of a real size for speed."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta

from optimizer.allocation.problem import RULE, Claim, Drop, Lane, Lot, Pool, Problem

FIRST_DAY = date(2030, 1, 1)


def problem_of(*pools: Pool) -> Problem:
    """A problem under the one known rule."""
    return Problem(rule=RULE, pools=pools)


def tiny_pool(seed: int, *, minimums: bool = False, item: str = "serum") -> Pool:
    """At most 3 lots, 4 claims in 2 tiers and 5 drops, with ties, root limits and drop limits."""
    rng = random.Random(seed)
    lots = tuple(
        Lot(f"lot-{at}", "depot", FIRST_DAY + timedelta(days=rng.randrange(2)), rng.randrange(5))
        for at in range(rng.randint(1, 3))
    )
    claims = tuple(
        Claim(f"claim-{at}", f"town-{at}", rng.choice((1, 1, 2)), rng.choice((0, 2, 3)) if minimums else 0)
        for at in range(rng.randint(1, 4))
    )
    owners = [claim.id for claim in claims] + [rng.choice(claims).id for _ in range(rng.randrange(3))]
    drops = tuple(Drop(f"drop-{at}", owner, rng.randint(1, 4)) for at, owner in enumerate(owners))
    lanes = tuple(Lane(lot.id, drop.id, rng.randrange(4)) for lot in lots for drop in drops if rng.random() < 0.6)
    stock = sum(lot.packs for lot in lots)
    shareable = rng.choice((stock, stock, rng.randint(0, stock)))
    return Pool(item, shareable, lots, claims, drops, lanes)


def region_pool(
    seed: int,
    *,
    lots: int,
    claims: int,
    lane_share: float = 0.2,
    tiers: int = 2,
    scarcity: float = 1.6,
    second_drops: float = 0.1,
    minimum_share: float = 0.0,
    item: str = "serum",
) -> Pool:
    """Towns on a map; each is reached by the lots of its nearest depots; need is `scarcity` times the stock.

    Three lots a depot with different expiry dates; a lane needs some days of life left.
    """
    rng = random.Random(seed)
    depots = [(rng.uniform(0, 300), rng.uniform(0, 300)) for _ in range(max(1, lots // 3))]
    stock = tuple(
        Lot(
            f"lot-{at}", f"depot-{at % len(depots)}", FIRST_DAY + timedelta(days=rng.randrange(90)), rng.randint(1, 400)
        )
        for at in range(lots)
    )
    total = sum(lot.packs for lot in stock)
    size = [rng.lognormvariate(0, 1) for _ in range(claims)]
    needs = [max(1, round(one / sum(size) * total * scarcity)) for one in size]
    rows = tuple(
        Claim(f"claim-{at}", f"town-{at}", rng.randint(1, tiers), needs[at] // 2 if rng.random() < minimum_share else 0)
        for at in range(claims)
    )
    drops: list[Drop] = []
    lanes: list[Lane] = []
    for at, need in enumerate(needs):
        place = (rng.uniform(0, 300), rng.uniform(0, 300))
        parts = [need - need // 3, need // 3] if need > 2 and rng.random() < second_drops else [need]
        near = sorted((math.dist(place, depot), d) for d, depot in enumerate(depots))
        reached = dict((d, far) for far, d in near[: max(1, round(len(depots) * lane_share))])
        for part in parts:
            drop = Drop(f"drop-{len(drops)}", f"claim-{at}", part)
            drops.append(drop)
            wanted = rng.randrange(60)
            for number, lot in enumerate(stock):
                far = reached.get(number % len(depots))
                if far is not None and (lot.expiry - FIRST_DAY).days >= min(wanted, 45):
                    lanes.append(Lane(lot.id, drop.id, round(far * 100)))
    return Pool(item, total - total // 20, stock, rows, tuple(drops), tuple(lanes))


def region(seed: int, *, pools: int, lots: int, claims: int, lane_share: float = 0.2, tiers: int = 2) -> Problem:
    return problem_of(
        *(
            region_pool(seed + at, lots=lots, claims=claims, lane_share=lane_share, tiers=tiers, item=f"item-{at}")
            for at in range(pools)
        )
    )
