"""What is known of each member by date: standing, population, what is on file; and the agreement by version."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Agreement(Table, table=True):
    """One version of the agreement among the members; the newest that is in force on a day counts on that day."""

    __tablename__ = "agreement"

    version: int = Field(primary_key=True, sa_type=BigInteger)
    text_sha256: str
    effective_from: date
    governing_law: str
    languages: str
    cost_key: str
    notice_days: int
    decision_id: int | None = Field(default=None, sa_type=BigInteger)
    recorded_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class MemberStanding(Table, table=True):
    """The state of a membership from an instant on; a member without any row is a founder, and active."""

    __tablename__ = "member_standing"
    __table_args__ = (
        CheckConstraint(
            "state IN ('candidate','observer','signed','active','suspended','notice_of_exit','exited')", name="state"
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    state: str
    since: datetime
    reason: str = Field(sa_type=Text)
    decision_id: int | None = Field(default=None, sa_type=BigInteger)
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    recorded_at: datetime


class MemberPopulation(Table, table=True):
    """A member's population in a year, with its source; a later row for the same year corrects, none is changed."""

    __tablename__ = "member_population"
    __table_args__ = (CheckConstraint("population > 0", name="positive"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    year: int
    population: int = Field(sa_type=BigInteger)
    source: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    known_from: datetime
    recorded_at: datetime


class MemberEvidence(Table, table=True):
    """What is on file for a step of membership: the kind, and where it is to be found."""

    __tablename__ = "member_evidence"
    __table_args__ = (UniqueConstraint("member_code", "kind", "reference"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    member_code: str = Field(foreign_key="member.code", index=True)
    kind: str
    reference: str
    set_by: int = Field(foreign_key="account.id", sa_type=BigInteger)
    filed_at: datetime
    recorded_at: datetime
