"""Computing a plan in a thread of this process for a job that any process tells of.

A job is a row. The worker that takes it up writes how far it is and that it lives, and looks for the wish that it
end; who asks any worker reads the row. A process that dies leaves a job that is lost once it has been silent for a
while, and nothing else: a plan is stored in one transaction at the end.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, Final
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, update

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation import operations, planning
from stockpile.allocation.computing import operations as jobs
from stockpile.allocation.computing.tables import CANCEL, CANCELLED, DONE, FAILED, KEEP, RUNNING, PlanJob
from stockpile.allocation.planning import Watch
from stockpile.allocation.tables import Plan
from stockpile.db import rows_changed, transact
from stockpile.errors import Refusal

LOOKS_EVERY: Final = 0.25
"""Seconds between two looks at the row."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be computed, within how long, and the machine's clock, by which workers are heard."""

    number: int
    surge: int
    limit_seconds: float
    clock: Callable[[], datetime]


@dataclass(slots=True)
class _Work:
    """A job in this process: how far it is, and whether somebody wants it to end."""

    number: int
    surge: int
    clock: Callable[[], datetime]
    done: int = 0
    of: int = 0
    cancelled: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    folder: Path = field(default_factory=lambda: Path(mkdtemp(prefix="stockpile-plan-")))

    @property
    def enough(self) -> Path:
        """The file whose presence tells the solver to make a plan of what is shared by then."""
        return self.folder / "enough"

    def heard(self, done: int, of: int) -> None:
        """So many of so many items are shared."""
        self.done, self.of = done, of


def take_up(engine: Engine, act: Act, job: Job) -> None:
    """Compute the job in a thread of its own, unless another worker does."""
    worker = uuid4().hex
    if transact(engine, lambda session: jobs.take_up(session, number=job.number, worker=worker, now=job.clock())):
        work = _Work(job.number, job.surge, job.clock)
        threading.Thread(target=_run, args=(engine, act, work, job.limit_seconds), name="plan", daemon=True).start()


def _run(engine: Engine, act: Act, work: _Work, limit_seconds: float) -> None:
    """Compute and store; whatever ends it is told by the job."""
    with ThreadPoolExecutor(2, thread_name_prefix="plan") as pool:
        watching = pool.submit(_watch, engine, work)
        computing = pool.submit(_computed, engine, act, work, limit_seconds)
        failure = computing.exception()
        work.over.set()
        watching.exception()
    rmtree(work.folder, ignore_errors=True)
    if failure is not None:
        transact(engine, lambda session: _write(session, work, **_why(work, failure)))


def _watch(engine: Engine, work: _Work) -> None:
    """Say again and again that the worker lives and how far it is, and look whether it is to end."""
    while not work.over.wait(LOOKS_EVERY):
        try:
            wish = transact(engine, lambda session: _look(session, work))
        except OperationalError:
            log.warning("plan job %s could not say that it lives; it is tried again", work.number)
            continue
        if wish == CANCEL:
            work.cancelled.set()
        elif wish == KEEP:
            work.enough.touch()


def _look(session: Session, work: _Work) -> str:
    wish = jobs.found(session, work.number).wish
    _write(session, work, heard_at=work.clock())
    return wish


def _write(session: Session, work: _Work, **fields: Any) -> bool:
    """Write on the job as long as it runs; whether it does."""
    changed = update(PlanJob).where(col(PlanJob.id) == work.number, col(PlanJob.state) == RUNNING)
    return rows_changed(session, changed.values(done=work.done, items=work.of, **fields)) == 1


def _why(work: _Work, failure: BaseException) -> dict[str, str]:
    """The end of a job without a plan."""
    if isinstance(failure, planning.Ended):
        return {"state": CANCELLED}
    if isinstance(failure, Refusal):
        return {"state": FAILED, "problem": json.dumps(http.plain(http.problem_of(failure)))}
    fault = uuid4().hex[:12]
    log.error("fault %s in plan job %s", fault, work.number, exc_info=failure)
    detail = f"something failed on our side; it is logged as {fault}. Nothing was changed."
    return {"state": FAILED, "problem": json.dumps(http.problem(500, code="fault", detail=detail))}


def _computed(engine: Engine, act: Act, work: _Work, limit_seconds: float) -> None:
    watch = Watch(work.heard, work.cancelled, work.enough)
    made = planning.draft(engine, act, surge_id=work.surge, limit_seconds=limit_seconds, watch=watch)

    def store(session: Session) -> Plan:
        operations.lapse(session, act)
        plan = planning.store(session, act, made=made)
        told = {"plan_id": plan.id, "proven": plan.kept, "bound": plan.bound}
        if not _write(session, work, state=DONE, heard_at=work.clock(), **told):
            raise planning.Ended(f"plan job {work.number} was given up while it was computed", surge=work.surge)
        return plan

    transact(engine, store)
