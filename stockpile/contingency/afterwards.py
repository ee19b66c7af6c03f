"""What stays between crises: shared risks, disputes on their ladder, reviews, and the actions that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlmodel import Session

from stockpile.actor import Act
from stockpile.allocation import queries as surges
from stockpile.contingency import queries, rules
from stockpile.contingency.operations import note
from stockpile.contingency.tables import Dispute, Review, ReviewAction, SharedRisk
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other


class DisputeState(Conflict):
    """The dispute is not on the stage that this needs."""

    code = "dispute_state"


class ReviewState(Conflict):
    """The review, or its action, is not in the state that this needs."""

    code = "review_state"


def note_risk(
    session: Session,
    act: Act,
    *,
    title: str,
    owner: str,
    likelihood: int,
    impact: int,
    response: str,
    review_by: date,
    number: int | None = None,
    closed: bool = False,
) -> SharedRisk:
    """Enter a risk in the shared register, or judge the one of that number anew; what was said before is journaled."""
    require(act.actor, "risk.note")
    if review_by <= governance.local_day(session, act.at) and not closed:
        raise Invalid("a risk is looked at again on a day to come", field="review_by")
    found = queries.one(session, SharedRisk, number, lock=True) if number is not None else SharedRisk(state=rules.OPEN)  # type: ignore[call-arg]
    found.title, found.owner, found.response, found.review_by = title, owner, response, review_by
    found.likelihood, found.impact = likelihood, impact
    found.state = rules.CLOSED if closed else rules.OPEN
    found.noted_by, found.noted_at = act.actor.id, act.at
    session.add(found)
    session.flush()
    payload = {"owner": owner, "likelihood": likelihood, "impact": impact, "state": found.state}
    note(session, act, "risk.note", f"risk:{found.id}", payload, reason=f"{title}: {response}")
    return found


def open_dispute(session: Session, act: Act, *, claimant: str, respondent: str, subject: str, claim: str) -> Dispute:
    """Open a dispute of a member with another party (a member, the pool, or a supplier): ten days to negotiate."""
    require(act.actor, "dispute.open", member=claimant)
    governance.member(session, claimant)
    if claimant == respondent:
        raise Invalid("a dispute has two parties", field="respondent")
    made = Dispute(
        claimant=claimant,
        respondent=respondent,
        subject=subject,
        claim=claim,
        stage=rules.NEGOTIATION,
        stage_since=act.at,
        due_at=rules.due(rules.NEGOTIATION, act.at),
        opened_by=act.actor.id,
        opened_at=act.at,
    )
    session.add(made)
    session.flush()
    payload = {"claimant": claimant, "respondent": respondent, "about": subject}
    note(session, act, "dispute.open", f"dispute:{made.id}", payload, reason=claim)
    return made


def next_stage(session: Session, act: Act, *, number: int, reason: str) -> Dispute:
    """Take a dispute up the ladder: mediation by the committee (20 days), then an expert; late steps are counted."""
    require(act.actor, "dispute.move")
    found = _running(session, number)
    after = rules.LADDER.get(found.stage)
    if after is None:
        raise DisputeState(f"dispute {number} is with the expert: it ends with their finding", stage=found.stage)
    found.missed += found.due_at is not None and act.at > found.due_at
    found.stage, found.stage_since, found.due_at = after, act.at, rules.due(after, act.at)
    session.add(found)
    note(session, act, f"dispute.{after}", f"dispute:{number}", {"missed": found.missed}, reason=reason)
    return found


def settle(session: Session, act: Act, *, number: int, outcome: str) -> Dispute:
    """Note what the parties agreed, or what the expert found."""
    require(act.actor, "dispute.move")
    found = _running(session, number)
    found.missed += found.due_at is not None and act.at > found.due_at
    before, found.stage, found.stage_since, found.due_at = found.stage, rules.SETTLED, act.at, None
    found.outcome, found.settled_at = outcome, act.at
    session.add(found)
    note(session, act, "dispute.settle", f"dispute:{number}", {"in": before, "missed": found.missed}, reason=outcome)
    return found


def _running(session: Session, number: int) -> Dispute:
    found = queries.one(session, Dispute, number, lock=True)
    if found.stage == rules.SETTLED:
        raise DisputeState(f"dispute {number} is settled", stage=found.stage)
    return found


def review_surge(session: Session, act: Act, *, surge: int, office: str, summary: str) -> Review:
    """Open the review of a surge that is over: what was learned; its actions follow. One review a surge."""
    require(act.actor, "review.open")
    if surges.surge(session, surge).state != "closed":
        raise ReviewState(f"surge {surge} is not closed: close it first, then look back", surge=surge)
    if any(one["review"].surge_id == surge for one in queries.reviews(session)):
        raise ReviewState(f"surge {surge} has its review: add actions to it", surge=surge)
    return _opened(session, act, Review(**_head(act, rules.SURGE, office, summary), surge_id=surge))


def review_peer(session: Session, act: Act, *, reviewer: str, member: str, summary: str) -> Review:
    """Open a member's review of another: what it saw there; never of itself."""
    require(act.actor, "review.open", member=reviewer)
    governance.member(session, reviewer)
    governance.member(session, member)
    if reviewer == member:
        raise Invalid("a member is reviewed by another", field="member")
    return _opened(session, act, Review(**_head(act, rules.PEER, reviewer, summary), member_code=member))


def _head(act: Act, kind: str, reviewer: str, summary: str) -> dict[str, Any]:
    head: dict[str, Any] = {"kind": kind, "reviewer": reviewer, "summary": summary, "state": rules.OPEN}
    return {**head, "opened_by": act.actor.id, "opened_at": act.at}


def _opened(session: Session, act: Act, made: Review) -> Review:
    session.add(made)
    session.flush()
    payload = {"kind": made.kind, "surge": made.surge_id, "member": made.member_code, "reviewer": made.reviewer}
    note(session, act, "review.open", f"review:{made.id}", payload, reason=made.summary)
    return made


def add_action(session: Session, act: Act, *, review: int, what: str, owner: str, due: date) -> ReviewAction:
    """Add an action with the office that owns it and its day."""
    require(act.actor, "review.open")
    found = queries.one(session, Review, review, lock=True)
    if found.state != rules.OPEN:
        raise ReviewState(f"review {review} is closed", state=found.state)
    if due <= governance.local_day(session, act.at):
        raise Invalid("an action is due on a day to come", field="due")
    made = ReviewAction(review_id=review, what=what, owner=owner, due=due)
    session.add(made)
    session.flush()
    payload = {"action": made.id, "owner": owner, "due": due.isoformat()}
    note(session, act, "review.action", f"review:{review}", payload, reason=what)
    return made


def finish_action(session: Session, act: Act, *, number: int, outcome: str) -> ReviewAction:
    """Note what came of an action."""
    require(act.actor, "review.act")
    found = queries.one(session, ReviewAction, number, lock=True)
    if found.done_at is not None:
        raise ReviewState(f"action {number} is done already")
    found.done_at, found.done_by, found.outcome = act.at, act.actor.id, outcome
    session.add(found)
    note(session, act, "review.done", f"review:{found.review_id}", {"action": number}, reason=outcome)
    return found


def close_review(session: Session, act: Act, *, number: int, reason: str) -> Review:
    """Close a review whose actions are all done, as another person than who did them last."""
    require(act.actor, "review.open")
    found = queries.one(session, Review, number, lock=True)
    actions: Sequence[ReviewAction] = queries.actions(session, number)
    waiting = [one.id for one in actions if one.done_at is None]
    if found.state != rules.OPEN or waiting or not actions:
        told = f"actions {waiting} are not done" if waiting else "it has no action" if not actions else "it is closed"
        raise ReviewState(f"review {number} cannot be closed: {told}", actions=waiting)
    require_other(act.actor, {one.done_by: f"did action {one.id}" for one in actions if one.done_by is not None})
    found.state, found.closed_at = rules.CLOSED, act.at
    session.add(found)
    note(session, act, "review.close", f"review:{number}", {"actions": [one.id for one in actions]}, reason=reason)
    return found
