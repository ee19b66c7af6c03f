"""Plan jobs as rows: asked for, ended, and told; which worker computes them is nobody's business."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, func, select, update

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import operations
from stockpile.allocation.computing.tables import CANCEL, KEEP, LOST, RUNNING, PlanJob
from stockpile.db import rows_changed
from stockpile.errors import Conflict, NotFound
from stockpile.governance.rules import require
from stockpile.governance.tables import Region

MOST_AT_ONCE: Final = 2
SILENT: Final = timedelta(seconds=30)
"""A worker that has written nothing for so long is taken to be gone, and its job to be lost."""


class UnknownJob(NotFound):
    """No plan job has this number."""

    code = "unknown_plan_job"


class JobEnded(Conflict):
    """The plan is computed, or will not be."""

    code = "plan_job_ended"


class TooManyJobs(Conflict):
    """As many plans are being computed as may be at a time."""

    code = "too_many_plan_jobs"


def begin(session: Session, act: Act, *, surge: int, now: datetime) -> PlanJob:
    """A job for the surge: the one that runs already, or a new one that waits for a worker to take it up.

    `now` is the machine's clock, by which workers are heard. Refuses a surge that is not open, and too many at once.
    """
    require(act.actor, "plan.compute")
    operations.open_surge(session, surge, at=act.at)
    session.exec(select(Region.id).with_for_update()).all()
    gone = update(PlanJob).where(col(PlanJob.state) == RUNNING, col(PlanJob.heard_at) < now - SILENT)
    session.execute(gone.values(state=LOST))
    running = session.exec(select(PlanJob).where(PlanJob.state == RUNNING).order_by(col(PlanJob.id))).all()
    found = next((job for job in running if job.surge_id == surge), None)
    if found is not None:
        return found
    if len(running) >= MOST_AT_ONCE:
        raise TooManyJobs(f"{len(running)} plans are being computed: ask again when one has ended")
    job = PlanJob(surge_id=surge, asked_at=act.recorded_at, asked_by=act.actor.id, heard_at=now)
    session.add(job)
    session.flush()
    journal.record(session, act, action="plan_job.begin", subject=f"plan-job:{job.id}", payload={"surge": surge})
    return job


def end(session: Session, act: Act, *, number: int, keep: bool, now: datetime) -> PlanJob:
    """Ask its worker to end it now, or (`keep`) with the best plan so far; refuses one that has ended."""
    require(act.actor, "plan.compute")
    job = found(session, number)
    if state_of(job, now) != RUNNING:
        raise JobEnded(f"plan job {number} is {state_of(job, now)}", state=state_of(job, now), plan=job.plan_id)
    job.wish = KEEP if keep and job.wish != CANCEL else CANCEL
    session.add(job)
    payload = {"surge": job.surge_id, "wish": job.wish}
    journal.record(session, act, action="plan_job.end", subject=f"plan-job:{number}", payload=payload)
    return job


def take_up(session: Session, *, number: int, worker: str, now: datetime) -> bool:
    """Whether this worker is the one that computes the job."""
    claim = update(PlanJob).where(col(PlanJob.id) == number, col(PlanJob.worker) == "", col(PlanJob.state) == RUNNING)
    return rows_changed(session, claim.values(worker=worker, heard_at=now)) == 1


def found(session: Session, number: int) -> PlanJob:
    """One job; refuses an unknown number."""
    job = session.get(PlanJob, number, populate_existing=True)
    if job is None:
        raise UnknownJob(f"there is no plan job {number}", field="job", value=number)
    return job


def state_of(job: PlanJob, now: datetime) -> str:
    """The state, or that its worker has not been heard for too long."""
    return LOST if job.state == RUNNING and job.heard_at < now - SILENT else job.state


def running(session: Session, *, now: datetime) -> int:
    """How many plans are being computed by workers that are heard of."""
    alive = select(func.count()).where(col(PlanJob.state) == RUNNING, col(PlanJob.heard_at) >= now - SILENT)
    return session.exec(alive).one()


def told(job: PlanJob, now: datetime) -> dict[str, Any]:
    """The job for who asks how far it is."""
    state = state_of(job, now)
    problem = json.loads(job.problem or "null")
    if state == LOST:
        detail = "the process that computed it has not been heard of; nothing was stored. Begin again."
        problem = {"title": "plan job lost", "detail": detail}
    return {
        "number": job.id,
        "surge": job.surge_id,
        "asked_at": job.asked_at,
        "state": state,
        "done": job.done,
        "of": job.items,
        "plan": job.plan_id,
        "proven": job.proven,
        "bound": json.loads(job.bound or "null"),
        "problem": problem,
    }
