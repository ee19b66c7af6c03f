"""What would happen if, where a problem names policies or the question is what another policy would give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from optimizer.allocation.plan import Plan
from optimizer.allocation.problem import CompactPool, ItemPolicy, Pool, Problem
from optimizer.allocation.whatif import Answer, Change, changed_problem, rerun
from optimizer.sharing.deciding import sharer


@dataclass(frozen=True, slots=True)
class Supposition:
    """A problem with its plan, what would be otherwise, and by which policies (None: as the problem has them)."""

    problem: Problem
    plan: Plan
    changes: tuple[Change, ...]
    policies: tuple[ItemPolicy, ...] | None = None


def suppose(one: Supposition, *, progress: Callable[[int, int], object] | None = None) -> Answer:
    """The plan as it would be, and what it shifts; only what the changes touch is shared again.

    Raises ProblemError where a change names what the problem does not hold, or substitutes meet policies;
    PolicyError where a policy weighs a fact that is missing.
    """
    changed = changed_problem(one.problem, one.changes)
    if one.policies is not None:
        named = {policy.item for policy in one.policies}
        pools = tuple(_unpromised(pool) if pool.item in named else pool for pool in changed.pools)
        changed = replace(changed, pools=pools, policies=one.policies)
    answer = rerun(one.problem, one.plan, changed, share_one=sharer(changed))
    if progress is not None:
        progress(len(answer.again), len(answer.again))
    return answer


def _unpromised(pool: Pool | CompactPool) -> Pool | CompactPool:
    """The pool without promises of its own: a policy knows entitlements as facts."""
    if isinstance(pool, CompactPool):
        return pool
    return replace(pool, claims=tuple(replace(one, entitled_packs=0, protected_packs=0) for one in pool.claims))
