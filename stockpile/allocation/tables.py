"""Surges, requests, plans with their lines and results, and overrides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field

from stockpile.db import BigId, Table

OPEN = "state IN ('submitted', 'validated')"


class Surge(Table, table=True):
    """A declared crisis: requests and plans exist only inside an open one, before its review is due."""

    __tablename__ = "surge"
    __table_args__ = (
        CheckConstraint("state IN ('declared','closed')", name="state"),
        CheckConstraint("level BETWEEN 0 AND 4", name="level"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    hazard: str
    level: int
    evidence: str
    cover_days: int
    state: str
    declared_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    declared_at: datetime
    review_by: datetime
    closed_at: datetime | None = None


class Request(Table, table=True):
    """A municipality's request for an item at a point of use; quantities in base units.

    `substitutes`: whether it takes what a pharmacist has approved instead of the item, by the approved ratio.
    At most one open request per (member, item, point of use).
    """

    __tablename__ = "request"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("minimum_useful >= 0 AND minimum_useful <= quantity", name="minimum_within"),
        CheckConstraint("validated >= 0", name="validated_not_negative"),
        CheckConstraint("priority BETWEEN 1 AND 4", name="priority_range"),
        Index("ix_request_surge_state", "surge_id", "state"),
        Index("ix_request_member_item", "member_code", "item_code"),
        Index(
            "uq_request_open",
            "member_code",
            "item_code",
            "point_of_use",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    surge_id: int = Field(foreign_key="surge.id", sa_type=BigInteger)
    member_code: str = Field(foreign_key="member.code")
    item_code: str = Field(foreign_key="item.code")
    point_of_use: str = Field(foreign_key="site.code")
    quantity: int = Field(sa_type=BigInteger)
    minimum_useful: int = Field(default=0, sa_type=BigInteger)
    need_by: datetime
    priority: int
    justification: str
    own_stock: int = Field(sa_type=BigInteger)
    state: str
    requested_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    requested_at: datetime
    validated: int = Field(default=0, sa_type=BigInteger)
    validation_code: str = ""
    validation_reason: str = ""
    validated_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    allocated: int = Field(default=0, sa_type=BigInteger)
    substitutes: bool = False


class Plan(Table, table=True):
    """A computed plan with the problem it answers (both as canonical JSON), and who approved it.

    `policies`: by which sharing policies (name, version, digest, seed, items), as JSON; `versions` of the software
    that made it; `bound`: how far from the best a plan may be that is not proven, as JSON. `chain`: who is tied with
    whom by which stock, and what keeps other stock from them, emptiest first (optimizer's Links as JSON).
    `kept`: whether the independent checker proved every item to be shared as its rule or policy says (None: made
    before that was asked); `checked`: what it proved and in which way, and what it did not look at, one line each.
    `replaces`: the stale plan that the service computed again; its author is this one's too. `supersedes`: the plan
    that waited until this one was computed.
    """

    __tablename__ = "plan"
    __table_args__ = (CheckConstraint("state IN ('computed','approved','superseded')", name="state"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    surge_id: int = Field(foreign_key="surge.id", sa_type=BigInteger, index=True)
    state: str
    rule: str
    method: str
    planned_at: datetime
    planned_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    problem: str = Field(sa_type=Text)
    problem_digest: str
    answer: str = Field(sa_type=Text)
    answer_digest: str
    solve_ms: int
    solver_note: str = ""
    feasible: bool
    fair: bool
    findings: str = Field(default="", sa_type=Text)
    approved_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    approved_at: datetime | None = None
    replaces: int | None = Field(default=None, sa_type=BigInteger)
    supersedes: int | None = Field(default=None, sa_type=BigInteger)
    policies: str = Field(default="[]", sa_type=Text)
    versions: str = ""
    bound: str = Field(default="", sa_type=Text)
    chain: str = Field(default="[]", sa_type=Text)
    kept: bool | None = None
    checked: str = Field(default="", sa_type=Text)


class PlanLine(Table, table=True):
    """So many base units of a lot at a depot for a request, with the reason as code and sentence.

    `stands_for`: where the lot is of a substitute, the base units of the item asked for that it counts as.
    """

    __tablename__ = "plan_line"
    __table_args__ = (
        UniqueConstraint("plan_id", "request_id", "lot_id", "site_code"),
        CheckConstraint("quantity >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigInteger, index=True)
    request_id: int = Field(foreign_key="request.id", sa_type=BigInteger)
    lot_id: int = Field(foreign_key="lot.id", sa_type=BigInteger)
    site_code: str = Field(foreign_key="site.code")
    quantity: int = Field(sa_type=BigInteger)
    arrives_at: datetime
    reason_code: str
    reason: str
    stands_for: int | None = Field(default=None, sa_type=BigInteger)

    @property
    def counts(self) -> int:
        """The base units of the item asked for that the line brings."""
        return self.quantity if self.stands_for is None else self.stands_for


class PlanResult(Table, table=True):
    """What a plan means for one request: what it got, why, and with whom it is tied, quantities in base units.

    `barred`: how much of the pool's stock could not serve it, by the reason (a key of OBSTACLES), as JSON.
    """

    __tablename__ = "plan_result"
    __table_args__ = (UniqueConstraint("plan_id", "request_id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigInteger)
    request_id: int = Field(foreign_key="request.id", sa_type=BigInteger)
    member_code: str = Field(foreign_key="member.code")
    item_code: str = Field(foreign_key="item.code")
    asked: int = Field(sa_type=BigInteger)
    validated: int = Field(sa_type=BigInteger)
    got: int = Field(sa_type=BigInteger)
    reachable: bool
    reason_code: str
    reason: str
    tie: str = ""
    barred: str = "{}"


class Override(Table, table=True):
    """A line changed by a person: old and new value, reason; another person must have confirmed it."""

    __tablename__ = "plan_override"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigInteger, index=True)
    plan_line_id: int = Field(foreign_key="plan_line.id", sa_type=BigInteger)
    old_quantity: int = Field(sa_type=BigInteger)
    new_quantity: int = Field(sa_type=BigInteger)
    reason: str
    proposed_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    proposed_at: datetime
    confirmed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    confirmed_at: datetime | None = None
