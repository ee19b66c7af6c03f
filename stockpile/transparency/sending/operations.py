"""Registering where heads are sent, ending it, and the sending itself: no transaction waits for another's machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Engine, or_, update
from sqlmodel import Session, col

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import reading, rows_changed, transact
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.transparency.sealing import queries as sealing
from stockpile.transparency.sending import courier, queries, rules
from stockpile.transparency.sending.courier import Answered
from stockpile.transparency.sending.tables import HeadAddress, HeadDelivery


class AddressTaken(Conflict):
    """Heads are sent to this address already."""

    code = "head_address_taken"


class AddressEnded(Conflict):
    """Nothing is sent to this address any more."""

    code = "head_address_ended"


def register(
    session: Session, act: Act, *, url: str, recipient: str, reason: str, member: str | None, this_machine: bool
) -> HeadAddress:
    """From now on send every newer head to this address, for a member, or (None) for another witness.

    `this_machine`: the installation lets heads be sent to itself (STOCKPILE_HEADS_TO_THIS_MACHINE).
    """
    require(act.actor, queries.RIGHT, member=member)
    if member is not None:
        governance.member(session, member)
    _need(reason, "reason")
    rules.read_address(url, this_machine=this_machine)
    living = queries.living(session)
    if any(one.url == url for one in living):
        raise AddressTaken("heads are sent to this address already", field="url")
    if len(living) >= rules.MOST_ADDRESSES:
        raise Conflict(f"heads are sent to {rules.MOST_ADDRESSES} addresses already: end one first")
    made = HeadAddress(
        member_code=member,
        recipient=recipient,
        url=url,
        added_by=act.actor.id,
        added_at=act.recorded_at,
        next_try_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"member": member, "recipient": recipient, "host": queries.host(made)}
    journal.record(session, act, action="head.address", subject=f"address:{made.id}", payload=payload, reason=reason)
    return made


def end(session: Session, act: Act, *, number: int, reason: str) -> HeadAddress:
    """Send nothing more to an address; what was sent stays on record."""
    found = _living(session, act, number)
    _need(reason, "reason")
    found.ended_by, found.ended_at = act.actor.id, act.recorded_at
    session.add(found)
    payload = {"member": found.member_code, "recipient": found.recipient, "accepted_size": found.accepted_size}
    journal.record(session, act, action="head.address.end", subject=f"address:{number}", payload=payload, reason=reason)
    return found


def ask(session: Session, act: Act, *, number: int, reason: str) -> HeadAddress:
    """Let an address be tried at once, however long it was to be left alone."""
    found = _living(session, act, number)
    _need(reason, "reason")
    found.next_try_at = act.recorded_at
    session.add(found)
    payload = {"failures": found.failures, "accepted_size": found.accepted_size}
    journal.record(session, act, action="head.send", subject=f"address:{number}", payload=payload, reason=reason)
    return found


def _living(session: Session, act: Act, number: int) -> HeadAddress:
    found = queries.address(session, number)
    require(act.actor, queries.RIGHT, member=found.member_code)
    if found.ended_at is not None:
        raise AddressEnded(f"nothing is sent to address {number} any more", number=number)
    return found


def _need(text: str, field: str) -> None:
    if not text.strip():
        raise Invalid(f"{field}: say why", field=field)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """What one sender took upon itself: to which address what is sent."""

    number: int
    url: str
    since: int | None
    size: int
    failures: int
    body: bytes


def send_due(
    engine: Engine, *, at: datetime, this_machine: bool, patience: float = rules.PATIENCE_SECONDS
) -> list[HeadDelivery]:
    """Send the newest head to every address whose time has come; what was sent and answered, in order.

    Safe with any number of senders: each takes an address for a while, by its row. A sender that dies leaves the row
    as it was, and the head is sent again: at least once, and the same head twice says the same. Deliveries are in
    their own log and not in the journal: an entry for each would make the next head to send.
    """
    with reading(engine) as session:
        waiting = queries.due(session, at=at)
    made = []
    for number in waiting:
        parcel = transact(engine, partial(_take, number=number, at=at))
        if parcel is not None:
            answered = _carry(parcel, this_machine=this_machine, patience=patience)
            made.append(transact(engine, partial(_note, parcel=parcel, answered=answered, at=at)))
    return made


def _take(session: Session, number: int, *, at: datetime) -> _Parcel | None:
    """Claim the address and make its parcel; None where another has it, or nothing is new."""
    free = or_(col(HeadAddress.claimed_until).is_(None), col(HeadAddress.claimed_until) <= at)
    claim = update(HeadAddress).where(col(HeadAddress.id) == number, col(HeadAddress.ended_at).is_(None), free)
    if not rows_changed(session, claim.values(claimed_until=at + rules.LEASE)):
        return None
    found, size = queries.address(session, number), sealing.latest_size(session)
    body = queries.parcel(session, since=found.accepted_size, size=size)
    return _Parcel(number, found.url, found.accepted_size, size, found.failures, body)


def _carry(parcel: _Parcel, *, this_machine: bool, patience: float) -> Answered:
    """Send it; an address that was lawful once and is no more, for a setting has changed, gets nothing."""
    try:
        address = rules.read_address(parcel.url, this_machine=this_machine)
    except rules.BadAddress as refusal:
        return Answered(False, None, refusal.message, 0)
    return courier.deliver(address, parcel.body, this_machine=this_machine, patience=patience)


def _note(session: Session, parcel: _Parcel, answered: Answered, *, at: datetime) -> HeadDelivery:
    made = HeadDelivery(
        address_id=parcel.number,
        size=parcel.size,
        since_size=parcel.since,
        at=at,
        milliseconds=answered.milliseconds,
        accepted=answered.accepted,
        status=answered.status,
        answer=answered.said,
    )
    session.add(made)
    found = queries.address(session, parcel.number)
    found.claimed_until = None
    if answered.accepted:
        found.accepted_size, found.accepted_at, found.failures, found.fault = parcel.size, at, 0, ""
        found.next_try_at = at + rules.SPACING
    else:
        found.failures, found.fault = parcel.failures + 1, answered.said
        found.next_try_at = at + rules.wait(found.failures)
    session.add(found)
    session.flush()
    return made
