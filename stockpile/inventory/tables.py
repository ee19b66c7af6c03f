"""Sites, lanes, lots and the ledger: every stored fact about stock is spelled here."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Site(Table, table=True):
    """A depot of the pool, or a point of use such as a hospital.

    `cold_store`: whether it can keep goods at 2 to 8 degrees; None: nobody has said.
    """

    __tablename__ = "site"
    __table_args__ = (CheckConstraint("kind IN ('depot', 'point_of_use')", name="kind"),)

    code: str = Field(primary_key=True)
    name: str
    kind: str
    country: str
    member_code: str = Field(foreign_key="member.code")
    latitude: float
    longitude: float
    time_zone: str
    cold_store: bool | None = None


class PointOfUse(Table, table=True):
    """Where a member's patients are usually treated: the point of use its requests name by default."""

    __tablename__ = "point_of_use"

    member_code: str = Field(primary_key=True, foreign_key="member.code")
    site_code: str = Field(foreign_key="site.code")


class Lane(Table, table=True):
    """A way from a depot to a point of use; cost per pack in minor units."""

    __tablename__ = "lane"

    origin: str = Field(primary_key=True, foreign_key="site.code")
    destination: str = Field(primary_key=True, foreign_key="site.code")
    minutes: int
    cost_minor: int = Field(sa_type=BigInteger)
    cold_chain: bool


class Lot(Table, table=True):
    """A batch of a product, known by GTIN and batch code, with one expiry; what is changed here is in the journal too.

    `gtin` is that of the product: two makers of one item may use the same code.

    `recalled`: an open recall names it, or a lot it was made of. A hold ends
    by a person's word, a recall by closing it.
    """

    __tablename__ = "lot"
    __table_args__ = (UniqueConstraint("gtin", "code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code", index=True)
    gtin: str
    code: str
    expiry: date = Field(index=True)
    on_hold: bool = False
    hold_reason: str = ""
    recalled: bool = False

    @property
    def held(self) -> bool:
        """Whether no unit of it may be used, wherever it is."""
        return self.on_hold or self.recalled


class LotRestriction(Table, table=True):
    """A lot may serve only this country, this member, or who is admitted to this donor's or contract's goods.

    Restrictions of one kind on a lot are alternatives; each kind must be met.
    """

    __tablename__ = "lot_restriction"
    __table_args__ = (
        CheckConstraint("kind IN ('country','member','donor','contract')", name="kind"),
        CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted_by_somebody"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    kind: str
    value: str
    reason: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    since: datetime
    lifted_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    lifted_at: datetime | None = None
    lift_reason: str = ""


class Beneficiary(Table, table=True):
    """A member who is admitted to the goods of a donor, or of a contract or programme."""

    __tablename__ = "beneficiary"
    __table_args__ = (CheckConstraint("kind IN ('donor','contract')", name="kind"),)

    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    admitted_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    since: datetime


class Serial(Table, table=True):
    """One piece of equipment under its own number, and where it stands: as its balance, or outside the ledger.

    Written by `ledger.post` with the balances: at every balance of a
    serialised item stand as many serials as base units. `document`: of its
    last movement.
    """

    __tablename__ = "serial"
    __table_args__ = (
        UniqueConstraint("item_code", "serial"),
        CheckConstraint(
            "status IN ('available','reserved','quarantine','in_transit','supplier','consumption','loss','assembly')",
            name="status",
        ),
        CheckConstraint("(site_code IS NULL) = (owner IS NULL)", name="place"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code")
    serial: str = Field(index=True)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    site_code: str | None = Field(default=None, foreign_key="site.code")
    owner: str | None = None
    status: str
    document: str


class ReserveFloor(Table, table=True):
    """What of an item may not leave the pool from that day on, in base units; the latest day counts."""

    __tablename__ = "reserve_floor"
    __table_args__ = (CheckConstraint("quantity >= 0", name="not_negative"),)

    item_code: str = Field(primary_key=True, foreign_key="item.code")
    effective_from: date = Field(primary_key=True)
    quantity: int = Field(sa_type=BigInteger)


class Balance(Table, table=True):
    """What stands on one account (lot, site, owner, status), in base units.

    Written by `ledger.post` alone, in the transaction of the movements.
    `version` counts the legs so far; `owner` is 'pool' or a member's code;
    `moved_at` is the latest instant at which a leg took effect.
    """

    __tablename__ = "balance"
    __table_args__ = (
        UniqueConstraint("lot_id", "site_code", "owner", "status"),
        CheckConstraint("quantity >= 0", name="not_negative"),
        CheckConstraint("status IN ('available','reserved','quarantine','in_transit')", name="status"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    site_code: str = Field(foreign_key="site.code", index=True)
    owner: str
    status: str
    quantity: int = Field(default=0, sa_type=BigInteger)
    version: int = Field(default=0, sa_type=BigInteger)
    moved_at: datetime | None = None


class Posting(Table, table=True):
    """Movements that belong together: posted whole or not at all, once per key for ever.

    `second_id` is the other person who stands for it, where one alone may not.
    """

    __tablename__ = "posting"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    key: str = Field(unique=True)
    kind: str
    actor_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    reason: str
    effective_at: datetime = Field(index=True)
    recorded_at: datetime
    second_id: int | None = Field(default=None, sa_type=BigInteger)


class Movement(Table, table=True):
    """So many base units of a lot from one account to another. Append-only.

    Each leg is on a balance (with the leg's number `seq` and what stood there
    `after` it) or on an external account, which carries no balance.
    """

    __tablename__ = "movement"
    __table_args__ = (
        UniqueConstraint("posting_id", "line"),
        UniqueConstraint("from_balance_id", "from_seq"),
        UniqueConstraint("to_balance_id", "to_seq"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("from_after >= 0", name="from_after_not_negative"),
        CheckConstraint("to_after >= 0", name="to_after_not_negative"),
        CheckConstraint("(from_balance_id IS NULL) <> (from_external IS NULL)", name="one_source"),
        CheckConstraint("(to_balance_id IS NULL) <> (to_external IS NULL)", name="one_sink"),
        Index("ix_movement_document", "document"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    posting_id: int = Field(foreign_key="posting.id", sa_type=BigInteger)
    line: int
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger, index=True)
    quantity: int = Field(sa_type=BigInteger)
    from_balance_id: int | None = Field(default=None, foreign_key="balance.id", sa_type=BigInteger)
    from_external: str | None = None
    from_seq: int | None = Field(default=None, sa_type=BigInteger)
    from_after: int | None = Field(default=None, sa_type=BigInteger)
    to_balance_id: int | None = Field(default=None, foreign_key="balance.id", sa_type=BigInteger)
    to_external: str | None = None
    to_seq: int | None = Field(default=None, sa_type=BigInteger)
    to_after: int | None = Field(default=None, sa_type=BigInteger)
    document: str


class Transfer(Table, table=True):
    """Goods of the pool on their way from a depot to a point of use.

    Approved, they are reserved until `expires_at`, unless they have been picked by then.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        UniqueConstraint("source", "origin", "destination"),
        CheckConstraint("state IN ('approved','dispatched','received','discrepancy','cancelled')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    source: str
    origin: str = Field(foreign_key="site.code", index=True)
    destination: str = Field(foreign_key="site.code", index=True)
    state: str
    approved_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    expires_at: datetime | None = Field(default=None, index=True)
    picked_at: datetime | None = None
    picked_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    dispatched_at: datetime | None = None
    dispatched_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    due_at: datetime | None = None
    received_at: datetime | None = None
    received_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)


class TransferLine(Table, table=True):
    """One lot for one member on a transfer, in base units; settled once the parts add up to quantity.

    `owner`: whose it is on the way: the pool's, or the member's own stock.
    The parts: received, damaged (to quarantine), missing (written off), and
    cancelled before it left (`cancel_reason`); over is beyond quantity.
    `priority` is that of the request: 1 saves lives, 4 is preparedness.
    """

    __tablename__ = "transfer_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("received + damaged + missing + cancelled <= quantity", name="nothing_from_nowhere"),
        CheckConstraint("cancelled >= 0", name="cancelled_not_negative"),
        CheckConstraint("received >= 0 AND damaged >= 0 AND missing >= 0 AND over >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    transfer_id: int = Field(foreign_key="transfer.id", sa_type=BigInteger, index=True)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    member_code: str = Field(foreign_key="member.code")
    owner: str = "pool"
    reference: str
    quantity: int = Field(sa_type=BigInteger)
    received: int = Field(default=0, sa_type=BigInteger)
    damaged: int = Field(default=0, sa_type=BigInteger)
    missing: int = Field(default=0, sa_type=BigInteger)
    over: int = Field(default=0, sa_type=BigInteger)
    cancelled: int = Field(default=0, sa_type=BigInteger)
    cancel_reason: str = ""
    priority: int = 4
