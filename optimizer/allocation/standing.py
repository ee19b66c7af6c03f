"""Where a plan leaves one item: what is left in each lot, still missing at each drop, and who could hand whom a pack.

Part of the independent check: plain whole numbers, nothing of the model.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from optimizer.allocation.plan import CompactPlan, Line, PoolPlan
from optimizer.allocation.problem import CompactPool, Pool


class Standing:
    """The state of one item after a plan's lines; lots, drops and claims by their position in the pool.

    Places count lots first, then drops, then claims, then the root (the total that may be shared), then
    the depots that keep a buffer. What is picked has left already: no exchange touches it.
    """

    def __init__(self, pool: Pool | CompactPool) -> None:
        self.pool = pool
        self.lot_at = {lot.id: at for at, lot in enumerate(pool.lots)}
        self.drop_at = {drop.id: at for at, drop in enumerate(pool.drops)}
        self.claim_at = {claim.id: at for at, claim in enumerate(pool.claims)}
        self.root_left = pool.shareable_packs
        self.lot_left = [lot.packs - lot.immovable_packs for lot in pool.lots]
        self.drop_room = [drop.packs for drop in pool.drops]
        self.owner = [self.claim_at[drop.claim] for drop in pool.drops]
        self.drops_of: list[list[int]] = [[] for _ in pool.claims]
        self.lanes: list[dict[int, int]] = [{} for _ in pool.drops]
        """Per drop: the lots that may reach it, with the cost of a pack."""
        self.lines: list[dict[int, int]] = [{} for _ in pool.drops]
        """Per drop: the packs it gets of each lot; no zeros."""
        self.served: list[set[int]] = [set() for _ in pool.lots]
        """Per lot: the drops that get packs of it."""
        self.need = [0] * len(pool.claims)
        self.total = [0] * len(pool.claims)
        for at, drop in enumerate(pool.drops):
            self.drops_of[self.owner[at]].append(at)
            self.need[self.owner[at]] += drop.packs
        for lane in pool.lanes:
            self.lanes[self.drop_at[lane.drop]][self.lot_at[lane.lot]] = lane.cost
        self.first_drop = len(pool.lots)
        self.first_claim = self.first_drop + len(pool.drops)
        self.root = self.first_claim + len(pool.claims)
        self.first_site = self.root + 1
        self._guard_buffers()
        self._send_picked()
        self.floor = [max(packs, c.floor(d)) for packs, c, d in zip(self.total, pool.claims, self.need, strict=True)]

    def _guard_buffers(self) -> None:
        """What may leave each depot that keeps a buffer, and per lot the place of such a depot (or the root)."""
        site_at = {buffer.site: at for at, buffer in enumerate(self.pool.buffers)}
        self.site_left = [-buffer.packs for buffer in self.pool.buffers]
        self.above = [self.root] * len(self.pool.lots)
        for at, lot in enumerate(self.pool.lots):
            if lot.site in site_at:
                self.site_left[site_at[lot.site]] += lot.packs
                self.above[at] = self.first_site + site_at[lot.site]
        self.site_left = [max(0, left) for left in self.site_left]

    def _send_picked(self) -> None:
        self.picked: dict[tuple[int, int], int] = {}
        for one in self.pool.picked:
            lot, drop = self.lot_at[one.lot], self.drop_at[one.drop]
            self.picked[lot, drop] = one.packs
            self.take(lot, one.packs)
            self.drop_room[drop] -= one.packs
            self.total[self.owner[drop]] += one.packs
        # A buffer that picked packs have broken already is no longer to be kept.
        self.site_left = [max(0, left) for left in self.site_left]

    def can_leave(self, lot: int, packs: int = 1) -> bool:
        """Whether so many packs of the lot may still leave, whoever gets them."""
        left = min(self.lot_left[lot], self.root_left)
        if self.above[lot] != self.root:
            left = min(left, self.site_left[self.above[lot] - self.first_site])
        return left >= packs

    def waits(self, lot: int) -> bool:
        """Whether a pack of the lot stays only because of the total that may be shared."""
        guarded = self.above[lot] != self.root and self.site_left[self.above[lot] - self.first_site] <= 0
        return self.lot_left[lot] > 0 and not guarded

    def take(self, lot: int, packs: int) -> None:
        """These packs of the lot leave."""
        self.root_left -= packs
        self.lot_left[lot] -= packs
        if self.above[lot] != self.root:
            self.site_left[self.above[lot] - self.first_site] -= packs

    def useful(self, claim: int) -> int:
        """The fewest packs that are of use to the claim; a claim with a floor is never set aside."""
        return 0 if self.floor[claim] else min(self.pool.claims[claim].minimum_packs, self.need[claim])

    def copied(self) -> Standing:
        """A standing that may be changed without changing this one."""
        twin = copy.copy(self)
        twin.lot_left, twin.drop_room, twin.total = self.lot_left[:], self.drop_room[:], self.total[:]
        twin.site_left = self.site_left[:]
        twin.lines = [dict(lines) for lines in self.lines]
        twin.served = [set(drops) for drops in self.served]
        return twin

    def move(self, lot: int, drop: int, packs: int) -> None:
        """Send this many packs more (or, if negative, fewer) of the lot to the drop."""
        self.take(lot, packs)
        self.drop_room[drop] -= packs
        self.total[self.owner[drop]] += packs
        line = self.lines[drop].get(lot, 0) + packs
        if line:
            self.lines[drop][lot] = line
            self.served[lot].add(drop)
        else:
            del self.lines[drop][lot]
            self.served[lot].remove(drop)

    def givers(self, place: int) -> list[int]:
        """The places that could hand one pack to this place, by sending more or by taking less themselves."""
        if place < self.first_drop:
            above = [self.above[place]] if self.lot_left[place] > 0 else []
            return above + [self.first_drop + drop for drop in self.served[place]]
        if place < self.first_claim:
            drop = place - self.first_drop
            owner = [self.first_claim + self.owner[drop]] if self.lines[drop] else []
            return owner + list(self.lanes[drop])
        if place < self.root:
            drops = self.drops_of[place - self.first_claim]
            return [self.first_drop + drop for drop in drops if self.drop_room[drop] > 0]
        if place == self.root:
            return self._used_below(self.root) + [self.first_site + at for at in range(len(self.site_left))]
        root = [self.root] if self.site_left[place - self.first_site] > 0 else []
        return root + self._used_below(place)

    def _used_below(self, place: int) -> list[int]:
        return [lot for lot, drops in enumerate(self.served) if drops and self.above[lot] == place]

    def within_reach(self, claim: int, toward: dict[int, int]) -> Iterator[int]:
        """Every place, not in `toward` yet, from which a pack could come to the claim; nearest first.

        `toward` gets, for each place, the next one on the way to the claim.
        """
        start = self.first_claim + claim
        toward[start] = start
        waiting = deque([start])
        while waiting:
            place = waiting.popleft()
            for giver in self.givers(place):
                if giver not in toward:
                    toward[giver] = place
                    waiting.append(giver)
                    yield giver

    def fill_from_free_stock(self, claim: int, *, up_to: int | None = None) -> None:
        """Bring the claim all free packs that can reach it (to this total) while everyone else keeps their number."""
        while self.root_left > 0 and (up_to is None or self.total[claim] < up_to):
            toward: dict[int, int] = {}
            if self.root not in self.within_reach(claim, toward):
                return
            self._pull(toward, self.root_left if up_to is None else up_to - self.total[claim])

    def _pull(self, toward: dict[int, int], most: int) -> None:
        """Pull as many packs as fit along the way from the root, at most so many."""
        way = [self.root]
        while toward[way[-1]] != way[-1]:
            way.append(toward[way[-1]])
        steps = list(pairwise(way))
        packs = min(most, *(self._fits(here, there) for here, there in steps))
        for here, there in steps:
            if here < self.first_drop <= there < self.first_claim:
                self.move(here, there - self.first_drop, packs)
            elif there < self.first_drop <= here < self.first_claim:
                self.move(there, here - self.first_drop, -packs)

    def _fits(self, here: int, there: int) -> int:
        """How many packs fit through one step of a way."""
        if here >= self.root:
            left = self.root_left if here == self.root else self.site_left[here - self.first_site]
            return min(left, self.lot_left[there] if there < self.first_drop else self.root_left)
        if here < self.first_drop:
            return self.root_left
        if here < self.first_claim:
            drop = here - self.first_drop
            return self.lines[drop][there] if there < self.first_drop else self.drop_room[drop]
        return sum(self.lines[there - self.first_drop].values())


def standing_after(pool: Pool | CompactPool, plan: PoolPlan | CompactPlan) -> tuple[Standing, list[str]]:
    """The state after the plan's lines, and what is wrong with single lines (such lines are left out)."""
    standing, findings = Standing(pool), []
    given: set[tuple[int, int]] = set()
    for line in plan.lines:
        lot, drop = standing.lot_at.get(line.lot, -1), standing.drop_at.get(line.drop, -1)
        wrong = _wrong(standing, line, (lot, drop), given)
        if wrong:
            findings.append(f"{pool.item}: {line.packs} packs of lot {line.lot} to drop {line.drop}: {wrong}")
            continue
        given.add((lot, drop))
        more = line.packs - standing.picked.get((lot, drop), 0)
        if more:
            standing.move(lot, drop, more)
    for lot, drop in sorted(standing.picked.keys() - given):
        findings.append(
            f"{pool.item}: {standing.picked[lot, drop]} packs of lot {pool.lots[lot].id} are picked for drop "
            f"{pool.drops[drop].id} and the plan does not send them"
        )
    return standing, findings


def _wrong(standing: Standing, line: Line, place: tuple[int, int], given: set[tuple[int, int]]) -> str:
    lot, drop = place
    if lot < 0:
        return "the lot is not in the problem"
    if drop < 0:
        return "the drop is not in the problem"
    if lot not in standing.lanes[drop]:
        return "no lane allows it"
    if type(line.packs) is not int or line.packs <= 0:
        return "the packs are not a positive whole number"
    if place in given:
        return "the line is given twice"
    if line.packs < standing.picked.get(place, 0):
        return f"{standing.picked[place]} packs are picked for it already"
    return ""
