"""Which files of loggers were taken in, and what was found in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class TemperatureLog(Table, table=True):
    """A logger's file for a site, known by the SHA-256 of its text, so that the same file counts once."""

    __tablename__ = "temperature_log"
    __table_args__ = (UniqueConstraint("site_code", "digest"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    site_code: str = Field(foreign_key="site.code")
    digest: str
    name: str
    storage_class: str
    begins: datetime
    ends: datetime
    readings: int
    excursions: int
    gaps: int
    set_apart: int = Field(sa_type=BigInteger)
    imported_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    imported_at: datetime
