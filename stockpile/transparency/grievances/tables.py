"""Grievances: what they are about, how far they are, and when each step was done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Grievance(Table, table=True):
    """One grievance. What the person wrote is a private record; of the token only the SHA-256 is kept.

    `served` base units came from the buffer. `buffer_of`: member and item that an urgent appeal is about.
    """

    __tablename__ = "grievance"
    __table_args__ = (
        CheckConstraint(
            "state IN ('received','acknowledged','redirected','under_review','resolved','appealed','final','closed')",
            name="state",
        ),
        CheckConstraint("channel IN ('public','supplier','member')", name="channel"),
        CheckConstraint("served >= 0", name="served_not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    token_digest: str = Field(unique=True)
    channel: str
    category: str
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigInteger)
    member_code: str | None = Field(default=None, foreign_key="member.code")
    item_code: str | None = Field(default=None, foreign_key="item.code")
    contract_code: str | None = Field(default=None, foreign_key="contract.code")
    language: str
    country: str
    urgent: bool
    retaliation: bool = False
    statement_id: int = Field(foreign_key="private_record.id", sa_type=BigInteger)
    state: str
    received_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    redirected_at: datetime | None = None
    redirected_to: str = ""
    reviewer_id: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    review_at: datetime | None = None
    decided_at: datetime | None = None
    verdict: str = ""
    answer: str = ""
    appealed_at: datetime | None = None
    appeal_statement_id: int | None = Field(default=None, foreign_key="private_record.id", sa_type=BigInteger)
    final_at: datetime | None = None
    final_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    final_verdict: str = ""
    final_answer: str = ""
    closed_at: datetime | None = None
    served: int = Field(default=0, sa_type=BigInteger)
