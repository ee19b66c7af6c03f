"""The buying policy of the region."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import Table


class BuyingPolicy(Table, table=True):
    """One row: what a nightly run may propose to spend (minor units), how often it looks, where goods go."""

    __tablename__ = "buying_policy"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    budget_minor: int = Field(sa_type=BigInteger)
    review_days: int
    deliver_to: str = Field(foreign_key="site.code")
