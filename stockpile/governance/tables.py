"""The region, its members, and the accounts that act in it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Text, UniqueConstraint, false
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
    second_factor_demanded: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


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
    """A role held by an account, within one member and one site ('' stands for all).

    `ends_at`: when it ends by itself (real time); `given_by`: who shared or took it, where no administrator gave it.
    """

    __tablename__ = "account_grant"
    __table_args__ = (UniqueConstraint("account_id", "role", "member_code", "site_code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    role: str
    member_code: str = ""
    site_code: str = ""
    ends_at: datetime | None = None
    given_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)


class Token(Table, table=True):
    """A sign-in, or an API key where it has a label: only the SHA-256 of the secret is kept.

    `scopes`: the rights that a key is narrowed to, with commas; '' for all.
    `proven_until`: until when the second factor shown with it counts.
    """

    __tablename__ = "token"

    digest: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    expires_at: datetime
    revoked: bool = False
    label: str = Field(default="", sa_column_kwargs={"server_default": ""})
    scopes: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    created_at: datetime | None = None
    proven_until: datetime | None = None
