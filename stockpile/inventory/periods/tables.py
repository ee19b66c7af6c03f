"""Closed periods, and the figures of the storeroom that a region may set."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from stockpile.db import BigId, Table


class Period(Table, table=True):
    """A closed period: nothing is entered any more that took effect before `ends_at`. Never reopened.

    `stock_digest`: SHA-256 over what stood where at its end, so that a change of
    a closed figure is found.
    """

    __tablename__ = "period"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    ends_at: datetime = Field(unique=True)
    closed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    closed_at: datetime
    recorded_at: datetime
    reason: str
    stock_digest: str


class StoreroomFigure(Table, table=True):
    """A figure that the region has set, such as how many hours late an entry may be; the default counts without one."""

    __tablename__ = "storeroom_figure"

    name: str = Field(primary_key=True)
    value: int
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime
