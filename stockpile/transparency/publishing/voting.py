"""What the committee decided, and how every member voted: enough for anyone to count again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile.governance import queries as governance
from stockpile.governance.committee import queries as committee
from stockpile.governance.committee.tables import Proposal
from stockpile.transparency.opendata import Dataset, columns
from stockpile.transparency.publishing import queries

Rows = list[dict[str, Any]]
MOST: Final = 200
"""So many of the newest decisions are told with their votes; older ones stay in the sealed journal."""

VOTED: Final = Dataset(
    "committee",
    "Votes of the committee",
    "One row per decision put to the vote: the rule it was voted under, the count, whether it holds.",
    "frozen rule, electorate and votes of each decision; count them again from the table of votes",
    columns("""
decision integer number of the decision
operation string what it permits
about string what it is about
opened_at date-time when the vote began
deadline date-time until when votes count
decided_at date-time? when no vote could change the result any more, or time was over
state string open, adopted, rejected, lapsed, executed_provisional, ratified or not_ratified
rights_version integer version of the decision rights that it was voted under
majority string double, or unanimity
members_percent integer members needed for it, in percent of those with a vote
population_percent integer population needed for it, in percent
quorum string part of the members that must vote
members integer members with a vote (recused ones apart)
population integer their inhabitants
voted integer members that voted
members_for integer members for it
members_against integer members against it
population_for integer inhabitants of the members for it
payload_hash string SHA-256 of what was decided; nothing else can be carried out under it
recounted boolean? whether the recount agrees with the result and with the sealed journal
"""),
)
VOTES: Final = Dataset(
    "votes",
    "Who voted how",
    "One row per decision and member with a vote: its weight, and how it voted; reasons are left out.",
    "electorate and votes of the decisions in the table of votes of the committee",
    columns("""
decision integer number of the decision
municipality string code of the municipality
name string name of the municipality
country string country (ISO 3166-1 alpha-2)
weight integer its inhabitants when the vote began
recused boolean whether it is party to the matter and has no vote
choice string? for, against or abstain; empty where it has not voted
cast_at date-time? when it voted
"""),
)


def _opened(session: Session) -> list[Proposal]:
    query = select(Proposal).where(col(Proposal.opened_at).is_not(None)).order_by(col(Proposal.id).desc())
    return list(session.exec(query.limit(MOST)))


def voted(session: Session, *, at: datetime) -> Rows:
    """One row per decision that was put to the vote, the newest first."""
    return [_row(session, one, at=at) for one in _opened(session)]


def _row(session: Session, one: Proposal, *, at: datetime) -> dict[str, Any]:
    number, rule = one.id or 0, committee.rule(one)
    count = committee.counted(session, one, at=one.decided_at or at)
    assert one.opened_at is not None
    assert one.deadline is not None
    return {
        "decision": number,
        "operation": one.operation,
        "about": queries.about(one.subject),
        "opened_at": one.opened_at.isoformat(),
        "deadline": one.deadline.isoformat(),
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
        "state": one.state,
        "rights_version": one.rights_version,
        "majority": rule.majority,
        "members_percent": rule.members_percent,
        "population_percent": rule.population_percent,
        "quorum": rule.quorum,
        "members": count.members,
        "population": count.population,
        "voted": count.voted,
        "members_for": count.members_for,
        "members_against": count.members_against,
        "population_for": count.population_for,
        "payload_hash": one.payload_hash,
        "recounted": not committee.recount(session, number).differences if one.decided_at else None,
    }


def votes(session: Session) -> Rows:
    """One row per decision and member, the newest decision first, members by code."""
    members, told = governance.members(session), []
    for one in _opened(session):
        number = one.id or 0
        given = {row.member_code: row for row in committee.votes(session, number)}
        for elector in committee.electors(session, number):
            member, vote = members[elector.member_code], given.get(elector.member_code)
            told.append(
                {
                    "decision": number,
                    "municipality": member.code,
                    "name": member.name,
                    "country": member.country,
                    "weight": elector.weight,
                    "recused": elector.recused,
                    "choice": vote.choice if vote else None,
                    "cast_at": vote.cast_at.isoformat() if vote else None,
                }
            )
    return told
