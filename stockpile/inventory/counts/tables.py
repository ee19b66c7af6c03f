"""Count sessions and what was counted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Count(Table, table=True):
    """A count of a site, or of one bin of it: opened, counted line by line, approved by another person or abandoned."""

    __tablename__ = "stock_count"
    __table_args__ = (CheckConstraint("state IN ('open','approved','abandoned')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    site_code: str = Field(foreign_key="site.code", index=True)
    bin_id: int | None = Field(default=None, sa_type=BigInteger)
    state: str
    reason: str
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    opened_at: datetime
    approved_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    approved_at: datetime | None = None


class CountLine(Table, table=True):
    """What one person counted of a lot, owner and status, in base units, against the book at that very instant.

    `book` and `book_version` are those of the balance when the figure was
    entered, so that movements before and after do not count as differences.
    `attempt` 2 and later are recounts. Of a serialised item, `serials` are
    those found and `book_serials` those of the book at that instant, as JSON
    lists; empty of other items.
    """

    __tablename__ = "stock_count_line"
    __table_args__ = (
        UniqueConstraint("count_id", "lot_id", "owner", "status", "attempt"),
        CheckConstraint("counted >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    count_id: int = Field(foreign_key="stock_count.id", sa_type=BigInteger, index=True)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    owner: str
    status: str
    attempt: int
    counted: int = Field(sa_type=BigInteger)
    book: int = Field(sa_type=BigInteger)
    serials: str = ""
    book_serials: str = ""
    book_version: int = Field(sa_type=BigInteger)
    counted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    counted_at: datetime
