"""The check of a compact pool's plan: what `check` and `proof` ask, in one walk over its columns.

Plain whole numbers, no solver, no NumPy, nothing of the model. Fairness is proved as in
`proof`: no free pack reaches an unmet claim, and no claim has a pack that comes after another's next
one. A lot that a claim may use lets it use every later lot of the site too, so the walk
keeps per site the first lot reached. The routing is proved by the prices that the plan
publishes: every claim is served where price plus cost is least, and no lot with packs
left is better than a lot that is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add, truediv

from optimizer.allocation.compact import CompactPool
from optimizer.allocation.plan import Bottleneck, CompactPlan

FAR = 1 << 200


@dataclass(slots=True)
class Tally:
    """A compact pool after the plan's lines: packs left per lot, got per claim.

    `served[l]` are the claims that get packs of lot l; `receiver` is the claim of each line.
    """

    pool: CompactPool
    left: list[int]
    total: list[int]
    served: list[list[int]]
    receiver: list[int]

    def root_left(self) -> int:
        """Packs that may still be shared."""
        return self.pool.shareable_packs - sum(self.total)


def tally(pool: CompactPool, plan: CompactPlan) -> tuple[Tally, list[str]]:
    """What the lines leave, and what is wrong with lines, lots, claims or the total."""
    claims, lots = len(pool.claim_ids), len(pool.lot_ids)
    done = Tally(pool, list(pool.lot_packs), [0] * claims, [[] for _ in range(lots)], [])
    columns = plan.line_way, plan.line_lot, plan.line_packs
    if len({len(column) for column in columns}) > 1 or len(plan.lot_price) != lots:
        return done, [f"{pool.item}: the plan's columns differ in length"]
    findings = _laid_out(done, plan)
    for lot, packs in enumerate(done.left):
        if packs < 0:
            held = pool.lot_packs[lot]
            findings.append(f"{pool.item}: lot {pool.lot_ids[lot]} gives {-packs} packs more than the {held} it holds")
    for claim, (packs, need) in enumerate(zip(done.total, pool.claim_need, strict=True)):
        if packs > need:
            name = pool.claim_ids[claim]
            findings.append(f"{pool.item}: drop {name} gets {packs - need} packs more than the {need} it asks")
    if done.root_left() < 0:
        over = -done.root_left()
        findings.append(f"{pool.item}: {over} packs more than the {pool.shareable_packs} that may be shared")
    return done, findings


def _laid_out(done: Tally, plan: CompactPlan) -> list[str]:
    """Book every line; a wrong one is left out and named."""
    pool, findings = done.pool, []
    first, ways, ends = list(pool.first_way), list(pool.way_lot), pool.site_end
    left, total, served, receiver = done.left, done.total, done.served, done.receiver
    claim, known, last_way, last_lot = 0, len(ways), -1, -1
    for way, lot, packs in zip(plan.line_way, plan.line_lot, plan.line_packs, strict=True):
        ordered = way > last_way or (way == last_way and lot > last_lot)
        if not (ordered and 0 <= way < known and packs > 0 and ways[way] <= lot < ends[ways[way]]):
            findings.append(f"{pool.item}: {packs} packs of lot {lot} along way {way}: {_wrong(pool, way, lot, packs)}")
            continue
        last_way, last_lot = way, lot
        while first[claim + 1] <= way:
            claim += 1
        left[lot] -= packs
        total[claim] += packs
        served[lot].append(claim)
        receiver.append(claim)
    return findings


def _wrong(pool: CompactPool, way: int, lot: int, packs: int) -> str:
    if not 0 <= way < len(pool.way_lot):
        return "the way is not in the problem"
    if packs <= 0:
        return "the packs are not a positive whole number"
    start = pool.way_lot[way]
    return "the line is out of order or given twice" if start <= lot < pool.site_end[start] else "no lane allows it"


def unfair(done: Tally) -> Iterator[str]:
    """Free packs that reach an unmet claim, and packs that a claim further back in the queue has instead."""
    pool, total = done.pool, done.total
    turns = list(zip(pool.claim_tier, map(truediv, total, pool.claim_need), pool.claim_need, strict=True))
    walk = _Walk(done)
    unmet = [claim for claim, need in enumerate(pool.claim_need) if total[claim] < need]
    for claim in sorted(unmet, key=turns.__getitem__):
        if walk.seen[claim]:
            continue
        turn = (*turns[claim], claim)
        free, donors = walk.reach(claim)
        if free:
            yield f"{_said(done, claim)}, and free packs can reach it"
        for donor in donors:
            tier, fill, need = turns[donor]
            if (tier, fill, need, donor) > turn and total[donor]:
                before = (tier, (total[donor] - 1) / need, need, donor)
                if before > turn:
                    yield f"{_said(done, claim)}; its next pack comes before the last one that {_who(done, donor)}"


class _Walk:
    """From the emptiest claim to the fullest, which claims could hand on a pack; every place is walked once."""

    def __init__(self, done: Tally) -> None:
        pool = done.pool
        self.done = done
        self.seen = [False] * len(pool.claim_ids)
        self.first, self.ways = list(pool.first_way), list(pool.way_lot)
        self.lowest = list(pool.site_end)
        """Per lot's site, kept at the site's last lot: the first lot reached."""
        self.bound = done.root_left() == 0
        self.everywhere = False

    def reach(self, claim: int) -> tuple[bool, list[int]]:
        """Whether free packs can come to the claim, and the claims, not seen before, that could give it one."""
        done, seen, first, ways, lowest = self.done, self.seen, self.first, self.ways, self.lowest
        ends, left, served = done.pool.site_end, done.left, done.served
        free = False
        donors: list[int] = []
        waiting = [claim]
        seen[claim] = True
        while waiting:
            here = waiting.pop()
            for start in ways[first[here] : first[here + 1]]:
                site = ends[start] - 1
                if start >= lowest[site]:
                    continue
                news = [other for claims in served[start : lowest[site]] for other in claims if not seen[other]]
                if any(left[start : lowest[site]]):
                    free = free or not self.bound
                    news += self._all_served() if self.bound else []
                lowest[site] = start
                for other in news:
                    if not seen[other]:
                        seen[other] = True
                        waiting.append(other)
                        donors.append(other)
        return free, donors

    def _all_served(self) -> list[int]:
        """The total binds and a lot has packs left: whoever has a pack could leave it for this lot's."""
        known, self.everywhere = self.everywhere, True
        return [] if known else [other for other, packs in enumerate(self.done.total) if packs]


def worse_routing(done: Tally, plan: CompactPlan) -> Iterator[str]:
    """Claims that are not served where price plus cost is least, and dates that the prices do not bear out."""
    pool, price = done.pool, list(plan.lot_price)
    least = price[:]
    for lot in range(len(price) - 2, -1, -1):
        if pool.lot_site[lot] == pool.lot_site[lot + 1]:
            least[lot] = min(least[lot], least[lot + 1])
    costs = list(pool.way_cost)
    worth = list(map(add, map(least.__getitem__, pool.way_lot), costs))
    ways_of = list(map(slice, pool.first_way, pool.first_way[1:]))
    best, known = 0, -1
    for way, lot, claim in zip(plan.line_way, plan.line_lot, done.receiver, strict=True):
        if claim != known:
            best, known = min(worth[ways_of[claim]]), claim
        if price[lot] + costs[way] != best:
            yield f"{pool.item}: drop {pool.claim_ids[claim]} could be served cheaper or from earlier dates"
    yield from _wrong_dates(done, price)


def _wrong_dates(done: Tally, price: list[int]) -> Iterator[str]:
    """A lot with packs left that is worth more than one that is used; a later date weighs more than all lanes."""
    pool = done.pool
    if not any(done.left):
        return
    dates = {day: rank for rank, day in enumerate(sorted(set(pool.lot_expiry)))}
    weight = min(len(pool.lot_ids), len(pool.claim_ids)) * max(pool.way_cost, default=0) + 1
    rent = [worth - dates[day] * weight for worth, day in zip(price, pool.lot_expiry, strict=True)]
    free = max((rent[lot] for lot, packs in enumerate(done.left) if packs), default=-FAR)
    used = min((rent[lot] for lot, claims in enumerate(done.served) if claims), default=FAR)
    if free > used:
        yield f"{pool.item}: packs with earlier dates are left, or the prices do not prove that they must be"


def wrong_bottlenecks(done: Tally, plan: CompactPlan) -> Iterator[str]:
    """Each claim stands in one bottleneck, and each bottleneck adds up."""
    pool = done.pool
    claim_at = {name: at for at, name in enumerate(pool.claim_ids)}
    listed = [name for bottleneck in plan.bottlenecks for name in bottleneck.claims]
    if len(listed) != len(claim_at) or set(listed) != set(claim_at):
        yield f"{pool.item}: the bottlenecks do not name each claim that shares in it once"
        return
    lot_at = {name: at for at, name in enumerate(pool.lot_ids)}
    for bottleneck in plan.bottlenecks:
        if not _adds_up(done, bottleneck, [claim_at[name] for name in bottleneck.claims], lot_at):
            yield f"{pool.item}: the bottleneck of {', '.join(bottleneck.claims[:3])} ... does not add up"


def _adds_up(done: Tally, bottleneck: Bottleneck, claims: list[int], lot_at: dict[str, int]) -> bool:
    pool = done.pool
    lowest = list(pool.site_end)
    for start in set().union(*[pool.way_lot[pool.first_way[c] : pool.first_way[c + 1]] for c in claims]):
        site = pool.site_end[start] - 1
        lowest[site] = min(lowest[site], start)
    lots = [lot_at.get(name, -1) for name in bottleneck.lots]
    tiers = {pool.claim_tier[claim] for claim in claims}
    need = sum(pool.claim_need[claim] for claim in claims)
    return (
        tiers == {bottleneck.tier}
        and all(lot >= 0 and lowest[pool.site_end[lot] - 1] <= lot for lot in lots)
        and need == bottleneck.need
        and sum(done.total[claim] for claim in claims) == min(bottleneck.packs, need)
    )


def _said(done: Tally, claim: int) -> str:
    return f"{done.pool.item}: {_who(done, claim)}"


def _who(done: Tally, claim: int) -> str:
    pool = done.pool
    got = f"has {done.total[claim]} of {pool.claim_need[claim]} packs"
    return f"claim {pool.claim_ids[claim]} (tier {pool.claim_tier[claim]}) {got}"
