"""Pallets that were given a number."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Pallet(Table, table=True):
    """So many trade items of one lot under one SSCC. Never deleted: the numbers count up and none is used twice.

    `count` is in trade items of `gtin`, `quantity` in base units.
    """

    __tablename__ = "pallet"
    __table_args__ = (
        CheckConstraint("count > 0", name="count_positive"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    sscc: str | None = Field(default=None, unique=True)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    gtin: str = Field(foreign_key="trade_item.gtin")
    count: int = Field(sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    made_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    made_at: datetime
