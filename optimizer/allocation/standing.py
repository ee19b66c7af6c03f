"""Where a plan leaves one item: what is left in each lot, still missing at each drop, and who could hand whom a pack.

Part of the independent check: plain whole numbers, nothing of the model.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from itertools import pairwise

from optimizer.allocation.plan import PoolPlan
from optimizer.allocation.problem import Pool


class Standing:
    """The state of one item after a plan's lines; lots, drops and claims by their position in the pool.

    `places` count lots first, then drops, then claims, then the root (the total that may be shared).
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.lot_at = {lot.id: at for at, lot in enumerate(pool.lots)}
        self.drop_at = {drop.id: at for at, drop in enumerate(pool.drops)}
        self.claim_at = {claim.id: at for at, claim in enumerate(pool.claims)}
        self.root_left = pool.shareable_packs
        self.lot_left = [lot.packs for lot in pool.lots]
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

    def useful(self, claim: int) -> int:
        """The fewest packs that are of use to the claim."""
        return min(self.pool.claims[claim].minimum_packs, self.need[claim])

    def copied(self) -> Standing:
        """A standing that may be changed without changing this one."""
        twin = copy.copy(self)
        twin.lot_left, twin.drop_room, twin.total = self.lot_left[:], self.drop_room[:], self.total[:]
        twin.lines = [dict(lines) for lines in self.lines]
        twin.served = [set(drops) for drops in self.served]
        return twin

    def move(self, lot: int, drop: int, packs: int) -> None:
        """Send this many packs more (or, if negative, fewer) of the lot to the drop."""
        self.root_left -= packs
        self.lot_left[lot] -= packs
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
            root = [self.root] if self.lot_left[place] > 0 else []
            return root + [self.first_drop + drop for drop in self.served[place]]
        if place < self.first_claim:
            drop = place - self.first_drop
            owner = [self.first_claim + self.owner[drop]] if self.lines[drop] else []
            return owner + list(self.lanes[drop])
        if place < self.root:
            drops = self.drops_of[place - self.first_claim]
            return [self.first_drop + drop for drop in drops if self.drop_room[drop] > 0]
        return [lot for lot, drops in enumerate(self.served) if drops]

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

    def fill_from_free_stock(self, claim: int) -> None:
        """Bring the claim all free packs that can reach it while everyone else keeps their number."""
        while self.root_left > 0:
            toward: dict[int, int] = {}
            if self.root not in self.within_reach(claim, toward):
                return
            self._pull(toward)

    def _pull(self, toward: dict[int, int]) -> None:
        """Pull as many packs as fit along the way from the root."""
        way = [self.root]
        while toward[way[-1]] != way[-1]:
            way.append(toward[way[-1]])
        steps = list(pairwise(way))
        packs = min(self._fits(here, there) for here, there in steps)
        for here, there in steps:
            if here < self.first_drop <= there < self.first_claim:
                self.move(here, there - self.first_drop, packs)
            elif there < self.first_drop <= here < self.first_claim:
                self.move(there, here - self.first_drop, -packs)

    def _fits(self, here: int, there: int) -> int:
        """How many packs fit through one step of a way."""
        if here == self.root:
            return min(self.root_left, self.lot_left[there])
        if here < self.first_drop:
            return self.root_left
        if here < self.first_claim:
            drop = here - self.first_drop
            return self.lines[drop][there] if there < self.first_drop else self.drop_room[drop]
        return sum(self.lines[there - self.first_drop].values())


def standing_after(pool: Pool, plan: PoolPlan) -> tuple[Standing, list[str]]:
    """The state after the plan's lines, and what is wrong with single lines (such lines are left out)."""
    standing, findings = Standing(pool), []
    for line in plan.lines:
        lot, drop = standing.lot_at.get(line.lot), standing.drop_at.get(line.drop)
        wrong = ""
        if lot is None:
            wrong = "the lot is not in the problem"
        elif drop is None:
            wrong = "the drop is not in the problem"
        elif lot not in standing.lanes[drop]:
            wrong = "no lane allows it"
        elif type(line.packs) is not int or line.packs <= 0:
            wrong = "the packs are not a positive whole number"
        elif lot in standing.lines[drop]:
            wrong = "the line is given twice"
        else:
            standing.move(lot, drop, line.packs)
        if wrong:
            findings.append(f"{pool.item}: {line.packs} packs of lot {line.lot} to drop {line.drop}: {wrong}")
    return standing, findings
