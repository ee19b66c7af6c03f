"""Proof of a delivery, and how it differed from what was sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class ProofOfDelivery(Table, table=True):
    """Who signed for a transfer (a role, or an account's name), when, and where the evidence is kept.

    `evidence`: the reference or hash of a photograph or signed note. The
    temperatures are what the transport's logger showed, thousandths of a degree.
    """

    __tablename__ = "proof_of_delivery"

    transfer_id: int = Field(primary_key=True, foreign_key="transfer.id", sa_type=BigInteger)
    signed_by: str
    signed_at: datetime
    evidence: str
    lowest_milli: int | None = None
    highest_milli: int | None = None
    minutes_outside: int | None = None
    logger: str = ""
    recorded_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class Discrepancy(Table, table=True):
    """One thing that was not as sent, in base units: of a line, or a lot that was not on the transfer at all."""

    __tablename__ = "transfer_discrepancy"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("kind IN ('short','over','damaged','excursion','wrong_lot')", name="kind"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transfer_id: int = Field(foreign_key="transfer.id", sa_type=BigInteger, index=True)
    line_id: int | None = Field(default=None, foreign_key="transfer_line.id", sa_type=BigInteger)
    kind: str
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    note: str
