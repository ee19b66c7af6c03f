"""What is kept of people, outside everything append-only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field

from stockpile.db import BigId, Table


class PrivateRecord(Table, table=True):
    """Names, contacts or a person's own words (JSON), until `keep_until`; the journal has the commitment alone.

    Erased, salt and content are gone for good, and the commitment says nothing any more.
    """

    __tablename__ = "private_record"
    __table_args__ = (
        CheckConstraint("kind IN ('grievance','contact')", name="kind"),
        CheckConstraint("(content IS NULL) = (salt IS NULL)", name="erased_whole"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str
    subject: str = Field(index=True)
    salt: str | None = None
    content: str | None = Field(default=None, sa_type=Text)
    commitment: str
    kept_at: datetime
    keep_until: datetime = Field(index=True)
    erased_at: datetime | None = None
    erased_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    erased_why: str = ""
