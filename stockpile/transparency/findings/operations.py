"""Findings written by auditors, answered by offices, verified and closed; a risk is taken by the committee alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect
from stockpile.governance.rules import require, require_other
from stockpile.transparency.findings import queries, rules
from stockpile.transparency.findings.tables import AuditFinding


class FindingState(Conflict):
    """The finding is not in the state that this needs."""

    code = "finding_state"


def write(
    session: Session,
    act: Act,
    *,
    title: str,
    severity: str,
    criterion: str,
    evidence: Sequence[str],
    cause: str,
    recommendation: str,
    office: str,
) -> AuditFinding:
    """Draft a finding: what was found against which criterion, with references others can look up."""
    require(act.actor, "finding.write")
    if severity not in rules.SEVERITIES:
        raise Invalid(f"a finding is {', '.join(rules.SEVERITIES)}", field="severity", value=severity)
    made = AuditFinding(
        title=title,
        severity=severity,
        criterion=criterion,
        evidence=journal.canonical(list(evidence)),
        cause=cause,
        recommendation=recommendation,
        office=office,
        state=rules.DRAFT,
        written_by=act.actor.id,
        written_at=act.at,
    )
    session.add(made)
    session.flush()
    payload = {"severity": severity, "criterion": criterion, "evidence": list(evidence), "office": office}
    journal.record(session, act, action="finding.write", subject=f"finding:{made.id}", payload=payload, reason=title)
    return made


def step(session: Session, act: Act, *, number: int, name: str, text: str, due: date | None = None) -> AuditFinding:
    """Take a finding one step on (rules.STEPS): an answer says what is done until which day (`due`).

    Nobody verifies what they answered; who asks again is answered anew, and what was answered stays in the journal. A
    risk is taken only by an adopted decision.
    """
    known = rules.STEPS.get(name)
    if known is None:
        raise Invalid(f"a step is {', '.join(rules.STEPS)}", field="step", value=name)
    require(act.actor, known.right)
    found = queries.finding(session, number, lock=True)
    if found.state not in known.before or (name in rules.ON_AN_ANSWER and found.answered_at is None):
        raise FindingState(f"finding {number} is {found.state}: it cannot {name} now", state=found.state)
    told: dict[str, Any] = {"from": found.state, "to": known.after}
    if name in rules.ASKING:
        _ask(act, found)
    if name == "answer":
        told["due"] = _answer(session, act, found, text, due)
    if name in ("agree", "verify") and found.answered_by is not None:
        require_other(act.actor, {found.answered_by: f"answered finding {number}"})
    if name == "accept":
        require(act.actor, "finding.accept")
        under = gate.decide(session, act, Effect("finding.accept", f"finding:{number}", {"severity": found.severity}))
        found.decision_id, told = under.decision, told | under.told
    if known.after in (rules.CLOSED, rules.RISK_ACCEPTED):
        found.ended_at = act.at
    found.state = known.after
    session.add(found)
    journal.record(session, act, action=f"finding.{name}", subject=f"finding:{number}", payload=told, reason=text)
    return found


def _ask(act: Act, found: AuditFinding) -> None:
    """From now on an answer is waited for; one that did not do no longer stands."""
    found.response_due = act.at + timedelta(days=rules.RESPONSE_DAYS)
    found.response, found.answered_at, found.action_due = "", None, None


def _answer(session: Session, act: Act, found: AuditFinding, text: str, due: date | None) -> str:
    if due is None or due <= governance.local_day(session, act.at):
        raise Invalid("an answer says until which day to come it is done", field="due")
    found.response, found.action_due = text, due
    found.answered_at, found.answered_by = act.at, act.actor.id
    return due.isoformat()
