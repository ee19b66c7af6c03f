"""Addresses and deliveries as they stand, and what is sent: a head with the proof since the last one accepted."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import or_
from sqlmodel import Session, col, func, select

from stockpile.actor import Actor
from stockpile.errors import NotFound
from stockpile.governance.rules import allowed
from stockpile.transparency.sealing import queries as sealing
from stockpile.transparency.sending.tables import HeadAddress, HeadDelivery

RIGHT = "head.address"
CHECK = "python verifier.py KEY consistency THIS_FILE (KEY and verifier.py as you keep them, not as sent today)"


class NoSuchAddress(NotFound):
    """No address of this number takes heads."""

    code = "unknown_head_address"


def address(session: Session, number: int) -> HeadAddress:
    """An address by number, ended ones too; refuses an unknown one."""
    found = session.get(HeadAddress, number)
    if found is None:
        raise NoSuchAddress(f"there is no address {number} that heads are sent to", field="number", value=number)
    return found


def living(session: Session) -> list[HeadAddress]:
    """The addresses that take heads, in the order of registration."""
    query = select(HeadAddress).where(col(HeadAddress.ended_at).is_(None))
    return list(session.exec(query.order_by(col(HeadAddress.id))))


def host(one: HeadAddress) -> str:
    """The machine an address is on: what may be told of it to everybody who signs in."""
    return urlsplit(one.url).hostname or ""


def state(one: HeadAddress, *, newest: int) -> str:
    """ended, failing (the last try failed), waiting (a head is to come), or up to date."""
    if one.ended_at is not None:
        return "ended"
    if one.failures:
        return "failing"
    return "up to date" if one.accepted_size == newest else "waiting"


def told(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """All addresses, ended ones last. The whole address only to who may register one there: it may hold a secret."""
    newest = sealing.latest_size(session)
    rows = session.exec(select(HeadAddress).order_by(col(HeadAddress.ended_at).is_not(None), col(HeadAddress.id)))
    return [
        {
            "number": one.id,
            "recipient": one.recipient,
            "member": one.member_code,
            "host": host(one),
            "url": one.url if allowed(actor, RIGHT, member=one.member_code) else None,
            "state": state(one, newest=newest),
            "accepted_size": one.accepted_size,
            "accepted_at": one.accepted_at,
            "failures": one.failures,
            "fault": one.fault,
            "next_try_at": one.next_try_at if one.ended_at is None else None,
        }
        for one in rows
    ]


def deliveries(session: Session, number: int, *, before: int | None, limit: int) -> list[HeadDelivery]:
    """What was sent to an address and what it answered, newest first; go on with `before` the smallest number seen."""
    address(session, number)
    query = select(HeadDelivery).where(HeadDelivery.address_id == number).order_by(col(HeadDelivery.id).desc())
    return list(session.exec((query if before is None else query.where(col(HeadDelivery.id) < before)).limit(limit)))


def due(session: Session, *, at: datetime) -> list[int]:
    """Addresses to send to now: a newer head than they took, their time come, nobody sending there."""
    newest = sealing.latest_size(session)
    query = select(HeadAddress.id).where(
        col(HeadAddress.ended_at).is_(None),
        func.coalesce(HeadAddress.accepted_size, 0) < newest,
        HeadAddress.next_try_at <= at,
        or_(col(HeadAddress.claimed_until).is_(None), col(HeadAddress.claimed_until) <= at),
    )
    return [one for one in session.exec(query.order_by(col(HeadAddress.next_try_at), col(HeadAddress.id))) if one]


def parcel(session: Session, *, since: int | None, size: int) -> bytes:
    """What is sent: the head of `size`, and that the one accepted last (`since`) is its beginning; JSON.

    The file is one that the stand-alone verifier reads as a proof of consistency. The first head that an address gets
    is proven against itself: its signature is checked, and there is nothing before it.
    """
    found = sealing.consistency(session, old=since or size, size=size)
    return json.dumps({**found, "old_size": since or size, "size": size, "check": CHECK}, indent=1).encode()


def standing(session: Session) -> dict[str, int]:
    """How many addresses take heads, how many of them fail, and how many entries the one furthest behind lacks."""
    rows, newest = living(session), sealing.latest_size(session)
    behind = [newest - (one.accepted_size or 0) for one in rows]
    return {
        "addresses": len(rows),
        "failing": sum(1 for one in rows if one.failures),
        "entries_behind": max(behind, default=0),
    }
