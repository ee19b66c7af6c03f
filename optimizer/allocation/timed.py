"""Sharing item by item under a time limit, with progress: what is not shared in time gets a rule of thumb, labelled.

The plan names the unfinished items, is called `best_found`, and carries a bound: an unfinished item's claims
could at best share all that may leave, were everything within everyone's reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from optimizer.allocation.baselines import pro_rata
from optimizer.allocation.limits import within_limits
from optimizer.allocation.model import share_pool
from optimizer.allocation.plan import BEST, BY_POLICY, FAIR, Bound, CompactPlan, Plan, PoolPlan
from optimizer.allocation.problem import RULE, CompactPool, Pool, Problem, ProblemError


@dataclass(frozen=True, slots=True)
class Timed:
    """A problem and the wall seconds after which no further item is begun.

    `enough`: a file; once it is there, no further item is begun either ("" for none).
    """

    problem: Problem
    seconds: float
    enough: str = ""


def share_timed(
    timed: Timed,
    *,
    progress: Callable[[int, int], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
    cancelled: Callable[[], bool] = lambda: False,
    share_one: Callable[[Pool | CompactPool], PoolPlan | CompactPlan] = share_pool,
) -> Plan:
    """The fair plan where the time suffices; else the best so far, with its bound.

    `share_one` shares an item; another than the rule's own comes with a problem that names policies.
    `progress` hears of every item done; `cancelled` is asked before every item. With limits that items share,
    unfinished items leave these to the rule of thumb, and ProblemError is raised where that breaks them.
    """
    problem = timed.problem
    if problem.rule != RULE:
        raise ProblemError(f"problem: the rule {problem.rule} is not known, only {RULE}")
    deadline = clock() + timed.seconds
    made: list[PoolPlan | CompactPlan] = []
    why = "time ran out"
    for pool in problem.pools:
        if cancelled() or (timed.enough and Path(timed.enough).exists()):
            why = "it was ended"
            break
        if clock() >= deadline:
            break
        made.append(share_one(pool))
        if progress is not None:
            progress(len(made), len(problem.pools))
    method = BY_POLICY if problem.policies else FAIR
    plan = Plan(rule=problem.rule, method=method, problem_digest=problem.digest(), pools=tuple(made))
    if len(made) == len(problem.pools):
        return within_limits(problem, plan) if problem.shared_limits() else plan
    return _best_so_far(problem, plan, why)


def _best_so_far(problem: Problem, plan: Plan, why: str) -> Plan:
    left = problem.pools[len(plan.pools) :]
    quick = pro_rata(replace(problem, pools=left, dispatch=(), vehicles=(), storage=(), substitutes=()))
    whole = replace(plan, pools=(*plan.pools, *quick.pools))
    if problem.shared_limits():
        whole = within_limits(problem, whole)
    reached = sorted(_fills(problem, whole))
    done = replace(problem, pools=problem.pools[: len(plan.pools)], substitutes=())
    best_done = (Fraction(1) if problem.substitutes else fill for fill in _fills(done, plan))
    pairs = list(zip(reached, sorted((*best_done, *_ceilings(left))), strict=True))
    rank = next((at for at, (mine, best) in enumerate(pairs, start=1) if mine != best), 1)
    mine, best = pairs[rank - 1]
    items = ", ".join(pool.item for pool in left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
    source = f"{why} before {items}: pro rata instead, and at best all that may leave shared evenly"
    bound = Bound(False, rank, str(mine), str(best), str(best - mine), source)
    return replace(whole, method=BEST, bound=bound)


def _fills(problem: Problem, plan: Plan) -> Iterator[Fraction]:
    """Fills of every claim of the first tier of its item."""
    for pool, rows in zip(problem.pools, plan.pools, strict=True):
        owner, total = {drop.id: drop.claim for drop in pool.drops}, dict.fromkeys(pool.needs(), 0)
        for line in rows.lines:
            total[owner[line.drop]] += line.packs
        yield from (Fraction(total[claim], need) for claim, need in _first_needs(pool))


def _first_needs(pool: Pool | CompactPool) -> list[tuple[str, int]]:
    first = min((claim.tier for claim in pool.claims), default=0)
    needs = pool.needs()
    return [(claim.id, needs[claim.id]) for claim in pool.claims if claim.tier == first and needs[claim.id]]


def _ceilings(pools: tuple[Pool | CompactPool, ...]) -> Iterator[Fraction]:
    for pool in pools:
        needs = [need for _, need in _first_needs(pool)]
        packs = min(pool.shareable_packs, sum(lot.packs - lot.immovable_packs for lot in pool.lots))
        yield from [min(Fraction(1), Fraction(packs, sum(needs)))] * len(needs)
