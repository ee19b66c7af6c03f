"""Limits on the volume that goes out within a day; of one kind and place the latest that has begun counts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table

DISPATCH, VEHICLES, RECEIVING = "dispatch", "vehicles", "receiving"


class CarryingLimit(Table, table=True):
    """What plans of one day may send, in millilitres of packed volume, all items together; None: no limit from then on.

    `dispatch`: out of a depot; `vehicles`: from a depot to a member; `receiving`: to a member from everywhere.
    """

    __tablename__ = "carrying_limit"
    __table_args__ = (
        CheckConstraint("kind IN ('dispatch', 'vehicles', 'receiving')", name="kind"),
        CheckConstraint("volume_ml >= 0", name="not_negative"),
        CheckConstraint(
            "(site_code IS NULL) = (kind = 'receiving') AND (member_code IS NULL) = (kind = 'dispatch')", name="place"
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    kind: str
    site_code: str | None = Field(default=None, foreign_key="site.code")
    member_code: str | None = Field(default=None, foreign_key="member.code")
    effective_from: date
    volume_ml: int | None = Field(default=None, sa_type=BigInteger)
    reason: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime
