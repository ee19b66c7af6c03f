"""Sharing by rules of thumb, in plain Python: the fallback where no fair plan came in time, and what peers do.

Always feasible, never called fair. Both hand out the first-expiring lots first and
give nothing to claims that would stay below their useful minimum.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from fractions import Fraction

from optimizer.allocation.plan import FIRST_COME, PRO_RATA, Line, Plan, PoolPlan
from optimizer.allocation.problem import CompactPool, Pool, Problem
from optimizer.allocation.standing import Standing


def pro_rata(problem: Problem) -> Plan:
    """Tier by tier, each claim gets packs in proportion to what it still needs, as far as its lots reach.

    Rounds of Webster's method on the stock that is left, until a round brings nothing;
    then claims below their useful minimum give back what they got and the tier is
    shared again without them.
    """
    return _plan(problem, PRO_RATA, _share_by_tiers)


def first_come(problem: Problem) -> Plan:
    """Each claim in the order of the problem, whatever its tier, takes all it can get."""
    return _plan(problem, FIRST_COME, _serve_in_order)


def webster(needs: list[int], packs: int) -> list[int]:
    """Divide whole packs in proportion to the needs by Webster's method (ties: first in the list).

    No more packs than the needs together; no share exceeds its need.

    >>> webster([53, 24, 23], 10)
    [6, 2, 2]
    """
    total = sum(needs)
    if packs >= total:
        return list(needs)
    surely = max(0, packs - len(needs))
    shares = [(2 * need * surely + total) // (2 * total) for need in needs]
    queue = [(Fraction(2 * share + 1, need), at) for at, (need, share) in enumerate(zip(needs, shares, strict=True))]
    heapq.heapify(queue)
    for _ in range(packs - sum(shares)):
        _, at = queue[0]
        shares[at] += 1
        heapq.heapreplace(queue, (Fraction(2 * shares[at] + 1, needs[at]), at))
    return shares


class _Shelf:
    """What is left of an item while it is handed out."""

    def __init__(self, pool: Pool | CompactPool) -> None:
        self.root_left = pool.shareable_packs
        self.lot_left = {lot.id: lot.packs - lot.immovable_packs for lot in pool.lots}
        self.site = {lot.id: lot.site for lot in pool.lots}
        self.site_left = {buffer.site: -buffer.packs for buffer in pool.buffers}
        for lot in pool.lots:
            if lot.site in self.site_left:
                self.site_left[lot.site] += lot.packs
        self.promised: set[str] = set()
        self.room = {drop.id: drop.packs for drop in pool.drops}
        self.lines: dict[tuple[str, str], int] = {}
        self.total = {claim.id: 0 for claim in pool.claims}
        self.need = {claim.id: 0 for claim in pool.claims}
        self.useful = {claim.id: claim.minimum_packs for claim in pool.claims}
        self.drops: dict[str, list[str]] = {claim.id: [] for claim in pool.claims}
        self.reached_by: dict[str, list[str]] = {drop.id: [] for drop in pool.drops}
        for drop in pool.drops:
            self.drops[drop.claim].append(drop.id)
            self.need[drop.claim] += drop.packs
        order = {lot.id: at for at, lot in enumerate(sorted(pool.lots, key=lambda lot: lot.expiry))}
        for lane in sorted(pool.lanes, key=lambda lane: order[lane.lot]):
            self.reached_by[lane.drop].append(lane.lot)
        self._keep_promises(pool)

    def _keep_promises(self, pool: Pool | CompactPool) -> None:
        """Book what is picked, and bring every claim its floor, exchanging lots where that is needed."""
        standing = Standing(pool)
        for claim, floor in enumerate(standing.floor):
            if floor:
                self.promised.add(pool.claims[claim].id)
                standing.fill_from_free_stock(claim, up_to=floor)
        booked = dict(standing.picked)
        for drop, lines in enumerate(standing.lines):
            for lot, packs in lines.items():
                booked[lot, drop] = booked.get((lot, drop), 0) + packs
        for (lot, drop), packs in booked.items():
            self._move(pool.lots[lot].id, pool.drops[drop].id, pool.drops[drop].claim, packs)

    def missing(self, claim: str) -> int:
        return self.need[claim] - self.total[claim]

    def serve(self, claim: str, packs: int) -> int:
        """Hand the claim up to this many packs, first-expiring lots first; how many it got."""
        wanted = packs
        for drop in self.drops[claim]:
            for lot in self.reached_by[drop]:
                moved = min(packs, self.room[drop], self._left(lot))
                if moved > 0:
                    self._move(lot, drop, claim, moved)
                    packs -= moved
        return wanted - packs

    def give_back(self, claim: str) -> None:
        """Put everything that the claim got back on the shelf."""
        for drop in self.drops[claim]:
            for lot in self.reached_by[drop]:
                packs = self.lines.get((drop, lot), 0)
                if packs:
                    self._move(lot, drop, claim, -packs)

    def _left(self, lot: str) -> int:
        left = min(self.lot_left[lot], self.root_left)
        return min(left, self.site_left.get(self.site[lot], left))

    def below_useful(self, claim: str) -> bool:
        return claim not in self.promised and 0 < self.total[claim] < min(self.useful[claim], self.need[claim])

    def _move(self, lot: str, drop: str, claim: str, packs: int) -> None:
        self.root_left -= packs
        self.lot_left[lot] -= packs
        if self.site[lot] in self.site_left:
            self.site_left[self.site[lot]] -= packs
        self.room[drop] -= packs
        self.total[claim] += packs
        self.lines[drop, lot] = self.lines.get((drop, lot), 0) + packs


def _plan(problem: Problem, method: str, hand_out: Callable[[Pool | CompactPool, _Shelf], set[str]]) -> Plan:
    pools = []
    for pool in problem.pools:
        shelf = _Shelf(pool)
        aside = hand_out(pool, shelf)
        lines = tuple(Line(lot=lot, drop=drop, packs=packs) for (drop, lot), packs in shelf.lines.items() if packs)
        names = tuple(claim.id for claim in pool.claims if claim.id in aside)
        pools.append(PoolPlan(item=pool.item, lines=lines, set_aside=names, bottlenecks=()))
    return Plan(rule=problem.rule, method=method, problem_digest=problem.digest(), pools=tuple(pools))


def _share_by_tiers(pool: Pool | CompactPool, shelf: _Shelf) -> set[str]:
    aside: set[str] = set()
    for tier in sorted({claim.tier for claim in pool.claims}):
        claims = [claim.id for claim in pool.claims if claim.tier == tier and shelf.need[claim.id]]
        _share_in_rounds(shelf, claims)
        while small := [claim for claim in claims if shelf.below_useful(claim)]:
            for claim in small:
                shelf.give_back(claim)
            aside.update(small)
            claims = [claim for claim in claims if claim not in aside]
            _share_in_rounds(shelf, claims)
    return aside


def _share_in_rounds(shelf: _Shelf, claims: list[str]) -> None:
    """Divide what is left by what is missing, again and again, until nothing more can be brought."""
    hungry = [claim for claim in claims if shelf.missing(claim)]
    while hungry:
        packs = min(shelf.root_left, _within_reach(shelf, hungry))
        wanted = webster([shelf.missing(claim) for claim in hungry], packs)
        got = [shelf.serve(claim, packs) for claim, packs in zip(hungry, wanted, strict=True)]
        if not any(got):
            return
        # A claim that got less than its share is out of reach of what is left.
        served = [claim for claim, share, packs in zip(hungry, wanted, got, strict=True) if packs == share]
        hungry = [claim for claim in served if shelf.missing(claim)]


def _within_reach(shelf: _Shelf, claims: list[str]) -> int:
    """Packs left in lots that reach a drop with room of these claims."""
    drops = [drop for claim in claims for drop in shelf.drops[claim] if shelf.room[drop]]
    lots = {lot for drop in drops for lot in shelf.reached_by[drop]}
    return sum(shelf.lot_left[lot] for lot in lots)


def _serve_in_order(pool: Pool | CompactPool, shelf: _Shelf) -> set[str]:
    aside = set()
    for claim in pool.claims:
        shelf.serve(claim.id, shelf.missing(claim.id))
        if shelf.below_useful(claim.id):
            shelf.give_back(claim.id)
            aside.add(claim.id)
    return aside
