"""Reading schedules, claims and attempts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, select

from stockpile.governance import queries as governance
from stockpile.governance.tables import Account
from stockpile.jobs import rules
from stockpile.jobs.rules import When
from stockpile.jobs.tables import JobAttempt, JobRun, JobSchedule


@dataclass(frozen=True, slots=True)
class Scheduled:
    """When a job comes due, in words too, and the newest slot done (`last`).

    `set_by` names who changed it, '' where nobody did.
    """

    job: str
    title: str
    enabled: bool
    when: str
    minute: int
    hour: int | None
    weekday: str | None
    time_zone: str
    next_due: datetime | None
    set_by: str
    set_at: datetime | None
    reason: str
    last: str


def when(session: Session, job: str, usual: When) -> When:
    """When a job comes due: as a person set it, else as it came; '' as a time zone is the region's own."""
    row = session.get(JobSchedule, job)
    found = usual if row is None else When(row.minute, row.hour, row.weekday, row.time_zone, row.enabled)
    zone = found.time_zone or governance.region(session).time_zone
    return When(found.minute, found.hour, found.weekday, zone, found.enabled)


def scheduled(session: Session, *, job: str, title: str, usual: When, now: datetime) -> Scheduled:
    """One job's schedule as people see it; `now` is the real clock."""
    found, row = when(session, job, usual), session.get(JobSchedule, job)
    newest = session.exec(select(JobRun.slot).where(JobRun.job == job).order_by(col(JobRun.slot).desc())).first()
    account = session.get(Account, row.set_by) if row else None
    return Scheduled(
        job=job,
        title=title,
        enabled=found.enabled,
        when=found.said(),
        minute=found.minute,
        hour=found.hour,
        weekday=None if found.weekday is None else rules.WEEKDAYS[found.weekday],
        time_zone=found.time_zone,
        next_due=rules.next_due(now, found) if found.enabled else None,
        set_by=account.name if account else "",
        set_at=row.set_at if row else None,
        reason=row.reason if row else "",
        last=newest or "",
    )


def claim(session: Session, job: str, slot: str) -> dict[str, Any] | None:
    """What came of a slot that was done, or None."""
    done = session.get(JobRun, (job, slot))
    outcome: dict[str, Any] | None = None if done is None else json.loads(done.outcome)
    return outcome


def missed(session: Session, *, job: str, slot: str) -> bool:
    """Whether the slot was not run, and an earlier one was: the service was away when it came due."""
    if session.get(JobRun, (job, slot)) is not None:
        return False
    earlier = select(JobRun.slot).where(JobRun.job == job, JobRun.slot < slot).limit(1)
    return session.exec(earlier).first() is not None


def runs(session: Session, *, after: str = "", limit: int | None = None) -> list[JobRun]:
    """Claims, newest slot first; `after`: only those that follow the one of that SLOT/JOB."""
    query = select(JobRun).order_by(col(JobRun.slot).desc(), col(JobRun.job)).limit(limit)
    slot, _, job = after.partition("/")
    older = (col(JobRun.slot) < slot) | ((col(JobRun.slot) == slot) & (col(JobRun.job) > job))
    return list(session.exec(query.where(older) if after else query))


def attempts(
    session: Session, *, job: str | None = None, state: str | None = None, after: int = 0, limit: int | None = None
) -> list[JobAttempt]:
    """Attempts, newest first, of one job or in one state; `after`: only those older than that one."""
    query = select(JobAttempt).order_by(col(JobAttempt.id).desc()).limit(limit)
    query = query.where(JobAttempt.job == job) if job else query
    query = query.where(JobAttempt.state == state) if state else query
    return list(session.exec(query.where(col(JobAttempt.id) < after) if after else query))


def tries(session: Session, *, job: str, slot: str) -> list[tuple[datetime, str]]:
    """When each attempt at a slot for real was last heard of, and its state."""
    query = select(JobAttempt).where(JobAttempt.job == job, JobAttempt.slot == slot, ~col(JobAttempt.dry))
    return [(one.heartbeat_at, one.state) for one in session.exec(query)]


def silent(session: Session, *, now: datetime) -> list[JobAttempt]:
    """Attempts that are said to run and have not been heard of for too long."""
    heard = now - timedelta(seconds=rules.SILENT_SECONDS)
    return list(
        session.exec(select(JobAttempt).where(JobAttempt.state == rules.RUNNING, JobAttempt.heartbeat_at < heard))
    )
