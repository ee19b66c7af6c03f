"""Recalls, the lots they concern, and what members answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Recall(Table, table=True):
    """A recall by an authority or the supplier; class 1 is the gravest."""

    __tablename__ = "recall"
    __table_args__ = (
        CheckConstraint("state IN ('open','closed')", name="state"),
        CheckConstraint("recall_class BETWEEN 1 AND 3", name="class"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    reference: str = Field(unique=True)
    item_code: str = Field(foreign_key="item.code", index=True)
    recall_class: int
    reason: str
    deadline: datetime
    state: str
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    opened_at: datetime
    closed_at: datetime | None = None


class RecallLot(Table, table=True):
    """A lot that a recall concerns, with what was received and what was frozen when it was opened (base units)."""

    __tablename__ = "recall_lot"

    recall_id: int = Field(primary_key=True, foreign_key="recall.id", sa_type=BigInteger)
    lot_id: int = Field(primary_key=True, foreign_key="lot.id", sa_type=BigInteger, index=True)
    received: int = Field(sa_type=BigInteger)
    frozen: int = Field(sa_type=BigInteger)


class RecallAnswer(Table, table=True):
    """A member has acknowledged a recall, and says what it found and set apart outside the ledger (base units)."""

    __tablename__ = "recall_answer"
    __table_args__ = (CheckConstraint("set_apart >= 0", name="not_negative"),)

    recall_id: int = Field(primary_key=True, foreign_key="recall.id", sa_type=BigInteger)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    set_apart: int = Field(sa_type=BigInteger)
    note: str = ""
    answered_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    answered_at: datetime
