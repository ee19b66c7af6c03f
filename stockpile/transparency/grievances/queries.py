"""Reading grievances: by number for those who handle them, by token for who made them, as counts for everyone."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from stockpile.allocation import queries as allocation
from stockpile.allocation.tables import Plan, PlanResult
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.transparency.grievances import rules
from stockpile.transparency.grievances.tables import Grievance
from stockpile.transparency.redaction import rules as redaction

Rows = list[dict[str, Any]]


class NoGrievance(NotFound):
    """There is no such grievance."""

    code = "unknown_grievance"


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def grievance(session: Session, number: int, *, lock: bool = False) -> Grievance:
    """One grievance; refuses an unknown number."""
    found = session.get(Grievance, number, with_for_update=True if lock else None, populate_existing=lock)
    if found is None:
        raise NoGrievance(f"there is no grievance {number}", field="grievance", value=number)
    return found


def by_token(session: Session, token: str, *, lock: bool = False) -> Grievance:
    """The grievance of this token; refuses an unknown one."""
    query = select(Grievance).where(Grievance.token_digest == digest(token))
    query = query.with_for_update().execution_options(populate_existing=True) if lock else query
    found = session.exec(query).one_or_none()
    if found is None:
        raise NoGrievance("no grievance has this token: copy it whole, as it was shown when you sent it", field="token")
    return found


def all_of(session: Session) -> list[Grievance]:
    """All grievances, newest first."""
    return list(session.exec(select(Grievance).order_by(col(Grievance.id).desc())))


def times(session: Session, row: Grievance) -> rules.Times:
    """When its steps were done, with the region's zone."""
    return rules.Times(
        received=row.received_at,
        urgent=row.urgent,
        country=row.country,
        zone=governance.region(session).time_zone,
        acknowledged=row.acknowledged_at,
        decided=row.decided_at,
        redirected=row.redirected_at,
        appealed=row.appealed_at,
        final=row.final_at,
    )


def status(session: Session, row: Grievance, *, at: datetime) -> dict[str, Any]:
    """How far a grievance is, for who holds its token: state, clocks, answer, and until when it may be appealed."""
    when = times(session, row)
    until = rules.appeal_until(when)
    return {
        "grievance": row.id,
        "state": row.state,
        "category": row.category,
        "urgent": row.urgent,
        "received_at": row.received_at.isoformat(),
        "clocks": [
            {
                "step": clock.step,
                "due": clock.due.isoformat(),
                "done": clock.done.isoformat() if clock.done else None,
                "missed": clock.missed(at),
            }
            for clock in rules.clocks(when)
        ],
        "redirected_to": row.redirected_to,
        "verdict": row.verdict,
        "answer": row.answer,
        "may_appeal_until": until.isoformat() if until and row.state == rules.RESOLVED else None,
        "final_verdict": row.final_verdict,
        "final_answer": row.final_answer,
        "served_from_buffer": row.served,
    }


def counts(session: Session) -> Rows:
    """How many grievances of each category are in each state; small counts of people are left out."""
    found: dict[str, int] = defaultdict(int)
    for row in all_of(session):
        found[f"{row.category}/{row.state}"] += 1
    return [
        {"category": key.partition("/")[0], "state": key.partition("/")[2], "count": count}
        for key, count in sorted(redaction.few(found, total_told=False).items())
    ]


def missed(session: Session, *, at: datetime) -> Rows:
    """Every deadline that passed unmet: our fault, so never suppressed; it says nothing of who complained."""
    return [
        {
            "grievance": row.id,
            "step": clock.step,
            "due": clock.due.isoformat(),
            "done": clock.done.isoformat() if clock.done else None,
        }
        for row in reversed(all_of(session))
        for clock in rules.clocks(times(session, row))
        if clock.missed(at)
    ]


def involved(session: Session, row: Grievance) -> dict[int, str]:
    """Who had a part in what the grievance is about, by account, and which."""
    if row.plan_id is None:
        return {}
    plan = session.get_one(Plan, row.plan_id)
    parts = {plan.planned_by: f"computed plan {plan.id}"}
    if plan.approved_by is not None:
        parts[plan.approved_by] = f"approved plan {plan.id}"
    for one in allocation.overrides(session, row.plan_id):
        parts[one.proposed_by] = f"proposed an override of plan {plan.id}"
        if one.confirmed_by is not None:
            parts[one.confirmed_by] = f"confirmed an override of plan {plan.id}"
    numbers = {result.request_id for result in shares(session, row)}
    for request in allocation.requests_by_number(session, numbers).values():
        parts[request.requested_by] = f"made request {request.id}"
        if request.validated_by is not None:
            parts[request.validated_by] = f"validated request {request.id}"
    return parts


def shares(session: Session, row: Grievance) -> list[PlanResult]:
    """What the plan gave the member and item that the grievance is about, or all of the plan where none is named."""
    query = select(PlanResult).where(PlanResult.plan_id == row.plan_id).order_by(col(PlanResult.id))
    query = query.where(PlanResult.member_code == row.member_code) if row.member_code else query
    return list(session.exec(query.where(PlanResult.item_code == row.item_code) if row.item_code else query))


def served_before(session: Session, row: Grievance) -> int:
    """Base units that appeals about the same plan and item had from the buffer so far."""
    query = select(Grievance).where(Grievance.plan_id == row.plan_id, Grievance.item_code == row.item_code)
    return sum(one.served for one in session.exec(query))
