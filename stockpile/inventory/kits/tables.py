"""What kits consist of, and which lots went into which kit lot."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import Table


class KitPart(Table, table=True):
    """So many base units of a component belong in one base unit of the kit."""

    __tablename__ = "kit_part"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("kit_item <> component_item", name="not_itself"),
    )

    kit_item: str = Field(primary_key=True, foreign_key="item.code")
    component_item: str = Field(primary_key=True, foreign_key="item.code")
    quantity: int = Field(sa_type=BigInteger)


class KitLotPart(Table, table=True):
    """Base units of a component lot that are in the kits of a kit lot, and what was taken out again."""

    __tablename__ = "kit_lot_part"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("taken_out >= 0 AND taken_out <= quantity", name="taken_out_within"),
    )

    kit_lot_id: int = Field(primary_key=True, foreign_key="lot.id", sa_type=BigInteger)
    component_lot_id: int = Field(primary_key=True, foreign_key="lot.id", sa_type=BigInteger, index=True)
    quantity: int = Field(sa_type=BigInteger)
    taken_out: int = Field(default=0, sa_type=BigInteger)
