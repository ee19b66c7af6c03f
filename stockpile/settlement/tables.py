"""Periods, what was spent in them, what each member bears of it, reservations, and loans in kind."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class SettlementPeriod(Table, table=True):
    """A span that is settled as one, by one key. Closed, it takes no entry: corrections are entries of a later one."""

    __tablename__ = "settlement_period"
    __table_args__ = (
        CheckConstraint("state IN ('open','calculated','closed')", name="state"),
        CheckConstraint("starts_at < ends_at", name="has_length"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    starts_at: datetime
    ends_at: datetime
    cost_key: str
    mix_population: int = 0
    mix_reservation: int = 0
    mix_use: int = 0
    state: str
    opened_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    calculated_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    calculated_at: datetime | None = None
    closed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    closed_at: datetime | None = None
    charges_digest: str = ""


class CostEvent(Table, table=True):
    """A cost: who paid it, and who bears it (`borne_by` empty: all, by the period's key). Never changed.

    `corrects`: the event that this one puts right; only then may the amount be below zero.
    """

    __tablename__ = "cost_event"
    __table_args__ = (CheckConstraint("amount_minor <> 0", name="something"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    period_id: int = Field(foreign_key="settlement_period.id", sa_type=BigInteger, index=True)
    kind: str
    incurred_at: datetime
    amount_minor: int = Field(sa_type=BigInteger)
    paid_by: str
    borne_by: str = ""
    reference: str
    reason: str
    corrects: int | None = Field(default=None, foreign_key="cost_event.id", sa_type=BigInteger)
    booked_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class SettlementCharge(Table, table=True):
    """What a member bears of one cost, in minor units; the charges of a cost add up to it."""

    __tablename__ = "settlement_charge"

    event_id: int = Field(primary_key=True, foreign_key="cost_event.id", sa_type=BigInteger)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    period_id: int = Field(foreign_key="settlement_period.id", sa_type=BigInteger, index=True)
    amount_minor: int = Field(sa_type=BigInteger)


class MemberReservation(Table, table=True):
    """What a member has reserved in the pool from an instant on, as a value in minor units; the newest counts."""

    __tablename__ = "member_reservation"
    __table_args__ = (CheckConstraint("value_minor >= 0", name="not_negative"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    value_minor: int = Field(sa_type=BigInteger)
    since: datetime
    reason: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class StorageRate(Table, table=True):
    """What keeping a cubic metre of a storage class at a site costs a day, from a day on.

    `milli_per_m3_day`: thousandths of a minor unit. `source`: where it is written, or that it is assumed.
    """

    __tablename__ = "storage_rate"
    __table_args__ = (
        CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name="storage_class"),
        CheckConstraint("milli_per_m3_day >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    site_code: str = Field(foreign_key="site.code", index=True)
    storage_class: str
    effective_from: date
    milli_per_m3_day: int = Field(sa_type=BigInteger)
    source: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    set_at: datetime


class Loan(Table, table=True):
    """Stock lent in kind: what changed owner, until when, and at what price a pack is sold if it never comes back."""

    __tablename__ = "loan"
    __table_args__ = (
        CheckConstraint("state IN ('open','part_returned','returned','converted')", name="state"),
        CheckConstraint("returned >= 0 AND returned <= quantity", name="returned_within"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lender: str
    borrower: str
    item_code: str = Field(foreign_key="item.code")
    quantity: int = Field(sa_type=BigInteger)
    returned: int = Field(default=0, sa_type=BigInteger)
    lent_by_change: int = Field(unique=True, foreign_key="ownership_change.id", sa_type=BigInteger)
    lent_at: datetime
    lent_expiry: date
    due_at: datetime
    pack_price_minor: int = Field(sa_type=BigInteger)
    state: str
    noted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    sold_by_event: int | None = Field(default=None, foreign_key="cost_event.id", sa_type=BigInteger)


class LoanReturn(Table, table=True):
    """Part of a loan that came back: the change of owner that brought it, and how long it lasts."""

    __tablename__ = "loan_return"
    __table_args__ = (UniqueConstraint("change_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    loan_id: int = Field(foreign_key="loan.id", sa_type=BigInteger, index=True)
    change_id: int = Field(foreign_key="ownership_change.id", sa_type=BigInteger)
    quantity: int = Field(sa_type=BigInteger)
    expiry: date
    returned_at: datetime
