"""Tenders: specification, lots, who takes part, rubric, bids, marks, interests, results, objections."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Tender(Table, table=True):
    """A need put to suppliers, from the plan to the signed contracts.

    `country`: whose public holidays count, that of the lead party. `electronic`:
    how bidders are told of the award, which gives the days of standstill.
    """

    __tablename__ = "tender"
    __table_args__ = (
        CheckConstraint(
            "state IN ('planned','tendered','evaluated','standstill','awarded','signed','cancelled','unsuccessful')",
            name="state",
        ),
        CheckConstraint("starts <= ends", name="term"),
        CheckConstraint("minimum_order_minor >= 0 AND lead_time_days >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(unique=True)
    title: str
    need: str
    state: str = "planned"
    country: str
    currency: str
    electronic: bool = True
    starts: date
    ends: date
    minimum_order_minor: int = Field(sa_type=BigInteger)
    lead_time_days: int
    planned_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    planned_at: datetime
    specification: int | None = None
    published_at: datetime | None = None
    closes: datetime | None = None
    evaluated_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    evaluated_at: datetime | None = None
    standstill_until: date | None = None
    awarded_at: datetime | None = None
    ended_reason: str = ""


class Specification(Table, table=True):
    """One version of what is asked for, with why it was changed; the tender is published with one version."""

    __tablename__ = "specification"
    __table_args__ = (CheckConstraint("version >= 1", name="version_from_one"),)

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    version: int = Field(primary_key=True)
    text: str
    rationale: str
    written_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    written_at: datetime


class SpecificationAnnex(Table, table=True):
    """What a version of the specification asks for in one country besides."""

    __tablename__ = "specification_annex"

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    version: int = Field(primary_key=True)
    country: str = Field(primary_key=True)
    text: str


class TenderLot(Table, table=True):
    """A part of a tender that is awarded on its own, and the most that may be ordered of it (minor units)."""

    __tablename__ = "tender_lot"
    __table_args__ = (CheckConstraint("maximum_minor > 0", name="maximum_positive"),)

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    lot: str = Field(primary_key=True)
    title: str
    maximum_minor: int = Field(sa_type=BigInteger)


class TenderLotItem(Table, table=True):
    """An item of a lot: the packs by which bids are compared, and what an order of it must keep to."""

    __tablename__ = "tender_lot_item"
    __table_args__ = (
        CheckConstraint("packs > 0 AND minimum_packs > 0 AND pack_multiple > 0", name="packs_positive"),
        CheckConstraint("shelf_life_on_delivery_days >= 0", name="shelf_life_not_negative"),
    )

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    lot: str
    packs: int = Field(sa_type=BigInteger)
    minimum_packs: int = Field(sa_type=BigInteger)
    pack_multiple: int = Field(sa_type=BigInteger)
    shelf_life_on_delivery_days: int


class TenderChoice(Table, table=True):
    """Whether a member takes part in a lot, what it reserves (minor units), and why."""

    __tablename__ = "tender_choice"
    __table_args__ = (
        CheckConstraint("choice IN ('in','out')", name="choice"),
        CheckConstraint(
            "(choice = 'in' AND reserved_minor > 0) OR (choice = 'out' AND reserved_minor = 0)", name="reserved"
        ),
    )

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    lot: str = Field(primary_key=True)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    choice: str
    reserved_minor: int = Field(default=0, sa_type=BigInteger)
    reason: str
    chosen_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    chosen_at: datetime


class TenderCriterion(Table, table=True):
    """What bids are weighed by; the weights of a tender add up to 100."""

    __tablename__ = "tender_criterion"
    __table_args__ = (
        CheckConstraint("weight BETWEEN 1 AND 100", name="weight_range"),
        CheckConstraint("kind IN ('price','emission','judged')", name="kind"),
    )

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    criterion: str = Field(primary_key=True)
    title: str
    weight: int
    kind: str


class TenderBid(Table, table=True):
    """A supplier's bid for a lot; sealed until the time to bid is over."""

    __tablename__ = "tender_bid"
    __table_args__ = (CheckConstraint("state IN ('submitted','withdrawn','disqualified')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tender_id: int = Field(foreign_key="tender.id", sa_type=BigInteger, index=True)
    lot: str
    supplier_code: str = Field(foreign_key="supplier.code")
    state: str = "submitted"
    text: str
    received_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    received_at: datetime
    reason: str = ""


class TenderBidLine(Table, table=True):
    """The price of a pack (minor units), and the emission of a base unit (milligrams of CO2 equivalent) as declared."""

    __tablename__ = "tender_bid_line"
    __table_args__ = (CheckConstraint("pack_price_minor >= 0 AND emission_mg >= 0", name="not_negative"),)

    bid_id: int = Field(primary_key=True, foreign_key="tender_bid.id", sa_type=BigInteger)
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    pack_price_minor: int = Field(sa_type=BigInteger)
    emission_mg: int | None = Field(default=None, sa_type=BigInteger)
    declaration: str = ""


class TenderBidTier(Table, table=True):
    """From so many packs on, at least two, every pack costs so much (minor units); from one on it is the line's."""

    __tablename__ = "tender_bid_tier"
    __table_args__ = (
        CheckConstraint("from_packs >= 2 AND pack_price_minor >= 0", name="above_the_first"),
        ForeignKeyConstraint(["bid_id", "item_code"], ["tender_bid_line.bid_id", "tender_bid_line.item_code"]),
    )

    bid_id: int = Field(primary_key=True, sa_type=BigInteger)
    item_code: str = Field(primary_key=True)
    from_packs: int = Field(primary_key=True)
    pack_price_minor: int = Field(sa_type=BigInteger)


class TenderInterest(Table, table=True):
    """What a person declares before scoring: no interest, or one; who has one neither scores nor decides."""

    __tablename__ = "tender_interest"

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigInteger)
    interested: bool
    text: str
    declared_at: datetime


class TenderScore(Table, table=True):
    """What an office gives a bid in a criterion, 0 to 100, and why."""

    __tablename__ = "tender_score"
    __table_args__ = (CheckConstraint("mark BETWEEN 0 AND 100", name="mark_range"),)

    bid_id: int = Field(primary_key=True, foreign_key="tender_bid.id", sa_type=BigInteger)
    criterion: str = Field(primary_key=True)
    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigInteger)
    office: str
    mark: int
    reason: str
    scored_at: datetime


class TenderResult(Table, table=True):
    """How a bid stood when the evaluation was closed; `points` is the exact fraction of 100, rank 1 wins the lot."""

    __tablename__ = "tender_result"
    __table_args__ = (UniqueConstraint("tender_id", "lot", "rank"), CheckConstraint("rank >= 1", name="rank_from_one"))

    tender_id: int = Field(primary_key=True, foreign_key="tender.id", sa_type=BigInteger)
    bid_id: int = Field(primary_key=True, foreign_key="tender_bid.id", sa_type=BigInteger)
    lot: str
    rank: int
    points: str
    points_milli: int


class TenderObjection(Table, table=True):
    """A bidder's objection within the standstill; until it is decided nothing is awarded."""

    __tablename__ = "tender_objection"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    tender_id: int = Field(foreign_key="tender.id", sa_type=BigInteger, index=True)
    supplier_code: str = Field(foreign_key="supplier.code")
    text: str
    lodged_at: datetime
    decided_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    decided_at: datetime | None = None
    upheld: bool | None = None
    reason: str = ""


class TenderContract(Table, table=True):
    """Which contract came of a tender, and by which decision of the committee."""

    __tablename__ = "tender_contract"

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    tender_id: int = Field(foreign_key="tender.id", sa_type=BigInteger, index=True)
    decision_id: int | None = Field(default=None, sa_type=BigInteger)
    signed_at: datetime


class DeclaredEmission(Table, table=True):
    """What a supplier declares a base unit to emit (milligrams of CO2 equivalent) under its contract, and on what."""

    __tablename__ = "declared_emission"
    __table_args__ = (CheckConstraint("emission_mg >= 0", name="not_negative"),)

    contract_code: str = Field(primary_key=True, foreign_key="contract.code")
    item_code: str = Field(primary_key=True, foreign_key="item.code")
    emission_mg: int = Field(sa_type=BigInteger)
    declaration: str
