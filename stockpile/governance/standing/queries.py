"""Members as they stood at an instant: any past decision recomputes with the facts of its date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from stockpile.errors import Conflict
from stockpile.governance import queries
from stockpile.governance.standing import rules
from stockpile.governance.standing.tables import Agreement, MemberEvidence, MemberPopulation, MemberStanding


class NotActive(Conflict):
    """Orders, votes and stock are for active members."""

    code = "member_not_active"


@dataclass(frozen=True, slots=True)
class Facts:
    """A member at an instant: its state, and the population that counted then, with the year it is of."""

    code: str
    state: str
    population: int
    population_year: int


def facts(session: Session, *, at: datetime) -> dict[str, Facts]:
    """Every member as it stood at that instant, by code.

    The population is that of the newest year known by then; what became known
    later changes nothing that was decided before.
    """
    states = standings(session, at=at)
    counted: dict[str, tuple[int, int]] = {}
    known = select(MemberPopulation).where(col(MemberPopulation.known_from) <= at)
    for row in session.exec(known.order_by(col(MemberPopulation.year), col(MemberPopulation.id))):
        counted[row.member_code] = (row.population, row.year)
    return {
        code: Facts(code, states.get(code, rules.ACTIVE), *counted.get(code, (one.population, one.population_year)))
        for code, one in queries.members(session).items()
    }


def standings(session: Session, *, at: datetime) -> dict[str, str]:
    """The state at that instant of every member that has had one set; all others are founders, and active."""
    rows = select(MemberStanding).where(col(MemberStanding.since) <= at)
    ordered = session.exec(rows.order_by(col(MemberStanding.since), col(MemberStanding.id)))
    return {row.member_code: row.state for row in ordered}


def state(session: Session, member: str, *, at: datetime) -> str:
    """The state of one membership at that instant."""
    return standings(session, at=at).get(member, rules.ACTIVE)


def since(session: Session, member: str, *, at: datetime) -> datetime | None:
    """Since when a membership has been in the state of that instant; None for a founder whose state was never set."""
    return max((one.since for one in history(session, member) if one.since <= at), default=None)


def voters(session: Session, *, at: datetime) -> dict[str, int]:
    """The members that have a vote at that instant, with their populations."""
    return {code: one.population for code, one in facts(session, at=at).items() if rules.may_vote(one.state)}


def history(session: Session, member: str) -> list[MemberStanding]:
    """The states of a membership, the first one first."""
    rows = select(MemberStanding).where(MemberStanding.member_code == member)
    return list(session.exec(rows.order_by(col(MemberStanding.since), col(MemberStanding.id))))


def evidence(session: Session, member: str) -> list[MemberEvidence]:
    """What is on file for a member, the oldest first."""
    return list(
        session.exec(
            select(MemberEvidence).where(MemberEvidence.member_code == member).order_by(col(MemberEvidence.id))
        )
    )


def populations(session: Session, member: str) -> list[MemberPopulation]:
    """The populations noted for a member beside the one it was loaded with."""
    rows = select(MemberPopulation).where(MemberPopulation.member_code == member)
    return list(session.exec(rows.order_by(col(MemberPopulation.year), col(MemberPopulation.id))))


def agreements(session: Session) -> list[Agreement]:
    """All versions of the agreement, the newest first."""
    return list(session.exec(select(Agreement).order_by(col(Agreement.version).desc())))


def agreement(session: Session, *, on: date) -> Agreement | None:
    """The version in force on a day; None before the first."""
    return next((one for one in agreements(session) if one.effective_from <= on), None)


def refuse_outside(states: Mapping[str, str], member: str, priority: int, *, number: int) -> None:
    """Refuse row `number` of who is no active member; who is suspended may still ask for what saves lives."""
    state = states.get(member, rules.ACTIVE)
    if not rules.may_ask(state, priority):
        raise NotActive(
            f"row {number}: {member} is {state} and no active member: it cannot ask for stock of class {priority}",
            field="member",
            row=number,
            state=state,
        )
