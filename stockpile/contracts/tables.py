"""Suppliers, unified contracts with their price tiers, and call-offs."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Supplier(Table, table=True):
    """A supplier with the lead times (days, order to delivery) and lateness seen so far.

    `size` after EU Recommendation 2003/361/EC; None is unknown.
    """

    __tablename__ = "supplier"
    __table_args__ = (CheckConstraint("size IN ('micro','small','medium','large')", name="size"),)

    code: str = Field(primary_key=True)
    name: str
    lead_p10_days: int
    lead_p50_days: int
    lead_p90_days: int
    on_time_permille: int
    late_p95_days: int
    size: str | None = None


class Contract(Table, table=True):
    """A unified contract: one supplier, terms that hold for every member.

    `remaining_minor` is what may still be ordered below the ceiling; approving
    an order takes from it, and the database refuses a negative.
    """

    __tablename__ = "contract"
    __table_args__ = (
        CheckConstraint("remaining_minor >= 0", name="within_ceiling"),
        CheckConstraint(
            "state IN ('planned','tendered','evaluated','standstill','awarded','active','suspended','closed',"
            "'cancelled','unsuccessful')",
            name="state",
        ),
    )

    code: str = Field(primary_key=True)
    supplier_code: str = Field(foreign_key="supplier.code", index=True)
    state: str = "active"
    starts: date
    ends: date
    currency: str
    minimum_order_minor: int = Field(sa_type=BigInteger)
    ceiling_minor: int = Field(sa_type=BigInteger)
    remaining_minor: int = Field(sa_type=BigInteger)
    lead_time_days: int


class ContractLine(Table, table=True):
    """An item under a contract. Orders are multiples of `pack_multiple`, at least `minimum_packs`.

    A delivery may exceed an order by `tolerance_percent` of it; with
    `whole_packs` nothing but whole packs is taken in. The supplier buys back at
    `buy_back_percent` of the price what still lasts `buy_back_days` or longer;
    None: it does not.
    """

    __tablename__ = "contract_line"
    __table_args__ = (
        CheckConstraint("tolerance_percent BETWEEN 0 AND 100", name="tolerance_range"),
        CheckConstraint("buy_back_percent BETWEEN 1 AND 100", name="buy_back_percent_range"),
        CheckConstraint("buy_back_days >= 0", name="buy_back_days_not_negative"),
    )

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    minimum_packs: int = Field(sa_type=BigInteger)
    pack_multiple: int = Field(sa_type=BigInteger)
    shelf_life_on_delivery_days: int
    tolerance_percent: int = 0
    whole_packs: bool = True
    buy_back_percent: int | None = None
    buy_back_days: int | None = None


class PriceTier(Table, table=True):
    """From `from_packs` on, every pack of the order costs `pack_price_minor` (all-units tier)."""

    __tablename__ = "price_tier"

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    from_packs: int = Field(primary_key=True, sa_type=BigInteger)
    pack_price_minor: int = Field(sa_type=BigInteger)


class CallOff(Table, table=True):
    """An order under a contract, from suggestion to payment. One per (contract, slot of the proposing run).

    `member_code`: who orders; None: the pool. `kind`: normal, by a surge option,
    or from what must be available immediately; `origin`: a run, a person's
    hand, or a shortage. `expected_at` is when it is due by the contract,
    `confirmed_for` when the supplier says it comes. `fee_minor` of the cost is
    an option's fee.
    """

    __tablename__ = "calloff"
    __table_args__ = (
        UniqueConstraint("contract_code", "slot"),
        CheckConstraint(
            "state IN ('suggested','proposed','approved','sent','acknowledged','confirmed','part_shipped',"
            "'part_delivered','delivered','accepted','invoiced','paid','closed','rejected','cancelled','short_closed')",
            name="state",
        ),
        CheckConstraint("kind IN ('normal','option','immediate')", name="kind"),
        CheckConstraint("origin IN ('run','hand','shortage')", name="origin"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    contract_code: str = Field(foreign_key="contract.code", index=True)
    slot: str
    state: str
    deliver_to: str = Field(foreign_key="site.code")
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    approved_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    approved_at: datetime | None = None
    expected_at: datetime | None = None
    cost_minor: int = Field(sa_type=BigInteger)
    fee_minor: int = Field(default=0, sa_type=BigInteger)
    member_code: str | None = Field(default=None, foreign_key="member.code")
    kind: str = "normal"
    origin: str = "run"
    contract_version: int = 1
    sent_at: datetime | None = None
    acknowledged_at: datetime | None = None
    confirmed_for: datetime | None = None
    ended_at: datetime | None = None
    ended_reason: str = ""


class CallOffLine(Table, table=True):
    """One item of a call-off: what was ordered and what has arrived, in base units, and why it was proposed.

    `closed` will not come any more (the line was closed short, with its reason);
    `over` was taken beyond the order, within tolerance or by another person's word.
    """

    __tablename__ = "calloff_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("received >= 0 AND received + closed <= quantity", name="received_within_order"),
        CheckConstraint("closed >= 0 AND over >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    calloff_id: int = Field(foreign_key="calloff.id", sa_type=BigInteger, index=True)
    item_code: str = Field(foreign_key="item.code", index=True)
    packs: int = Field(sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    received: int = Field(default=0, sa_type=BigInteger)
    closed: int = Field(default=0, sa_type=BigInteger)
    closed_reason: str = ""
    over: int = Field(default=0, sa_type=BigInteger)
    pack_price_minor: int = Field(sa_type=BigInteger)
    reason: str


class Delivery(Table, table=True):
    """Base units of an order's line that came at one time: what suppliers are judged by, and damages computed from.

    `due_at`: when they were due by the contract. `expiry` is unknown (None)
    where the receipt did not say. `rejected` of it was sent back or set aside.
    """

    __tablename__ = "calloff_delivery"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("rejected >= 0 AND rejected <= quantity", name="rejected_within"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    calloff_line_id: int = Field(foreign_key="calloff_line.id", sa_type=BigInteger, index=True)
    quantity: int = Field(sa_type=BigInteger)
    arrived_at: datetime
    due_at: datetime | None = None
    expiry: date | None = None
    rejected: int = Field(default=0, sa_type=BigInteger)
    reject_reason: str = ""
