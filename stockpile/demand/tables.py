"""What municipalities report: daily caseload, and their own cover outside the pool's ledger."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import Table


class CaseloadReport(Table, table=True):
    """One municipality's day: admissions as reported, and the part that planning accepts (thousandths).

    `flag` says why the two differ ('' where they do not); `admissions` is None where none were reported.
    `released_at`: when a person accepted a flagged report as it was given; it is not flagged again.
    """

    __tablename__ = "caseload_report"
    __table_args__ = (CheckConstraint("admissions >= 0", name="not_negative"),)

    day: date = Field(primary_key=True)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    cases: int = Field(sa_type=BigInteger)
    cases_suppressed: bool
    admissions: int | None = Field(default=None, sa_type=BigInteger)
    basis: str
    flag: str = ""
    accepted_milli: int | None = Field(default=None, sa_type=BigInteger)
    released_at: datetime | None = None


class OwnStock(Table, table=True):
    """What a municipality says it holds itself, in base units, outside the pool's ledger."""

    __tablename__ = "own_stock"
    __table_args__ = (CheckConstraint("quantity >= 0", name="not_negative"),)

    member_code: str = Field(primary_key=True, foreign_key="member.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    quantity: int = Field(sa_type=BigInteger)
