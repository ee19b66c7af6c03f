"""Jobs: each does its work for a due slot once, however many processes try."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.db import reading, transact
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import SCHEDULER, require
from stockpile.jobs.tables import JobRun
from stockpile.reorder import operations as reorder

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


def run(engine: Engine, act: Act, *, job: str, limit_seconds: float) -> Ran:
    """Run a job for the slot that `act.at` falls in (the region's local day); a slot done before changes nothing."""
    if job not in JOBS:
        raise UnknownJob(f"there is no job {job}; jobs are {', '.join(JOBS)}", field="job", value=job)
    require(act.actor, f"{job}.run")
    with reading(engine) as session:
        slot = governance.local_day(session, act.at).isoformat()
        done = session.get(JobRun, (job, slot))
    if done is not None:
        return Ran(job, slot, again=True, outcome=json.loads(done.outcome))
    started = time.monotonic()
    effects = JOBS[job](engine, act, slot, limit_seconds)
    try:
        outcome = transact(
            engine, lambda session: _claim(session, act, ran=(job, slot), started=started, effects=effects)
        )
    except IntegrityError:
        with reading(engine) as session:
            stored = session.get_one(JobRun, (job, slot))
            return Ran(job, slot, again=True, outcome=json.loads(stored.outcome))
    return Ran(job, slot, again=False, outcome=outcome)


def runs(session: Session) -> list[JobRun]:
    """All runs, newest slot first."""
    return list(session.exec(select(JobRun).order_by(col(JobRun.slot).desc(), col(JobRun.job))))


Effects = Callable[[Session], dict[str, Any]]


def _claim(session: Session, act: Act, *, ran: tuple[str, str], started: float, effects: Effects) -> dict[str, Any]:
    job, slot = ran
    claim = JobRun(
        job=job,
        slot=slot,
        actor_id=act.actor.id,
        effective_at=act.at,
        recorded_at=act.recorded_at,
        seconds_ms=0,
        outcome="{}",
    )
    session.add(claim)
    session.flush()
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


JOBS: dict[str, Callable[[Engine, Act, str, float], Effects]] = {"reorder": _reorder}
