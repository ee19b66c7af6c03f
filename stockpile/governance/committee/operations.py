"""The committee at work: constituted once, then proposals and votes, whose results anyone can count again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlmodel import Session, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Invalid, NotAllowed
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate, queries, rules, standard
from stockpile.governance.committee.gate import DecisionState, Effect
from stockpile.governance.committee.tables import Elector, Proposal, RightsVersion, Vote
from stockpile.governance.rules import require, require_any, require_other
from stockpile.governance.standing import queries as members
from stockpile.governance.tables import Region


class NoVote(NotAllowed):
    """The account speaks for no member that has a vote here."""

    code = "no_vote"


def constitute(session: Session, act: Act) -> RightsVersion:
    """Put the standard table of decision rights in force: from now on effects need the decisions it says. Once."""
    require(act.actor, "committee.found")
    session.exec(select(Region.id).with_for_update()).all()
    if queries.versions(session):
        raise DecisionState("the committee is constituted already: rights are changed by a decision of rights.change")
    held = {one.member_code for one in queries.seats(session, at=act.at) if one.kind == rules.SEAT}
    voters = members.voters(session, at=act.at)
    empty = sorted(set(voters) - held)
    if empty:
        told = ", ".join(empty[:5])
        raise DecisionState(
            f"{len(empty)} of {len(voters)} members have no seat yet ({told}): seat them first", members=empty[:100]
        )
    return _put_in_force(session, act, rules.table(standard.rights()), version=1)


def change_rights(session: Session, act: Act, *, rows: Sequence[Mapping[str, Any]]) -> RightsVersion:
    """Put another whole table of decision rights in force, by a decision that adopted exactly these rows."""
    require(act.actor, "rights.change")
    table = sound(rows)
    newest = queries.versions(session)
    if not newest:
        raise DecisionState("the committee is not constituted yet: there are no rights to change")
    under = gate.decide(session, act, Effect("rights.change", "rights", {"rows": table}))
    return _put_in_force(session, act, table, version=newest[0].version + 1, under=under)


def sound(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows in their one order; refuses what is no right, and a table that leaves an operation without one."""
    try:
        found = rules.rights_of(rows)
    except (TypeError, ValueError, ZeroDivisionError) as failure:
        raise Invalid(f"rows: {failure}", field="rows") from failure
    hollow = standard.unenforced(found)
    if hollow:
        told = "nothing asks the committee, or a second person, for this"
        raise Invalid(f"rows: {'; '.join(hollow)}: {told}, so the row would not be kept", field="rows", rows=hollow)
    gaps = rules.gaps(found, standard.operations())
    if gaps:
        raise Invalid(f"rows: every operation needs a right from 0 on, and no other: {', '.join(gaps)}", field="rows")
    return rules.table(found)


def _put_in_force(
    session: Session, act: Act, table: list[dict[str, Any]], *, version: int, under: gate.Authority | None = None
) -> RightsVersion:
    content = journal.canonical(table)
    row = RightsVersion(
        version=version,
        effective_from=act.at,
        content=content,
        digest=rules.payload_hash("rights.change", "rights", {"rows": table}),
        decision_id=under.decision if under else None,
        set_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(row)
    payload = {"version": version, "rows": table, **(under.told if under else {})}
    journal.record(session, act, action="rights.change", subject=f"rights:{version}", payload=payload)
    return row


def propose(
    session: Session,
    act: Act,
    *,
    title: str,
    effect: Effect,
    evidence: Sequence[str],
    interested: Sequence[str] = (),
    silence: bool = False,
) -> Proposal:
    """A draft of a decision with its evidence; members named as interested will have no vote on it."""
    require(act.actor, "decision.propose")
    if effect.operation not in standard.GATED:
        known = ", ".join(sorted(standard.GATED))
        raise Invalid(f"{effect.operation} is nothing that the committee decides: {known}", field="operation")
    if not evidence or not all(one.strip() for one in evidence):
        raise Invalid("a proposal needs evidence: at least one reference that others can look up", field="evidence")
    for member in interested:
        governance.member(session, member)
    if effect.operation == "rights.change":
        sound(effect.payload.get("rows", ()))
    found = gate.drafted(act, effect, title=title, evidence=list(evidence))
    found.interested = journal.canonical(sorted({*interested, *_concerned(effect)}))
    found.silence = silence
    session.add(found)
    session.flush()
    payload = {
        "operation": effect.operation,
        "hash": found.payload_hash,
        "value_minor": effect.value_minor,
        "level": effect.level,
        "interested": json.loads(found.interested),
    }
    gate.note(session, act, "decision.propose", found, payload, reason=title)
    return found


def _concerned(effect: Effect) -> list[str]:
    """The member that a decision on its own standing is about."""
    member = effect.payload.get("member")
    return [member] if effect.operation.startswith("member.") and isinstance(member, str) else []


def put(session: Session, act: Act, *, number: int) -> Proposal:
    """Put a draft on the table, where everybody sees it; only its author does."""
    require(act.actor, "decision.propose")
    found = _in_state(session, number, rules.DRAFT)
    if found.proposed_by != act.actor.id:
        raise DecisionState(f"only who wrote draft {number} puts it on the table")
    found.state = rules.TABLED
    session.add(found)
    gate.note(session, act, "decision.table", found, {"hash": found.payload_hash})
    return found


def open_vote(session: Session, act: Act, *, number: int) -> Proposal:
    """Open the vote: rule, electorate and weights are frozen as they are now, and the clock runs.

    The right is that of the effect's own value and level, which its hash covers: whoever says less than it is
    worth gets a decision that the effect does not fit.
    """
    require(act.actor, "decision.open")
    found = _in_state(session, number, rules.TABLED)
    version = queries.in_force(session, at=act.at)
    if version is None:
        raise DecisionState("the committee is not constituted yet: there is nothing to vote under")
    effect = Effect(found.operation, found.subject, json.loads(found.payload), found.value_minor, found.level)
    right = gate.right_of(version, effect)
    if right.body not in (rules.COMMITTEE, rules.EMERGENCY):
        raise DecisionState(f"{found.operation} needs no vote at this value: it is decided by {right.body}")
    if found.silence and not right.silence:
        raise DecisionState(f"the rights do not provide for silence as consent in {found.operation}")
    found.state = rules.OPEN
    gate.freeze(session, act, found, right, version, hours=right.vote_hours)
    gate.note(session, act, "decision.open", found, gate.frozen(session, found))
    return found


def vote(
    session: Session, act: Act, *, number: int, choice: str, reason: str, only: Sequence[str] | None = None
) -> list[Vote]:
    """Give the vote of every member this account speaks for (or of those in `only`), once and for good.

    Never on one's own proposal, and never for a member that is recused.
    """
    require_any(act.actor, "decision.vote")
    found = queries.proposal(session, number, lock=True)
    _refuse_over(act, found)
    require_other(act.actor, {found.proposed_by: f"proposed decision {number}"})
    if choice not in rules.CHOICES or not reason.strip():
        raise Invalid("a vote is for, against or abstain, and gives its reason", field="choice")
    made = [
        Vote(
            proposal_id=number,
            member_code=member,
            account_id=act.actor.id,
            capacity=capacity,
            choice=choice,
            reason=reason,
            weight=weight,
            cast_at=act.at,
        )
        for member, capacity, weight in _voices(session, act, found, only)
    ]
    session.add_all(made)
    session.flush()
    told = [[one.member_code, one.choice, one.weight] for one in made]
    gate.note(session, act, "decision.vote", found, {"votes": told}, reason=reason)
    _settle(session, act, found)
    return made


def recuse(session: Session, act: Act, *, number: int, reason: str, only: Sequence[str] | None = None) -> list[Elector]:
    """Step back from a vote for every member this account speaks for (or of those in `only`), naming the interest.

    Who steps back has no vote on it any more and counts neither for quorum nor for majority; a vote given stands.
    """
    require_any(act.actor, "decision.vote")
    found = queries.proposal(session, number, lock=True)
    _refuse_over(act, found)
    if not reason.strip():
        raise Invalid("stepping back from a vote names the interest", field="reason")
    members = {member for member, _, _ in _voices(session, act, found, only)}
    made = [one for one in queries.electors(session, number) if one.member_code in members]
    for one in made:
        one.recused = True
    session.add_all(made)
    session.flush()
    gate.note(session, act, "decision.recuse", found, {"members": sorted(members)}, reason=reason)
    _settle(session, act, found)
    return made


def _refuse_over(act: Act, found: Proposal) -> None:
    if found.state not in rules.VOTED_ON or (found.deadline or act.at) <= act.at:
        raise DecisionState(f"decision {found.id} is {found.state}: there is no vote on it now", state=found.state)


def _voices(session: Session, act: Act, found: Proposal, only: Sequence[str] | None) -> list[tuple[str, str, int]]:
    """The members whose vote is given now: member, capacity, weight."""
    assert found.id is not None
    speaks = queries.speaks_for(session, act.actor.id, found.operation, at=act.at)
    given = {one.member_code for one in queries.votes(session, found.id)}
    electors = {one.member_code: one for one in queries.electors(session, found.id)}
    asked = sorted(speaks) if only is None else sorted(set(only))
    for member in () if only is None else asked:
        _refuse_voice(found, member, speaks=member in speaks, given=member in given, elector=electors.get(member))
    free = [m for m in asked if m in electors and not electors[m].recused and m not in given]
    if not free:
        raise NoVote(
            f"{act.actor.name} has no vote left to give on decision {found.id}: it speaks for "
            f"{', '.join(sorted(speaks)) or 'no member'}, of whom all are recused, have voted, or have no vote",
            speaks_for=sorted(speaks),
        )
    return [(member, speaks[member], electors[member].weight) for member in free]


def _refuse_voice(found: Proposal, member: str, *, speaks: bool, given: bool, elector: Elector | None) -> None:
    why = (
        "the account does not speak for it"
        if not speaks
        else "it had no vote when this was opened"
        if elector is None
        else "it is an interested party and recused"
        if elector.recused
        else "its vote is given"
        if given
        else ""
    )
    if why:
        raise NoVote(f"no vote of {member} on decision {found.id}: {why}", field="members", member=member)


def withdraw(session: Session, act: Act, *, number: int, reason: str) -> Proposal:
    """Take back one's own proposal before the vote on it has begun."""
    found = queries.proposal(session, number, lock=True)
    require(act.actor, "decision.propose")
    if found.proposed_by != act.actor.id or found.state not in (rules.DRAFT, rules.TABLED):
        raise DecisionState(f"decision {number} is {found.state}: only its author takes it back, before the vote")
    found.state = rules.WITHDRAWN
    session.add(found)
    gate.note(session, act, "decision.withdraw", found, {}, reason=reason)
    return found


def close_due(session: Session, act: Act) -> list[Proposal]:
    """Close every vote whose time is over: adopted, rejected, or lapsed without a quorum; ratified or not."""
    require(act.actor, "committee.run")
    closed = [queries.proposal(session, number, lock=True) for number in queries.due(session, at=act.at)]
    for found in closed:
        _settle(session, act, found)
    return closed


def _settle(session: Session, act: Act, found: Proposal) -> None:
    """Write down the result as soon as no vote still to come can change it."""
    if found.state not in rules.VOTED_ON:
        return
    count = queries.counted(session, found, at=act.at)
    after = rules.after(found.state, count.state)
    if after == found.state:
        return
    right = queries.rule(found)
    found.state, found.decided_at, found.outcome = after, act.at, journal.canonical(asdict(count))
    found.valid_until = act.at + timedelta(days=right.valid_days)
    session.add(found)
    session.flush()
    gate.note(session, act, f"decision.{after}", found, asdict(count))


def _in_state(session: Session, number: int, state: str) -> Proposal:
    found = queries.proposal(session, number, lock=True)
    if found.state != state:
        raise DecisionState(f"decision {number} is {found.state}, not {state}", state=found.state)
    return found
