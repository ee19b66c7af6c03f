"""Changes of owner."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class OwnershipChange(Table, table=True):
    """Base units of a lot that pass from one owner to another where they lie, once a second person confirms.

    `price_minor` is what the new owner owes for all of it, in the region's currency; 0: given.
    """

    __tablename__ = "ownership_change"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("price_minor >= 0", name="price_not_negative"),
        CheckConstraint("from_owner <> to_owner", name="changes"),
        CheckConstraint("state IN ('proposed','done','withdrawn')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    site_code: str = Field(foreign_key="site.code")
    from_owner: str
    to_owner: str
    quantity: int = Field(sa_type=BigInteger)
    price_minor: int = Field(sa_type=BigInteger)
    reason: str
    state: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
