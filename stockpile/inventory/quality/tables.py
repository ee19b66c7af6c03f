"""Evidence about stock: expiry extensions, disposals with their witness, temperature readings."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class ExpiryExtension(Table, table=True):
    """An authority extended a lot's expiry; every step stays on record."""

    __tablename__ = "expiry_extension"
    __table_args__ = (CheckConstraint("new_expiry > old_expiry", name="later"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    old_expiry: date
    new_expiry: date
    authority: str
    evidence: str
    decided_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime


class Disposal(Table, table=True):
    """Stock in quarantine to be destroyed: proposed by one person, done before a witness; base units."""

    __tablename__ = "disposal"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("state IN ('proposed','done','withdrawn')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    site_code: str = Field(foreign_key="site.code")
    owner: str
    quantity: int = Field(sa_type=BigInteger)
    reason: str
    state: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    witnessed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    witnessed_at: datetime | None = None
    certificate: str = ""


class TemperatureReading(Table, table=True):
    """One reading of a sensor at a site ('': its only one), in thousandths of a degree Celsius."""

    __tablename__ = "temperature_reading"

    site_code: str = Field(primary_key=True, foreign_key="site.code")
    sensor: str = Field(default="", primary_key=True)
    read_at: datetime = Field(primary_key=True)
    milli_celsius: int
