"""Two people for one step: the first proposes it, another confirms, and only then is it done, in both names."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import update
from sqlmodel import Session, col

from stockpile import http, journal
from stockpile.actor import Act, Actor
from stockpile.db import rows_changed
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import Missing, allowed, holds, require_other, require_proof
from stockpile.inventory.proposals import queries, rules
from stockpile.inventory.proposals.steps import Step
from stockpile.inventory.proposals.tables import Proposal

_STEP: TypeAdapter[Any] = TypeAdapter(Step)
_SOMEBODY = Actor(id=-1, name="a second person", grants=())


class ProposalState(Conflict):
    """The proposal was decided already."""

    code = "proposal_state"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A proposal that was confirmed, and what came of it."""

    proposal: Proposal
    outcome: Any


class _Tried(Exception):
    """A trial went well: undo it."""


def propose(session: Session, act: Act, *, step: Any, reason: str) -> Proposal:
    """Propose a step to a second person; it is tried and undone first, so that what cannot be is refused now.

    `step` is one of the kinds of `steps.Step`. Whoever may do it with a
    second person may propose it.
    """
    _try(session, replace(act, second=_SOMEBODY), step)
    request = journal.canonical(http.plain(step))
    found = Proposal(
        kind=step.kind,
        request=request,
        reason=reason,
        state=rules.PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(found)
    session.flush()
    payload = {"kind": step.kind, "request": request}
    subject = f"proposal:{found.id}"
    journal.record(session, act, action="proposal.propose", subject=subject, payload=payload, reason=reason)
    return found


def confirm(session: Session, act: Act, *, number: int) -> Confirmed:
    """Confirm another person's proposal: the step is done now, in both names and by the proposer's rights of now.

    Refuses who proposed it, and who has no right to confirm such a step.
    """
    found = queries.proposal(session, number)
    step = _STEP.validate_python(json.loads(found.request))
    _require_second(act, found, step)
    _claim(session, act, found, rules.CONFIRMED)
    proposer = governance.actor_by_number(session, found.proposed_by)
    both = Act(actor=proposer, at=act.at, recorded_at=act.recorded_at, second=act.actor)
    outcome = http.plain(step.do(session, both, f"proposal:{number}"))
    found.outcome = journal.canonical(outcome)
    session.add(found)
    _note(session, act, found, "proposal.confirm")
    return Confirmed(found, outcome)


def decline(session: Session, act: Act, *, number: int, reason: str) -> Proposal:
    """Decline another person's proposal with a reason, or withdraw one's own: nothing is done."""
    found = queries.proposal(session, number)
    if not reason.strip():
        raise Invalid("to decline a proposal needs a reason", field="reason")
    own = found.proposed_by == act.actor.id
    if not own:
        _require_second(act, found, _STEP.validate_python(json.loads(found.request)))
    _claim(session, act, found, rules.WITHDRAWN if own else rules.DECLINED)
    found.decision_reason = reason
    session.add(found)
    _note(session, act, found, "proposal.withdraw" if own else "proposal.decline")
    return found


def _try(session: Session, act: Act, step: Any) -> None:
    try:
        with session.begin_nested():
            step.do(session, act, f"trial:{act.actor.id}:{act.recorded_at.isoformat()}")
            session.flush()
            raise _Tried
    except _Tried:
        session.expire_all()


def _require_second(act: Act, found: Proposal, step: Any) -> None:
    require_other(act.actor, {found.proposed_by: f"proposed step {found.id}"})
    site = getattr(step, "site", None)
    rights = step.confirm if site is None else [right for right in step.confirm if allowed(act.actor, right, site=site)]
    if not any(holds(act.actor, right) for right in rights):
        raise Missing(f"{act.actor.name} may not confirm a step like this ({step.kind})", right=step.confirm[0])
    require_proof(act.actor, "second.confirm")


def _claim(session: Session, act: Act, found: Proposal, state: str) -> None:
    claimed = update(Proposal).where(col(Proposal.id) == found.id, col(Proposal.state) == rules.PROPOSED)
    if not rows_changed(session, claimed.values(state=state)):
        session.refresh(found)
        raise ProposalState(f"proposal {found.id} was {found.state} already", state=found.state)
    session.refresh(found)
    found.decided_by, found.decided_at = act.actor.id, act.at
    session.add(found)


def _note(session: Session, act: Act, found: Proposal, action: str) -> None:
    payload = {"kind": found.kind, "proposed_by": found.proposed_by}
    subject, reason = f"proposal:{found.id}", found.decision_reason
    journal.record(session, act, action=action, subject=subject, payload=payload, reason=reason)
