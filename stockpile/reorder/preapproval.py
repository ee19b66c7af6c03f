"""Proposals that a person has approved beforehand: uncritical, uncontrolled items, within a limit, by a named person.

The rule approves nothing by itself: each call-off it covers is approved in the
name of whoever set it, with that person's rights as they are that night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.contracts.tables import CallOff
from stockpile.errors import Conflict, Invalid, NotFound, Refusal
from stockpile.governance import queries as governance
from stockpile.governance.rules import require
from stockpile.governance.tables import Account
from stockpile.reorder.tables import PreapprovalRule

GRAVEST: Final = 3
"""Priorities 1 and 2 are critical: nothing of theirs is approved beforehand."""
LONGEST: Final = timedelta(days=366)


class UnknownRule(NotFound):
    """No pre-approval has this number."""

    code = "unknown_preapproval"


@dataclass(frozen=True, slots=True)
class Preapproved:
    """A rule as people see it; `set_by` is the person's account."""

    id: int
    limit_minor: int
    from_priority: int
    starts: date
    ends: date
    reason: str
    set_by: str
    in_force: bool


def set_rule(
    session: Session, act: Act, *, limit_minor: int, from_priority: int, ends: date, reason: str
) -> Preapproved:
    """Approve beforehand what nightly runs propose of uncritical, uncontrolled items, up to a limit a night.

    From today to `ends`, a year at most. The person must be entitled to approve
    call-offs. Refuses critical priorities, which are 1 and 2.
    """
    require(act.actor, "preapproval.set")
    require(act.actor, "calloff.approve")
    today = governance.local_day(session, act.at)
    if from_priority < GRAVEST:
        raise Invalid(
            f"priority {from_priority} is critical: each order of it waits for a person; give 3 or 4",
            field="from_priority",
        )
    if not today <= ends <= today + LONGEST:
        raise Invalid(f"a pre-approval ends between {today} and {today + LONGEST}", field="ends")
    if limit_minor <= 0 or not reason.strip():
        raise Invalid("a pre-approval needs a limit above zero and a reason", field="limit_minor")
    rule = PreapprovalRule(
        limit_minor=limit_minor,
        from_priority=from_priority,
        starts=today,
        ends=ends,
        reason=reason,
        set_by=act.actor.id,
        set_at=act.at,
    )
    session.add(rule)
    session.flush()
    payload = {"limit_minor": limit_minor, "from_priority": from_priority, "ends": ends.isoformat()}
    subject = f"preapproval:{rule.id}"
    journal.record(session, act, action="preapproval.set", subject=subject, payload=payload, reason=reason)
    return _shown(session, rule, today)


def revoke(session: Session, act: Act, *, number: int, reason: str) -> Preapproved:
    """End a pre-approval at once."""
    require(act.actor, "preapproval.set")
    rule = session.get(PreapprovalRule, number, with_for_update=True)
    if rule is None:
        raise UnknownRule(f"there is no pre-approval {number}", field="preapproval", value=number)
    if rule.revoked_at is not None:
        raise Conflict(f"pre-approval {number} was revoked before")
    if not reason.strip():
        raise Invalid("revoking a pre-approval needs a reason", field="reason")
    rule.revoked_by, rule.revoked_at = act.actor.id, act.at
    session.add(rule)
    subject = f"preapproval:{number}"
    journal.record(session, act, action="preapproval.revoke", subject=subject, payload={}, reason=reason)
    return _shown(session, rule, governance.local_day(session, act.at))


def rules(session: Session, *, on: date) -> list[Preapproved]:
    """All pre-approvals, newest first, and whether each is in force on that day."""
    found = session.exec(select(PreapprovalRule).order_by(col(PreapprovalRule.id).desc()))
    return [_shown(session, rule, on) for rule in found]


def apply(session: Session, act: Act, *, calloffs: Sequence[CallOff]) -> list[list[object]]:
    """Approve those call-offs that a rule in force covers, the smallest first, up to its limit of the night.

    Returns [call-off, rule, account that set it] for each. A call-off whose
    approval is refused (the person lost the right, the ceiling is reached)
    waits like every other, and the journal says why.
    """
    today = governance.local_day(session, act.at)
    query = select(PreapprovalRule).where(PreapprovalRule.starts <= today, PreapprovalRule.ends >= today)
    in_force = session.exec(query.where(col(PreapprovalRule.revoked_at).is_(None)).order_by(col(PreapprovalRule.id)))
    done: list[list[object]] = []
    waiting = sorted(calloffs, key=lambda one: (one.cost_minor, one.id or 0))
    for rule in in_force:
        left = rule.limit_minor
        for calloff in [one for one in waiting if one.cost_minor <= left and _covers(session, rule, one)]:
            if calloff.cost_minor <= left and _approved(session, act, rule, calloff):
                left -= calloff.cost_minor
                waiting.remove(calloff)
                done.append([calloff.id, rule.id, session.get_one(Account, rule.set_by).name])
    return done


def _covers(session: Session, rule: PreapprovalRule, calloff: CallOff) -> bool:
    assert calloff.id is not None
    items = [catalogue.item(session, line.item_code) for line in orders.lines(session, calloff.id)]
    return bool(items) and all(not one.controlled and one.priority >= rule.from_priority for one in items)


def _approved(session: Session, act: Act, rule: PreapprovalRule, calloff: CallOff) -> bool:
    account = session.get_one(Account, rule.set_by)
    assert calloff.id is not None
    payload = {"rule": rule.id, "set_by": account.name, "cost_minor": calloff.cost_minor}
    subject = f"calloff:{calloff.id}"
    try:
        if not account.active:
            raise Conflict(f"the account {account.name} is closed")
        with session.begin_nested():
            person = replace(act, actor=governance.actor_of(session, account))
            contracts.approve(session, person, number=calloff.id)
    except Refusal as refusal:
        reason = f"the rule of {account.name} did not carry: {refusal.message}"
        journal.record(session, act, action="preapproval.refused", subject=subject, payload=payload, reason=reason)
        return False
    reason = f"approved beforehand by {account.name}: {rule.reason}"
    journal.record(session, act, action="preapproval.apply", subject=subject, payload=payload, reason=reason)
    return True


def _shown(session: Session, rule: PreapprovalRule, on: date) -> Preapproved:
    assert rule.id is not None
    return Preapproved(
        id=rule.id,
        limit_minor=rule.limit_minor,
        from_priority=rule.from_priority,
        starts=rule.starts,
        ends=rule.ends,
        reason=rule.reason,
        set_by=session.get_one(Account, rule.set_by).name,
        in_force=rule.revoked_at is None and rule.starts <= on <= rule.ends,
    )
