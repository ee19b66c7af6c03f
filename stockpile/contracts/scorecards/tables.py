"""What a supplier has to take back and replace before it gets too old."""

from __future__ import annotations

from datetime import date

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class RotationDuty(Table, table=True):
    """A batch that the supplier rotates by a day under its contract, and when it did."""

    __tablename__ = "rotation_duty"
    __table_args__ = (UniqueConstraint("contract_code", "item_code", "batch"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contract_code: str = Field(foreign_key="contract.code", index=True)
    item_code: str = Field(foreign_key="item.code")
    batch: str
    due_on: date
    rotated_on: date | None = None
