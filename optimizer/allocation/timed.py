"""Sharing item by item under a time limit, with progress: what is not shared in time gets a rule of thumb, labelled.

The plan names the unfinished items, is called `best_found`, and carries a bound: an unfinished item's claims
could at best share all that may leave, were everything within everyone's reach.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from optimizer.allocation.baselines import pro_rata
from optimizer.allocation.bounds import bound_of
from optimizer.allocation.limits import within_limits
from optimizer.allocation.model import share_pool
from optimizer.allocation.plan import BEST, BY_POLICY, FAIR, CompactPlan, Plan, PoolPlan
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
        return within_limits(problem, plan, share_one) if problem.shared_limits() else plan
    return _best_so_far(problem, plan, why, share_one)


def _best_so_far(
    problem: Problem, plan: Plan, why: str, share_one: Callable[[Pool | CompactPool], PoolPlan | CompactPlan]
) -> Plan:
    left = problem.pools[len(plan.pools) :]
    unlimited = replace(problem, dispatch=(), vehicles=(), storage=(), substitutes=(), policies=())
    quick = pro_rata(replace(unlimited, pools=left))
    whole = replace(plan, pools=(*plan.pools, *quick.pools))
    names = tuple(pool.item for pool in left)
    items = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    cut = f"{why} before {items}: pro rata instead, and at best all that may leave shared evenly"
    if not problem.shared_limits():
        bound = bound_of(problem, (whole.pools, ()), whole.pools, unshared=names, cut=cut)
        return replace(whole, method=BEST, bound=bound)
    kept = within_limits(problem, whole, share_one, unshared=names)
    if kept.bound is None or kept.bound.proven or not kept.bound.unshared:
        bound = bound_of(problem, (kept.pools, kept.swaps), whole.pools, unshared=names, cut=cut)
        return replace(kept, method=BEST, bound=bound)
    return replace(kept, method=BEST, bound=replace(kept.bound, source=cut))
