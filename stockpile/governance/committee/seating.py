"""Who speaks for whom: seats, alternates, caretakers of empty seats, and delegations that end by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import queries, rules
from stockpile.governance.committee.tables import Delegation, Seat
from stockpile.governance.rules import holds, require, require_any


class SeatTaken(Conflict):
    """The member has somebody in this seat at that time."""

    code = "seat_taken"


def appoint(
    session: Session,
    act: Act,
    *,
    account: str,
    members: Sequence[str],
    kind: str,
    reference: str,
    ends_at: datetime | None = None,
) -> list[Seat]:
    """Seat an account for these members, by the reference of who sent it; a caretaker keeps only an empty seat.

    One account may sit for many members, as where an association speaks for them.
    """
    require(act.actor, "seat.appoint")
    holder = governance.actor_of(session, governance.account_by_name(session, account))
    if not holds(holder, "decision.vote"):
        raise Invalid(f"{account} has no role that votes: give it the role committee first", field="account")
    if ends_at is not None and ends_at <= act.at:
        raise Invalid("a term ends after it begins", field="ends_at")
    _check_caretaker(act, kind, ends_at)
    made = [
        Seat(
            member_code=governance.member(session, member).code,
            account_id=holder.id,
            kind=kind,
            starts_at=act.at,
            ends_at=ends_at,
            reference=reference,
            appointed_by=act.actor.id,
            recorded_at=act.recorded_at,
        )
        for member in sorted(set(members))
    ]
    _refuse_taken(session, act, made)
    session.add_all(made)
    session.flush()
    payload = {
        "account": account,
        "kind": kind,
        "members": [one.member_code for one in made],
        "ends_at": _told(ends_at),
    }
    journal.record(session, act, action="seat.appoint", subject="committee", payload=payload, reason=reference)
    return made


def _check_caretaker(act: Act, kind: str, ends_at: datetime | None) -> None:
    if kind not in rules.KINDS:
        raise Invalid(f"there is no {kind} in the committee: {', '.join(rules.KINDS)}", field="kind")
    latest = act.at + timedelta(days=rules.CARETAKER_DAYS)
    if kind == rules.CARETAKER and (ends_at is None or ends_at > latest):
        raise Invalid(
            f"a caretaker's role ends by itself, {rules.CARETAKER_DAYS} days on at the latest", field="ends_at"
        )


def _refuse_taken(session: Session, act: Act, made: Sequence[Seat]) -> None:
    """One holder and one alternate a member; a caretaker only where both chairs are empty."""
    held: dict[str, set[str]] = {}
    for one in queries.seats(session, at=act.at):
        held.setdefault(one.member_code, set()).add(one.kind)
    for seat in made:
        there = held.get(seat.member_code, set())
        if seat.kind in there or (seat.kind == rules.CARETAKER and there):
            raise SeatTaken(
                f"{seat.member_code} has {' and '.join(sorted(there))} in the committee: end that term first",
                field="members",
                member=seat.member_code,
            )


def end_term(session: Session, act: Act, *, number: int, reason: str) -> Seat:
    """End a term in the committee now; what was voted and delegated in it stands."""
    require(act.actor, "seat.appoint")
    seat = session.get(Seat, number)
    if seat is None or (seat.ends_at is not None and seat.ends_at <= act.at):
        raise Invalid(f"there is no term {number} that could end", field="seat", value=number)
    seat.ends_at = act.at
    session.add(seat)
    payload = {"seat": number, "member": seat.member_code}
    journal.record(session, act, action="seat.end", subject="committee", payload=payload, reason=reason)
    return seat


def delegate(
    session: Session,
    act: Act,
    *,
    member: str,
    to: str,
    ends_at: datetime,
    operation: str = "",
    reason: str,
) -> Delegation:
    """Give one's member's vote to another account until an instant, for all operations or for one."""
    require_any(act.actor, "decision.vote")
    speaks = queries.speaks_for(session, act.actor.id, operation, at=act.at)
    if speaks.get(member) not in (rules.SEAT, rules.ALTERNATE):
        raise Invalid(f"{act.actor.name} has no seat for {member}: only who holds one delegates it", field="member")
    receiver = governance.actor_of(session, governance.account_by_name(session, to))
    if not holds(receiver, "decision.vote") or receiver.id == act.actor.id:
        raise Invalid(f"{to} cannot take the vote of {member}: another account with the role committee can", field="to")
    if ends_at <= act.at:
        raise Invalid("a delegation ends after it begins", field="ends_at")
    made = Delegation(
        member_code=member,
        from_account=act.actor.id,
        to_account=receiver.id,
        operation=operation,
        starts_at=act.at,
        ends_at=ends_at,
        reason=reason,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"member": member, "to": to, "operation": operation, "ends_at": _told(ends_at)}
    journal.record(session, act, action="seat.delegate", subject="committee", payload=payload, reason=reason)
    return made


def _told(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
