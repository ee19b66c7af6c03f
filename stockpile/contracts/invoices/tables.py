"""Invoices of orders, and their lines."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Invoice(Table, table=True):
    """What a supplier asks for an order, in minor units; `findings`: what does not match order and acceptance."""

    __tablename__ = "calloff_invoice"
    __table_args__ = (
        UniqueConstraint("calloff_id", "reference"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("paid_minor >= 0 AND paid_minor <= amount_minor", name="paid_within"),
        CheckConstraint("state IN ('recorded','half_approved','approved','refused','paid')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    calloff_id: int = Field(foreign_key="calloff.id", sa_type=BigInteger, index=True)
    reference: str
    amount_minor: int = Field(sa_type=BigInteger)
    findings: str = ""
    state: str
    recorded_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime
    approved_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    second_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decision_reason: str = ""
    paid_minor: int = Field(default=0, sa_type=BigInteger)
    paid_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    paid_at: datetime | None = None


class InvoiceLine(Table, table=True):
    """Base units of an order's line that an invoice asks money for."""

    __tablename__ = "calloff_invoice_line"
    __table_args__ = (CheckConstraint("quantity > 0 AND amount_minor >= 0", name="positive"),)

    invoice_id: int = Field(primary_key=True, foreign_key="calloff_invoice.id", sa_type=BigInteger)
    calloff_line_id: int = Field(primary_key=True, foreign_key="calloff_line.id", sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    amount_minor: int = Field(sa_type=BigInteger)
