"""What suppliers were told to expect."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class SupplierOutlook(Table, table=True):
    """What a supplier was told on a day about an item and a quarter, in base units: low, expected and high."""

    __tablename__ = "supplier_outlook"
    __table_args__ = (
        UniqueConstraint("issued", "supplier_code", "item_code", "quarter"),
        CheckConstraint("0 <= low AND low <= expected AND expected <= high", name="band"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    issued: date
    supplier_code: str = Field(foreign_key="supplier.code", index=True)
    item_code: str = Field(foreign_key="item.code")
    quarter: str
    low: int = Field(sa_type=BigInteger)
    expected: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
