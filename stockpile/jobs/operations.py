"""Jobs: each does its work for a due slot once, however many processes try, and every try is on record."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.counting import counts, traced
from stockpile.db import reading, transact
from stockpile.errors import Invalid, NotFound, Refusal
from stockpile.governance.rules import SCHEDULER, require
from stockpile.jobs import nightly, queries, rules
from stockpile.jobs.nightly import Effects, Job, Work
from stockpile.jobs.rules import When
from stockpile.jobs.tables import JobAttempt, JobRun, JobSchedule

SCHEDULER_ACCOUNT = SCHEDULER
HEARTBEAT_SECONDS: Final = 10
log = logging.getLogger(__name__)
runs = queries.runs


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run. `again`: the slot had been done before; `dry`: nothing was changed either way."""

    job: str
    slot: str
    again: bool
    outcome: dict[str, Any]
    dry: bool = False


class UnknownJob(NotFound):
    """There is no job of this name."""

    code = "unknown_job"


class _DoneBefore(Exception):
    """Another process claimed the slot first: nothing of this run remains."""


def find(job: str) -> Job:
    """A job by name; refuses an unknown one and names those there are."""
    if job not in nightly.JOBS:
        raise UnknownJob(f"there is no job {job}; jobs are {', '.join(nightly.JOBS)}", field="job", value=job)
    return nightly.JOBS[job]


def run(
    engine: Engine,
    act: Act,
    *,
    job: str,
    limit_seconds: float,
    due: datetime | None = None,
    dry: bool = False,
    home: Path | None = None,
) -> Ran:
    """Run a job for the slot that `act.at` falls in; a slot done before changes nothing.

    `due`: an earlier instant whose slot was missed; the outcome then says so.
    `dry`: everything is worked out, told and undone, and the slot stays open.
    `home`: the installation's data folder, for the job that seals the journal.
    """
    known = find(job)
    require(act.actor, known.right)
    with reading(engine) as session:
        slot = rules.slot(due or act.at, queries.when(session, job, known.usual))
        done = queries.claim(session, job, slot)
    if done is not None and not dry:
        return Ran(job, slot, again=True, outcome=done)
    attempt = _Attempt(engine, act, job=job, slot=slot, dry=dry, due=due)
    attempt.begin()
    try:
        with traced("run", job=job, slot=slot):
            effects = known.prepare(Work(engine, act, slot, limit_seconds, home, attempt.tell, dry))
            ran = _concluded(
                engine, act, Ran(job, slot, again=False, outcome={}, dry=dry), attempt, _said(effects, due)
            )
    except Refusal as refusal:
        attempt.end(rules.REFUSED, {"refused": refusal.message})
        raise
    except BaseException as failure:
        attempt.end(rules.FAILED, {"failed": f"{type(failure).__name__}: {failure}"[:500]})
        raise
    attempt.end(rules.DONE_BEFORE if ran.again else rules.DONE, ran.outcome)
    return ran


def _concluded(engine: Engine, act: Act, ran: Ran, attempt: _Attempt, effects: Effects) -> Ran:
    if ran.dry:
        outcome = transact(engine, effects, keep=False)
        return Ran(ran.job, ran.slot, again=False, outcome=outcome, dry=True)
    try:
        outcome = transact(engine, lambda session: _claim(session, act, ran, attempt.started, effects))
    except _DoneBefore:
        with reading(engine) as session:
            return Ran(ran.job, ran.slot, again=True, outcome=queries.claim(session, ran.job, ran.slot) or {})
    return Ran(ran.job, ran.slot, again=False, outcome=outcome)


def _said(effects: Effects, due: datetime | None) -> Effects:
    """The effects; where they come late, the outcome says when they were due."""
    if due is None:
        return effects
    return lambda session: {**effects(session), "missed": f"due on {due.isoformat()}, run when the service came back"}


def _claim(session: Session, act: Act, ran: Ran, started: float, effects: Effects) -> dict[str, Any]:
    row = {
        "job": ran.job,
        "slot": ran.slot,
        "actor_id": act.actor.id,
        "effective_at": act.at,
        "recorded_at": act.recorded_at,
        "seconds_ms": 0,
        "outcome": "{}",
    }
    if not bulk.insert(session, JobRun, [row], give=("job",), skip_taken=True):
        raise _DoneBefore
    claim = session.get_one(JobRun, (ran.job, ran.slot))
    outcome = effects(session)
    claim.outcome, claim.seconds_ms = json.dumps(outcome), int((time.monotonic() - started) * 1000)
    session.add(claim)
    return outcome


class _Attempt:
    """The record of one try, kept by transactions of its own: it stays when the work is undone.

    Its instants are the act's real one and the time since then.
    """

    def __init__(self, engine: Engine, act: Act, *, job: str, slot: str, dry: bool, due: datetime | None) -> None:
        self.engine, self.act, self.started = engine, act, time.monotonic()
        self._progress, self._over = "", threading.Event()
        self._row: dict[str, Any] = {"job": job, "slot": slot, "dry": dry, "due_at": due}
        self._id: int | None = None
        self._pulse = threading.Thread(target=self._beat, daemon=True)

    def begin(self) -> None:
        """Write the row, and from then on be heard of."""

        def write(session: Session) -> int:
            lose_silent(session, now=self.act.recorded_at)
            row = JobAttempt(
                **self._row,
                state=rules.RUNNING,
                actor_id=self.act.actor.id,
                process=f"process {os.getpid()}",
                started_at=self.act.recorded_at,
                heartbeat_at=self.act.recorded_at,
                outcome="{}",
            )
            session.add(row)
            session.flush()
            return row.id or 0

        self._id = transact(self.engine, write)
        self._pulse.start()

    def tell(self, progress: str) -> None:
        """Say how far the work is; never while the work holds a transaction."""
        self._progress = progress[:200]
        self._write()

    def end(self, state: str, outcome: dict[str, Any]) -> None:
        """Write what came of it."""
        self._over.set()
        self._pulse.join()
        job = self._row["job"]
        counts.add("stockpile_runs_total", job=job, outcome=state)
        counts.took("stockpile_run_seconds", time.monotonic() - self.started, job=job)
        self._write(state=state, ended_at=self._now(), outcome=json.dumps(outcome))

    def _now(self) -> datetime:
        return self.act.recorded_at + timedelta(seconds=time.monotonic() - self.started)

    def _write(self, **more: Any) -> None:
        values = {"heartbeat_at": self._now(), "progress": self._progress, **more}
        statement = update(JobAttempt).where(col(JobAttempt.id) == self._id).values(**values)
        transact(self.engine, lambda session: session.connection().execute(statement).close())

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_SECONDS):
            try:
                self._write()
            except OperationalError as failure:
                log.warning("the heartbeat of run %s waits for the database: %s", self._id, failure.orig)


def lose_silent(session: Session, *, now: datetime) -> int:
    """Call those attempts lost whose process has not been heard of; returns how many."""
    lost = queries.silent(session, now=now)
    for one in lost:
        one.state, one.ended_at = rules.LOST, now
        one.outcome = json.dumps({"lost": "its process ended without a word; the slot is still open"})
        session.add(one)
    return len(lost)


def set_schedule(session: Session, act: Act, *, job: str, when: When, reason: str) -> queries.Scheduled:
    """Set when a job comes due, or that it does not (`enabled` False); who, when and why is kept.

    `when.time_zone` '' is the region's own. Refuses unknown jobs and time
    zones, figures out of range, a weekday without an hour, and no reason.
    """
    require(act.actor, "schedule.set")
    known = find(job)
    _check(when, reason)
    row = session.get(JobSchedule, job) or JobSchedule(
        job=job, enabled=True, minute=0, set_by=0, set_at=act.at, reason=""
    )
    row.enabled, row.minute, row.hour, row.weekday = when.enabled, when.minute, when.hour, when.weekday
    row.time_zone, row.reason, row.set_by, row.set_at = when.time_zone, reason, act.actor.id, act.recorded_at
    session.add(row)
    session.flush()
    found = queries.scheduled(session, job=job, title=known.title, usual=known.usual, now=act.recorded_at)
    payload = {"when": found.when, "enabled": found.enabled}
    journal.record(session, act, action="schedule.set", subject=f"job:{job}", payload=payload, reason=reason)
    return found


def _check(when: When, reason: str) -> None:
    if not reason.strip():
        raise Invalid("a schedule is changed only with a reason", field="reason")
    if when.weekday is not None and when.hour is None:
        raise Invalid("a weekday needs an hour: an hourly job runs on every day", field="weekday")
    for field, value, most in (("minute", when.minute, 59), ("hour", when.hour, 23), ("weekday", when.weekday, 6)):
        if value is not None and not 0 <= value <= most:
            raise Invalid(f"{field} is {value}, it must lie between 0 and {most}", field=field, value=value)
    try:
        ZoneInfo(when.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as failure:
        raise Invalid(
            f"there is no time zone {when.time_zone[:50]}: give a name like Europe/Brussels", field="time_zone"
        ) from failure
