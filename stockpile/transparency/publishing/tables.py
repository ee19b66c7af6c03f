"""What has been published, as it was: a correction is a new version, and the old one stays."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Publication(Table, table=True):
    """The public problem and plan of an allocation: the files byte for byte, and their SHA-256.

    `withheld`: items left out and why (JSON). `blocks`: which depots were summed into which block, by item (JSON);
    it is kept so that no later publication gives a site away, and is never published itself.
    """

    __tablename__ = "publication"
    __table_args__ = (UniqueConstraint("plan_id", "version"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigInteger)
    version: int
    policy: str
    correction: str = ""
    problem: str = Field(sa_type=Text)
    problem_digest: str
    answer: str = Field(sa_type=Text)
    answer_digest: str
    fair: bool
    withheld: str = Field(sa_type=Text)
    blocks: str = Field(sa_type=Text)
    published_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    published_at: datetime
