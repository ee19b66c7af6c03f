"""Sharing policies, as proposed by one person and adopted by another."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class SharingPolicy(Table, table=True):
    """One version of a policy for a surge (None: all) and a class of items (their priority; None: all).

    `policy` is canonical JSON of optimizer.sharing.policy, `seed` the opened
    seed of its lottery. Of the adopted ones in one scope the latest counts;
    the others are replaced.
    """

    __tablename__ = "sharing_policy"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        CheckConstraint("item_class IS NULL OR item_class BETWEEN 1 AND 4", name="item_class"),
        CheckConstraint("state IN ('proposed','adopted','declined','replaced')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str
    version: int
    surge_id: int | None = Field(default=None, foreign_key="surge.id", sa_type=BigInteger)
    item_class: int | None = None
    policy: str = Field(sa_type=Text)
    digest: str
    seed: str = ""
    reason: str
    state: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decision: str = ""
