"""Entitlements of members and buffers of depots, each from a day on; of one kind the latest that has begun counts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import Table


class Entitlement(Table, table=True):
    """What a member has paid for or been guaranteed of an item in every plan, in base units; 0 ends it."""

    __tablename__ = "entitlement"
    __table_args__ = (CheckConstraint("quantity >= 0", name="not_negative"),)

    member_code: str = Field(primary_key=True, foreign_key="member.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    effective_from: date = Field(primary_key=True)
    quantity: int = Field(sa_type=BigInteger)
    reason: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime


class DepotBuffer(Table, table=True):
    """What of an item no plan takes from a depot, in base units; 0 ends it."""

    __tablename__ = "depot_buffer"
    __table_args__ = (CheckConstraint("quantity >= 0", name="not_negative"),)

    site_code: str = Field(primary_key=True, foreign_key="site.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    effective_from: date = Field(primary_key=True)
    quantity: int = Field(sa_type=BigInteger)
    reason: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime
