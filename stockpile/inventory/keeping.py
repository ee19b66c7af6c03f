"""How stock is kept: rules of a site, bins and room, and what the law wants to know of controlled stock.

These tables are written by the ledger's own guards or read by them, so they
lie below the ledger; what people do with them has rooms of its own.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class ReceivingRule(Table, table=True):
    """What of the goods that come in at a site waits in quarantine for a pharmacist's release."""

    __tablename__ = "receiving_rule"

    site_code: str = Field(primary_key=True, foreign_key="site.code")
    release_cold_chain: bool = False
    release_controlled: bool = False


class SiteCapacity(Table, table=True):
    """How much a site can keep of a storage class, in millilitres of packed volume."""

    __tablename__ = "site_capacity"
    __table_args__ = (
        CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name="storage_class"),
        CheckConstraint("capacity_ml >= 0", name="not_negative"),
    )

    site_code: str = Field(primary_key=True, foreign_key="site.code")
    storage_class: str = Field(primary_key=True)
    capacity_ml: int = Field(sa_type=BigInteger)


class Bin(Table, table=True):
    """A place on a shelf of a site, for one storage class; `capacity_ml` None: no limit is known."""

    __tablename__ = "bin"
    __table_args__ = (
        UniqueConstraint("site_code", "code"),
        CheckConstraint("storage_class IN ('ambient','cold','frozen','controlled')", name="storage_class"),
        CheckConstraint("capacity_ml >= 0", name="capacity_not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    site_code: str = Field(foreign_key="site.code", index=True)
    code: str
    storage_class: str
    capacity_ml: int | None = Field(default=None, sa_type=BigInteger)


class BinContent(Table, table=True):
    """Base units of one balance that lie in a bin; what lies in no bin is the rest of the balance.

    Changed under the lock of the balance, in the transaction of the movements,
    so that the bins never hold more than the balance.
    """

    __tablename__ = "bin_content"
    __table_args__ = (CheckConstraint("quantity >= 0", name="not_negative"),)

    bin_id: int = Field(primary_key=True, foreign_key="bin.id", sa_type=BigInteger)
    balance_id: int = Field(primary_key=True, foreign_key="balance.id", sa_type=BigInteger, index=True)
    quantity: int = Field(default=0, sa_type=BigInteger)


class BorderAuthorisation(Table, table=True):
    """An authority lets so many base units of a controlled item cross from one country to another."""

    __tablename__ = "border_authorisation"
    __table_args__ = (
        UniqueConstraint("number", "item_code"),
        CheckConstraint("remaining >= 0 AND remaining <= quantity", name="within_limit"),
        CheckConstraint("valid_to >= valid_from", name="not_backwards"),
        CheckConstraint("from_country <> to_country", name="two_countries"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    number: str
    item_code: str = Field(foreign_key="item.code", index=True)
    from_country: str
    to_country: str
    valid_from: date
    valid_to: date
    quantity: int = Field(sa_type=BigInteger)
    remaining: int = Field(sa_type=BigInteger)
    registered_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    registered_at: datetime


class BorderCrossing(Table, table=True):
    """What a posting took across a border under an authorisation, in base units."""

    __tablename__ = "border_crossing"
    __table_args__ = (CheckConstraint("quantity > 0", name="quantity_positive"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    authorisation_id: int = Field(foreign_key="border_authorisation.id", sa_type=BigInteger, index=True)
    posting_id: int = Field(foreign_key="posting.id", sa_type=BigInteger, index=True)
    quantity: int = Field(sa_type=BigInteger)


class ControlledLoss(Table, table=True):
    """Controlled stock that is gone, raised by the posting that says so: due to an authority by `due_at`."""

    __tablename__ = "controlled_loss"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("state IN ('open','reported','closed')", name="state"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    item_code: str = Field(foreign_key="item.code", index=True)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    site_code: str = Field(foreign_key="site.code", index=True)
    quantity: int = Field(sa_type=BigInteger)
    cause: str
    document: str = Field(index=True)
    posting_id: int | None = Field(default=None, foreign_key="posting.id", sa_type=BigInteger)
    authority: str
    state: str
    raised_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    raised_at: datetime
    due_at: datetime
    reported_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    reported_at: datetime | None = None
    reference: str = ""
    closed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    closed_at: datetime | None = None
    outcome: str = ""


class ApprovalLimit(Table, table=True):
    """Up to this value (minor units) one person may adjust stock, or change a floor, alone.

    `packs` is the limit for items without a price under any contract.
    """

    __tablename__ = "approval_limit"
    __table_args__ = (
        CheckConstraint("kind IN ('adjustment','floor')", name="kind"),
        CheckConstraint("value_minor >= 0 AND packs >= 0", name="not_negative"),
    )

    kind: str = Field(primary_key=True)
    value_minor: int = Field(sa_type=BigInteger)
    packs: int = Field(sa_type=BigInteger)


class LedgerStop(Table, table=True):
    """Nothing of a lot, at a site, is posted until a person decides. No lot: all lots; no site: everywhere.

    `found` is what is wrong; `key` its digest with the place, so that the same
    finding stops once, and not again after a person has lifted it.
    """

    __tablename__ = "ledger_stop"
    __table_args__ = (CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL)", name="lifted"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    lot_id: int | None = Field(default=None, sa_type=BigInteger)
    site_code: str | None = None
    found: str
    key: str = Field(unique=True)
    since: datetime
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    lifted_at: datetime | None = None
    lifted_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    reason: str = ""
