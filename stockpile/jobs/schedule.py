"""When jobs run: APScheduler inside the serving process, in UTC; the claim of the slot is what makes it once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from stockpile.actor import Act
from stockpile.db import reading
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.jobs import operations, watching
from stockpile.transparency.sealing import operations as sealing

DUE: Final[dict[str, dict[str, int]]] = {"reorder": {"hour": 2, "minute": 0}, "reservations": {"minute": 5}}
"""When each job comes due, UTC: every day at that hour, or every hour at that minute."""
WATCHED: Final[dict[str, int]] = {"hour": 3, "minute": 0}
BACKED_UP: Final[dict[str, int]] = {"hour": 1, "minute": 0}
"""When the books are recomputed and the backup is taken, UTC, every day."""
SEAL_SECONDS = 1
GRACE_SECONDS = 3600
log = logging.getLogger(__name__)


def start(
    engine: Engine, *, home: Path, limit_seconds: float, nightly: Callable[[datetime], object] | None = None
) -> BackgroundScheduler:
    """Start the jobs of this process, first those missed while no process ran, the sealing and the watch.

    `nightly` is called every night with the instant, before the books are
    recomputed (the backup). Stop them with `shutdown`.
    """
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"misfire_grace_time": GRACE_SECONDS, "coalesce": True, "max_instances": 1}
    )
    for job, when in DUE.items():
        trigger = CronTrigger(**when, timezone=UTC)
        scheduler.add_job(run_due, trigger, args=(engine, job, limit_seconds), id=job)
        scheduler.add_job(catch_up, args=(engine, job, limit_seconds), id=f"{job}, missed")
    scheduler.add_job(seal, IntervalTrigger(seconds=SEAL_SECONDS), args=(engine, home), id="seal")
    scheduler.add_job(watch, CronTrigger(**WATCHED, timezone=UTC), args=(engine, home), id="watch")
    if nightly is not None:
        trigger = CronTrigger(**BACKED_UP, timezone=UTC)
        scheduler.add_job(lambda: nightly(datetime.now(UTC)), trigger, id="backup")
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


def catch_up(engine: Engine, job: str, limit_seconds: float) -> None:
    """Run the newest slot of a job that came due while no process ran, once, and say so; older ones are left out.

    Nothing was missed where the job never ran before (a new installation), nor
    in a simulated region, whose clock stands still meanwhile.
    """
    due = newest_due(datetime.now(UTC), **DUE[job])
    try:
        with reading(engine) as session:
            simulated = governance.simulated_now(session) is not None
            missed = not simulated and operations.missed(session, job=job, due=due)
    except Refusal as refusal:
        log.info("no %s to catch up with: %s", job, refusal.message)
        return
    if missed:
        log.warning("%s was due on %s while the service was down: it is run now", job, f"{due:%Y-%m-%d %H:%M} UTC")
        run_due(engine, job, limit_seconds, due=due)


def newest_due(now: datetime, *, minute: int, hour: int | None = None) -> datetime:
    """The last instant until now at which a job came due: at that minute of every hour, or of that hour of every day.

    >>> newest_due(datetime(2020, 3, 30, 1, 59, tzinfo=UTC), hour=2, minute=0).isoformat()
    '2020-03-29T02:00:00+00:00'
    """
    due = now.replace(minute=minute, second=0, microsecond=0)
    due = due if hour is None else due.replace(hour=hour)
    return due if due <= now else due - (timedelta(hours=1) if hour is None else timedelta(days=1))


def run_due(engine: Engine, job: str, limit_seconds: float, *, due: datetime | None = None) -> None:
    """Run a job once as the scheduler's own account; a refusal is logged and waits for the next time.

    `due`: the instant whose slot it is run for; None: the slot of now.
    """
    try:
        ran = operations.run(engine, act_of_scheduler(engine), job=job, limit_seconds=limit_seconds, due=due)
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
