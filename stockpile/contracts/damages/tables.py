"""Claims of damages, and what excuses lateness."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class DamagesClaim(Table, table=True):
    """Damages for an order that came late, in minor units, with how they were worked out; one per order.

    `decided_minor` is what another person decided after hearing the supplier.
    """

    __tablename__ = "damages_claim"
    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="not_negative"),
        CheckConstraint("decided_minor >= 0 AND decided_minor <= amount_minor", name="decided_within"),
        CheckConstraint("state IN ('claimed','contested','waived','deducted')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    calloff_id: int = Field(foreign_key="calloff.id", sa_type=BigInteger, unique=True)
    supplier_code: str = Field(foreign_key="supplier.code", index=True)
    amount_minor: int = Field(sa_type=BigInteger)
    worked_out: str
    state: str
    claimed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    claimed_at: datetime
    contested_at: datetime | None = None
    contest_reason: str = ""
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decided_minor: int | None = Field(default=None, sa_type=BigInteger)
    decision_reason: str = ""


class ForceMajeure(Table, table=True):
    """Days on which lateness under a contract is excused, both ends included."""

    __tablename__ = "force_majeure"
    __table_args__ = (CheckConstraint("starts <= ends", name="days"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contract_code: str = Field(foreign_key="contract.code", index=True)
    starts: date
    ends: date
    reason: str
    declared_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    declared_at: datetime
