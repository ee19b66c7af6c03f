"""Supposed courses of things."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text
from sqlmodel import Field

from stockpile.db import BigId, Table


class DemandScenario(Table, table=True):
    """A supposed course of things with its assumptions; `curve` is JSON: what is used per day, or a factor per year."""

    __tablename__ = "demand_scenario"
    __table_args__ = (CheckConstraint("kind IN ('epidemic','outage','past_wave','file','years')", name="kind"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    kind: str
    assumptions: str = Field(sa_type=Text)
    curve: str = Field(sa_type=Text)
    made_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    made_at: datetime
