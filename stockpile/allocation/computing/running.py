"""Computing plans beside what else this process serves: one per surge, told by number for as long as it runs.

What is being computed lives in this process alone: a restart forgets it, and nothing is lost but the computing, for a
plan is stored in one transaction at the end. Who asks for a surge whose plan is being computed gets that one's number.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final
from uuid import uuid4
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation import operations, planning
from stockpile.allocation.planning import Watch
from stockpile.allocation.tables import Plan
from stockpile.db import transact
from stockpile.errors import Conflict, NotFound, Refusal

RUNNING, DONE, CANCELLED, FAILED = "running", "done", "cancelled", "failed"
MOST_KEPT: Final = 200
MOST_AT_ONCE: Final = 2
log = logging.getLogger(__name__)


class UnknownJob(NotFound):
    """This process computes, and computed of late, no plan of this number."""

    code = "unknown_plan_job"


class JobEnded(Conflict):
    """The plan is computed, or will not be."""

    code = "plan_job_ended"


class TooManyJobs(Conflict):
    """As many plans are being computed as may be at a time."""

    code = "too_many_plan_jobs"


@dataclass(slots=True)
class Job:
    """A plan being computed: `done` of `of` items are shared so far.

    At the end `plan` is its number, `proven` whether it is what its rules say, `bound` how far from that a plan may
    be that was cut short; `problem`: why there is no plan, as problem details.
    """

    number: int
    surge: int
    asked_at: datetime
    state: str = RUNNING
    done: int = 0
    of: int = 0
    plan: int | None = None
    proven: bool | None = None
    bound: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    folder: Path = field(default_factory=lambda: Path(mkdtemp(prefix="stockpile-plan-")))

    @property
    def enough(self) -> Path:
        """The file whose presence tells the solver to make a plan of what is shared by then."""
        return self.folder / "enough"

    def told(self) -> dict[str, Any]:
        """The job for who asks how far it is."""
        names = ("number", "surge", "asked_at", "state", "done", "of", "plan", "proven", "bound", "problem")
        return {name: getattr(self, name) for name in names}


class Jobs:
    """The plans that this process computes, and those of late."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: OrderedDict[int, Job] = OrderedDict()

    def begin(self, engine: Engine, act: Act, *, surge: int, limit_seconds: float) -> Job:
        """Compute a plan of the surge in a thread of its own; if one is being computed, that one."""
        with self._lock:
            running = [job for job in self._jobs.values() if job.state == RUNNING]
            found = next((job for job in running if job.surge == surge), None)
            if found is not None:
                return found
            if len(running) >= MOST_AT_ONCE:
                raise TooManyJobs(f"{len(running)} plans are being computed: ask again when one has ended")
            job = Job(max(self._jobs, default=0) + 1, surge, act.recorded_at)
            self._jobs[job.number] = job
            while len(self._jobs) > MOST_KEPT:
                self._jobs.popitem(last=False)
        thread = threading.Thread(target=_run, args=(engine, act, job, limit_seconds), name="plan", daemon=True)
        thread.start()
        return job

    def job(self, number: int) -> Job:
        """One of them; refuses an unknown number."""
        with self._lock:
            found = self._jobs.get(number)
        if found is None:
            raise UnknownJob(f"no plan with the number {number} is being computed here", field="job", value=number)
        return found

    def end(self, number: int, *, keep: bool) -> Job:
        """End it now, or (`keep`) with the best plan so far; refuses one that has ended."""
        job = self.job(number)
        if job.state != RUNNING:
            raise JobEnded(f"plan job {number} is {job.state}", state=job.state, plan=job.plan)
        if keep:
            job.enough.touch()
        else:
            job.cancelled.set()
        return job


def _run(engine: Engine, act: Act, job: Job, limit_seconds: float) -> None:
    """Compute and store; whatever ends it is told by the job."""
    with ThreadPoolExecutor(1, thread_name_prefix="plan") as alone:
        failure = alone.submit(_computed, engine, act, job, limit_seconds).exception()
    rmtree(job.folder, ignore_errors=True)
    if failure is None:
        job.state = DONE
    elif isinstance(failure, planning.Ended):
        job.state = CANCELLED
    elif isinstance(failure, Refusal):
        job.problem, job.state = http.problem_of(failure), FAILED
    else:
        fault = uuid4().hex[:12]
        log.error("fault %s in plan job %s", fault, job.number, exc_info=failure)
        detail = f"something failed on our side; it is logged as {fault}. Nothing was changed."
        job.problem, job.state = http.problem(500, code="fault", detail=detail), FAILED


def _computed(engine: Engine, act: Act, job: Job, limit_seconds: float) -> None:
    def heard(done: int, of: int) -> None:
        job.done, job.of = done, of

    watch = Watch(heard, job.cancelled, job.enough)
    made = planning.draft(engine, act, surge_id=job.surge, limit_seconds=limit_seconds, watch=watch)

    def work(session: Session) -> Plan:
        operations.lapse(session, act)
        return planning.store(session, act, made=made)

    plan = transact(engine, work)
    job.plan, job.proven, job.bound = plan.id, plan.kept, json.loads(plan.bound or "null")


_known: WeakKeyDictionary[Engine, Jobs] = WeakKeyDictionary()


def jobs_of(engine: Engine) -> Jobs:
    """The plans that are computed for this database in this process."""
    return _known.setdefault(engine, Jobs())
