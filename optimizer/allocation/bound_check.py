"""What a plan that is not called fair claims of itself, found again: its label, its bound and its gap.

Plain whole numbers and fractions, nothing of the model. A `best_found` plan publishes what proves its bound: of every
item that it gives otherwise, the shares as they would be without the shared limits (`relaxed`); each of these is
checked as a fair plan is, with what may stand in for the item as lots of its own, so nothing beats them. The claims
that dispatch ties together (`blocks`) prove theirs by counting what depots can send to them. The plan's sorted fills
are then laid beside those of the proof. A `pro_rata` or `first_come` plan is made again by its rule of thumb.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from optimizer.allocation.baselines import first_come, pro_rata
from optimizer.allocation.plan import BEST, PRO_RATA, Bound, CompactPlan, Plan, PoolPlan
from optimizer.allocation.policy_check import NotRestatedError, policy_flaws
from optimizer.allocation.problem import Buffer, CompactPool, Lane, Lot, Pool, Problem, Substitute
from optimizer.allocation.proof import unfairness
from optimizer.allocation.standing import Standing, standing_after

Key: TypeAlias = tuple[str, str]
Rows: TypeAlias = PoolPlan | CompactPlan


def false_claims(problem: Problem, plan: Plan, standings: Mapping[str, Standing]) -> Iterator[str]:
    """What the plan says of itself and is not so; `standings`: where it leaves each item, swaps booked."""
    if plan.method == BEST:
        yield from _false_bound(problem, plan, standings)
    elif not problem.shared_limits():
        again = (pro_rata if plan.method == PRO_RATA else first_come)(replace(problem, policies=()))
        for mine, rule in zip(plan.pools, again.pools, strict=True):
            if _packs(mine) != _packs(rule):
                yield f"{mine.item}: the plan is called {plan.method}, and that rule of thumb gives other packs"
    else:
        for one in standings.values():
            yield from _above(one, problem, plan)


def _above(standing: Standing, problem: Problem, plan: Plan) -> Iterator[str]:
    """A rule of thumb within shared limits gives nobody more than it gives without them."""
    alone = replace(problem, dispatch=(), vehicles=(), storage=(), substitutes=(), policies=())
    pools = tuple(pool for pool in alone.pools if pool.item == standing.pool.item)
    again = (pro_rata if plan.method == PRO_RATA else first_come)(replace(alone, pools=pools))
    most, _ = standing_after(standing.pool, again.pools[0])
    for claim, packs in enumerate(standing.total):
        if packs > most.total[claim]:
            name = standing.pool.claims[claim].id
            yield f"{standing.pool.item}: {name} gets {packs} packs, and {plan.method} gives it {most.total[claim]}"


def _packs(rows: Rows) -> dict[Key, int]:
    return {(line.lot, line.drop): line.packs for line in rows.lines}


def _false_bound(problem: Problem, plan: Plan, standings: Mapping[str, Standing]) -> Iterator[str]:
    if plan.bound is None:
        yield "the plan is called best_found and says nothing about its bound"
        return
    found, most = _Proof(problem, plan, plan.bound).fills()
    yield from found
    if found:
        return
    reached = sorted(fill for one in standings.values() for fill in _first_fills(one).values())
    rank = next((at for at, pair in enumerate(zip(reached, most, strict=True), 1) if pair[0] != pair[1]), 0)
    if not rank and plan.bound.unshared:
        rank = 1
    claimed = plan.bound
    mine, best = (reached[rank - 1], most[rank - 1]) if rank else (Fraction(0), Fraction(0))
    told = claimed.proven, claimed.rank, Fraction(claimed.reached), Fraction(claimed.at_most), Fraction(claimed.gap)
    if told != (not rank, rank, mine, best, best - mine):
        yield (
            f"the plan's bound is not so: at place {rank} of the sorted fills it reaches {mine} and at most {best} is "
            f"possible; it says {claimed.reached} and {claimed.at_most} at place {claimed.rank}"
        )


class _Proof:
    """The fills that no plan beats, as far as what the bound publishes proves them."""

    def __init__(self, problem: Problem, plan: Plan, bound: Bound) -> None:
        self.problem, self.bound = problem, bound
        self.policies = {one.item: one for one in problem.policies}
        relaxed = {rows.item: rows for rows in bound.relaxed}
        self.rows = {rows.item: relaxed.get(rows.item, rows) for rows in plan.pools}
        self.offers: dict[str, list[Substitute]] = defaultdict(list)
        for one in problem.substitutes:
            self.offers[one.item].append(one)
        own = {pool.item: standing_after(pool, self._own(pool.item))[0] for pool in problem.pools}
        self.served = {item: sum(one.total) for item, one in own.items()}
        self.aided = {item for item in self.offers if _misses(own[item], self.rows[item])}

    def _own(self, item: str) -> Rows:
        """The rows without what stands in."""
        rows = self.rows[item]
        known = {lot.id for pool in self.problem.pools if pool.item == item for lot in pool.lots}
        return PoolPlan(item, tuple(line for line in rows.lines if line.lot in known), rows.set_aside, ())

    def fills(self) -> tuple[list[str], list[Fraction]]:
        """What is wrong with the proof, and the sorted fills that it proves."""
        findings: list[str] = []
        most: dict[Key, Fraction] = {}
        strangers = {*self.bound.unshared} - {pool.item for pool in self.problem.pools}
        findings += [f"{item}: the bound names it and the problem does not" for item in sorted(strangers)]
        for pool in self.problem.pools:
            if pool.item in self.bound.unshared:
                most |= _evenly(pool, all_of_it=pool.item in self.offers)
                continue
            standing, wrong = self._standing(pool)
            findings += wrong
            most |= {(pool.item, claim): fill for claim, fill in _first_fills(standing).items()}
        if self.bound.blocks and not findings:
            joint, wrong = self._with_dispatch(most)
            findings += wrong
            return findings, min(sorted(most.values()), sorted(joint.values()))
        return findings, sorted(most.values())

    def _standing(self, pool: Pool | CompactPool) -> tuple[Standing, list[str]]:
        whole: Pool | CompactPool = pool
        if pool.item in self.aided:
            whole = self._with_stand_ins(pool)
        rows = self.rows[pool.item]
        standing, wrong = standing_after(whole, rows)
        wrong += [f"{pool.item}: its shares without the limits break its own" for _ in [0] if _overdrawn(standing)]
        named = self.policies.get(pool.item)
        if wrong:
            return standing, wrong
        if named is None:
            aside = {standing.claim_at[name] for name in rows.set_aside}
            wrong = [f"the bound is not proven: {finding}" for finding in unfairness(standing, aside)]
            return standing, wrong[:3]
        try:
            return standing, [f"the bound is not proven: {one}" for one in policy_flaws(standing, rows, named)]
        except NotRestatedError as failure:
            return standing, [f"{pool.item}: the bound is not proven: {failure}"]

    def _with_stand_ins(self, pool: Pool | CompactPool) -> Pool:
        """The item with all that could stand in for it, counted in its own packs."""
        ratios: dict[str, set[tuple[int, int]]] = defaultdict(set)
        swaps: dict[Key, set[tuple[int, int]]] = defaultdict(set)
        for one in self.offers[pool.item]:
            ratios[one.of].add((one.packs, one.counts_as))
            swaps[one.of, one.lot].add((one.packs, one.counts_as))
        others = {one.item: one for one in self.problem.pools}
        lots, buffers, most = list(pool.lots), list(pool.buffers), 0
        movable = sum(lot.packs - lot.immovable_packs for lot in lots)
        if pool.shareable_packs < movable:
            lots = [replace(lot, site="=") for lot in lots]
            buffers = [Buffer("=", sum(lot.packs for lot in lots) - pool.shareable_packs)]
        for of in sorted(ratios):
            other = others[of]
            held = {lot.id: lot.packs - lot.immovable_packs for lot in other.lots}
            names = sorted(lot for by, lot in swaps if by == of)
            new = [Lot(f"{of}/{name}", f"={of}", date.max, _worth(held[name], swaps[of, name])) for name in names]
            closed = of not in self.aided and of not in self.bound.unshared
            left = min(other.shareable_packs, sum(held.values())) - (self.served[of] if closed else 0)
            may, there = _worth(max(0, left), ratios[of]), sum(lot.packs for lot in new)
            buffers += [Buffer(f"={of}", there - may)] if may < there else []
            most += min(may, there)
            lots += new
        lanes = [Lane(f"{one.of}/{one.lot}", one.drop, one.cost) for one in self.offers[pool.item]]
        total = min(movable, pool.shareable_packs) + most
        claims, drops, ways = pool.claims, pool.drops, (*pool.lanes, *lanes)
        return Pool(pool.item, total, tuple(lots), claims, drops, ways, tuple(buffers), pool.picked)

    def _with_dispatch(self, alone: Mapping[Key, Fraction]) -> tuple[dict[Key, Fraction], list[str]]:
        """Fills of the blocks by what depots can send to them, first block first."""
        named = [key for block in self.bound.blocks for key in block]
        volumes = {
            (p.item, claim): need * p.unit_volume for p in self.problem.pools for claim, need in p.needs().items()
        }
        if len(set(named)) < len(named) or not all(volumes.get(key) and key in alone for key in named):
            return {}, ["the bound's blocks name a claim twice, or one without volume"]
        if self.problem.substitutes or self.problem.policies:
            return {}, ["blocks prove nothing beside substitutes and policies"]
        groups: list[tuple[list[Key], int]] = []
        sent = 0
        for number, block in enumerate(self.bound.blocks, start=1):
            inside = {key for some in self.bound.blocks[:number] for key in some}
            most = min(self._can_send(inside), sent + sum(volumes[key] for key in block))
            groups.append((list(block), most - sent))
            sent = most
            while len(groups) > 1 and _fill(groups[-1], volumes) < _fill(groups[-2], volumes):
                last, before = groups.pop(), groups.pop()
                groups.append((before[0] + last[0], before[1] + last[1]))
        joint = dict(alone)
        for group in groups:
            joint |= dict.fromkeys(group[0], _fill(group, volumes))
        return joint, []

    def _can_send(self, claims: set[Key]) -> int:
        """The volume that all depots together can send to these claims."""
        limits = {one.site: one.volume for one in self.problem.dispatch}
        by_site: dict[str, int] = defaultdict(int)
        for pool in self.problem.pools:
            wanted: dict[str, int] = defaultdict(int)
            inside = {drop.id: drop.packs for drop in pool.drops if (pool.item, drop.claim) in claims}
            for lane in pool.lanes:
                wanted[lane.lot] += inside.get(lane.drop, 0)
            for lot in pool.lots:
                by_site[lot.site] += min(lot.packs - lot.immovable_packs, wanted[lot.id]) * pool.unit_volume
        return sum(min(volume, limits.get(site, volume)) for site, volume in by_site.items())


def _fill(group: tuple[list[Key], int], volumes: Mapping[Key, int]) -> Fraction:
    return Fraction(group[1], sum(volumes[key] for key in group[0]))


def _worth(packs: int, ratios: set[tuple[int, int]]) -> int:
    """How many packs of the item so many of the substitute can count as."""
    whole = len(ratios) == 1
    return max(packs // taken * counts if whole else packs * counts // taken for taken, counts in ratios)


def _misses(standing: Standing, rows: Rows) -> bool:
    """Whether a claim that is not set aside misses packs."""
    missing = (standing.pool.claims[at].id for at, need in enumerate(standing.need) if standing.total[at] < need)
    return any(claim not in rows.set_aside for claim in missing)


def _overdrawn(standing: Standing) -> bool:
    return min([standing.root_left, *standing.lot_left, *standing.site_left, *standing.drop_room]) < 0


def _first_fills(standing: Standing) -> dict[str, Fraction]:
    """Fills of the claims of the first tier that need something."""
    claims: Sequence[tuple[int, int]] = [(at, need) for at, need in enumerate(standing.need)]
    tiers = [claim.tier for claim in standing.pool.claims]
    first = min(tiers, default=0)
    return {
        standing.pool.claims[at].id: Fraction(min(standing.total[at], need), need)
        for at, need in claims
        if need and tiers[at] == first
    }


def _evenly(pool: Pool | CompactPool, *, all_of_it: bool) -> dict[Key, Fraction]:
    """All that may leave, divided evenly among the first tier (`all_of_it`: substitutes may bring the rest)."""
    tier = min((claim.tier for claim in pool.claims), default=0)
    needs = pool.needs()
    first = {claim.id: needs[claim.id] for claim in pool.claims if claim.tier == tier and needs[claim.id]}
    packs = min(pool.shareable_packs, sum(lot.packs - lot.immovable_packs for lot in pool.lots))
    fill = Fraction(1) if all_of_it else min(Fraction(1), Fraction(packs, sum(first.values()) or 1))
    return {(pool.item, claim): fill for claim in first}
