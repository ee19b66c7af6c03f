"""Maintenance windows of equipment, with the spare parts that they need."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class MaintenanceWindow(Table, table=True):
    """Days on which equipment at a site is maintained and needs so many base units of a spare part.

    Windows are called off, never deleted. What was not used once the last day
    has passed is asked for no more.
    """

    __tablename__ = "maintenance_window"
    __table_args__ = (
        CheckConstraint("starts <= ends", name="window"),
        CheckConstraint("units > 0", name="units_positive"),
        CheckConstraint("state IN ('planned','called_off')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code", index=True)
    site_code: str = Field(foreign_key="site.code", index=True)
    equipment: str
    starts: date
    ends: date
    units: int = Field(sa_type=BigInteger)
    state: str = "planned"
    reason: str
    planned_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    planned_at: datetime
