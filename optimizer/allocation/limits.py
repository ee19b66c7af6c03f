"""Whole packs under limits that items share: dispatch volume, vehicles, storage; and substitutes by ratio.

Here exact theory ends, so the plan is the best of three steps, and says which:

1. Share every item without the shared limits, exactly. If its routing keeps them, it is the fair plan.
2. Keep everyone's packs and look for another routing that keeps them (one mixed-integer program, HiGHS through
   MathOpt, status checked, the answer counted again in whole numbers). If there is one, it is the fair plan.
3. Take packs from the fullest claims until every limit holds, then hand out what fits, emptiest claim first
   (the queue of the rule), then swap substitutes in. This plan is feasible and labelled `best_found`; its bound
   is the smaller of the fills of step 1 and of the exact fractional fills with dispatch shared by all items.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction

from optimizer.allocation.joint import fractional_levels
from optimizer.allocation.plan import BEST, Bound, CompactPlan, Line, Plan, PoolPlan, Swap
from optimizer.allocation.problem import Problem, ProblemError, Substitute
from optimizer.allocation.rerouting import rerouted
from optimizer.allocation.standing import Standing, standing_after

LARGEST_REPAIR = 1 << 20
"""Of a limit broken by more than this volume, step 3 takes several packs at a time."""


def within_limits(problem: Problem, fair: Plan) -> Plan:
    """The plan under the shared limits, with its bound; `fair` is the exact plan without them."""
    table = Table(problem, fair)
    short = any(table.hungry())
    if not any(table.broken()) and not (problem.substitutes and short):
        return replace(fair, bound=_proven("its own routing keeps every shared limit"))
    if any(table.broken()) and not (problem.substitutes and short):
        other = rerouted(problem, fair)
        if other is not None:
            return replace(
                fair, pools=other, bound=_proven("another routing of the same packs keeps every shared limit")
            )
    table.shrink()
    table.hand_out()
    table.swap_in()
    return replace(fair, method=BEST, pools=table.plans(fair), bound=_bound(problem, fair, table), swaps=table.swaps())


def _proven(how: str) -> Bound:
    return Bound(True, 0, "", "", "0", f"the exact plan without shared limits; {how}")


def _bound(problem: Problem, fair: Plan, table: Table) -> Bound:
    """Compare the first tier's fills, sorted, with the better of two relaxations."""
    reached = sorted(table.fills())
    bound, source = sorted(Table(problem, fair).fills(generous=True)), "every item shared without the shared limits"
    if problem.substitutes:
        source += ", items with substitutes counted as filled"
    if problem.dispatch and not problem.substitutes:
        joint = sorted(_joint_fills(problem, fair))
        if joint < bound:
            bound, source = joint, "exact fractional fills with dispatch shared by all items"
    pairs = zip(reached, bound, strict=True)
    rank, (mine, best) = next(((at, pair) for at, pair in enumerate(pairs, start=1) if pair[0] != pair[1]), (0, (0, 0)))
    return Bound(not rank, rank, str(mine), str(best), str(best - mine), source)


def _joint_fills(problem: Problem, fair: Plan) -> Iterator[Fraction]:
    coupled = {number for number, pool in enumerate(problem.pools) if pool.unit_volume}
    for level in fractional_levels(problem):
        yield from [level.fill] * len(level.claims)
    yield from Table(problem, fair).fills(pools=set(range(len(problem.pools))) - coupled)


class Room:
    """Volume left of every shared limit; a limit that a problem does not name is endless."""

    def __init__(self, problem: Problem) -> None:
        self.left: dict[tuple[str, ...], int] = {("depot", one.site): one.volume for one in problem.dispatch}
        self.left |= {("lane", one.site, one.municipality): one.volume for one in problem.vehicles}
        self.left |= {("storage", one.municipality): one.volume for one in problem.storage}

    def keys(self, site: str, municipality: str) -> list[tuple[str, ...]]:
        """The limits on a lane from a depot to a municipality."""
        keys: tuple[tuple[str, ...], ...] = ("depot", site), ("lane", site, municipality), ("storage", municipality)
        return [key for key in keys if key in self.left]

    def use(self, site: str, municipality: str, volume: int) -> None:
        """Take this volume (or, if negative, give it back)."""
        for key in self.keys(site, municipality):
            self.left[key] -= volume

    def fits(self, site: str, municipality: str, volume: int) -> bool:
        """Whether this volume still goes along the lane."""
        return all(self.left[key] >= volume for key in self.keys(site, municipality))


class Table:
    """All items of a problem after a plan, with the room left of the shared limits."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.room = Room(problem)
        self.at = {pool.item: number for number, pool in enumerate(problem.pools)}
        self.standings: list[Standing] = []
        self.aside: list[set[int]] = []
        self.swapped: dict[Substitute, int] = {}
        for pool, rows in zip(problem.pools, plan.pools, strict=True):
            standing, findings = standing_after(pool, rows)
            assert not findings, findings
            self.standings.append(standing)
            self.aside.append({standing.claim_at[name] for name in rows.set_aside})
            for lot, drop, packs in _sent(standing):
                self.room.use(*self._lane(standing, lot, drop), packs * pool.unit_volume)
        self.order = [_by_expiry(standing) for standing in self.standings]

    def _lane(self, standing: Standing, lot: int, drop: int) -> tuple[str, str]:
        return standing.pool.lots[lot].site, standing.pool.claims[standing.owner[drop]].municipality

    def broken(self) -> Iterator[tuple[str, ...]]:
        """The limits that are not kept."""
        return (key for key, left in self.room.left.items() if left < 0)

    def hungry(self) -> Iterator[tuple[int, int]]:
        """(pool, claim) that miss packs and are not set aside."""
        for number, standing in enumerate(self.standings):
            for claim, need in enumerate(standing.need):
                if standing.total[claim] < need and claim not in self.aside[number]:
                    yield number, claim

    def fills(self, *, pools: set[int] | None = None, generous: bool = False) -> Iterator[Fraction]:
        """Fills of each pool's first tier; `generous` counts items with substitutes as filled."""
        helped = {self.at[one.item] for one in self.problem.substitutes} if generous else set()
        for number, standing in enumerate(self.standings):
            tiers = [claim.tier for claim in standing.pool.claims]
            for claim, need in enumerate(standing.need):
                if need and tiers[claim] == min(tiers) and (pools is None or number in pools):
                    yield Fraction(1) if number in helped else Fraction(standing.total[claim], need)

    def turn(self, number: int, claim: int, packs: int) -> tuple[int, Fraction, int, int, int]:
        """The place in the queue of a claim's pack after `packs`: the rule's, then the item's place."""
        standing = self.standings[number]
        need = standing.need[claim]
        return standing.pool.claims[claim].tier, Fraction(packs, need), need, number, claim

    def shrink(self) -> None:
        """Take packs from the fullest claims until no limit is broken. Raises ProblemError where promises break it."""
        for key in list(self.broken()):
            self._shrink(key)

    def _shrink(self, key: tuple[str, ...]) -> None:
        lines: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for number, standing in enumerate(self.standings):
            for lot, drop in self._through(standing, key):
                lines.setdefault((number, standing.owner[drop]), []).append((lot, drop))
        fullest = [(*_negated(self.turn(*one, self._packs(*one) - 1)), one) for one in lines]
        heapq.heapify(fullest)
        step = 1 + -self.room.left[key] // LARGEST_REPAIR
        while self.room.left[key] < 0:
            if not fullest:
                raise ProblemError(f"problem: {' '.join(key)}: promised and picked packs need more than its volume")
            *_, one = heapq.heappop(fullest)
            if self._give_up(*one, lines[one], step):
                heapq.heappush(fullest, (*_negated(self.turn(*one, self._packs(*one) - 1)), one))

    def _through(self, standing: Standing, key: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        if standing.pool.unit_volume:
            for drop, of in enumerate(standing.lines):
                yield from [(lot, drop) for lot in of if key in self.room.keys(*self._lane(standing, lot, drop))]

    def _packs(self, number: int, claim: int) -> int:
        return self.standings[number].total[claim]

    def _give_up(self, number: int, claim: int, lines: list[tuple[int, int]], step: int) -> bool:
        """Take packs off one of the claim's lines; whether it has more to give."""
        standing = self.standings[number]
        spare = standing.total[claim] - standing.floor[claim]
        while lines and spare > 0:
            lot, drop = lines[-1]
            packs = standing.lines[drop].get(lot, 0)
            if packs:
                self._move(number, lot, drop, -min(packs, spare, step))
                return True
            lines.pop()
        return False

    def _move(self, number: int, lot: int, drop: int, packs: int) -> None:
        standing = self.standings[number]
        standing.move(lot, drop, packs)
        self.room.use(*self._lane(standing, lot, drop), packs * standing.pool.unit_volume)

    def hand_out(self) -> None:
        """What fits, emptiest claim first; claims left below their useful minimum are set aside, and again."""
        while True:
            self._serve_queue()
            small = [
                (number, claim)
                for number, standing in enumerate(self.standings)
                for claim, packs in enumerate(standing.total)
                if 0 < packs < standing.useful(claim)
            ]
            if not small:
                return
            for number, claim in small:
                self._clear(number, claim)

    def _clear(self, number: int, claim: int) -> None:
        standing = self.standings[number]
        self.aside[number].add(claim)
        for drop in standing.drops_of[claim]:
            for lot, packs in list(standing.lines[drop].items()):
                self._move(number, lot, drop, -packs)

    def _serve_queue(self) -> None:
        queue = [self.turn(*one, self.standings[one[0]].total[one[1]]) for one in self.hungry()]
        heapq.heapify(queue)
        while queue:
            *_, number, claim = heapq.heappop(queue)
            standing = self.standings[number]
            place = self._place(number, claim)
            if place is None:
                continue
            self._move(number, *place, 1)
            if standing.total[claim] < standing.need[claim]:
                heapq.heappush(queue, self.turn(number, claim, standing.total[claim]))

    def _place(self, number: int, claim: int) -> tuple[int, int] | None:
        """The first-expiring, cheapest lot and drop through which one more pack can come to the claim."""
        standing = self.standings[number]
        volume = standing.pool.unit_volume
        for drop in standing.drops_of[claim]:
            if standing.drop_room[drop] > 0 and standing.root_left > 0:
                for lot in self.order[number][drop]:
                    if standing.can_leave(lot) and self.room.fits(*self._lane(standing, lot, drop), volume):
                        return lot, drop
        return None

    def swap_in(self) -> None:
        """Whole swaps of what the claims on the substitute leave, emptiest claim first."""
        offers: dict[tuple[int, int], list[Substitute]] = {}
        for one in self.problem.substitutes:
            number = self.at[one.item]
            claim = self.standings[number].owner[self.standings[number].drop_at[one.drop]]
            offers.setdefault((number, claim), []).append(one)
        hungry = set(self.hungry())
        queue = [self.turn(*one, self.standings[one[0]].total[one[1]]) for one in offers if one in hungry]
        heapq.heapify(queue)
        while queue:
            *_, number, claim = heapq.heappop(queue)
            chosen = next((one for one in offers[number, claim] if self._can_swap(one)), None)
            if chosen is not None:
                self._swap(chosen)
                if self.standings[number].total[claim] < self.standings[number].need[claim]:
                    heapq.heappush(queue, self.turn(number, claim, self.standings[number].total[claim]))

    def _can_swap(self, one: Substitute) -> bool:
        giving, taking = self.standings[self.at[one.of]], self.standings[self.at[one.item]]
        lot, drop = giving.lot_at[one.lot], taking.drop_at[one.drop]
        town = taking.pool.claims[taking.owner[drop]].municipality
        volume = one.packs * giving.pool.unit_volume
        return (
            taking.drop_room[drop] > 0
            and giving.can_leave(lot, one.packs)
            and self.room.fits(giving.pool.lots[lot].site, town, volume)
        )

    def _swap(self, one: Substitute) -> None:
        giving, taking = self.standings[self.at[one.of]], self.standings[self.at[one.item]]
        lot, drop = giving.lot_at[one.lot], taking.drop_at[one.drop]
        town = taking.pool.claims[taking.owner[drop]].municipality
        giving.take(lot, one.packs)
        gained = min(one.counts_as, taking.drop_room[drop])
        taking.drop_room[drop] -= gained
        taking.total[taking.owner[drop]] += gained
        self.room.use(giving.pool.lots[lot].site, town, one.packs * giving.pool.unit_volume)
        self.swapped[one] = self.swapped.get(one, 0) + 1

    def swaps(self) -> tuple[Swap, ...]:
        """The swaps made, in the order of the problem's substitutes."""
        made = ((one, self.swapped.get(one, 0)) for one in self.problem.substitutes)
        return tuple(Swap(one.of, one.lot, one.item, one.drop, times) for one, times in made if times)

    def plans(self, fair: Plan) -> tuple[PoolPlan | CompactPlan, ...]:
        """The shares of every item, lane by lane, without bottlenecks: these belong to fair plans."""
        return tuple(
            PoolPlan(rows.item, tuple(_lines(standing)), tuple(_names(standing, aside)), ())
            for standing, rows, aside in zip(self.standings, fair.pools, self.aside, strict=True)
        )


def _negated(turn: tuple[int, Fraction, int, int, int]) -> tuple[int, Fraction, int, int, int]:
    tier, fill, need, number, claim = turn
    return -tier, -fill, -need, -number, -claim


def _by_expiry(standing: Standing) -> list[list[int]]:
    """Per drop its lots, first-expiring first, then cheapest."""
    lots = standing.pool.lots
    expiry = [lot.expiry for lot in lots]
    return [sorted(lanes, key=lambda lot: (expiry[lot], lanes[lot], lot)) for lanes in standing.lanes]


def _sent(standing: Standing) -> Iterator[tuple[int, int, int]]:
    for (lot, drop), packs in standing.picked.items():
        yield lot, drop, packs
    for drop, lines in enumerate(standing.lines):
        for lot, packs in lines.items():
            yield lot, drop, packs


def _lines(standing: Standing) -> Iterator[Line]:
    sums: dict[tuple[int, int], int] = {}
    for lot, drop, packs in _sent(standing):
        sums[drop, lot] = sums.get((drop, lot), 0) + packs
    for drop, lot in sorted(sums):
        yield Line(standing.pool.lots[lot].id, standing.pool.drops[drop].id, sums[drop, lot])


def _names(standing: Standing, claims: Iterable[int]) -> Iterator[str]:
    return (standing.pool.claims[claim].id for claim in sorted(claims))
