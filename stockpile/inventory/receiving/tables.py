"""What came at the dock, line by line, and what became of it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class GoodsIn(Table, table=True):
    """One delivery at a depot, as the receiver found it."""

    __tablename__ = "goods_in"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    site_code: str = Field(foreign_key="site.code", index=True)
    delivery_note: str
    received_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    received_at: datetime
    posting_id: int | None = Field(default=None, foreign_key="posting.id", sa_type=BigInteger)


class GoodsInLine(Table, table=True):
    """One lot of a delivery, in base units: what arrived of it is either available or in quarantine.

    `why` names, with spaces between, the reasons for quarantine; `clause` is
    what the contract asks where it was not kept. `waiting` of it (beyond the
    order, or not ordered at all) waits for another person's decision.
    """

    __tablename__ = "goods_in_line"
    __table_args__ = (
        CheckConstraint("arrived > 0", name="arrived_positive"),
        CheckConstraint("available + quarantine = arrived", name="all_of_it_is_somewhere"),
        CheckConstraint("available >= 0 AND quarantine >= 0 AND tolerated >= 0", name="not_negative"),
        CheckConstraint("damaged >= 0 AND damaged <= quarantine", name="damaged_set_aside"),
        CheckConstraint("waiting >= 0 AND waiting <= quarantine", name="waiting_set_aside"),
        CheckConstraint("state IN ('settled','waiting','accepted','sent_back')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    goods_in_id: int = Field(foreign_key="goods_in.id", sa_type=BigInteger, index=True)
    calloff_line_id: int | None = Field(default=None, foreign_key="calloff_line.id", sa_type=BigInteger, index=True)
    item_code: str = Field(foreign_key="item.code")
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    expiry: date
    arrived: int = Field(sa_type=BigInteger)
    damaged: int = Field(default=0, sa_type=BigInteger)
    tolerated: int = Field(default=0, sa_type=BigInteger)
    waiting: int = Field(default=0, sa_type=BigInteger)
    available: int = Field(sa_type=BigInteger)
    quarantine: int = Field(sa_type=BigInteger)
    why: str = ""
    clause: str = ""
    note: str = ""
    lowest_milli: int | None = None
    highest_milli: int | None = None
    minutes_outside: int | None = None
    logger: str = ""
    state: str
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decision_reason: str = ""
