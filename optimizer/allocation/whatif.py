"""What would happen if: a depot lost, a lane closed, more packs, less room; and what a second plan changes.

Only the items that a change touches are shared again (all of them where limits are shared by items); the rest of
the plan stays as it is, byte for byte. A rerun fixes what is picked and tells what else it changed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from optimizer.allocation.compact import spread
from optimizer.allocation.limits import within_limits
from optimizer.allocation.model import share_pool
from optimizer.allocation.plan import BY_POLICY, FAIR, OWN_ROUTING, CompactPlan, Plan, PoolPlan
from optimizer.allocation.problem import CompactPool, Picked, Pool, Problem, ProblemError, StorageLimit


@dataclass(frozen=True, slots=True)
class LoseDepot:
    """Nothing leaves this depot."""

    site: str


@dataclass(frozen=True, slots=True)
class CloseLane:
    """Nothing goes from this depot to this municipality."""

    site: str
    municipality: str


@dataclass(frozen=True, slots=True)
class MorePacks:
    """So many packs more (or, if negative, fewer) of a lot; the total that may be shared changes with it."""

    item: str
    lot: str
    packs: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """New lots of an item: a pool of these lots alone, with the claims, drops and lanes that they reach."""

    pool: Pool


@dataclass(frozen=True, slots=True)
class StoreAtMost:
    """A municipality can store so much of all items together; `volumes`: of a pack, by item."""

    municipality: str
    volume: int
    volumes: Mapping[str, int]


Change: TypeAlias = LoseDepot | CloseLane | MorePacks | Delivery | StoreAtMost
ShareOne: TypeAlias = Callable[[Pool | CompactPool], PoolPlan | CompactPlan]


@dataclass(frozen=True, slots=True)
class Shift:
    """A claim's packs before and after, of its need after."""

    item: str
    claim: str
    before: int
    after: int
    need: int

    def sentence(self) -> str:
        """The shift in plain words."""
        way = "gains" if self.after > self.before else "loses"
        packs = abs(self.after - self.before)
        return f"{self.item}: {self.claim} {way} {packs} packs ({self.before} to {self.after} of {self.need})."


@dataclass(frozen=True, slots=True)
class Answer:
    """The changed problem, its plan, and what the plan shifts; items shared again are named."""

    problem: Problem
    plan: Plan
    again: tuple[str, ...]
    shifts: tuple[Shift, ...]


def what_if(problem: Problem, plan: Plan, changes: Iterable[Change]) -> Answer:
    """Share again what the changes touch. Raises ProblemError where a change names what the problem does not hold."""
    return rerun(problem, plan, changed_problem(problem, changes))


def changed_problem(problem: Problem, changes: Iterable[Change]) -> Problem:
    """The problem after the changes. Raises ProblemError where one names what the problem does not hold."""
    wanted = tuple(changes)
    _refuse_unknown(problem, wanted)
    pools = [_changed(pool, wanted) for pool in problem.pools]
    for one in wanted:
        if isinstance(one, Delivery) and one.pool.item not in {pool.item for pool in pools}:
            pools = sorted([*pools, one.pool], key=lambda pool: pool.item)
    room = tuple(StorageLimit(one.municipality, one.volume) for one in wanted if isinstance(one, StoreAtMost))
    towns = {one.municipality for one in room}
    kept = tuple(one for one in problem.storage if one.municipality not in towns)
    return replace(problem, pools=tuple(pools), storage=(*kept, *room))


def rerun(problem: Problem, plan: Plan, changed: Problem, *, share_one: ShareOne = share_pool) -> Answer:
    """The plan of a changed problem (new requests, stock, picked lines, policies), sharing again what changed.

    `share_one` shares an item of a problem with policies.
    """
    before = {pool.item: (pool, rows) for pool, rows in zip(problem.pools, plan.pools, strict=True)}
    ways = {one.item: one for one in problem.policies}, {one.item: one for one in changed.policies}
    again = tuple(
        p.item
        for p in changed.pools
        if p.item not in before or before[p.item][0] != p or ways[0].get(p.item) != ways[1].get(p.item)
    )
    if plan.bound is not None and plan.bound.source != OWN_ROUTING:
        again = tuple(pool.item for pool in changed.pools)
    pools = tuple(share_one(p) if p.item in again else before[p.item][1] for p in changed.pools)
    made = replace(
        plan, method=_method(plan, changed), problem_digest=changed.digest(), pools=pools, bound=None, swaps=()
    )
    if changed.shared_limits():
        made = within_limits(changed, made, share_one)
    return Answer(changed, made, again, differences(problem, plan, changed, made))


def _method(plan: Plan, changed: Problem) -> str:
    """How the changed plan is made: as the first was, or by the policies that the problem names now."""
    if plan.method not in (FAIR, BY_POLICY) and plan.bound is None:
        return plan.method
    return BY_POLICY if changed.policies else FAIR


def with_picked(problem: Problem, picked: Mapping[str, Sequence[Picked]]) -> Problem:
    """The problem with these lines picked, by item: no plan of it disturbs them. Raises ProblemError where none can."""
    pools = [
        replace(pool, picked=tuple(picked[pool.item])) if pool.item in picked and isinstance(pool, Pool) else pool
        for pool in problem.pools
    ]
    for pool in problem.pools:
        if pool.item in picked and isinstance(pool, CompactPool):
            raise ProblemError(f"{pool.item}: a compact pool holds no picked lines")
    return replace(problem, pools=tuple(pools))


def differences(problem: Problem, plan: Plan, changed: Problem, made: Plan) -> tuple[Shift, ...]:
    """What each claim gets more or less in the second plan; claims that only one plan has count 0 in the other."""
    before, after = dict(_totals(problem, plan)), dict(_totals(changed, made))
    needs = {(pool.item, claim): need for pool in changed.pools for claim, need in pool.needs().items()}
    return tuple(
        Shift(*key, before.get(key, 0), after.get(key, 0), needs.get(key, 0))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, 0) != after.get(key, 0)
    )


def _totals(problem: Problem, plan: Plan) -> Iterable[tuple[tuple[str, str], int]]:
    for pool, rows in zip(problem.pools, plan.pools, strict=True):
        owner = {drop.id: drop.claim for drop in pool.drops}
        totals = dict.fromkeys(pool.needs(), 0)
        for line in rows.lines:
            totals[owner[line.drop]] += line.packs
        for swap, counts_as, claim in _swaps(problem, plan, pool.item, owner):
            totals[claim] = min(pool.needs()[claim], totals[claim] + swap * counts_as)
        for claim, packs in totals.items():
            yield (pool.item, claim), packs


def _swaps(problem: Problem, plan: Plan, item: str, owner: dict[str, str]) -> Iterable[tuple[int, int, str]]:
    offers = {(one.of, one.lot, one.item, one.drop): one.counts_as for one in problem.substitutes}
    for swap in plan.swaps:
        if swap.item == item:
            yield swap.times, offers[swap.of, swap.lot, swap.item, swap.drop], owner[swap.drop]


def _refuse_unknown(problem: Problem, changes: Sequence[Change]) -> None:
    sites = {lot.site for pool in problem.pools for lot in pool.lots}
    towns = {claim.municipality for pool in problem.pools for claim in pool.claims}
    lots = {(pool.item, lot.id) for pool in problem.pools for lot in pool.lots}
    for change in changes:
        if isinstance(change, MorePacks) and (change.item, change.lot) not in lots:
            raise ProblemError(f"{change.item}: there is no lot {change.lot} to change")
        if isinstance(change, LoseDepot | CloseLane) and change.site not in sites:
            raise ProblemError(f"problem: there is no depot {change.site} with stock")
        if isinstance(change, CloseLane | StoreAtMost) and change.municipality not in towns:
            raise ProblemError(f"problem: there is no municipality {change.municipality} that asks")


def _changed(pool: Pool | CompactPool, changes: Sequence[Change]) -> Pool | CompactPool:
    for change in changes:
        if isinstance(change, MorePacks):
            pool = _more(pool, change) if change.item == pool.item else pool
        elif isinstance(change, CloseLane):
            pool = _closed(pool, change)
        elif isinstance(change, Delivery):
            pool = _delivered(spread(pool), change.pool) if change.pool.item == pool.item else pool
        elif isinstance(change, StoreAtMost):
            pool = replace(pool, unit_volume=change.volumes[pool.item])
        else:
            pool = _lost(pool, change.site)
    return pool


def _more(pool: Pool | CompactPool, change: MorePacks) -> Pool | CompactPool:
    at = next(at for at, lot in enumerate(pool.lots) if lot.id == change.lot)
    shareable = max(0, pool.shareable_packs + change.packs)
    if isinstance(pool, CompactPool):
        packs = array("q", pool.lot_packs)
        packs[at] += change.packs
        return replace(pool, shareable_packs=shareable, lot_packs=packs)
    lot = replace(pool.lots[at], packs=pool.lots[at].packs + change.packs)
    return replace(pool, shareable_packs=shareable, lots=(*pool.lots[:at], lot, *pool.lots[at + 1 :]))


def _delivered(pool: Pool, new: Pool) -> Pool:
    """Lots and lanes of the delivery added, and who could not be reached before."""
    claims, drops = {claim.id for claim in pool.claims}, {drop.id for drop in pool.drops}
    return replace(
        pool,
        shareable_packs=pool.shareable_packs + new.shareable_packs,
        lots=(*pool.lots, *new.lots),
        claims=(*pool.claims, *(claim for claim in new.claims if claim.id not in claims)),
        drops=(*pool.drops, *(drop for drop in new.drops if drop.id not in drops)),
        lanes=(*pool.lanes, *new.lanes),
    )


def _lost(pool: Pool | CompactPool, site: str) -> Pool | CompactPool:
    """What was there no longer counts towards the total that may be shared."""
    gone = sum(lot.packs - lot.immovable_packs for lot in pool.lots if lot.site == site)
    if not gone:
        return pool
    shareable = max(0, pool.shareable_packs - gone)
    if isinstance(pool, CompactPool):
        at = pool.sites.index(site)
        packs = array("q", [0 if s == at else n for s, n in zip(pool.lot_site, pool.lot_packs, strict=True)])
        return replace(pool, shareable_packs=shareable, lot_packs=packs)
    lots = tuple(replace(lot, immovable_packs=lot.packs) if lot.site == site else lot for lot in pool.lots)
    return replace(pool, shareable_packs=shareable, lots=lots)


def _closed(pool: Pool | CompactPool, change: CloseLane) -> Pool | CompactPool:
    if isinstance(pool, CompactPool):
        return _closed_way(pool, change)
    lots = {lot.id for lot in pool.lots if lot.site == change.site}
    claims = {claim.id for claim in pool.claims if claim.municipality == change.municipality}
    drops = {drop.id for drop in pool.drops if drop.claim in claims}
    lanes = tuple(lane for lane in pool.lanes if lane.lot not in lots or lane.drop not in drops)
    return pool if len(lanes) == len(pool.lanes) else replace(pool, lanes=lanes)


def _closed_way(pool: CompactPool, change: CloseLane) -> CompactPool:
    if change.municipality not in pool.claim_ids or change.site not in pool.sites:
        return pool
    claim, site = pool.claim_ids.index(change.municipality), pool.sites.index(change.site)
    ways = range(pool.first_way[claim], pool.first_way[claim + 1])
    gone = next((way for way in ways if pool.lot_site[pool.way_lot[way]] == site), None)
    if gone is None:
        return pool
    first = array("q", [way - (at > claim) for at, way in enumerate(pool.first_way)])
    lots, costs = pool.way_lot[:gone] + pool.way_lot[gone + 1 :], pool.way_cost[:gone] + pool.way_cost[gone + 1 :]
    return replace(pool, first_way=first, way_lot=lots, way_cost=costs)
