"""The buying policy of the region, and what people have approved beforehand."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field

from stockpile.db import BigId, Table


class BuyingPolicy(Table, table=True):
    """One row: what may be ordered for the pool in `review_days` (minor units), where goods go."""

    __tablename__ = "buying_policy"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    budget_minor: int = Field(sa_type=BigInteger)
    review_days: int
    deliver_to: str = Field(foreign_key="site.code")


class PreapprovalRule(Table, table=True):
    """What nightly proposals a person has approved beforehand: uncritical, uncontrolled items within a limit.

    `limit_minor` is for all such call-offs of one night together, in minor
    units; `from_priority` is the gravest priority covered (3 or 4). It ends on
    `ends`, or when it is revoked.
    """

    __tablename__ = "preapproval_rule"
    __table_args__ = (
        CheckConstraint("limit_minor > 0", name="limit_positive"),
        CheckConstraint("from_priority IN (3, 4)", name="uncritical"),
        CheckConstraint("(revoked_by IS NULL) = (revoked_at IS NULL)", name="revoked_by_somebody"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    limit_minor: int = Field(sa_type=BigInteger)
    from_priority: int
    starts: date
    ends: date
    reason: str = Field(sa_type=Text)
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime
    revoked_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    revoked_at: datetime | None = None
