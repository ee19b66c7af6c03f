"""What a supplier has sent on an order, as it announced it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Shipment(Table, table=True):
    """A supplier's notice that goods of an order are on their way, with its pallets' numbers if it gave any."""

    __tablename__ = "calloff_shipment"
    __table_args__ = (UniqueConstraint("calloff_id", "reference"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    calloff_id: int = Field(foreign_key="calloff.id", sa_type=BigInteger, index=True)
    reference: str
    pallets: str = ""
    shipped_at: datetime
    expected_at: datetime | None = None
    noted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
