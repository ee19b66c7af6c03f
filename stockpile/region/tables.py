"""The files of a region that is being set up, until they are loaded together."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field

from stockpile.db import Table


class RegionDraft(Table, table=True):
    """One file of a region to come, kept as the text of a CSV template; gone once the region is loaded.

    `file_name` is what it was sent as, `rows` how many rows stand below its header.
    """

    __tablename__ = "region_draft"

    template: str = Field(primary_key=True)
    file_name: str
    content: str
    rows: int
    sent_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    sent_at: datetime
