"""Whole packs under limits that items share: dispatch volume, vehicles, storage; and substitutes by ratio.

Here exact theory ends, so the plan is the best of these steps, and says which:

1. Share every item without the shared limits, exactly. If its routing keeps them, it is the fair plan.
2. Where claims miss packs that substitutes could stand in for, share these items with them (`substituting`).
3. Keep everyone's packs and look for another routing that keeps the limits (one mixed-integer program, HiGHS through
   MathOpt, status checked, the answer counted again in whole numbers). If there is one, it is the fair plan. It is
   not looked for where the exact fractional fills with dispatch shared by all items are lower: then there is none.
4. Take packs from the fullest claims until every limit holds, then hand out what fits, emptiest claim first
   (the queue of the rule; an item shared by a policy to no more than the policy gives), then swap substitutes in.

The plans of steps 2 and 4 are feasible and labelled `best_found`; their bound (`bounds`) is the smaller of the fills
without the shared limits and of those with dispatch shared by all items.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from optimizer.allocation.bounds import Block, Rows, block_fills, bound_of, fills
from optimizer.allocation.joint import fractional_levels
from optimizer.allocation.plan import BEST, OTHER_ROUTING, OWN_ROUTING, Bound, CompactPlan, Line, Plan, PoolPlan, Swap
from optimizer.allocation.problem import Problem, ProblemError, Substitute
from optimizer.allocation.rerouting import rerouted
from optimizer.allocation.standing import Standing, standing_after
from optimizer.allocation.substituting import Helped, ShareOne, helped, wanted

LARGEST_REPAIR = 1 << 20
"""Of a limit broken by more than this volume, step 4 takes several packs at a time."""


def within_limits(problem: Problem, fair: Plan, share_one: ShareOne, *, unshared: Sequence[str] = ()) -> Plan:
    """The plan under the shared limits, with its bound; `fair` is the exact plan without them.

    `share_one` shares one item exactly; `unshared` are items of `fair` that a rule of thumb shared.
    Raises ProblemError where promised and picked packs alone break a limit.
    """
    over = any(_broken(problem, fair.pools, ()))
    offers = wanted(problem, fair.pools)
    if not over and not offers:
        return replace(fair, bound=_proven(OWN_ROUTING))
    aided = helped(problem, fair.pools, offers, share_one, unshared) if offers else None
    if aided is not None and aided.rows is not None and not any(_broken(problem, aided.rows, aided.swaps)):
        bound = bound_of(problem, (aided.rows, aided.swaps), aided.best, unshared=unshared)
        return replace(fair, method=BEST, pools=aided.rows, bound=bound, swaps=aided.swaps)
    blocks = _blocks(problem) if over else ()
    if not offers and not _hopeless(problem, fair, blocks):
        other = rerouted(problem, fair)
        if other is not None:
            return replace(fair, pools=other, bound=_proven(OTHER_ROUTING))
    return _repaired(problem, fair, aided, blocks, unshared)


def kept_within(problem: Problem, plan: Plan) -> Plan:
    """A rule of thumb's plan with packs taken from the fullest until every shared limit holds; its label stays.

    Raises ProblemError where promised and picked packs alone break a limit.
    """
    if not any(_broken(problem, plan.pools, ())):
        return plan
    table = Table(problem, plan)
    table.shrink()
    for number, claim in table.too_small():
        table.clear(number, claim)
    return replace(plan, pools=table.plans(plan))


def _repaired(
    problem: Problem, fair: Plan, aided: Helped | None, blocks: Sequence[Block], unshared: Sequence[str]
) -> Plan:
    table = Table(problem, fair)
    table.shrink()
    table.hand_out()
    table.swap_in()
    rows, swaps = table.plans(fair), table.swaps()
    best = aided.best if aided is not None else fair.pools
    bound = bound_of(problem, (rows, swaps), best, blocks=blocks, unshared=unshared)
    return replace(fair, method=BEST, pools=rows, bound=bound, swaps=swaps)


def _proven(how: str) -> Bound:
    return Bound(True, 0, "", "", "0", how)


def _broken(problem: Problem, rows: Sequence[Rows], swaps: Iterable[Swap]) -> Iterator[tuple[str, ...]]:
    """The limits that these lines and swaps do not keep."""
    room = Room(problem)
    towns: dict[str, dict[str, str]] = {}
    sites: dict[str, dict[str, str]] = {}
    volumes = {pool.item: pool.unit_volume for pool in problem.pools}
    for pool, row in zip(problem.pools, rows, strict=True):
        town = {claim.id: claim.municipality for claim in pool.claims}
        towns[pool.item] = {drop.id: town[drop.claim] for drop in pool.drops}
        sites[pool.item] = {lot.id: lot.site for lot in pool.lots}
        sent: dict[tuple[str, str], int] = defaultdict(int)
        for line in row.lines if pool.unit_volume else ():
            sent[sites[pool.item][line.lot], towns[pool.item][line.drop]] += line.packs
        for (site, town_), packs in sent.items():
            room.use(site, town_, packs * pool.unit_volume)
    taken = {(one.of, one.lot, one.item, one.drop): one.packs for one in problem.substitutes}
    for one in swaps:
        packs = one.times * taken[one.of, one.lot, one.item, one.drop]
        room.use(sites[one.of][one.lot], towns[one.item][one.drop], packs * volumes[one.of])
    return (key for key, left in room.left.items() if left < 0)


def _blocks(problem: Problem) -> tuple[Block, ...]:
    """The claims that the depots' dispatch ties together, least filled first; none where it is not limited."""
    if not problem.dispatch or problem.policies or problem.substitutes:
        return ()
    pools, ties = problem.pools, fractional_levels(problem)
    claims = {number: pool.claims for number, pool in enumerate(pools)}
    return tuple(tuple((pools[n].item, claims[n][at].id) for n, at in level.claims) for level in ties)


def _hopeless(problem: Problem, fair: Plan, blocks: Sequence[Block]) -> bool:
    """Whether what depots dispatch is surely too little for these shares."""
    alone = fills(problem, fair.pools)
    joint = alone | dict(block_fills(problem, blocks)) if blocks else alone
    return sorted(joint.values()) < sorted(alone.values())


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
        named = {one.item for one in problem.policies}
        self.most = [one.total[:] if one.pool.item in named else one.need for one in self.standings]
        """Per pool the packs that each claim may get: its need, or what its policy gives it."""

    def _lane(self, standing: Standing, lot: int, drop: int) -> tuple[str, str]:
        return standing.pool.lots[lot].site, standing.pool.claims[standing.owner[drop]].municipality

    def broken(self) -> Iterator[tuple[str, ...]]:
        """The limits that are not kept."""
        return (key for key, left in self.room.left.items() if left < 0)

    def hungry(self) -> Iterator[tuple[int, int]]:
        """(pool, claim) that miss packs and are not set aside."""
        for number, standing in enumerate(self.standings):
            for claim, most in enumerate(self.most[number]):
                if standing.total[claim] < most and claim not in self.aside[number]:
                    yield number, claim

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
            small = self.too_small()
            if not small:
                return
            for number, claim in small:
                self.clear(number, claim)

    def too_small(self) -> list[tuple[int, int]]:
        """(pool, claim) that get less than is of use to them."""
        return [
            (number, claim)
            for number, standing in enumerate(self.standings)
            for claim, packs in enumerate(standing.total)
            if 0 < packs < standing.useful(claim)
        ]

    def clear(self, number: int, claim: int) -> None:
        """Set a claim aside: it gives up what it has."""
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
            if standing.total[claim] < self.most[number][claim]:
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
        """The shares of every item; those that changed have no bottlenecks, which belong to fair plans."""
        return tuple(
            rows
            if rows.lines == (lines := tuple(_lines(standing)))
            else PoolPlan(rows.item, lines, tuple(_names(standing, aside)), ())
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
