"""The region, its members, and the accounts that act in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class Region(Table, table=True):
    """The one region of an installation. A simulated region carries its own clock in `simulated_now`."""

    __tablename__ = "region"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    name: str
    title: str
    simulated: bool
    simulated_now: datetime | None = None
    currency: str
    time_zone: str


class Member(Table, table=True):
    """A municipality that takes part."""

    __tablename__ = "member"
    __table_args__ = (CheckConstraint("population > 0", name="population_positive"),)

    code: str = Field(primary_key=True)
    name: str
    name_alt: str = ""
    country: str = Field(index=True)
    parent: str
    population: int = Field(sa_type=BigInteger)
    population_year: int
    latitude: float
    longitude: float


class Account(Table, table=True):
    """A named account. System accounts (the scheduler) have no password and cannot sign in."""

    __tablename__ = "account"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(unique=True)
    title: str
    password_hash: str = ""
    active: bool = True


class AccountGrant(Table, table=True):
    """A role held by an account, within one member and one site ('' stands for all)."""

    __tablename__ = "account_grant"
    __table_args__ = (UniqueConstraint("account_id", "role", "member_code", "site_code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    role: str
    member_code: str = ""
    site_code: str = ""


class Token(Table, table=True):
    """A sign-in: only the SHA-256 of the secret is kept."""

    __tablename__ = "token"

    digest: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    expires_at: datetime
    revoked: bool = False
