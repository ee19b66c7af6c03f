"""Plans being computed by number, told by any worker."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, text
from sqlmodel import Field

from stockpile.db import BigId, Table

RUNNING, DONE, CANCELLED, FAILED, LOST = "running", "done", "cancelled", "failed", "lost"
CANCEL, KEEP = "cancel", "keep"
GOING = "state = 'running'"


class PlanJob(Table, table=True):
    """A plan that one worker computes and every worker tells of: `done` of `of` items are shared so far.

    `wish`: that it be ended, or ended with what there is; the worker that computes looks for it, and writes
    `heard_at` while it lives. At the end `plan_id`, `proven` and `bound`; `problem`: why there is no plan, as JSON.
    """

    __tablename__ = "plan_job"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'done', 'cancelled', 'failed', 'lost')", name="state"),
        CheckConstraint("wish IN ('', 'cancel', 'keep')", name="wish"),
        CheckConstraint("done >= 0 AND items >= 0", name="not_negative"),
        Index("uq_plan_job_running", "surge_id", unique=True, sqlite_where=text(GOING), postgresql_where=text(GOING)),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    surge_id: int = Field(foreign_key="surge.id", sa_type=BigInteger)
    asked_at: datetime
    asked_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    state: str = RUNNING
    worker: str = ""
    wish: str = ""
    done: int = Field(default=0, sa_type=BigInteger)
    items: int = Field(default=0, sa_type=BigInteger)
    heard_at: datetime
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigInteger)
    proven: bool | None = None
    bound: str = Field(default="", sa_type=Text)
    problem: str = Field(default="", sa_type=Text)
