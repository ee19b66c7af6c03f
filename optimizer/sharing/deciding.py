"""Sharing a problem that names policies: items with one by it, on the network of lanes, the others by the fair rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from optimizer.allocation.compact import spread
from optimizer.allocation.model import share_pool
from optimizer.allocation.plan import CompactPlan, Plan, PoolPlan
from optimizer.allocation.problem import CompactPool, ItemPolicy, Pool, Problem
from optimizer.allocation.timed import Timed, share_timed
from optimizer.sharing.network import Facts, Ground
from optimizer.sharing.policy import policy_from_json


def decide(timed: Timed, *, progress: Callable[[int, int], object] | None = None) -> Plan:
    """The plan of a problem with or without policies, within its seconds: `timed.share_timed`.

    Raises PolicyError where a policy cannot be read or weighs a fact that is missing, ProblemError as `share_timed`.
    """
    return share_timed(timed, progress=progress, share_one=sharer(timed.problem))


def sharer(problem: Problem) -> Callable[[Pool | CompactPool], PoolPlan | CompactPlan]:
    """How one item of the problem is shared: by its policy, or by the fair rule."""
    policies = {one.item: one for one in problem.policies}

    def share_one(pool: Pool | CompactPool) -> PoolPlan | CompactPlan:
        named = policies.get(pool.item)
        return share_pool(pool) if named is None else shared_by(pool, named)

    return share_one


def shared_by(pool: Pool | CompactPool, named: ItemPolicy) -> PoolPlan:
    """The plan of one item under its policy; it has no bottlenecks, which belong to the fair rule."""
    ground = Ground(spread(pool), facts_of(named))
    shares = ground.share(policy_from_json(named.policy), seed=named.seed or None)
    return PoolPlan(pool.item, ground.lines(shares), shares.set_aside, ())


def facts_of(named: ItemPolicy) -> Facts:
    """The facts as rules weigh them; a figure that is not known (0) is left to the rule's own default."""
    return {
        fact.claim: _known(people=fact.people, requested=fact.requested, entitled=fact.entitled) for fact in named.facts
    }


def _known(**figures: int) -> dict[str, Any]:
    return {name: figure for name, figure in figures.items() if figure}
