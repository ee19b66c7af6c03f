"""Reading the committee: rights in force, who speaks for whom, proposals with their votes, and a recount."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.governance.committee import rules
from stockpile.governance.committee.rules import Count, Right
from stockpile.governance.committee.tables import Delegation, Elector, Proposal, RightsVersion, Seat, Vote

DELEGATION = "delegation"


class NoProposal(NotFound):
    """No proposal has this number."""

    code = "unknown_decision"


def versions(session: Session) -> list[RightsVersion]:
    """All versions of the decision rights, the newest first."""
    return list(session.exec(select(RightsVersion).order_by(col(RightsVersion.version).desc())))


def in_force(session: Session, *, at: datetime) -> RightsVersion | None:
    """The decision rights at that instant; None before the committee was constituted."""
    query = select(RightsVersion).where(col(RightsVersion.effective_from) <= at)
    return session.exec(query.order_by(col(RightsVersion.version).desc()).limit(1)).first()


def rights(version: RightsVersion) -> tuple[Right, ...]:
    """The rows of a version."""
    return rules.rights_of(json.loads(version.content))


def proposal(session: Session, number: int, *, lock: bool = False) -> Proposal:
    """One proposal; `lock` holds it until the transaction ends."""
    found = session.get(Proposal, number, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        raise NoProposal(f"there is no decision {number}", field="decision", value=number)
    return found


def proposals(session: Session, *, state: str | None = None, after: int = 0, limit: int = 100) -> list[Proposal]:
    """Proposals, the newest first; `after`: those older than that one."""
    query = select(Proposal).order_by(col(Proposal.id).desc()).limit(limit)
    if state is not None:
        query = query.where(Proposal.state == state)
    return list(session.exec(query.where(col(Proposal.id) < after) if after else query))


def newest_on(session: Session, subject: str) -> int:
    """The newest proposal about a subject, by number; refuses where there is none."""
    found = session.exec(
        select(Proposal.id).where(Proposal.subject == subject).order_by(col(Proposal.id).desc())
    ).first()
    if found is None:
        raise NoProposal(f"nothing about {subject} was put to the committee", field="subject", value=subject)
    return found


def heads(session: Session) -> list[dict[str, Any]]:
    """All proposals without their long texts, the newest first."""
    kept = ("id", "title", "operation", "subject", "state", "proposed_by", "proposed_at", "deadline", "decided_at")
    query = select_columns(*(table_of(Proposal).c[name] for name in (*kept, "valid_until", "executed_at")))
    return [dict(row._mapping) for row in session.connection().execute(query.order_by(col(Proposal.id).desc()))]


def waiting(session: Session, account: int, *, at: datetime) -> dict[int, list[str]]:
    """Proposals that wait for a vote of this account, by number, with the members whose vote it may give; the one
    that ends first in front. What it proposed itself does not wait for it."""
    query = select(Proposal.id, Proposal.operation).where(
        col(Proposal.state).in_(rules.VOTED_ON), col(Proposal.deadline) > at, Proposal.proposed_by != account
    )
    found = {}
    for number, operation in session.exec(query.order_by(col(Proposal.deadline), col(Proposal.id))).all():
        assert number is not None
        speaks, given = speaks_for(session, account, operation, at=at), voted(session, number)
        free = [m.member_code for m in electors(session, number) if not m.recused and m.member_code in speaks]
        if left := [member for member in free if member not in given]:
            found[number] = left
    return found


def voted(session: Session, number: int) -> set[str]:
    """The members whose vote on a proposal is given."""
    return set(session.exec(select(Vote.member_code).where(Vote.proposal_id == number)))


def due(session: Session, *, at: datetime) -> list[int]:
    """Proposals that are voted on and whose time is over, by number."""
    query = select(Proposal.id).where(col(Proposal.state).in_(rules.VOTED_ON), col(Proposal.deadline) <= at)
    return [number for number in session.exec(query.order_by(col(Proposal.id))) if number is not None]


def electors(session: Session, number: int) -> list[Elector]:
    """The electorate of a proposal as it was frozen, by member."""
    query = select(Elector).where(Elector.proposal_id == number).order_by(col(Elector.member_code))
    return list(session.exec(query))


def votes(session: Session, number: int) -> list[Vote]:
    """The votes on a proposal in the order cast."""
    return list(session.exec(select(Vote).where(Vote.proposal_id == number).order_by(col(Vote.id))))


def seats(session: Session, *, at: datetime) -> list[Seat]:
    """The seats held at that instant, by member and kind."""
    query = select(Seat).where(col(Seat.starts_at) <= at, (col(Seat.ends_at).is_(None)) | (col(Seat.ends_at) > at))
    return list(session.exec(query.order_by(col(Seat.member_code), col(Seat.kind), col(Seat.id))))


def delegations(session: Session, *, at: datetime) -> list[Delegation]:
    """The delegations that hold at that instant."""
    query = select(Delegation).where(col(Delegation.starts_at) <= at, col(Delegation.ends_at) > at)
    return list(session.exec(query.order_by(col(Delegation.member_code), col(Delegation.id))))


def speaks_for(session: Session, account: int, operation: str, *, at: datetime) -> dict[str, str]:
    """The members whose vote this account may give on an operation, with its capacity."""
    given = {
        one.member_code: DELEGATION
        for one in delegations(session, at=at)
        if one.to_account == account and one.operation in ("", operation)
    }
    return given | {one.member_code: one.kind for one in seats(session, at=at) if one.account_id == account}


def stopped(session: Session, subject: str, *, at: datetime) -> Proposal | None:
    """What was done provisionally for this subject and was not ratified in time; None where it may go on."""
    query = select(Proposal).where(
        Proposal.subject == subject, col(Proposal.state).in_((rules.PROVISIONAL, rules.NOT_RATIFIED))
    )
    found = session.exec(query.order_by(col(Proposal.id))).all()
    return next((one for one in found if one.state == rules.NOT_RATIFIED or (one.deadline or at) <= at), None)


def unratified_permille(session: Session, operation: str) -> int:
    """What emergencies of an operation took of the pool and is not ratified yet, in thousandths."""
    query = select(Proposal.pool_permille).where(Proposal.operation == operation, Proposal.state == rules.PROVISIONAL)
    return sum(session.exec(query))


def not_ratified(session: Session) -> list[Proposal]:
    """All that was done provisionally and not ratified: what was shipped under it goes to settlement."""
    return list(session.exec(select(Proposal).where(Proposal.state == rules.NOT_RATIFIED).order_by(col(Proposal.id))))


def counted(session: Session, found: Proposal, *, at: datetime) -> Count:
    """The votes on an open or decided proposal counted by its own frozen rule and electorate."""
    assert found.id is not None
    given = {one.member_code: one.choice for one in votes(session, found.id)}
    over = found.deadline is not None and found.deadline <= at
    return rules.tally(rule(found), _electorate(session, found.id), given, over=over, silence=found.silence)


def _electorate(session: Session, number: int) -> list[rules.Elector]:
    return [rules.Elector(one.member_code, one.weight, one.recused) for one in electors(session, number)]


def rule(found: Proposal) -> Right:
    """The right under which a proposal is voted on, frozen when it was opened."""
    return rules.rights_of([json.loads(found.rule)])[0]


@dataclass(frozen=True, slots=True)
class Recount:
    """A result counted again from frozen electorate, rule and votes; `differences` is empty where it holds."""

    number: int
    state: str
    outcome: dict[str, Any]
    again: dict[str, Any]
    votes: list[list[Any]]
    differences: list[str]


def recount(session: Session, number: int) -> Recount:
    """Count a decided proposal again, and compare votes, weights and hash with the journal."""
    found = proposal(session, number)
    if not found.outcome or found.decided_at is None:
        raise NotFound(f"decision {number} is {found.state}: there is no result to count again", state=found.state)
    again = _plain(counted(session, found, at=found.decided_at))
    outcome: dict[str, Any] = json.loads(found.outcome)
    rows = [[one.member_code, one.choice, one.weight] for one in votes(session, number)]
    changed = [name for name in again if outcome.get(name) != again[name]]
    differences = [f"{name}: stored {outcome.get(name)}, counted {again[name]}" for name in changed]
    if rules.after(rules.PROVISIONAL if _provisional(found) else rules.OPEN, again["state"]) != found.state:
        differences.append(f"state: stored {found.state}, counted {again['state']}")
    effect = {"value_minor": found.value_minor, "level": found.level}
    if rules.payload_hash(found.operation, found.subject, json.loads(found.payload), **effect) != found.payload_hash:
        differences.append("the payload is not that of its hash")
    return Recount(number, found.state, outcome, again, rows, differences + _unjournaled(session, number, rows))


def _provisional(found: Proposal) -> bool:
    return found.state in (rules.RATIFIED, rules.NOT_RATIFIED)


def _unjournaled(session: Session, number: int, rows: list[list[Any]]) -> list[str]:
    """Where the votes, or the weights, are not those that the journal says were given and frozen."""
    query = select(journal.JournalEntry).where(journal.JournalEntry.subject == f"decision:{number}")
    entries = list(session.exec(query.order_by(col(journal.JournalEntry.id))))
    told = [row for one in entries if one.action == "decision.vote" for row in json.loads(one.payload)["votes"]]
    frozen = [
        json.loads(one.payload)["electors"]
        for one in entries
        if one.action in ("decision.open", "decision.provisional")
    ]
    back = {m for one in entries if one.action == "decision.recuse" for m in json.loads(one.payload)["members"]}
    frozen = [[[member, weight, out or member in back] for member, weight, out in one] for one in frozen]
    kept = [[one.member_code, one.weight, one.recused] for one in electors(session, number)]
    found = [] if sorted(told) == sorted(rows) else ["the votes are not those in the journal"]
    return found + ([] if frozen == [kept] else ["the electorate is not the one frozen in the journal"])


def _plain(count: Count) -> dict[str, Any]:
    return {name: getattr(count, name) for name in count.__slots__}
