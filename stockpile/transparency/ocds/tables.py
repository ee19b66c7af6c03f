"""Contract history of others, taken in from their releases."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class ContractHistory(Table, table=True):
    """One award of a release of another publisher: who bought what of whom, in minor money units.

    `source`: the file it came with, as told at the import. Only organisations are kept, no contact persons.
    """

    __tablename__ = "contract_history"
    __table_args__ = (
        UniqueConstraint("ocid", "release_id", "award_id"),
        CheckConstraint("value_minor >= 0", name="value_not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    ocid: str = Field(index=True)
    release_id: str
    award_id: str
    released_at: datetime
    tag: str
    buyer: str
    supplier: str
    title: str
    cpv: str = Field(default="", index=True)
    currency: str = ""
    value_minor: int | None = Field(default=None, sa_type=BigInteger)
    starts: date | None = None
    ends: date | None = None
    bids: int | None = None
    method: str = ""
    tender_starts: datetime | None = None
    tender_ends: datetime | None = None
    source: str
    imported_at: datetime
