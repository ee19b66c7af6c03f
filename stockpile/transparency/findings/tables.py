"""Findings of auditors."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field

from stockpile.db import BigId, Table


class AuditFinding(Table, table=True):
    """What an auditor found against which criterion, with evidence (JSON), and what the office answers and does.

    `office` answers, within 30 days of being asked; `action_due`: when what it promised is to be done.
    """

    __tablename__ = "audit_finding"
    __table_args__ = (
        CheckConstraint("severity IN ('low','medium','high','critical')", name="severity"),
        CheckConstraint(
            "state IN ('draft','management_response','agreed','in_progress','verified','closed','risk_accepted')",
            name="state",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    title: str
    severity: str
    criterion: str
    evidence: str = Field(sa_type=Text)
    cause: str
    recommendation: str
    office: str
    state: str = Field(index=True)
    written_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    written_at: datetime
    response_due: datetime | None = None
    response: str = ""
    answered_at: datetime | None = None
    answered_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    action_due: date | None = None
    ended_at: datetime | None = None
    decision_id: int | None = Field(default=None, sa_type=BigInteger)
