"""From an open surge to a stored plan: computed without locks, checked by the independent checker, explained.

If not every item can be shared in time, the plan is the best so far, labelled and
with its bound; where nothing arrives at all, or the checker does not accept it, a
labelled pro-rata plan is stored instead, with the reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, col, update

from optimizer.allocation import baselines
from optimizer.allocation import check as checker
from optimizer.allocation.conflict import Conflict as Contradiction
from optimizer.allocation.conflict import conflicts
from optimizer.allocation.explain import Link, explain_pool
from optimizer.allocation.limits import kept_within
from optimizer.allocation.plan import BEST, BY_POLICY, FAIR, Plan
from optimizer.allocation.timed import Timed
from optimizer.sharing.deciding import decide
from optimizer.sharing.policy import policy_from_json
from optimizer.solver import run_limited
from optimizer.versions import versions
from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import meaning, operations, queries, rules, snapshot
from stockpile.allocation.meaning import Draft
from stockpile.allocation.policies.rules import InForce
from stockpile.allocation.snapshot import Snapshot
from stockpile.allocation.tables import Plan as StoredPlan
from stockpile.db import reading
from stockpile.errors import Conflict
from stockpile.governance import queries as governance
from stockpile.governance.rules import require

__all__ = ["Draft"]

SOLVING: Final = 0.8
"""This part of the time is for sharing items one by one; the rest is for beginning, and for telling the answer."""


class NothingToShare(Conflict):
    """No validated request is open."""

    code = "nothing_to_share"


class PromisesConflict(Conflict):
    """Promises to members cannot all be kept with what may leave; the facts name the smallest sets and the way out."""

    code = "promises_conflict"


def refuse_conflicts(session: Session, taken: Snapshot) -> None:
    """Refuse to plan where entitlements cannot all be kept; quantities in base units."""
    found = conflicts(taken.problem)
    if not found:
        return
    names = {code: member.name for code, member in governance.members(session).items()}
    told = [_conflict(one, taken.items[one.item].pack_size, names) for one in found]
    raise PromisesConflict("; ".join(one["sentence"] for one in told[:3]), conflicts=told)


def _conflict(one: Contradiction, pack_size: int, names: Mapping[str, str]) -> dict[str, Any]:
    """A conflict of the optimizer in base units, with the names of the members."""

    def said(claim: str) -> str:
        member, _, tier = claim.partition("/")
        return f"{names[member]} (priority {tier})"

    cuts = [{"member": claim.partition("/")[0], "less": packs * pack_size} for claim, packs in one.cuts]
    lower = ", ".join(f"{said(claim)} by {packs * pack_size:,}" for claim, packs in one.cuts)
    bound = f" ({', '.join(one.limits)}, counted in packs of {pack_size:,})" if one.limits else ""
    sentence = (
        f"{one.item}: {one.floors * pack_size:,} are promised to {', '.join(map(said, one.claims))}, and only "
        f"{one.reachable * pack_size:,} may leave and reach them{bound}. Lower the entitlement of {lower}, or bring "
        f"{one.missing * pack_size:,} more within their reach"
    )
    return {
        "item": one.item,
        "members": [claim.partition("/")[0] for claim in one.claims],
        "promised": one.floors * pack_size,
        "reachable": one.reachable * pack_size,
        "missing": one.missing * pack_size,
        "lots": list(one.lots),
        "limits": list(one.limits),
        "cuts": cuts,
        "sentence": sentence,
    }


@dataclass(frozen=True, slots=True)
class Watch:
    """Who waits for an answer: `progress` is told parts done and parts in all, in another thread; `cancel` ends it.

    `enough`: once this file is there, a plan is made of what is shared by then (None: it is never cut short).
    """

    progress: Callable[[int, int], object] | None = None
    cancel: Event | None = None
    enough: Path | None = None

    def given(self) -> dict[str, Any]:
        """What of it the solver's runner is told."""
        both = {"progress": self.progress, "cancel": self.cancel}
        return {name: value for name, value in both.items() if value is not None}


UNWATCHED: Final = Watch()


class Ended(Conflict):
    """Somebody ended the computation: nothing is stored."""

    code = "plan_ended"


def draft(engine: Engine, act: Act, *, surge_id: int, limit_seconds: float, watch: Watch = UNWATCHED) -> Draft:
    """Compute a plan for all open validated requests of a surge on one snapshot of the stock, holding no lock.

    `watch` hears of every item shared; raises Ended where it cancels.
    """
    require(act.actor, "plan.compute")
    with reading(engine) as session:
        operations.open_surge(session, surge_id, at=act.at)
        requests = queries.open_requests(session, surge_id, at=act.at)
        if not requests:
            raise NothingToShare(f"surge {surge_id} has no validated request that is still open")
        taken = snapshot.take(session, requests, at=act.at)
        refuse_conflicts(session, taken)
    return _solved(taken, surge_id=surge_id, limit_seconds=limit_seconds, watch=watch)


def _solved(taken: Snapshot, *, surge_id: int, limit_seconds: float, watch: Watch) -> Draft:
    timed = Timed(taken.problem, limit_seconds * SOLVING, enough=str(watch.enough or ""))
    outcome = run_limited(decide, timed, limit_seconds=limit_seconds, **watch.given())
    if outcome.status == "cancelled":
        raise Ended(f"the plan of surge {surge_id} was ended before it was computed", surge=surge_id)
    milliseconds = int(outcome.seconds * 1000)
    note = outcome.detail
    if outcome.value is not None:
        verdict = checker.check(taken.problem, outcome.value)
        if verdict.kept or (verdict.labelled and outcome.value.method == BEST):
            told = "; ".join(one for one in (_told(outcome.value), outcome.detail) if one)
            return Draft(surge_id, taken, outcome.value, verdict, milliseconds, told)
        note = f"the checker refused the solver's plan: {'; '.join(verdict.findings[:3])}"
    plan = kept_within(taken.problem, baselines.pro_rata(taken.problem))
    verdict = checker.check(taken.problem, plan)
    return Draft(surge_id, taken, plan, verdict, milliseconds, f"pro rata instead of the fair plan: {note}")


def _told(plan: Plan) -> str:
    """Why a plan is not the proven fair one, where it is not: what limits or time left open, and the bound."""
    if plan.bound is None:
        return ""
    if plan.bound.proven:
        return f"proven: {plan.bound.source}" if plan.method != BEST else "nobody could be filled better: proven"
    return (
        f"{plan.bound.source}; the least filled could at best be {plan.bound.at_most} instead of {plan.bound.reached}"
    )


def store(session: Session, act: Act, *, made: Draft, replaces: int | None = None) -> StoredPlan:
    """Store a computed plan with its lines, results and reasons; earlier plans that wait are superseded."""
    require(act.actor, "plan.compute")
    operations.open_surge(session, made.surge_id, at=act.at)
    earlier = queries.waiting_plan(session, made.surge_id)
    waiting = update(StoredPlan).where(
        col(StoredPlan.surge_id) == made.surge_id, col(StoredPlan.state) == rules.COMPUTED
    )
    session.exec(waiting.values(state=rules.SUPERSEDED))
    plan = _plan_row(act, made)
    plan.replaces, plan.supersedes = replaces, earlier
    session.add(plan)
    session.flush()
    assert plan.id is not None
    session.add_all(meaning.lines(plan.id, made))
    session.add_all(meaning.results(plan.id, made))
    payload = {
        "problem": plan.problem_digest,
        "plan": plan.answer_digest,
        "method": plan.method,
        "fair": plan.fair,
        "kept": plan.kept,
        "policies": plan.policies,
        "versions": plan.versions,
    }
    journal.record(
        session, act, action="plan.compute", subject=f"plan:{plan.id}", payload=payload, reason=plan.solver_note
    )
    return plan


def _plan_row(act: Act, made: Draft) -> StoredPlan:
    return StoredPlan(
        surge_id=made.surge_id,
        state=rules.COMPUTED,
        rule=_rule(made),
        method=made.plan.method,
        planned_at=made.snapshot.at,
        planned_by=act.actor.id,
        problem=made.snapshot.problem.canonical().decode(),
        problem_digest=made.snapshot.problem.digest(),
        answer=made.plan.canonical().decode(),
        answer_digest=made.plan.digest(),
        solve_ms=made.solve_ms,
        solver_note=made.note,
        feasible=made.verdict.feasible,
        fair=made.verdict.fair,
        findings="\n".join(made.verdict.findings),
        kept=made.verdict.kept,
        checked="\n".join(made.verdict.checked),
        policies=journal.canonical(_policies(made)),
        versions=versions(),
        bound=journal.canonical(made.plan.bound.told()) if made.plan.bound else "",
        chain=journal.canonical([asdict(link) for link in _chain(made)]),
    )


def _chain(made: Draft) -> Iterator[Link]:
    """The bottleneck chain of every item that is shared by the fair rule, exactly and untouched by shared limits."""
    if made.plan.method not in (FAIR, BY_POLICY, BEST):
        return
    left_out = {one.item for one in made.snapshot.problem.policies} | {one.item for one in made.plan.swaps}
    for pool, rows in zip(made.snapshot.problem.pools, made.plan.pools, strict=True):
        if pool.item not in left_out:
            yield from explain_pool(pool, rows, barred=made.snapshot.barred)


def _rule(made: Draft) -> str:
    """The sharing rules of the plan by name and version."""
    problem = made.snapshot.problem
    other = {policy_from_json(one.policy).sharing.name for one in problem.policies}
    return ", ".join([made.plan.rule] * (len(problem.policies) < len(problem.pools)) + sorted(other)) or made.plan.rule


def _policies(made: Draft) -> list[dict[str, Any]]:
    """By which policies the items are shared: name, version, digest, seed, number (None: the default), items."""
    items: dict[InForce, list[str]] = defaultdict(list)
    for item, policy in made.snapshot.policies.items():
        items[policy].append(item)
    return [
        {"name": p.name, "version": p.version, "digest": p.digest, "seed": p.seed, "number": p.number, "items": named}
        for p, named in sorted(items.items(), key=lambda row: row[0].label)
    ]
