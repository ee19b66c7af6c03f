"""The proof that an item's plan is what its policy says: by the exchange of single packs, or by counting anew.

Where no round takes a part of what is at hand, the rounds make one queue of all packs (`policy_queue`), and what can
be brought from lots along lanes is an integral polymatroid: a plan is the policy's exactly if no free pack reaches a
claim that the policy still serves, and no pack can pass to a claim whose next pack comes earlier in the queue than
the giver's last one. Rules that take parts (tranches, solidarity levy) are counted anew, pack by pack, with augmenting
ways through the lanes. Either way the routing must be first-expiring and cheapest, as for the fair rule. Who is set
aside for a useful minimum is a stated heuristic: it is asked that each has such a minimum and could not be served at
nobody's expense. Plain whole numbers and fractions; no solver, nothing of the model.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil

from optimizer.allocation.plan import CompactPlan, PoolPlan
from optimizer.allocation.policy_queue import Climb, Keep, NotRestatedError, Rise, Stated, Turn
from optimizer.allocation.problem import ItemPolicy
from optimizer.allocation.proof import Order, needless_set_asides, unfairness, worse_routing
from optimizer.allocation.standing import Standing

__all__ = ["NotRestatedError", "counted_anew", "named_rule", "policy_flaws", "way_of_proof"]


def policy_flaws(standing: Standing, plan: PoolPlan | CompactPlan, named: ItemPolicy) -> Iterator[str]:
    """What keeps a feasible plan of one item from being what its policy says.

    Raises NotRestatedError where the policy has a rule, or weighs a fact, that this check does not know.
    """
    aside = frozenset(standing.claim_at[name] for name in plan.set_aside)
    stated = Stated(standing.pool, named, aside=aside)
    yield from _wrong_set_asides(standing, stated, aside)
    if stated.in_parts:
        yield from _counted_otherwise(standing, named, aside)
    else:
        yield from _out_of_turn(standing, named, aside)
    yield from worse_routing(standing)


def named_rule(named: ItemPolicy) -> str:
    """The policy's name and its rules, as it states them."""
    written = json.loads(named.policy)
    return f"{written['name']} ({', '.join(step['rule'] for step in written['steps'])})"


def way_of_proof(standing: Standing, named: ItemPolicy) -> str:
    """In which way `policy_flaws` judges the item, in words."""
    if Stated(standing.pool, named).in_parts:
        return "every round counted anew, pack by pack; first-expiring, cheapest routing"
    return "no pack can pass to a claim that comes earlier by the rule; first-expiring, cheapest routing"


def _wrong_set_asides(standing: Standing, stated: Stated, aside: frozenset[int]) -> Iterator[str]:
    repairs = any(step["rule"] == "useful_minimum/1" for step in stated.steps)
    for claim in sorted(aside):
        name = f"{standing.pool.item}: claim {standing.pool.claims[claim].id} is set aside"
        if not repairs:
            yield f"{name}, and the policy sets nobody aside"
        elif standing.useful(claim) < 2:
            yield f"{name}, but any pack helps it"


# --- by exchange -------------------------------------------------------------------------------


def _out_of_turn(standing: Standing, named: ItemPolicy, aside: frozenset[int]) -> Iterator[str]:
    fenced, held = _fenced(standing, Stated(standing.pool, named))
    if fenced.root_left < 0:
        yield f"{standing.pool.item}: {-fenced.root_left} packs more leave than the policy's reserve of {held} allows"
    turn, most = _order(standing, named, aside)
    for claim, total in enumerate(standing.total):
        if total > most[claim] and claim not in aside:
            name = f"{standing.pool.item}: claim {standing.pool.claims[claim].id}"
            yield f"{name} gets {total} packs, and the policy gives it {most[claim]} at most"
            return
    yield from unfairness(fenced, set(aside), (turn, most))
    yield from needless_set_asides(fenced, set(aside), lambda left: _order(standing, named, frozenset(left)))


def _fenced(standing: Standing, stated: Stated) -> tuple[Standing, int]:
    """The standing with what the policy keeps back taken from what may still leave, and how much that is."""
    empty = Standing(standing.pool)
    supply = min(empty.root_left, sum(empty.lot_left))
    held = 0
    for move in stated.moves:
        if isinstance(move, Keep):
            held += min(supply - held, ceil((supply - held) * move.part))
    fenced = standing.copied()
    fenced.root_left -= empty.root_left - supply + held
    return fenced, held


def _order(standing: Standing, named: ItemPolicy, aside: frozenset[int]) -> Order:
    stated = Stated(standing.pool, named, aside=aside)
    ways: list[list[tuple[int, Rise, Climb]]] = [[] for _ in stated.claims]
    reached = [0] * len(stated.claims)
    for number, move in enumerate(stated.moves):
        for claim in move.within if isinstance(move, Rise) else ():
            assert isinstance(move, Rise)
            found = move.ways(stated.claims[claim], reached[claim])
            ways[claim] += [(number, move, way) for way in found]
            reached[claim] += sum(way.packs for way in found)

    def turn(claim: int, packs_before: int) -> Turn:
        climbed = packs_before
        for number, move, way in ways[claim]:
            if climbed < way.packs:
                return stated.level(move, number, way, climbed, claim)
            climbed -= way.packs
        raise AssertionError("a pack beyond what the policy gives the claim")

    return turn, reached


# --- by counting anew --------------------------------------------------------------------------


def _counted_otherwise(standing: Standing, named: ItemPolicy, aside: frozenset[int]) -> Iterator[str]:
    pool = standing.pool
    expected = counted_anew(standing, Stated(pool, named, aside=aside))
    for claim, (got, due) in enumerate(zip(standing.total, expected, strict=True)):
        if got != due:
            name = f"{pool.item}: claim {pool.claims[claim].id}"
            yield f"{name} gets {got} packs; counted anew, the policy gives it {due}"
    for claim in sorted(aside):
        again = counted_anew(standing, Stated(pool, named, aside=aside - {claim}))
        kept = all(new >= old for new, old in zip(again, expected, strict=True))
        if kept and again[claim] >= standing.useful(claim):
            yield f"{pool.item}: claim {pool.claims[claim].id} is set aside and could have had {again[claim]} packs"


def counted_anew(standing: Standing, stated: Stated) -> list[int]:
    """Packs per claim as the policy's rounds give them, each pack brought along a way of its own if there is one."""
    fresh = Standing(standing.pool)
    supply, held, base, before = min(fresh.root_left, sum(fresh.lot_left)), 0, 0, 0
    for number, move in enumerate(stated.moves):
        given = sum(fresh.total)
        left = supply - held - given
        if isinstance(move, Keep):
            held += min(left, ceil(left * move.part))
            continue
        if move.at == 0:
            base, before = left, given
        if move.parts:
            left = min(left, _first_parts(base, move.parts, move.at) - (given - before))
        _climbed(fresh, stated, move, number, left)
    return fresh.total


def _climbed(fresh: Standing, stated: Stated, move: Rise, number: int, limit: int) -> None:
    """Serve the round's packs in their order, at most `limit`; who cannot be brought one gets no more."""
    queues = {at: _packs(stated, move, number, at, fresh.total[at]) for at in move.within}
    waiting = [(turn, at) for at, queue in queues.items() for turn in _next(queue)]
    heapq.heapify(waiting)
    while waiting and limit > 0:
        _, at = heapq.heappop(waiting)
        had = fresh.total[at]
        fresh.fill_from_free_stock(at, up_to=had + 1)
        if fresh.total[at] > had:
            limit -= 1
            for turn in _next(queues[at]):
                heapq.heappush(waiting, (turn, at))


def _packs(stated: Stated, move: Rise, number: int, claim: int, had: int) -> Iterator[Turn]:
    for way in move.ways(stated.claims[claim], had):
        for climbed in range(way.packs):
            yield stated.level(move, number, way, climbed, claim)


def _next(queue: Iterator[Turn]) -> list[Turn]:
    return [turn for turn in [next(queue, None)] if turn is not None]


def _first_parts(base: int, parts: Sequence[Fraction], at: int) -> int:
    """The first `at` + 1 of the whole parts of the base by Webster's method, ties to the earlier part.

    >>> [_first_parts(7, (Fraction(1, 2), Fraction(1, 2)), at) for at in (0, 1)]
    [4, 7]
    """
    seats = [0] * len(parts)
    known = [number for number, part in enumerate(parts) if part]
    for _ in range(base if known else 0):
        number = min(known, key=lambda k: ((seats[k] + Fraction(1, 2)) / parts[k], k))
        seats[number] += 1
    return sum(seats[: at + 1])
