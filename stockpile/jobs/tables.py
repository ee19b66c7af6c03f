"""Runs of scheduled jobs: when each comes due, the claim of each slot, and every attempt at one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field

from stockpile.db import BigId, Table


class JobRun(Table, table=True):
    """The claim of a due slot, written in the transaction of the job's effects: a slot has them once or not at all."""

    __tablename__ = "job_run"

    job: str = Field(primary_key=True)
    slot: str = Field(primary_key=True)
    actor_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    effective_at: datetime
    recorded_at: datetime
    seconds_ms: int
    outcome: str = Field(sa_type=Text)


class JobSchedule(Table, table=True):
    """When a job comes due where a person changed it; a job without a row keeps the time it came with.

    `hour` None: every hour at that minute. `weekday` None: every day; 0 is
    Monday. Times are local in `time_zone`, '' the region's own. The row holds
    the newest change; the journal keeps all of them.
    """

    __tablename__ = "job_schedule"
    __table_args__ = (
        CheckConstraint("minute BETWEEN 0 AND 59", name="minute"),
        CheckConstraint("hour BETWEEN 0 AND 23", name="hour"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
    )

    job: str = Field(primary_key=True)
    enabled: bool
    minute: int
    hour: int | None = None
    weekday: int | None = None
    time_zone: str = ""
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime
    reason: str = Field(sa_type=Text)


class JobAttempt(Table, table=True):
    """One try at a slot by one process, from its start to what came of it; all instants are real ones, UTC.

    `heartbeat_at` moves while the process lives. `dry`: everything was worked
    out and undone. `due_at`: the instant it was due, where it comes late.
    """

    __tablename__ = "job_attempt"
    __table_args__ = (
        CheckConstraint("state IN ('running','done','done_before','refused','failed','lost')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    job: str = Field(index=True)
    slot: str
    dry: bool
    state: str = Field(index=True)
    actor_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    process: str
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None = None
    due_at: datetime | None = None
    progress: str = ""
    outcome: str = Field(sa_type=Text)
