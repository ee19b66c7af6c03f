"""The gate that every weighty effect passes: by standing right, by a decision that adopted it, or provisionally."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, update

from stockpile import journal
from stockpile.actor import Act
from stockpile.db import rows_changed
from stockpile.errors import Conflict, NotAllowed
from stockpile.governance.committee import queries, rules
from stockpile.governance.committee.rules import Right
from stockpile.governance.committee.tables import Elector, Proposal, RightsVersion
from stockpile.governance.standing import queries as members


class DecisionRequired(NotAllowed):
    """This effect needs an adopted decision of the committee, and names none that fits."""

    code = "decision_required"


class DecisionState(Conflict):
    """The proposal is not in the state that this needs."""

    code = "decision_state"


class Stopped(Conflict):
    """What was done provisionally was not ratified in time: it does not go on."""

    code = "not_ratified"


@dataclass(frozen=True, slots=True)
class Urgency:
    """The circumstances of an emergency: when it began, hours until the first need, and what it takes of the pool."""

    began_at: datetime
    hours_left: float | None = None
    pool_permille: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """What is to be decided: an operation on a subject with its whole payload; what it is worth, at which level."""

    operation: str
    subject: str
    payload: Mapping[str, Any]
    value_minor: int = 0
    level: int = 0
    urgency: Urgency | None = None

    @property
    def hash(self) -> str:
        """What adopted and executed must agree in."""
        return rules.payload_hash(
            self.operation, self.subject, self.payload, value_minor=self.value_minor, level=self.level
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """Under what an effect was done: the version of the rights (0: before there were any), the body, the decision."""

    rights_version: int
    body: str
    decision: int | None = None

    @property
    def told(self) -> dict[str, Any]:
        """As the journal's entry of the effect tells it."""
        return {"rights_version": self.rights_version, "decided_by": self.body, "decision": self.decision}


def decide(session: Session, act: Act, effect: Effect) -> Authority:
    """The gate of an effect: passes by standing right, or claims the adopted decision that `act.decision` names.

    Returns under what it passed, which the entry of the effect in the journal
    tells. Refuses, saying which body must decide, with what to put to it. An
    emergency within its limits passes at once and opens its ratification.
    """
    version = queries.in_force(session, at=act.at)
    if version is None:
        return Authority(0, rules.STANDING)
    right = right_of(version, effect)
    if right.body not in (rules.COMMITTEE, rules.EMERGENCY):
        return Authority(version.version, right.body)
    if right.body == rules.EMERGENCY and act.decision is None:
        beyond = _beyond(session, act, effect, right)
        if not beyond:
            return Authority(version.version, right.body, _provisional(session, act, effect, right, version))
        raise DecisionRequired(f"{beyond}: {_propose(effect, right)}", **_proposable(effect))
    return Authority(version.version, right.body, _claim(session, act, effect, right))


def _beyond(session: Session, act: Act, effect: Effect, right: Right) -> str:
    """What of its limits an emergency would pass; empty where it stays within them."""
    if effect.urgency is None:
        return ""
    last = effect.urgency.began_at + timedelta(days=right.limit_days)
    if act.at >= last:
        return f"the emergency power ended on {last:%Y-%m-%d %H:%M} UTC, {right.limit_days} days after it began"
    taken = queries.unratified_permille(session, effect.operation) + effect.urgency.pool_permille
    if taken > right.limit_percent * 10:
        return (
            f"emergencies that are not ratified yet would take {taken / 10:.1f} % of the pool, and may take "
            f"{right.limit_percent} %"
        )
    return ""


def right_of(version: RightsVersion, effect: Effect) -> Right:
    """The row of that version that covers the effect; refuses an effect that no row covers."""
    rights = queries.rights(version)
    try:
        hours = effect.urgency.hours_left if effect.urgency else None
        return rules.right_for(
            rights, effect.operation, value_minor=effect.value_minor, level=effect.level, hours_left=hours
        )
    except KeyError as unknown:
        raise DecisionRequired(
            f"{effect.operation} has no row in version {version.version} of the decision rights: "
            "the committee decides first who may do it (rights.change)",
            operation=effect.operation,
        ) from unknown


def _claim(session: Session, act: Act, effect: Effect, right: Right) -> int:
    """Take the named decision for this effect, once; refuses one that is not adopted, over, used or of another hash."""
    if act.decision is None:
        raise DecisionRequired(_propose(effect, right), **_proposable(effect))
    found = queries.proposal(session, act.decision, lock=True)
    if found.payload_hash != effect.hash:
        raise DecisionRequired(
            f"decision {found.id} adopts {found.operation} on {found.subject} with the hash "
            f"{found.payload_hash[:12]}…; this would be another effect ({effect.hash[:12]}…)",
            **_proposable(effect),
        )
    if found.state != rules.ADOPTED or found.executed_at is not None or (found.valid_until or act.at) < act.at:
        used = "carried out already" if found.executed_at else found.state
        raise DecisionState(f"decision {found.id} is {used}: it permits nothing now", state=found.state)
    claimed = update(Proposal).where(col(Proposal.id) == found.id, col(Proposal.executed_at).is_(None))
    assert rows_changed(session, claimed.values(executed_at=act.at, executed_by=act.actor.id)) == 1
    note(session, act, "decision.execute", found, {"hash": effect.hash})
    return act.decision


def _propose(effect: Effect, right: Right) -> str:
    return (
        f"{effect.operation} on {effect.subject} is decided by {_body(right)}: propose it "
        f"(POST /api/v1/committee/proposals), and name the adopted decision in the header Decision"
    )


def _proposable(effect: Effect) -> dict[str, Any]:
    return {
        "operation": effect.operation,
        "subject": effect.subject,
        "payload": dict(effect.payload),
        "payload_hash": effect.hash,
        "value_minor": effect.value_minor,
        "level": effect.level,
    }


def _body(right: Right) -> str:
    if right.majority == rules.UNANIMITY:
        return "the committee without a vote against (interested members apart)"
    majority = f"{right.members_percent} % of the members with {right.population_percent} % of the population"
    return f"the committee ({majority}; quorum {right.quorum})"


def _provisional(session: Session, act: Act, effect: Effect, right: Right, version: RightsVersion) -> int:
    """Let an emergency pass, and put it to the committee at once with the clock of its ratification."""
    title = ratifying(effect.operation, effect.subject)
    found = drafted(act, effect, title=title, evidence=[effect.subject])
    found.state, found.executed_at, found.executed_by = rules.PROVISIONAL, act.at, act.actor.id
    found.pool_permille = effect.urgency.pool_permille if effect.urgency else 0
    freeze(session, act, found, right, version, hours=right.ratify_hours)
    note(session, act, "decision.provisional", found, frozen(session, found))
    assert found.id is not None
    return found.id


def ratifying(operation: str, subject: str) -> str:
    """The title that an emergency gives itself; the screens say it in the reader's words.

    >>> ratifying("plan.approve", "plan:2")
    'Ratify plan.approve on plan:2'
    """
    return f"Ratify {operation} on {subject}"


def refuse_stopped(session: Session, subject: str, *, at: datetime) -> None:
    """Refuse to go on with what was done provisionally and was not ratified in time."""
    found = queries.stopped(session, subject, at=at)
    if found is not None:
        raise Stopped(
            f"{subject} was approved provisionally and not ratified by {found.deadline:%Y-%m-%d %H:%M} UTC "
            f"(decision {found.id}): nothing more is dispatched; what was shipped stays and goes to settlement",
            decision=found.id,
        )


def drafted(act: Act, effect: Effect, *, title: str, evidence: Sequence[str]) -> Proposal:
    """A proposal that is not stored yet."""
    return Proposal(
        title=title,
        operation=effect.operation,
        subject=effect.subject,
        payload=journal.canonical(effect.payload),
        payload_hash=effect.hash,
        value_minor=effect.value_minor,
        level=effect.level,
        evidence=journal.canonical(list(evidence)),
        interested="[]",
        state=rules.DRAFT,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )


def freeze(session: Session, act: Act, found: Proposal, right: Right, version: RightsVersion, *, hours: int) -> None:
    """Fix rule, electorate, weights and deadline of a vote as they are now."""
    found.rights_version, found.rule = version.version, journal.canonical(asdict(right))
    found.opened_at, found.deadline = act.at, act.at + timedelta(hours=hours)
    session.add(found)
    session.flush()
    assert found.id is not None
    recused = set(json.loads(found.interested))
    weights = sorted(members.voters(session, at=act.at).items())
    session.add_all(Elector(proposal_id=found.id, member_code=m, weight=w, recused=m in recused) for m, w in weights)
    session.flush()


def frozen(session: Session, found: Proposal) -> dict[str, Any]:
    """What the journal keeps of a vote that begins: the hash, the version of the rights, and every weight."""
    kept = [[one.member_code, one.weight, one.recused] for one in queries.electors(session, found.id or 0)]
    return {"hash": found.payload_hash, "rights_version": found.rights_version, "electors": kept}


def note(
    session: Session, act: Act, action: str, found: Proposal, payload: Mapping[str, Any], *, reason: str = ""
) -> None:
    """A journal entry about a decision."""
    subject = f"decision:{found.id}"
    journal.record(session, act, action=action, subject=subject, payload=payload, reason=reason)
