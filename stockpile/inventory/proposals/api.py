"""Steps that need a second person, over HTTP."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.proposals import operations, queries
from stockpile.inventory.proposals.steps import Step
from stockpile.inventory.proposals.tables import Proposal
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["second person"])


class ProposalBody(http.Body):
    """A step with stock, and why it is to be done."""

    step: Step
    reason: Text


class ReasonBody(http.Body):
    """Why."""

    reason: Text


@router.post("/proposals", status_code=202)
def propose(caller: SignedIn, request: Request, body: ProposalBody, key: Key = None) -> JSONResponse:
    """Propose a step that needs a second person; it is tried first, and done once another person confirms."""

    def work(session: Session, act: Act) -> Any:
        return _told(operations.propose(session, act, step=body.step, reason=body.reason))

    return caller.effect(request, body, key, work, status=202)


@router.get("/proposals")
def proposals(caller: SignedIn, state: Note | None = None, limit: http.Limit = 100) -> list[dict[str, Any]]:
    """Proposals, newest first, or those in one state: proposed, confirmed, declined, withdrawn."""
    with caller.reading() as session:
        return [_told(one) for one in queries.proposals(session, state=state, limit=limit)]


@router.get("/proposals/{number}")
def proposal(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One proposal."""
    with caller.reading() as session:
        return _told(queries.proposal(session, number))


@router.post("/proposals/{number}/confirm")
def confirm(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Confirm another person's proposal: it is done now, in both names."""

    def work(session: Session, act: Act) -> Any:
        return _told(operations.confirm(session, act, number=number).proposal)

    return caller.effect(request, None, key, work)


@router.post("/proposals/{number}/decline")
def decline(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Decline another person's proposal, or withdraw one's own."""

    def work(session: Session, act: Act) -> Any:
        return _told(operations.decline(session, act, number=number, reason=body.reason))

    return caller.effect(request, body, key, work)


def _told(one: Proposal) -> dict[str, Any]:
    outcome = json.loads(one.outcome) if one.outcome else None
    return {**http.plain(one), "request": json.loads(one.request), "outcome": outcome}
