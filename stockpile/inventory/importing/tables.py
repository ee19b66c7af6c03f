"""Imports of stock, the files that wait for them, and what was found wrong."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint
from sqlmodel import Field

from stockpile.db import BigId, Table


class StockImport(Table, table=True):
    """A file of stock movements: waiting, running, then done, refused (findings say why) or failed.

    `runner` is the process that has it in hand and `heartbeat_at` its last
    sign of life (real clock): a silent one's work is taken up by another. A
    dry run that is done would have been posted. Postings bear its number in their keys.
    """

    __tablename__ = "stock_import"
    __table_args__ = (
        CheckConstraint("state IN ('waiting','running','done','refused','failed')", name="state"),
        CheckConstraint("form IN ('csv','xlsx')", name="form"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str
    form: str
    divider: str
    size_bytes: int
    sha256: str
    dry_run: bool
    state: str = Field(index=True)
    stage: str = ""
    percent: int = 0
    rows_read: int = 0
    rows_posted: int = 0
    postings: int = 0
    findings_total: int = 0
    outcome: str = ""
    requested_by: int = Field(foreign_key="account.id", sa_type=BigInteger, index=True)
    requested_at: datetime
    ended_at: datetime | None = None
    runner: str = ""
    heartbeat_at: datetime | None = None
    attempts: int = 0


class StockImportFile(Table, table=True):
    """The bytes of a file while its import is not at an end; afterwards its SHA-256 alone is kept."""

    __tablename__ = "stock_import_file"

    import_id: int = Field(primary_key=True, foreign_key="stock_import.id", sa_type=BigInteger)
    content: bytes


class StockImportFinding(Table, table=True):
    """One thing wrong in a file. Rows count as a spreadsheet shows them (the header is 1); 0 is the file itself."""

    __tablename__ = "stock_import_finding"

    import_id: int = Field(primary_key=True, foreign_key="stock_import.id", sa_type=BigInteger)
    number: int = Field(primary_key=True)
    row_number: int
    column_name: str
    value: str
    reason: str
