"""When jobs run: APScheduler inside the serving process, in UTC; the claim of the slot is what makes it once."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from stockpile.actor import Act
from stockpile.db import reading
from stockpile.errors import Refusal
from stockpile.governance import queries as governance
from stockpile.jobs import operations
from stockpile.transparency.sealing import operations as sealing

NIGHTLY_HOUR_UTC = 2
SEAL_SECONDS = 1
GRACE_SECONDS = 3600
log = logging.getLogger(__name__)


def start(engine: Engine, *, home: Path, limit_seconds: float) -> BackgroundScheduler:
    """Start the nightly jobs and the sealing of this process; stop them with `shutdown`."""
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"misfire_grace_time": GRACE_SECONDS, "coalesce": True, "max_instances": 1}
    )
    trigger = CronTrigger(hour=NIGHTLY_HOUR_UTC, timezone=UTC)
    scheduler.add_job(run_nightly, trigger, args=(engine, limit_seconds), id="reorder")
    scheduler.add_job(seal, IntervalTrigger(seconds=SEAL_SECONDS), args=(engine, home), id="seal")
    scheduler.start()
    return scheduler


def run_nightly(engine: Engine, limit_seconds: float) -> None:
    """One nightly reorder as the scheduler's own account; a refusal is logged and waits for the next night."""
    real_now = datetime.now(UTC)
    try:
        with reading(engine) as session:
            account = governance.account_by_name(session, operations.SCHEDULER_ACCOUNT)
            actor = governance.actor_of(session, account)
            at = governance.effective_now(session, real_now=real_now)
        ran = operations.run(
            engine, Act(actor=actor, at=at, recorded_at=real_now), job="reorder", limit_seconds=limit_seconds
        )
    except Refusal as refusal:
        log.error("nightly reorder refused: %s", refusal.message)
    else:
        log.info("nightly reorder for %s: %s", ran.slot, "done before" if ran.again else ran.outcome)


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
