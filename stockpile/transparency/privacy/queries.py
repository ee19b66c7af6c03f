"""Reading what is kept of people: only for who may."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session, col, select

from stockpile.errors import NotFound
from stockpile.transparency.privacy import rules
from stockpile.transparency.privacy.tables import PrivateRecord


class NoRecord(NotFound):
    """No record of a person has this number."""

    code = "unknown_record"


def record_of(session: Session, number: int) -> PrivateRecord:
    """One record; refuses an unknown number."""
    found = session.get(PrivateRecord, number)
    if found is None:
        raise NoRecord(f"there is no record {number} of a person", field="record", value=number)
    return found


def content(session: Session, number: int) -> dict[str, Any]:
    """What a record holds; empty once it is erased."""
    found = record_of(session, number).content
    told: dict[str, Any] = json.loads(found) if found else {}
    return told


def contacts(session: Session) -> list[dict[str, Any]]:
    """Contacts that are kept, by what they are for."""
    query = select(PrivateRecord).where(PrivateRecord.kind == "contact", col(PrivateRecord.content).is_not(None))
    return [
        {
            "contact": row.id,
            "subject": row.subject,
            "keep_until": row.keep_until.isoformat(),
            **json.loads(row.content or "{}"),
        }
        for row in session.exec(query.order_by(col(PrivateRecord.subject), col(PrivateRecord.id)))
    ]


def discrepancies(session: Session) -> list[str]:
    """Every record that is not what was committed to, in plain words."""
    query = select(PrivateRecord).where(col(PrivateRecord.content).is_not(None)).order_by(col(PrivateRecord.id))
    return [
        f"record {row.id} of a person is not what the journal's commitment says"
        for row in session.exec(query)
        if rules.commitment(bytes.fromhex(row.salt or ""), json.loads(row.content or "{}")) != row.commitment
    ]
