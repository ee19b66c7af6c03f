"""What one person proposed and another confirmed or declined."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Proposal(Table, table=True):
    """A step that needs two people. `request` is what is to be done, as JSON; `outcome` what came of it."""

    __tablename__ = "stock_proposal"
    __table_args__ = (CheckConstraint("state IN ('proposed','confirmed','declined','withdrawn')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str
    request: str
    reason: str
    state: str = Field(index=True)
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decision_reason: str = ""
    outcome: str = ""
