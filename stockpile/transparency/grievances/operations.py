"""The steps of a grievance. Whoever had a part in a decision does not judge a grievance about it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.catalogue import queries as catalogue
from stockpile.contracts.tables import Contract
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.transparency.grievances import queries, rules
from stockpile.transparency.grievances.tables import Grievance
from stockpile.transparency.privacy import operations as privacy


class WrongState(Conflict):
    """The grievance is not where this step begins."""

    code = "grievance_state"


class TooLate(Conflict):
    """The time for an appeal is over."""

    code = "appeal_too_late"


class WrongSubject(Invalid):
    """What the grievance is said to be about does not fit together."""

    code = "grievance_subject"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What somebody complains of, and what they want. `contact` may be left empty: the token is enough."""

    category: str
    statement: str
    country: str
    channel: str = "public"
    language: str = "en"
    remedy: str = ""
    contact: str = ""
    plan: int | None = None
    member: str | None = None
    item: str | None = None
    contract: str | None = None
    urgent: bool = False
    retaliation: bool = False


def receive(session: Session, act: Act, *, complaint: Complaint, token: str) -> tuple[Grievance, bool]:
    """Take a grievance in under its token; returns it, and whether it is new. Sent twice, it is taken in once.

    An urgent one must be about an approved plan, a member and an item.
    """
    require(act.actor, "grievance.receive")
    try:
        return queries.by_token(session, token), False
    except queries.NoGrievance:
        _check(session, complaint)
    words = {"statement": complaint.statement, "remedy": complaint.remedy, "contact": complaint.contact}
    kept = privacy.keep(session, act, kind="grievance", subject="grievance", content=words)
    row = Grievance(
        token_digest=queries.digest(token),
        channel=complaint.channel,
        category=complaint.category,
        plan_id=complaint.plan,
        member_code=complaint.member,
        item_code=complaint.item,
        contract_code=complaint.contract,
        language=complaint.language,
        country=complaint.country,
        urgent=complaint.urgent,
        retaliation=complaint.retaliation,
        statement_id=kept.id or 0,
        state=rules.RECEIVED,
        received_at=act.at,
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        session.delete(kept)
        return queries.by_token(session, token), False
    kept.subject = f"grievance:{row.id}"
    payload = {"category": row.category, "plan": row.plan_id, "urgent": row.urgent, "commitment": kept.commitment}
    journal.record(session, act, action="grievance.receive", subject=f"grievance:{row.id}", payload=payload)
    return row, True


def _check(session: Session, complaint: Complaint) -> None:
    countries = tuple(sorted({member.country for member in governance.members(session).values()}))
    for field, value, known in (
        ("country", complaint.country, countries),
        ("category", complaint.category, rules.CATEGORIES),
        ("channel", complaint.channel, ("public", "supplier", "member")),
    ):
        if value not in known:
            raise WrongSubject(f"{field} must be one of {', '.join(known)}", field=field, known=list(known))
    if not complaint.statement.strip():
        raise WrongSubject("statement: say what happened", field="statement")
    if complaint.urgent and None in (complaint.plan, complaint.member, complaint.item):
        raise WrongSubject("an urgent appeal names the plan, the member and the item that it is about", field="urgent")
    _check_subject(session, complaint)


def _check_subject(session: Session, complaint: Complaint) -> None:
    """Refuse a plan that is not approved, and what does not exist."""
    if complaint.plan is not None and allocation.plan(session, complaint.plan).approved_at is None:
        raise WrongSubject(f"plan {complaint.plan} is not approved: nothing has come of it yet", field="plan")
    if complaint.member is not None:
        governance.member(session, complaint.member)
    if complaint.item is not None:
        catalogue.item(session, complaint.item)
    if complaint.contract is not None and session.get(Contract, complaint.contract) is None:
        raise WrongSubject(f"there is no contract {complaint.contract}", field="contract")


def acknowledge(session: Session, act: Act, *, number: int) -> Grievance:
    """Say that a grievance is being dealt with."""
    require(act.actor, "grievance.handle")
    row = _move(session, number, rules.ACKNOWLEDGED)
    row.acknowledged_at, row.acknowledged_by = act.at, act.actor.id
    return _done(session, act, row, "grievance.acknowledge")


def redirect(session: Session, act: Act, *, number: int, to: str) -> Grievance:
    """Say which office answers instead, and leave it there."""
    require(act.actor, "grievance.handle")
    row = _move(session, number, rules.REDIRECTED)
    row.redirected_at, row.redirected_to = act.at, to
    return _done(session, act, row, "grievance.redirect", to=to)


def assign(session: Session, act: Act, *, number: int, reviewer: str) -> Grievance:
    """Give an admissible grievance to a reviewer who had no part in what it is about."""
    require(act.actor, "grievance.handle")
    account = governance.account_by_name(session, reviewer)
    chosen = governance.actor_of(session, account)
    require(chosen, "grievance.review")
    row = _move(session, number, rules.UNDER_REVIEW)
    require_other(chosen, queries.involved(session, row))
    row.reviewer_id, row.review_at = chosen.id, act.at
    return _done(session, act, row, "grievance.assign", reviewer=chosen.id)


def decide(session: Session, act: Act, *, number: int, verdict: str, answer: str) -> Grievance:
    """The reviewer's decision, with the answer that the complainant reads by token."""
    require(act.actor, "grievance.review")
    row = _move(session, number, rules.RESOLVED)
    _check_verdict(verdict, answer)
    if row.reviewer_id != act.actor.id:
        raise WrongState(f"grievance {number} is with another reviewer", field="reviewer")
    row.decided_at, row.verdict, row.answer = act.at, verdict, answer
    return _done(session, act, row, "grievance.decide", verdict=verdict)


def appeal(session: Session, act: Act, *, token: str, statement: str) -> Grievance:
    """Appeal against the decision, by whoever holds the token, within the working days for it."""
    require(act.actor, "grievance.receive")
    row = _move(session, queries.by_token(session, token, lock=True).id or 0, rules.APPEALED)
    until = rules.appeal_until(queries.times(session, row))
    if until is None or act.at > until:
        raise TooLate(f"an appeal was possible until {until:%Y-%m-%d}" if until else "there is no decision yet")
    if not statement.strip():
        raise Invalid("statement: say why the decision is wrong", field="statement")
    kept = privacy.keep(session, act, kind="grievance", subject=f"grievance:{row.id}", content={"statement": statement})
    row.appealed_at, row.appeal_statement_id = act.at, kept.id
    return _done(session, act, row, "grievance.appeal", commitment=kept.commitment)


def decide_appeal(session: Session, act: Act, *, number: int, verdict: str, answer: str) -> Grievance:
    """The final decision, by somebody who neither decided before nor had a part in what it is about."""
    require(act.actor, "grievance.review")
    row = _move(session, number, rules.FINAL)
    _check_verdict(verdict, answer)
    before = {row.reviewer_id: f"decided grievance {number} before"} if row.reviewer_id else {}
    require_other(act.actor, queries.involved(session, row) | before)
    row.final_at, row.final_by, row.final_verdict, row.final_answer = act.at, act.actor.id, verdict, answer
    return _done(session, act, row, "grievance.decide_appeal", verdict=verdict)


def close(session: Session, act: Act, *, number: int) -> Grievance:
    """Close what is decided, once nobody may appeal any more."""
    require(act.actor, "grievance.handle")
    row = queries.grievance(session, number, lock=True)
    until = rules.appeal_until(queries.times(session, row))
    if row.state == rules.RESOLVED and until is not None and act.at <= until:
        raise WrongState(f"grievance {number} may be appealed until {until:%Y-%m-%d}", state=row.state)
    row = _move(session, number, rules.CLOSED)
    row.closed_at = act.at
    return _done(session, act, row, "grievance.close")


def _check_verdict(verdict: str, answer: str) -> None:
    if verdict not in rules.VERDICTS:
        raise Invalid(f"verdict must be one of {', '.join(rules.VERDICTS)}", field="verdict")
    if not answer.strip():
        raise Invalid("answer: tell the complainant why", field="answer")


def _move(session: Session, number: int, state: str) -> Grievance:
    row = queries.grievance(session, number, lock=True)
    if state not in rules.NEXT[row.state]:
        raise WrongState(f"grievance {number} is {row.state}: it cannot become {state}", state=row.state)
    row.state = state
    session.add(row)
    return row


def _done(session: Session, act: Act, row: Grievance, action: str, **payload: object) -> Grievance:
    session.add(row)
    journal.record(session, act, action=action, subject=f"grievance:{row.id}", payload={"state": row.state, **payload})
    return row
