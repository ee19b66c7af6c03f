"""Versions of a contract, its lots and prices, members' reservations, countries' conditions, and surge options."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import Table


class ContractVersion(Table, table=True):
    """What a contract says from a day on: version 1 as it was signed, each later one an amendment with its rationale.

    Proposed by one person and adopted by another; the newest adopted version
    whose day has come is the one that holds. Terms as in `rules.Terms`.
    """

    __tablename__ = "contract_version"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_from_one"),
        CheckConstraint("state IN ('proposed','adopted','refused')", name="state"),
        CheckConstraint("ceiling_minor >= 0 AND minimum_order_minor >= 0", name="money_not_negative"),
        CheckConstraint("lead_time_days >= 0 AND run_off_days >= 0", name="days_not_negative"),
        CheckConstraint("damages_cap_permille BETWEEN 0 AND 1000", name="damages_cap"),
        CheckConstraint("damages_of IN ('late_part','order')", name="damages_of"),
        CheckConstraint("damages_round_each IN ('day','total')", name="damages_round_each"),
        CheckConstraint("damages_rounding IN ('half_up','down','up')", name="damages_rounding"),
    )

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    version: int = Field(primary_key=True)
    state: str
    rationale: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    effective_from: date
    ends: date
    ceiling_minor: int = Field(sa_type=BigInteger)
    minimum_order_minor: int = Field(sa_type=BigInteger)
    lead_time_days: int
    run_off_days: int
    order_weekdays: str
    immediate_permille: int
    immediate_days: int
    index_code: str
    index_base_milli: int
    index_share_permille: int
    rotation_trigger_days: int
    rotation_credit_permille: int
    damages_rate_permille: int
    damages_days: int | None = None
    damages_of: str
    damages_grace_days: int
    damages_cap_permille: int
    damages_round_to_minor: int
    damages_round_each: str
    damages_rounding: str
    substantial_permille: int


class ContractPrice(Table, table=True):
    """The price tiers of an item by an amendment; items without a row keep the prices of the version before."""

    __tablename__ = "contract_price"
    __table_args__ = (CheckConstraint("from_packs >= 1 AND pack_price_minor >= 0", name="not_negative"),)

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    version: int = Field(primary_key=True)
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    from_packs: int = Field(primary_key=True, sa_type=BigInteger)
    pack_price_minor: int = Field(sa_type=BigInteger)


class ContractLineTerms(Table, table=True):
    """Shelf life on delivery and buying back of an item by an amendment; items without a row keep what held before.

    The supplier buys back at `buy_back_percent` of the price what still lasts
    `buy_back_days` or longer; None: it does not.
    """

    __tablename__ = "contract_line_terms"
    __table_args__ = (
        CheckConstraint("shelf_life_on_delivery_days >= 0", name="shelf_life_not_negative"),
        CheckConstraint("buy_back_percent BETWEEN 1 AND 100", name="buy_back_percent_range"),
        CheckConstraint("buy_back_days >= 0", name="buy_back_days_not_negative"),
    )

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    version: int = Field(primary_key=True)
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    shelf_life_on_delivery_days: int
    buy_back_percent: int | None = None
    buy_back_days: int | None = None


class PriceIndex(Table, table=True):
    """The value of a published index from a day on, in thousandths; corrections are later rows of their own."""

    __tablename__ = "price_index"
    __table_args__ = (CheckConstraint("value_milli > 0", name="value_positive"),)

    code: str = Field(primary_key=True)
    published_on: date = Field(primary_key=True)
    value_milli: int = Field(sa_type=BigInteger)
    source: str


class ContractLot(Table, table=True):
    """A lot of a contract, with the most that may be ordered of it (minor units) and what of that remains (K1)."""

    __tablename__ = "contract_lot"
    __table_args__ = (CheckConstraint("remaining_minor >= 0", name="within_maximum"),)

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    lot: str = Field(primary_key=True)
    title: str
    maximum_minor: int = Field(sa_type=BigInteger)
    remaining_minor: int = Field(sa_type=BigInteger)


class ContractLotItem(Table, table=True):
    """Which lot of a contract an item belongs to."""

    __tablename__ = "contract_lot_item"

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    lot: str


class ContractMember(Table, table=True):
    """What a member has reserved of a lot, and has ordered (minor units); who is not listed orders nothing (K7)."""

    __tablename__ = "contract_member"
    __table_args__ = (CheckConstraint("ordered_minor >= 0 AND ordered_minor <= reserved_minor", name="within_share"),)

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    lot: str = Field(primary_key=True)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    reserved_minor: int = Field(sa_type=BigInteger)
    ordered_minor: int = Field(default=0, sa_type=BigInteger)


class ContractCondition(Table, table=True):
    """A lot applies in a country only once a condition is met, such as a waiver for its labels."""

    __tablename__ = "contract_condition"

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    lot: str = Field(primary_key=True)
    country: str = Field(primary_key=True)
    condition: str
    met: bool = False


class SurgeOption(Table, table=True):
    """So many base units more of an item may be called within the window, at a price and a speed of their own (K6)."""

    __tablename__ = "surge_option"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= quantity", name="within_option"),
        CheckConstraint("days >= 0 AND price_permille > 0 AND fee_minor >= 0", name="not_negative"),
        CheckConstraint("opens <= closes", name="window"),
    )

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    quantity: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    days: int
    price_permille: int
    fee_minor: int = Field(default=0, sa_type=BigInteger)
    opens: date
    closes: date
