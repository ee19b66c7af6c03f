"""What was used before the ledger began, and what is expected."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class DemandHistory(Table, table=True):
    """Use of an item in a month before the ledger began, in base units; `site_code` '' stands for the whole pool.

    `quantity` None: nobody knows. `source`: where the figure is from.
    """

    __tablename__ = "demand_history"
    __table_args__ = (
        CheckConstraint("quantity >= 0", name="not_negative"),
        UniqueConstraint("item_code", "site_code", "month"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code")
    site_code: str = ""
    month: date
    quantity: int | None = Field(default=None, sa_type=BigInteger)
    source: str


class Forecast(Table, table=True):
    """What an item is expected to need at a site from `starts` on, period by period, as a run of that slot saw it.

    `site_code` '' stands for all sites together. `means` and `quantiles` are
    JSON: thousandths of a base unit per period, and the same by quantile
    ("0.05" to "0.95"). Errors are of the back-test, in thousandths: of the
    method chosen, and of the best simple one (naive or a moving average).
    """

    __tablename__ = "forecast"
    __table_args__ = (
        UniqueConstraint("slot", "item_code", "site_code"),
        CheckConstraint("period IN ('week','month')", name="period"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    slot: str = Field(index=True)
    item_code: str = Field(foreign_key="item.code", index=True)
    site_code: str = ""
    period: str
    starts: date
    kind: str
    method: str
    means: str = Field(sa_type=Text)
    quantiles: str = Field(sa_type=Text)
    error_milli: int = Field(sa_type=BigInteger)
    simple_error_milli: int = Field(sa_type=BigInteger)
    bias_milli: int = Field(sa_type=BigInteger)
    periods_seen: int
    periods_corrected: int
    periods_unknown: int
