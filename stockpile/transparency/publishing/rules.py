"""The public form of a problem and its plan: stock of many depots told as one, and still provably fair.

Lots are summed into blocks of depots, and a block reaches whatever any of its lots reaches. That only widens what
could be done: a plan that nobody can better in the wider problem cannot be bettered in the true one either. So a
plan that `python -m optimizer check` accepts here is fair indeed; where the wider problem would allow better, it is
not accepted here, and the caller takes other blocks or withholds the item. Ways and expiry dates do not differ in
the public form, hence the order of lots is not judged in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from optimizer.allocation.check import check
from optimizer.allocation.plan import BEST, FAIR, Bottleneck, Line, Plan, PoolPlan
from optimizer.allocation.problem import Buffer, Lane, Lot, Picked, Pool, Problem
from stockpile.transparency.redaction import rules as redaction

NO_DATE: Final = date(9999, 12, 31)
"""Stands in the place of every expiry date: the format asks for one."""

CONTROLLED: Final = "controlled drug: what lies or goes where is not told"
SHARED_LIMITS: Final = "its transport or storage is shared with other items, site by site"
STOOD_IN: Final = "other items stood in for it, lot by lot"
SITE_WOULD_SHOW: Final = "its stock cannot be told without the stock of a single site"
NOT_PROVABLE: Final = "its fairness cannot be shown without telling which site reaches whom; auditors have the proof"

CHANGED: Final = "people changed lines of it afterwards: the files show what was computed, the tables what was given"
REASONS: Final = (CONTROLLED, SHARED_LIMITS, STOOD_IN, SITE_WOULD_SHOW, NOT_PROVABLE, CHANGED)


@dataclass(frozen=True, slots=True)
class Withheld:
    """An item that is not in the public files as it was carried out, and why."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublicPlan:
    """A public problem and its plan; `blocks` (which is not published) names the depots of each block by item."""

    problem: Problem
    plan: Plan
    withheld: tuple[Withheld, ...]
    blocks: dict[str, dict[str, list[str]]]


def public_plan(
    problem: Problem,
    plan: Plan,
    *,
    countries: Mapping[str, str],
    controlled: frozenset[str],
    told: Mapping[str, Iterable[Iterable[str]]],
) -> PublicPlan:
    """The public form. `countries`: of each depot; `told`: the groups of depots published for an item before."""
    kept: list[tuple[Pool, PoolPlan]] = []
    withheld: list[Withheld] = []
    blocks: dict[str, dict[str, list[str]]] = {}
    touched, swapped = _touched(plan), {one.item for one in plan.swaps}
    if problem.shared_limits() and plan.method == BEST:
        plan = replace(plan, method=FAIR)
    for pool, shares in zip(problem.pools, plan.pools, strict=True):
        if pool.item in controlled:
            withheld.append(Withheld(pool.item, CONTROLLED))
        elif pool.item in swapped:
            withheld.append(Withheld(pool.item, STOOD_IN))
        elif pool.item in touched or not isinstance(pool, Pool) or not isinstance(shares, PoolPlan):
            withheld.append(Withheld(pool.item, SHARED_LIMITS))
        else:
            found = _told(pool, shares, plan, countries=countries, before=told.get(pool.item, ()))
            if isinstance(found, Withheld):
                withheld.append(found)
            else:
                kept.append((found[0], found[1]))
                blocks[pool.item] = found[2]
    public = Problem(problem.rule, tuple(pool for pool, _ in kept))
    answer = Plan(plan.rule, plan.method, public.digest(), tuple(shares for _, shares in kept))
    return PublicPlan(public, answer, tuple(withheld), blocks)


def _touched(plan: Plan) -> set[str]:
    """Items that limits shared with others gave other shares than they would have alone."""
    return set() if plan.bound is None or plan.bound.unshared else {one.item for one in plan.bound.relaxed}


def _told(
    pool: Pool, shares: PoolPlan, plan: Plan, *, countries: Mapping[str, str], before: Iterable[Iterable[str]]
) -> tuple[Pool, PoolPlan, dict[str, list[str]]] | Withheld:
    """The item in the finest blocks that give no site away and that the checker accepts."""
    reason = SITE_WOULD_SHOW
    known = [list(group) for group in before]
    for block_of in (redaction.blocks(countries), dict.fromkeys(countries, redaction.WHOLE_REGION)):
        groups: dict[str, list[str]] = defaultdict(list)
        for site, block in sorted(block_of.items()):
            groups[block].append(site)
        if redaction.smallest_atom([*known, *groups.values()]) < redaction.FEWEST_SITES:
            continue
        wide, answer = _summed(pool, shares, block_of)
        if _accepted(wide, answer, plan):
            return wide, answer, dict(groups)
        reason = NOT_PROVABLE
    return Withheld(pool.item, reason)


def _accepted(pool: Pool, shares: PoolPlan, plan: Plan) -> bool:
    alone = Problem(plan.rule, (pool,))
    verdict = check(alone, Plan(plan.rule, plan.method, alone.digest(), (shares,)))
    return verdict.fair or (verdict.feasible and plan.method != "leximin")


def _summed(pool: Pool, shares: PoolPlan, block_of: Mapping[str, str]) -> tuple[Pool, PoolPlan]:
    """The pool and its shares with every lot in its block."""
    home = {lot.id: block_of[lot.site] for lot in pool.lots}
    packs: dict[str, int] = defaultdict(int)
    stay: dict[str, int] = defaultdict(int)
    for lot in pool.lots:
        packs[home[lot.id]] += lot.packs
        stay[home[lot.id]] += lot.immovable_packs
    buffers: dict[str, int] = defaultdict(int)
    for one in pool.buffers:
        buffers[block_of[one.site]] += one.packs
    picked: dict[tuple[str, str], int] = defaultdict(int)
    for chosen in pool.picked:
        picked[home[chosen.lot], chosen.drop] += chosen.packs
    wide = Pool(
        item=pool.item,
        shareable_packs=min(pool.shareable_packs, sum(packs.values())),
        lots=tuple(Lot(block, block, NO_DATE, count, stay[block]) for block, count in sorted(packs.items())),
        claims=pool.claims,
        drops=pool.drops,
        lanes=tuple(Lane(block, drop, 0) for block, drop in sorted({(home[w.lot], w.drop) for w in pool.lanes})),
        buffers=tuple(Buffer(block, count) for block, count in sorted(buffers.items())),
        picked=tuple(Picked(block, drop, count) for (block, drop), count in sorted(picked.items())),
    )
    lines: dict[tuple[str, str], int] = defaultdict(int)
    for line in shares.lines:
        lines[home[line.lot], line.drop] += line.packs
    told = tuple(Line(block, drop, count) for (block, drop), count in sorted(lines.items()))
    return wide, PoolPlan(pool.item, told, shares.set_aside, tuple(_bound(one, home) for one in shares.bottlenecks))


def _bound(one: Bottleneck, home: Mapping[str, str]) -> Bottleneck:
    """A bottleneck by blocks; where its claims are filled, what more lies there is not told."""
    lots = tuple(sorted({home[lot] for lot in one.lots}))
    return Bottleneck(one.tier, one.claims, lots, min(one.packs, one.need), one.need)
