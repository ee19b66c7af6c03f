"""Pre-emptions: reserved stock taken back for a graver need."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Preemption(Table, table=True):
    """A coordinator's proposal to take reserved base units back for a request of higher priority, with the reason.

    It counts once a second person has approved it; `statement` is then what is
    told to the member that loses them.
    """

    __tablename__ = "preemption"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transfer_line_id: int = Field(foreign_key="transfer_line.id", sa_type=BigInteger, index=True)
    member_code: str = Field(foreign_key="member.code", index=True)
    request_id: int = Field(foreign_key="request.id", sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    reason: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    approved_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    approved_at: datetime | None = None
    statement: str = ""
