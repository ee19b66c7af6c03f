"""A policy on a network by trying everything: for tiny pools only, with the rules restated as queues of units.

Every unit of every claim has a place in one queue; the awards are those that can be brought, bring as
many packs as can be, and whose sorted places are the first of all. No code of the product is used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction

from optimizer.allocation.problem import Claim, Drop, Lane, Lot, Pool

Place = tuple[object, ...]
PEOPLE = (7, 3, 5, 7)
ENTITLED = (2, 0, 3, 1)
HALF = Fraction(1, 2)

QUEUES: dict[str, Callable[[int, int, int], Place]] = {
    # claim number, its need, number of the unit (1 is the first) -> place in the queue
    "leximin": lambda c, need, unit: (Fraction(unit - 1, need), need),
    "pro_rata_need": lambda c, need, unit: ((unit - HALF) / need,),
    "pro_rata_request": lambda c, need, unit: ((unit - HALF) / (need + c),),
    "per_capita": lambda c, need, unit: ((unit - HALF) / PEOPLE[c],),
    "equal_units": lambda c, need, unit: (unit,),
    "equal_losses": lambda c, need, unit: (unit - need,),
    "talmud": lambda c, need, unit: (0, unit) if unit - HALF <= Fraction(need, 2) else (1, unit - need),
}


def entitled_first(c: int, need: int, unit: int) -> Place:
    """The place within its round: of the entitlements, or pro rata to what is missing after them."""
    base = min(ENTITLED[c], need)
    return ((unit - HALF) / ENTITLED[c],) if unit <= base else ((unit - base - HALF) / (need - base),)


def little_pool(seed: int) -> Pool:
    """At most 3 lots and 4 claims in 2 tiers, some with two drops, with ties and a limit on the whole."""
    rng = random.Random(seed)
    lots = tuple(Lot(f"lot-{at}", "depot", date(2030, 1, 1 + at), rng.randrange(5)) for at in range(rng.randint(1, 3)))
    claims = tuple(Claim(f"claim-{at}", f"town-{at}", rng.choice((1, 1, 2))) for at in range(rng.randint(1, 4)))
    owners = [claim.id for claim in claims] + [rng.choice(claims).id for _ in range(rng.randrange(2))]
    drops = tuple(Drop(f"drop-{at}", owner, rng.randint(1, 4)) for at, owner in enumerate(owners))
    lanes = tuple(Lane(lot.id, drop.id, rng.randrange(4)) for lot in lots for drop in drops if rng.random() < 0.6)
    stock = sum(lot.packs for lot in lots)
    return Pool("serum", rng.choice((stock, rng.randint(0, stock))), lots, claims, drops, lanes)


def reachable_awards(pool: Pool) -> set[tuple[int, ...]]:
    """Every vector of packs per claim that lots and lanes can bring."""
    claim_at = {claim.id: at for at, claim in enumerate(pool.claims)}
    owner = {drop.id: claim_at[drop.claim] for drop in pool.drops}
    lot_left = {lot.id: lot.packs for lot in pool.lots}
    drop_left = {drop.id: drop.packs for drop in pool.drops}
    got = [0] * len(pool.claims)

    def extend(at: int, root_left: int) -> Iterator[tuple[int, ...]]:
        if at == len(pool.lanes):
            yield tuple(got)
            return
        lane = pool.lanes[at]
        for packs in range(min(lot_left[lane.lot], drop_left[lane.drop], root_left) + 1):
            lot_left[lane.lot] -= packs
            drop_left[lane.drop] -= packs
            got[owner[lane.drop]] += packs
            yield from extend(at + 1, root_left - packs)
            lot_left[lane.lot] += packs
            drop_left[lane.drop] += packs
            got[owner[lane.drop]] -= packs

    return set(extend(0, pool.shareable_packs))


def needs(pool: Pool) -> list[int]:
    return [sum(drop.packs for drop in pool.drops if drop.claim == claim.id) for claim in pool.claims]


def best_awards(
    pool: Pool,
    place: Callable[[int, int, int], Place],
    *,
    rounds: Callable[[int, int], int] = lambda c, unit: 0,
    rank: list[int] | None = None,
) -> tuple[int, ...]:
    """Of all reachable awards those that serve the queue best: round by round most packs, then the first places.

    `rounds(claim, unit)` says in which round a unit is served; `rank` settles ties (by default the order).
    """
    need = needs(pool)

    def worth(awards: tuple[int, ...]) -> list[object]:
        queues: list[list[Place]] = [[], [], []]
        for c, got in enumerate(awards):
            for unit in range(1, got + 1):
                queues[rounds(c, unit)].append((*place(c, need[c], unit), rank[c] if rank else c))
        return [part for queue in queues for part in (-len(queue), sorted(queue))]

    return min(reachable_awards(pool), key=worth)
