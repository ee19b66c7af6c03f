"""When jobs run: one look at the schedules every few seconds, by APScheduler inside the serving process.

Schedules are rows that people change, so no job is handed to APScheduler with
a time of its own: the look finds what has come due, and the claim of the slot
is what makes it once. APScheduler keeps its jobs in memory: a store shared
between processes fires twice.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.jobs import operations, queries, rules, watching
from stockpile.jobs.nightly import JOBS
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sending import operations as sending

WATCHED: Final[dict[str, int]] = {"hour": 3, "minute": 0}
"""When the books are recomputed, UTC, every day."""
SEAL_SECONDS = 1
SEND_SECONDS = 5
LOOK_SECONDS = 15
GRACE_SECONDS = 3600
log = logging.getLogger(__name__)


def start(engine: Engine, settings: Settings) -> BackgroundScheduler:
    """Start the jobs of this process, first those missed while no process ran, the sealing, sending and the watch.

    Stop them with `shutdown`.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"misfire_grace_time": GRACE_SECONDS, "coalesce": True, "max_instances": 1}
    )
    since, home, limit_seconds = datetime.now(UTC), settings.home, settings.plan_limit_seconds

    def look() -> None:
        for job, due in due_now(engine, since=since):
            args = (engine, job, limit_seconds)
            scheduler.add_job(
                run_due, DateTrigger(), args=args, kwargs={"due": due, "home": home}, id=job, replace_existing=True
            )

    scheduler.add_job(look, IntervalTrigger(seconds=LOOK_SECONDS), id="look", next_run_time=since)
    scheduler.add_job(seal, IntervalTrigger(seconds=SEAL_SECONDS), args=(engine, home), id="seal, by the second")
    sent = (engine, settings.heads_to_this_machine)
    scheduler.add_job(send, IntervalTrigger(seconds=SEND_SECONDS), args=sent, id="send heads")
    scheduler.add_job(watch, CronTrigger(**WATCHED, timezone=UTC), args=(engine, home), id="watch")
    scheduler.start()
    return scheduler


def watch(engine: Engine, home: Path) -> None:
    """Look at the books as the scheduler's account: what is wrong is stopped; the database away is told."""
    try:
        found = watching.watch(engine, act_of_scheduler(engine), home=home)
    except Refusal as refusal:
        log.info("the books are not looked at: %s", refusal.message)
    except OperationalError as failure:
        log.error("the books could not be looked at: %s", failure.orig)
    else:
        log.info("the books were recomputed in %.1f s: %d discrepancies", found.seconds, len(found.found))


def act_of_scheduler(engine: Engine) -> Act:
    """An act of the scheduler's account now; refuses where no region is loaded."""
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        account = governance.account_by_name(session, operations.SCHEDULER_ACCOUNT)
        actor = governance.actor_of(session, account)
        at = governance.effective_now(session, real_now=real_now)
    return Act(actor=actor, at=at, recorded_at=real_now)


def due_now(engine: Engine, *, since: datetime) -> list[tuple[str, datetime | None]]:
    """The jobs to start now, each with the instant it was due where it comes late (else None).

    A slot that came due while this process runs (since `since`, real) is
    started; an older one only where an earlier slot of the job was run, so that
    a new installation catches up with nothing. A simulated region has its own
    clock, which stands still meanwhile: nothing is late there. Tries that
    failed are repeated some minutes later, three times at most.
    """
    now, found = datetime.now(UTC), []
    try:
        transact(engine, lambda session: operations.lose_silent(session, now=now))
        with reading(engine) as session:
            for job in JOBS:
                late = _late(session, job, now=now, since=since)
                if late is not None:
                    found.append((job, None if late > since else late))
    except Refusal as refusal:
        log.debug("nothing is due: %s", refusal.message)
    except OperationalError as failure:
        log.warning("the look at the schedules waits for the database: %s", failure.orig)
    return found


def _late(session: Session, job: str, *, now: datetime, since: datetime) -> datetime | None:
    """When the job's newest slot came due, if it is to be started now."""
    when = queries.when(session, job, JOBS[job].usual)
    if not when.enabled:
        return None
    due = rules.newest_due(now, when)
    simulated = governance.simulated_now(session)
    if simulated is not None and due <= since:
        return None
    slot = rules.slot(simulated or due, when)
    if due <= since and not queries.missed(session, job=job, slot=slot):
        return None
    if queries.claim(session, job, slot) is not None:
        return None
    return due if rules.may_try(now, queries.tries(session, job=job, slot=slot)) else None


def run_due(
    engine: Engine, job: str, limit_seconds: float, *, due: datetime | None = None, home: Path | None = None
) -> None:
    """Run a job once as the scheduler's own account; a refusal is logged and tried again later.

    `due`: the instant whose slot it is run for, where it comes late; None: the slot of now.
    """
    try:
        if due is not None:
            log.warning("%s was due at %s while the service was down: it is run now", job, due.isoformat())
        act = act_of_scheduler(engine)
        ran = operations.run(engine, act, job=job, limit_seconds=limit_seconds, due=due, home=home)
    except Refusal as refusal:
        log.error("%s refused: %s", job, refusal.message)
    else:
        log.info("%s for %s: %s", job, ran.slot, "done before" if ran.again else ran.outcome)


def seal(engine: Engine, home: Path) -> None:
    """Seal what was committed; without a region there is nothing to seal, and a fault is tried again in a second."""
    try:
        with reading(engine) as session:
            signer = sealing.signer_of(session, home)
        sealing.seal(engine, signer, at=datetime.now(UTC))
    except Refusal as refusal:
        log.debug("nothing is sealed: %s", refusal.message)
    except OperationalError as failure:
        log.warning("sealing waits for the database: %s", failure.orig)


def send(engine: Engine, this_machine: bool) -> None:
    """Send the newest signed head to every address whose time has come; one that fails is told and waits its time."""
    try:
        for one in sending.send_due(engine, at=datetime.now(UTC), this_machine=this_machine):
            if not one.accepted:
                log.warning("head %d was not taken at address %d: %s", one.size, one.address_id, one.answer)
    except OperationalError as failure:
        log.warning("sending heads waits for the database: %s", failure.orig)
