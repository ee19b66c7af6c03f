"""What is done against disparities that the figures show, and what figures were before the region began."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class RemedialAction(Table, table=True):
    """An action against a disparity: the figure that showed it, its value then, who owns it, and what came of it.

    `owner` is an office, no person. `baseline`: numerator and denominator when it was opened, `result`: when it was
    closed (JSON).
    """

    __tablename__ = "remedial_action"
    __table_args__ = (CheckConstraint("state IN ('open','closed')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kpi: str = Field(index=True)
    disparity: str
    member_code: str | None = Field(default=None, foreign_key="member.code")
    owner: str
    due: date
    state: str
    baseline: str
    outcome: str = ""
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    opened_at: datetime
    closed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    closed_at: datetime | None = None
    result: str = ""


class KpiBaseline(Table, table=True):
    """A headline figure of the time before: of a member, or (no member) of the whole region. The newest counts.

    `numerator` and `denominator` are whole numbers in the figure's own units; `source`: where they are written.
    """

    __tablename__ = "kpi_baseline"
    __table_args__ = (
        CheckConstraint("numerator >= 0 AND denominator > 0", name="a_ratio"),
        CheckConstraint("starts <= ends", name="period"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kpi: str = Field(index=True)
    member_code: str | None = Field(default=None, foreign_key="member.code")
    starts: date
    ends: date
    numerator: int = Field(sa_type=BigInteger)
    denominator: int = Field(sa_type=BigInteger)
    source: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime


class OutsidePurchase(Table, table=True):
    """What a member says it bought from the first day through the last outside the unified contracts, in money.

    The newest note of a member's same days counts. `source`: where the sum is written. Nothing bought is a zero.
    """

    __tablename__ = "outside_purchase"
    __table_args__ = (
        CheckConstraint("value_minor >= 0", name="not_negative"),
        CheckConstraint("starts <= ends", name="period"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    starts: date
    ends: date
    value_minor: int = Field(sa_type=BigInteger)
    source: str
    noted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    noted_at: datetime
