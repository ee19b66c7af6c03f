"""Plans and their runs, duty, risks, disputes, reviews and the actions that follow from them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class ContingencyPlan(Table, table=True):
    """What is done when its trigger comes: steps by office, and transfers agreed beforehand (`content`, JSON)."""

    __tablename__ = "contingency_plan"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("state IN ('proposed','adopted','replaced','declined')", name="state"),
        CheckConstraint("trigger_level BETWEEN 0 AND 4", name="level"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str
    version: int
    hazard: str
    trigger_level: int
    trigger: str
    owner: str
    content: str = Field(sa_type=Text)
    digest: str
    state: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None


class ContingencyRun(Table, table=True):
    """A plan set in motion: for a surge, or as a drill, which posts nothing."""

    __tablename__ = "contingency_run"
    __table_args__ = (
        CheckConstraint("kind IN ('drill','activation')", name="kind"),
        CheckConstraint("state IN ('running','over')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="contingency_plan.id", sa_type=BigInteger, index=True)
    kind: str
    surge_id: int | None = Field(default=None, foreign_key="surge.id", sa_type=BigInteger)
    state: str
    started_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    started_at: datetime
    ended_at: datetime | None = None
    lesson: str = ""


class ContingencyStep(Table, table=True):
    """A step of a run: the office, who was on duty there as it began, when it is due, and when it was done."""

    __tablename__ = "contingency_step"

    run_id: int = Field(primary_key=True, foreign_key="contingency_run.id", sa_type=BigInteger)
    number: int = Field(primary_key=True)
    office: str
    on_duty: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    what: str
    due_at: datetime
    done_at: datetime | None = None
    done_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    note: str = ""


class ContingencyTransfer(Table, table=True):
    """A transfer agreed beforehand: a proposal until a named person confirms it; in a drill nothing ever moves."""

    __tablename__ = "contingency_transfer"
    __table_args__ = (CheckConstraint("state IN ('waiting','confirmed','refused','drilled')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    run_id: int = Field(foreign_key="contingency_run.id", sa_type=BigInteger, index=True)
    item_code: str = Field(foreign_key="item.code")
    origin: str = Field(foreign_key="site.code")
    member_code: str = Field(foreign_key="member.code")
    quantity: int = Field(sa_type=BigInteger)
    available: int = Field(sa_type=BigInteger)
    state: str
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    reason: str = ""
    transfer_id: int | None = Field(default=None, foreign_key="transfer.id", sa_type=BigInteger)


class DutyWatch(Table, table=True):
    """Who is on duty for an office, from when to when."""

    __tablename__ = "duty_watch"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    office: str = Field(index=True)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    starts_at: datetime
    ends_at: datetime
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class SharedRisk(Table, table=True):
    """A risk that the members share, the office that answers for it, and what is done against it."""

    __tablename__ = "shared_risk"
    __table_args__ = (
        CheckConstraint("likelihood BETWEEN 1 AND 5", name="likelihood"),
        CheckConstraint("impact BETWEEN 1 AND 5", name="impact"),
        CheckConstraint("state IN ('open','closed')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    title: str
    owner: str
    likelihood: int
    impact: int
    response: str
    review_by: date
    state: str
    noted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    noted_at: datetime


class Dispute(Table, table=True):
    """A dispute between two parties and the stage of the ladder it is on, with its clock."""

    __tablename__ = "dispute"
    __table_args__ = (
        CheckConstraint("stage IN ('negotiation','mediation','expert','settled')", name="stage"),
        CheckConstraint("claimant <> respondent", name="two_parties"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    claimant: str = Field(index=True)
    respondent: str = Field(index=True)
    subject: str
    claim: str
    stage: str
    stage_since: datetime
    due_at: datetime | None = None
    missed: int = 0
    outcome: str = ""
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    opened_at: datetime
    settled_at: datetime | None = None


class Review(Table, table=True):
    """What was learned: after a surge, or by one member looking at another."""

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint("kind IN ('surge','peer')", name="kind"),
        CheckConstraint("state IN ('open','closed')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str
    surge_id: int | None = Field(default=None, foreign_key="surge.id", sa_type=BigInteger)
    reviewer: str
    member_code: str | None = Field(default=None, foreign_key="member.code")
    summary: str = Field(sa_type=Text)
    state: str
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    opened_at: datetime
    closed_at: datetime | None = None


class ReviewAction(Table, table=True):
    """What follows from a review: the office that owns it, until when, and what came of it."""

    __tablename__ = "review_action"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    review_id: int = Field(foreign_key="review.id", sa_type=BigInteger, index=True)
    what: str
    owner: str
    due: date
    done_at: datetime | None = None
    done_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    outcome: str = ""
