"""Addresses that signed heads are sent to, and every delivery with its answer."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, text
from sqlmodel import Field

from stockpile.db import BigId, Table

LIVING = "ended_at IS NULL"


class HeadAddress(Table, table=True):
    """Where a member, or (no member) another witness named `recipient`, takes signed heads, until it is ended.

    `accepted_size`: the head that the address took last. `failures` in a row since then, the last `fault` in words,
    and when it is tried again. `claimed_until`: a process is sending there until then at the latest.
    """

    __tablename__ = "head_address"
    __table_args__ = (
        CheckConstraint("failures >= 0", name="not_negative"),
        Index("uq_head_address_living", "url", unique=True, sqlite_where=text(LIVING), postgresql_where=text(LIVING)),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str | None = Field(default=None, foreign_key="member.code")
    recipient: str
    url: str
    added_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    added_at: datetime
    ended_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    ended_at: datetime | None = None
    accepted_size: int | None = Field(default=None, foreign_key="tree_head.size", sa_type=BigInteger)
    accepted_at: datetime | None = None
    failures: int = 0
    fault: str = ""
    next_try_at: datetime
    claimed_until: datetime | None = None


class HeadDelivery(Table, table=True):
    """One sending of a head: since which earlier one it proves, and what was answered.

    `status`: of the HTTP answer, None where none came; `answer`: its beginning, or what went wrong.
    """

    __tablename__ = "head_delivery"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    address_id: int = Field(foreign_key="head_address.id", sa_type=BigInteger, index=True)
    size: int = Field(foreign_key="tree_head.size", sa_type=BigInteger)
    since_size: int | None = Field(default=None, sa_type=BigInteger)
    at: datetime
    milliseconds: int
    accepted: bool
    status: int | None = None
    answer: str
