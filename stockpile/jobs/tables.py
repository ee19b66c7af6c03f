"""Runs of scheduled jobs: one row per job and due slot, whoever started it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Text
from sqlmodel import Field

from stockpile.db import Table


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
