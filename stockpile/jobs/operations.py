"""Jobs: each does its work for a due slot once, however many processes try."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from stockpile import bulk, idempotency
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.reservations import operations as reservations
from stockpile.db import reading, transact
from stockpile.errors import NotFound
from stockpile.governance import operations as accounts
from stockpile.governance import queries as governance
from stockpile.governance.committee import operations as committee
from stockpile.governance.rules import SCHEDULER, require
from stockpile.inventory.periods import queries as storeroom
from stockpile.inventory.periods.rules import REPLY_DAYS
from stockpile.jobs.tables import JobRun
from stockpile.reorder import operations as reorder
from stockpile.transparency.privacy import operations as privacy
from stockpile.transparency.publishing import operations as publishing

SCHEDULER_ACCOUNT = SCHEDULER


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run. `again`: the slot had been done before, and nothing was changed now."""

    job: str
    slot: str
    again: bool
    outcome: dict[str, Any]


class UnknownJob(NotFound):
    """There is no job of this name."""

    code = "unknown_job"


def run(engine: Engine, act: Act, *, job: str, limit_seconds: float, due: datetime | None = None) -> Ran:
    """Run a job for the slot that `act.at` falls in (SLOTS); a slot done before changes nothing.

    `due`: an earlier instant whose slot was missed; the outcome then says so.
    """
    if job not in JOBS:
        raise UnknownJob(f"there is no job {job}; jobs are {', '.join(JOBS)}", field="job", value=job)
    require(act.actor, f"{job}.run")
    with reading(engine) as session:
        slot = SLOTS[job](session, due or act.at)
        done = session.get(JobRun, (job, slot))
    if done is not None:
        return Ran(job, slot, again=True, outcome=json.loads(done.outcome))
    started = time.monotonic()
    effects = JOBS[job](engine, act, slot, limit_seconds)
    try:
        outcome = transact(
            engine, lambda session: _claim(session, act, ran=(job, slot), started=started, effects=_said(effects, due))
        )
    except _DoneBefore:
        with reading(engine) as session:
            stored = session.get_one(JobRun, (job, slot))
            return Ran(job, slot, again=True, outcome=json.loads(stored.outcome))
    return Ran(job, slot, again=False, outcome=outcome)


def missed(session: Session, *, job: str, due: datetime) -> bool:
    """Whether the slot of `due` was not run, and an earlier one was: the service was away when it came due."""
    slot = SLOTS[job](session, due)
    if session.get(JobRun, (job, slot)) is not None:
        return False
    earlier = select(JobRun.slot).where(JobRun.job == job, JobRun.slot < slot).limit(1)
    return session.exec(earlier).first() is not None


def _said(effects: Effects, due: datetime | None) -> Effects:
    """The effects; where they come late, the outcome says when they were due."""
    if due is None:
        return effects
    return lambda session: {**effects(session), "missed": f"due on {due.isoformat()}, run when the service came back"}


def runs(session: Session, *, after: str = "", limit: int | None = None) -> list[JobRun]:
    """Runs, newest slot first; `after`: only those that follow the one of that SLOT/JOB."""
    query = select(JobRun).order_by(col(JobRun.slot).desc(), col(JobRun.job)).limit(limit)
    slot, _, job = after.partition("/")
    older = (col(JobRun.slot) < slot) | ((col(JobRun.slot) == slot) & (col(JobRun.job) > job))
    return list(session.exec(query.where(older) if after else query))


Effects = Callable[[Session], dict[str, Any]]


class _DoneBefore(Exception):
    """Another process claimed the slot first: nothing of this run remains."""


def _claim(session: Session, act: Act, *, ran: tuple[str, str], started: float, effects: Effects) -> dict[str, Any]:
    job, slot = ran
    row = {
        "job": job,
        "slot": slot,
        "actor_id": act.actor.id,
        "effective_at": act.at,
        "recorded_at": act.recorded_at,
        "seconds_ms": 0,
        "outcome": "{}",
    }
    if not bulk.insert(session, JobRun, [row], give=("job",), skip_taken=True):
        raise _DoneBefore
    claim = session.get_one(JobRun, ran)
    outcome = effects(session)
    claim.outcome, claim.seconds_ms = json.dumps(outcome), int((time.monotonic() - started) * 1000)
    session.add(claim)
    return outcome


def _reorder(engine: Engine, act: Act, slot: str, limit_seconds: float) -> Effects:
    with reading(engine) as session:
        unmet = allocation.unmet(session, at=act.at)
    made = reorder.draft(engine, act, unmet=unmet, limit_seconds=limit_seconds)

    def effects(session: Session) -> dict[str, Any]:
        calloffs = reorder.propose(session, act, made=made, slot=slot)
        return {
            "calloffs": [calloff.id for calloff in calloffs],
            "lines": len(made.plan.lines),
            "spend_minor": made.plan.spend_minor,
            "status": made.plan.status,
            "left_out": [[row.item, row.reason] for row in made.plan.left_out],
            "note": made.note,
        }

    return effects


def _reservations(_engine: Engine, act: Act, _slot: str, _limit_seconds: float) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        released = reservations.expire(session, act)
        return {
            "lines": len(released),
            "quantity": sum(one.quantity for one in released),
            "transfers": sorted({one.transfer for one in released}),
        }

    return effects


def _forgetting(_engine: Engine, act: Act, _slot: str, _limit_seconds: float) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        days = storeroom.figure(session, REPLY_DAYS)
        before = act.recorded_at - timedelta(days=days)
        replies = idempotency.forget(session, before=before)
        return {"days": days, "replies": replies, "sign_ins": accounts.forget_tokens(session, before=before)}

    return effects


def _publications(_engine: Engine, act: Act, _slot: str, _limit_seconds: float) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        published = publishing.publish_due(session, act)
        return {"plans": [one.plan_id for one in published], "erased": privacy.erase_due(session, act)}

    return effects


def _committee(_engine: Engine, act: Act, _slot: str, _limit_seconds: float) -> Effects:
    def effects(session: Session) -> dict[str, Any]:
        return {"closed": [[one.id, one.state] for one in committee.close_due(session, act)]}

    return effects


def _day(session: Session, at: datetime) -> str:
    return governance.local_day(session, at).isoformat()


def _hour(_session: Session, at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H}Z"


JOBS: dict[str, Callable[[Engine, Act, str, float], Effects]] = {
    "reorder": _reorder,
    "reservations": _reservations,
    "forgetting": _forgetting,
    "publications": _publications,
    "committee": _committee,
}
SLOTS: dict[str, Callable[[Session, datetime], str]] = {
    "reorder": _day,
    "reservations": _hour,
    "forgetting": _day,
    "publications": _hour,
    "committee": _hour,
}
"""When a job's slot begins anew: with the region's local day, or with every hour (UTC)."""
