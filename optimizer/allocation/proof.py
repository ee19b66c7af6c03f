"""The proof that a feasible plan of one item is fair, first-expiring and cheapest: nothing can be exchanged for better.

Why looking at single exchanges is enough. Give each pack that a claim gets a place
in one queue: tier first, then how full the claim was before it, then smaller need,
then earlier claim. The rule serves the queue as far as the packs can be brought. A
plan follows the rule exactly if no free pack can reach a claim that still misses
one, and no pack can pass from a claim to one whose next pack comes earlier in the
queue; packs may pass through any number of lots, drops and claims, each of which
hands on one and is handed one. Whoever is within reach of the emptiest claim has
been looked at for every fuller one too: so one walk over all lanes is enough.

The routing is right if no ring of such handovers, all claims keeping their number,
uses earlier dates or costs less. Every ring passes from lot to lot: it is a ring of
negative weight in the small graph of the lots, where taking up a lot weighs its
date, and handing over weighs the difference of the lanes' costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from optimizer.allocation.standing import Standing

Turn = tuple[int, float, int, int]
"""A pack's place in the queue: tier, fill before it, need, position of the claim.

Two fills of whole numbers up to 2^20 are equal or differ by 2^-40: a float tells them apart.
"""

Order = tuple[Callable[[int, int], Any], list[int]]
"""A rule as a queue: the place of a claim's pack after so many, and the most packs that it gives each claim."""


def unfairness(standing: Standing, aside: set[int], order: Order | None = None) -> Iterator[str]:
    """Free packs that reach an unmet claim, and packs that a claim further back in the queue has instead.

    `order`: the queue of another rule than the fair one.
    """
    place_of, most = order or ((lambda claim, packs: turn(standing, claim, packs)), standing.need)
    toward: dict[int, int] = {}
    unmet = [c for c, packs in enumerate(most) if standing.total[c] < packs and c not in aside]
    for claim in sorted(unmet, key=lambda one: place_of(one, standing.total[one])):
        if standing.first_claim + claim in toward:
            continue
        first = place_of(claim, standing.total[claim])
        for place in standing.within_reach(claim, toward):
            if place == standing.root and standing.root_left > 0:
                yield f"{_has(standing, claim)}, and free packs can reach it"
            donor = place - standing.first_claim
            if 0 <= donor < len(standing.need) and place_of(donor, standing.total[donor] - 1) > first:
                yield f"{_has(standing, claim)}; its next pack comes before the last one that {_of(standing, donor)}"


def turn(standing: Standing, claim: int, packs_before: int) -> Turn:
    """The place in the queue of the pack that the claim gets after `packs_before`."""
    need = standing.need[claim]
    if packs_before < standing.floor[claim]:  # what is promised comes before the queue
        return 0, 0.0, 0, claim
    return standing.pool.claims[claim].tier, packs_before / need, need, claim


def _has(standing: Standing, claim: int) -> str:
    return f"{standing.pool.item}: {_of(standing, claim)}"


def _of(standing: Standing, claim: int) -> str:
    row = standing.pool.claims[claim]
    return f"claim {row.id} (tier {row.tier}) has {standing.total[claim]} of {standing.need[claim]} packs"


def needless_set_asides(
    standing: Standing, aside: set[int], order: Callable[[set[int]], Order] | None = None
) -> Iterator[str]:
    """Claims set aside although free packs would give them their useful minimum, and the plan would still be fair.

    Where the plan would not be, because with these packs the claim could ask for others'
    packs too, the rule leaves it aside: nobody is lowered for a claim set aside. `order`: the queue of another
    rule, by who is still set aside.
    """
    free = min(standing.root_left, sum(standing.lot_left))
    for claim in sorted(aside):
        if free < standing.useful(claim):
            continue
        with_it, rule = standing.copied(), order(aside - {claim}) if order else None
        with_it.fill_from_free_stock(claim, up_to=rule[1][claim] if rule else None)
        enough = with_it.total[claim] >= standing.useful(claim)
        if enough and next(unfairness(with_it, aside - {claim}, rule), None) is None:
            yield f"{_has(standing, claim)} and is set aside; free packs would bring it {with_it.total[claim]}"


def worse_routing(standing: Standing) -> Iterator[str]:
    """A ring of lots along which packs can be exchanged so that earlier dates are used, or the lanes cost less."""
    pool = standing.pool
    dates = sorted({lot.expiry for lot in pool.lots})
    dearest = max((lane.cost for lane in pool.lanes), default=0)
    day_weight = (len(pool.lots) + 1) * (2 * dearest + 1)
    weights = _handovers(standing)
    shelf = len(pool.lots)
    for at, lot in enumerate(pool.lots):
        day = dates.index(lot.expiry) * day_weight
        above = shelf + standing.above[at] - standing.root
        if standing.lot_left[at] > 0:
            weights[above, at] = day
        if standing.served[at]:
            weights[at, above] = -day
            if above != shelf:
                weights[above, shelf] = 0
    for site, left in enumerate(standing.site_left):
        if left > 0:
            weights[shelf, shelf + 1 + site] = 0
    ring = _negative_ring(weights, places=shelf + 1 + len(standing.site_left))
    if ring:
        names = ", ".join(pool.lots[at].id for at in ring if at < shelf)
        yield f"{pool.item}: exchanging packs among the lots {names} would use earlier expiry dates or cheaper lanes"


def _handovers(standing: Standing) -> dict[tuple[int, int], int]:
    """The least cost of using one more pack of the first lot and one less of the second, all claims kept."""
    weights: dict[tuple[int, int], int] = {}
    for lanes, lines in zip(standing.lanes, standing.lines, strict=True):
        for giver in lines:
            for taker, cost in lanes.items():
                _keep_least(weights, taker, giver, cost - lanes[giver])
    for drops in standing.drops_of:
        if len(drops) > 1:
            _handovers_between(standing, drops, weights)
    return weights


def _handovers_between(standing: Standing, drops: list[int], weights: dict[tuple[int, int], int]) -> None:
    """Handovers from one drop to another of the same claim, where that one has room."""
    cheapest: dict[int, int] = {}
    dearest: dict[int, int] = {}
    for drop in drops:
        lanes = standing.lanes[drop]
        if standing.drop_room[drop] > 0:
            for lot, cost in lanes.items():
                cheapest[lot] = min(cost, cheapest.get(lot, cost))
        for lot in standing.lines[drop]:
            dearest[lot] = max(lanes[lot], dearest.get(lot, 0))
    for giver, saved in dearest.items():
        for taker, cost in cheapest.items():
            _keep_least(weights, taker, giver, cost - saved)


def _keep_least(weights: dict[tuple[int, int], int], taker: int, giver: int, weight: int) -> None:
    known = weights.get((taker, giver))
    if known is None or weight < known:
        weights[taker, giver] = weight


def _negative_ring(weights: dict[tuple[int, int], int], *, places: int) -> list[int]:
    """Bellman and Ford: the places of a ring whose weights sum below zero, or nothing."""
    steps = [(here, there, weight) for (here, there), weight in weights.items()]
    least, before = [0] * places, list(range(places))
    changed = -1
    for _ in range(places + 1):
        changed = -1
        for here, there, weight in steps:
            if least[here] + weight < least[there]:
                least[there] = least[here] + weight
                before[there] = changed = here
        if changed < 0:
            return []
    for _ in range(places):
        changed = before[changed]
    ring = [changed]
    while before[ring[-1]] != changed:
        ring.append(before[ring[-1]])
    return ring
