"""The joint committee over HTTP: rights, seats, proposals, votes, and the recount of any result."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field, JsonValue
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance import queries as governance
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.governance.committee import operations, queries, rules, seating, standard
from stockpile.governance.committee.gate import Effect
from stockpile.governance.committee.tables import Proposal
from stockpile.plaintext import Note, Text

router = APIRouter(prefix="/committee", tags=["committee"])
Members = Annotated[tuple[Text, ...], Field(min_length=1, max_length=2000, strict=False)]


class SeatBody(http.Body):
    """Who sits for which members, in what capacity, sent by whom; a caretaker's role ends within 30 days."""

    account: Text
    members: Members
    kind: Literal["seat", "alternate", "caretaker"] = "seat"
    reference: Text
    ends_at: http.Instant | None = None


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class DelegationBody(http.Body):
    """Whose vote goes to which account, until when; `operation` empty: for all of them."""

    member: Text
    to: Text
    ends_at: http.Instant
    operation: Note = ""
    reason: Text


class ProposalBody(http.Body):
    """An effect put to the vote, as the refusal of the effect tells it; evidence others can look up.

    What it is worth (minor units) and at which level of surge choose the right it is voted under, and are adopted
    with it: an effect of another value or level is not carried out under this decision.
    """

    title: Text
    operation: Text
    subject: Text
    payload: dict[str, JsonValue]
    value_minor: http.QuantityOrNone = 0
    level: Annotated[int, Field(ge=0, le=4)] = 0
    evidence: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100, strict=False)]
    interested: Annotated[tuple[Text, ...], Field(max_length=2000, strict=False)] = ()
    silence: bool = False


class VoteBody(http.Body):
    """A vote with its reason; `members` None: of every member this account speaks for."""

    choice: Literal["for", "against", "abstain"]
    reason: Text
    members: Members | None = None


class RecusalBody(http.Body):
    """Stepping back from a vote: the interest; `members` None: for every member this account speaks for."""

    reason: Text
    members: Members | None = None


class RightsBody(http.Body):
    """The whole table of decision rights, as the adopted decision has it."""

    rows: Annotated[tuple[dict[str, JsonValue], ...], Field(min_length=1, max_length=1000, strict=False)]


@router.get("/rights")
def rights(caller: SignedIn) -> dict[str, Any]:
    """The decision rights in force; version 0: not constituted yet, and roles alone count."""
    with caller.reading() as session:
        found = queries.in_force(session, at=caller.act(session).at)
        if found is None:
            return {"version": 0, "effective_from": None, "digest": "", "rows": rules.table(standard.rights())}
        rows = json.loads(found.content)
        return {**http.plain(found), "rows": rows, "content": None}


@router.put("/rights")
def change_rights(caller: SignedIn, request: Request, body: RightsBody, key: Key = None) -> JSONResponse:
    """Put another table of decision rights in force, by the adopted decision that the header names."""
    return caller.effect(
        request, body, key, lambda session, act: operations.change_rights(session, act, rows=body.rows)
    )


@router.post("/constitution", status_code=201)
def constitute(caller: SignedIn, request: Request, key: Key = None) -> JSONResponse:
    """Put the standard decision rights in force, once every member with a vote has a seat."""
    return caller.effect(request, None, key, operations.constitute, status=201)


@router.get("/seats")
def seats(caller: SignedIn) -> dict[str, Any]:
    """Who speaks for whom now: seats, alternates, caretakers and delegations."""
    with caller.reading() as session:
        at = caller.act(session).at
        names = {one.id: one.name for one in governance.accounts(session)}
        held = [{**http.plain(one), "account": names[one.account_id]} for one in queries.seats(session, at=at)]
        given = [
            {**http.plain(one), "from": names[one.from_account], "to": names[one.to_account]}
            for one in queries.delegations(session, at=at)
        ]
        return {"seats": held, "delegations": given}


@router.post("/seats", status_code=201)
def appoint(caller: SignedIn, request: Request, body: SeatBody, key: Key = None) -> JSONResponse:
    """Seat an account for members, by the reference of who sent it."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: seating.appoint(s, act, **fields), status=201)


@router.post("/seats/{number}/end")
def end_term(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """End a term now; what was voted and delegated in it stands."""
    return caller.effect(request, body, key, lambda s, act: seating.end_term(s, act, number=number, reason=body.reason))


@router.post("/delegations", status_code=201)
def delegate(caller: SignedIn, request: Request, body: DelegationBody, key: Key = None) -> JSONResponse:
    """Give the vote of a member one sits for to another account for a time."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: seating.delegate(s, act, **fields), status=201)


@router.get("/proposals")
def proposals(caller: SignedIn, after: After = 0, limit: http.Limit = 100, state: Note | None = None) -> dict[str, Any]:
    """Proposals, the newest first, with what is due when."""
    with caller.reading() as session:
        rows = queries.proposals(session, state=state, after=after, limit=limit + 1)
        page = http.paged(rows, limit=limit, key=lambda row: row.id)
        return {**page, "rows": [shown(row) for row in rows[:limit]]}


@router.get("/proposals/{number}")
def proposal(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One proposal with its whole payload, evidence, electorate, votes with reasons, and how it counts now."""
    with caller.reading() as session:
        found = queries.proposal(session, number)
        names = {one.id: one.name for one in governance.accounts(session)}
        votes = [{**http.plain(one), "account": names[one.account_id]} for one in queries.votes(session, number)]
        count = queries.counted(session, found, at=caller.act(session).at) if found.rule else None
        voters = http.plain(queries.electors(session, number))
        return {**shown(found), "electors": voters, "votes": votes, "count": http.plain(count)}


@router.post("/proposals", status_code=201)
def propose(caller: SignedIn, request: Request, body: ProposalBody, key: Key = None) -> JSONResponse:
    """Draft a decision: operation, subject and payload exactly as the effect was refused with, and its evidence."""

    def work(session: Session, act: Act) -> Any:
        effect = Effect(body.operation, body.subject, body.payload, body.value_minor, body.level)
        fields = body.model_dump(include={"title", "evidence", "interested", "silence"})
        return shown(operations.propose(session, act, effect=effect, **fields))

    return caller.effect(request, body, key, work, status=201)


@router.post("/proposals/{number}/table")
def put(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Put one's draft on the table."""
    return caller.effect(request, None, key, lambda s, act: shown(operations.put(s, act, number=number)))


@router.post("/proposals/{number}/open")
def open_vote(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Open the vote: the right of the effect's own value and level, electorate and weights are frozen now."""
    return caller.effect(request, None, key, lambda s, act: shown(operations.open_vote(s, act, number=number)))


@router.post("/proposals/{number}/votes", status_code=201)
def vote(caller: SignedIn, request: Request, number: http.Number, body: VoteBody, key: Key = None) -> JSONResponse:
    """Vote for every member this account speaks for; once, with a reason, never on one's own proposal."""

    def work(session: Session, act: Act) -> Any:
        made = operations.vote(session, act, number=number, choice=body.choice, reason=body.reason, only=body.members)
        return {"votes": [http.plain(one) for one in made], "decision": shown(queries.proposal(session, number))}

    return caller.effect(request, body, key, work, status=201)


@router.post("/proposals/{number}/recusals", status_code=201)
def recuse(caller: SignedIn, request: Request, number: http.Number, body: RecusalBody, key: Key = None) -> JSONResponse:
    """Step back from a vote for every member this account speaks for, naming the interest; a vote given stands."""

    def work(session: Session, act: Act) -> Any:
        made = operations.recuse(session, act, number=number, reason=body.reason, only=body.members)
        return {"recused": [one.member_code for one in made], "decision": shown(queries.proposal(session, number))}

    return caller.effect(request, body, key, work, status=201)


@router.get("/inbox")
def inbox(caller: SignedIn) -> list[dict[str, Any]]:
    """What waits for a vote of this account, the one that ends first in front, with the members it would vote for."""
    with caller.reading() as session:
        act = caller.act(session)
        found = queries.waiting(session, act.actor.id, at=act.at)
        return [{"members": members, "decision": shown(queries.proposal(session, n))} for n, members in found.items()]


@router.post("/proposals/{number}/withdraw")
def withdraw(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Take back one's own proposal before the vote begins."""
    return caller.effect(
        request, body, key, lambda s, act: shown(operations.withdraw(s, act, number=number, reason=body.reason))
    )


@router.get("/proposals/{number}/recount")
def recount(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The result counted again from rule, weights and votes, and compared with the journal."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.recount(session, number))
        return found


def shown(found: Proposal) -> dict[str, Any]:
    """A proposal with its JSON columns as values."""
    fields: dict[str, Any] = http.plain(found)
    texts = ("payload", "evidence", "interested", "rule", "outcome")
    return fields | {name: json.loads(fields[name]) if fields[name] else None for name in texts}
