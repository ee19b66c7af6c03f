"""Second factors, emergencies in which a role was taken, and whom an identity provider knows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class SecondFactor(Table, table=True):
    """An account's device for one-time codes: its secret, encrypted, and the last step whose code was used."""

    __tablename__ = "second_factor"

    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigInteger)
    sealed_secret: str
    confirmed_at: datetime | None = None
    last_step: int = Field(default=0, sa_type=BigInteger)


class BrokenGlass(Table, table=True):
    """A role taken in an emergency: it ends by itself, and another person reviews it afterwards. Instants are real."""

    __tablename__ = "broken_glass"
    __table_args__ = (
        CheckConstraint("ends_at > begins_at", name="ends_later"),
        CheckConstraint("verdict IN ('', 'justified', 'not_justified')", name="verdict_known"),
        CheckConstraint("reviewed_by IS NULL OR reviewed_by <> account_id", name="reviewed_by_another"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    role: str
    member_code: str = ""
    site_code: str = ""
    reason: str
    begins_at: datetime
    ends_at: datetime
    reviewed_by: int | None = Field(default=None, foreign_key="account.id", sa_type=BigInteger)
    reviewed_at: datetime | None = None
    verdict: str = ""
    note: str = ""


class Identity(Table, table=True):
    """Whom an identity provider knows under which subject, and the account that stands for them here."""

    __tablename__ = "identity"

    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)


class SignInBegun(Table, table=True):
    """A sign-in that was sent to the identity provider: its state's digest, and what the answer must fit."""

    __tablename__ = "sign_in_begun"

    digest: str = Field(primary_key=True)
    nonce: str
    verifier: str
    expires_at: datetime
