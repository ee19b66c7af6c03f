"""Seats, delegations, rights by version, proposals, the electorate frozen with each, and votes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class RightsVersion(Table, table=True):
    """The table of decision rights from an instant on, whole, as canonical JSON; changed only by a decision."""

    __tablename__ = "rights_version"

    version: int = Field(primary_key=True, sa_type=BigInteger)
    effective_from: datetime
    content: str = Field(sa_type=Text)
    digest: str
    decision_id: int | None = Field(default=None, sa_type=BigInteger)
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class Seat(Table, table=True):
    """Who speaks for a member in the committee, from when to when; `ends_at` None: until somebody else does."""

    __tablename__ = "committee_seat"
    __table_args__ = (CheckConstraint("kind IN ('seat','alternate','caretaker')", name="kind"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    kind: str
    starts_at: datetime
    ends_at: datetime | None = None
    reference: str
    appointed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class Delegation(Table, table=True):
    """A member's vote given to another account for a time; what was voted under it stands whoever leaves office."""

    __tablename__ = "committee_delegation"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    from_account: int = Field(foreign_key="account.id", sa_type=BigInteger)
    to_account: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    operation: str = ""
    starts_at: datetime
    ends_at: datetime
    reason: str
    recorded_at: datetime


class Proposal(Table, table=True):
    """An effect put to the vote: what is adopted is `payload_hash`, and nothing else can be carried out under it.

    `value_minor` and `level` are the effect's own and part of the hash; `pool_permille`: what an emergency took of
    the pool.
    """

    __tablename__ = "committee_proposal"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft','tabled','open','withdrawn','adopted','rejected','lapsed',"
            "'executed_provisional','ratified','not_ratified')",
            name="state",
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    title: str
    operation: str
    subject: str = Field(index=True)
    payload: str = Field(sa_type=Text)
    payload_hash: str
    value_minor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    level: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    pool_permille: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    evidence: str = Field(sa_type=Text)
    interested: str = Field(sa_type=Text)
    silence: bool = False
    state: str = Field(index=True)
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    second_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    rights_version: int | None = Field(default=None, sa_type=BigInteger)
    rule: str = Field(default="", sa_type=Text)
    opened_at: datetime | None = None
    deadline: datetime | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    outcome: str = Field(default="", sa_type=Text)
    executed_at: datetime | None = None
    executed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)


class Elector(Table, table=True):
    """A member's weight in one vote, frozen as it was opened: its population then, and whether it is recused."""

    __tablename__ = "committee_elector"

    proposal_id: int = Field(primary_key=True, foreign_key="committee_proposal.id", sa_type=BigInteger)
    member_code: str = Field(primary_key=True, foreign_key="member.code")
    weight: int = Field(sa_type=BigInteger)
    recused: bool = False


class Vote(Table, table=True):
    """A member's vote, once and final: who gave it in what capacity, with the reason."""

    __tablename__ = "committee_vote"
    __table_args__ = (
        UniqueConstraint("proposal_id", "member_code"),
        CheckConstraint("choice IN ('for','against','abstain')", name="choice"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    proposal_id: int = Field(foreign_key="committee_proposal.id", sa_type=BigInteger)
    member_code: str = Field(foreign_key="member.code")
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    capacity: str
    choice: str
    reason: str = Field(sa_type=Text)
    weight: int = Field(sa_type=BigInteger)
    cast_at: datetime
