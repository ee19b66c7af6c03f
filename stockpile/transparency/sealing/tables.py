"""The sealed journal: which entry is which leaf, the larger inner nodes, the signed heads, and who has taken one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class SealedEntry(Table, table=True):
    """A journal entry's place in the tree. Places follow the order of sealing, for numbers may commit out of order.

    No foreign key: it would lock journal rows, and that a row is gone is for the verification to say.
    """

    __tablename__ = "sealed_entry"
    __table_args__ = (UniqueConstraint("entry_id"),)

    position: int = Field(primary_key=True, sa_type=BigInteger)
    entry_id: int = Field(sa_type=BigInteger)
    leaf_hash: str


class SealGap(Table, table=True):
    """Numbers skipped when sealing: their transaction may yet commit. Forgotten when too old to still come."""

    __tablename__ = "seal_gap"

    first_id: int = Field(primary_key=True, sa_type=BigInteger)
    last_id: int = Field(sa_type=BigInteger)
    seen_at: datetime


class TreeNode(Table, table=True):
    """A complete subtree of 2**level leaves (levels from `rules.STORED_LEVEL` on), so that proofs need few leaves."""

    __tablename__ = "tree_node"

    level: int = Field(primary_key=True)
    place: int = Field(primary_key=True, sa_type=BigInteger)
    hash: str


class TreeHead(Table, table=True):
    """The root over the first `size` entries, signed. `peaks`: the frontier, hexadecimal, largest subtree first."""

    __tablename__ = "tree_head"

    size: int = Field(primary_key=True, sa_type=BigInteger)
    highest_entry: int = Field(sa_type=BigInteger)
    root: str
    peaks: str
    sealed_at: datetime = Field(index=True)
    checkpoint: str


class HeadWitness(Table, table=True):
    """A member has taken a copy of a head: from then on the operator cannot rewrite what it covers unnoticed."""

    __tablename__ = "head_witness"
    __table_args__ = (UniqueConstraint("size", "member_code"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    size: int = Field(foreign_key="tree_head.size", sa_type=BigInteger)
    member_code: str = Field(foreign_key="member.code")
    account_id: int = Field(foreign_key="account.id", sa_type=BigInteger)
    at: datetime
