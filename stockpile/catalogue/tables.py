"""What can be stocked: items with their packs, and where each may be used."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Item(Table, table=True):
    """A medicine or spare part. Quantities of an item are integers in its `base_unit`.

    `needs_release`: what comes in stays in quarantine until a pharmacist releases it.
    `verified`: whether a named person has verified the flags (storage, cold chain, controlled).
    `use_days`: days of use that must remain of a lot's shelf life at arrival.
    `serialised`: every base unit carries a number of its own and is moved by it.
    `use_per_admission_milli`: thousandths of a base unit that one hospital admission uses in a surge.
    `baseline_milli_per_day`: thousandths of a base unit that the pool issues a day outside surges.
    """

    __tablename__ = "item"
    __table_args__ = (
        CheckConstraint("pack_size > 0", name="pack_size_positive"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        CheckConstraint("kind IN ('medicine', 'part')", name="kind"),
    )

    code: str = Field(primary_key=True)
    kind: str
    name: str
    atc: str = ""
    cpv: str = ""
    gtin: str = Field(unique=True)
    base_unit: str
    pack_size: int = Field(sa_type=BigInteger)
    cold_chain: bool
    storage: str
    controlled: bool
    verified: bool
    needs_release: bool = False
    shelf_life_days: int
    use_days: int
    volume_ml: int
    priority: int
    use_per_admission_milli: int = Field(sa_type=BigInteger)
    baseline_milli_per_day: int = Field(sa_type=BigInteger)
    serialised: bool = False


class Licence(Table, table=True):
    """An item may be used in a country."""

    __tablename__ = "licence"

    item_code: str = Field(primary_key=True, foreign_key="item.code")
    country: str = Field(primary_key=True)


class PartFit(Table, table=True):
    """A part fits a model of equipment: it can be built into that item and, unless told, into no other."""

    __tablename__ = "part_fit"

    part_code: str = Field(primary_key=True, foreign_key="item.code")
    equipment_code: str = Field(primary_key=True, foreign_key="item.code", index=True)


class TradeItem(Table, table=True):
    """A packing level of an item under its own GTIN (14 digits): so many base units in one pack, case or pallet.

    `product`: the GTIN of the product whose batches it packs; None: the item's
    own. Another maker's product is its own: its batch codes are another maker's.
    """

    __tablename__ = "trade_item"
    __table_args__ = (CheckConstraint("units > 0", name="units_positive"),)

    gtin: str = Field(primary_key=True)
    item_code: str = Field(foreign_key="item.code", index=True)
    units: int = Field(sa_type=BigInteger)
    name: str
    product: str | None = None


class Substitution(Table, table=True):
    """An item that may be given instead of another in one country, once a named pharmacist has approved it.

    `units` base units of the substitute stand for `per_units` of the item.
    Holds from `valid_from` through `valid_through` (None: until revoked).
    """

    __tablename__ = "substitution"
    __table_args__ = (
        CheckConstraint("units > 0 AND per_units > 0", name="ratio_positive"),
        CheckConstraint("item_code <> substitute_code", name="not_itself"),
        CheckConstraint("valid_through IS NULL OR valid_through >= valid_from", name="ends_after_it_begins"),
        CheckConstraint("state IN ('proposed','approved','declined','revoked')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code", index=True)
    substitute_code: str = Field(foreign_key="item.code")
    country: str
    units: int = Field(sa_type=BigInteger)
    per_units: int = Field(sa_type=BigInteger)
    valid_from: date
    valid_through: date | None = None
    reason: str
    state: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    decision: str = ""
    revoked_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    revoked_at: datetime | None = None
    revocation: str = ""
