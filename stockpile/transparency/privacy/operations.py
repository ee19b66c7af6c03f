"""Keeping and erasing what is known of people."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.transparency.privacy import queries, rules
from stockpile.transparency.privacy.tables import PrivateRecord


class PersonalNumber(Invalid):
    """A number that names one person may not be kept here."""

    code = "personal_number"


class ErasedAlready(Conflict):
    """The record is erased."""

    code = "erased_already"


def keep(session: Session, act: Act, *, kind: str, subject: str, content: Mapping[str, Any]) -> PrivateRecord:
    """Keep what is known of a person outside the journal, for the time of its kind; the caller has asked for the right.

    Refuses text in which a person's number stands.
    """
    for name, value in content.items():
        found = rules.personal_number(value) if isinstance(value, str) else None
        if found:
            raise PersonalNumber(f"{name} holds {found}: leave it out, it is not needed here", field=name)
    salt = secrets.token_bytes(32)
    row = PrivateRecord(
        kind=kind,
        subject=subject,
        salt=salt.hex(),
        content=json.dumps(dict(content), sort_keys=True, ensure_ascii=False),
        commitment=rules.commitment(salt, content),
        kept_at=act.at,
        keep_until=act.at + rules.KEEP[kind],
    )
    session.add(row)
    session.flush()
    return row


def keep_contact(session: Session, act: Act, *, subject: str, name: str, phone: str, email: str) -> PrivateRecord:
    """Keep whom to call for a member, site or office; the journal has the commitment and no name."""
    require(act.actor, "contact.keep")
    row = keep(session, act, kind="contact", subject=subject, content={"name": name, "phone": phone, "email": email})
    payload = {"commitment": row.commitment, "keep_until": row.keep_until.isoformat()}
    journal.record(session, act, action="contact.keep", subject=f"record:{row.id}", payload=payload)
    return row


def erase(session: Session, act: Act, *, number: int, why: str) -> PrivateRecord:
    """Erase a record for good; that it was there, its commitment and the reason stay."""
    require(act.actor, "contact.erase")
    row = queries.record_of(session, number)
    if row.erased_at is not None:
        raise ErasedAlready(f"record {number} was erased on {row.erased_at:%Y-%m-%d}", record=number)
    if not why.strip():
        raise Invalid("say why the record is erased", field="why")
    return _erased(session, act, row, why=why)


def erase_due(session: Session, act: Act) -> int:
    """Erase every record whose time is over; returns how many."""
    require(act.actor, "publications.run")
    due = select(PrivateRecord).where(col(PrivateRecord.content).is_not(None), col(PrivateRecord.keep_until) <= act.at)
    rows = list(session.exec(due.order_by(col(PrivateRecord.id))))
    for row in rows:
        _erased(session, act, row, why="its time is over")
    return len(rows)


def _erased(session: Session, act: Act, row: PrivateRecord, *, why: str) -> PrivateRecord:
    row.salt, row.content = None, None
    row.erased_at, row.erased_by, row.erased_why = act.at, act.actor.id, why
    session.add(row)
    payload = {"commitment": row.commitment}
    journal.record(session, act, action="contact.erase", subject=f"record:{row.id}", payload=payload, reason=why)
    return row
