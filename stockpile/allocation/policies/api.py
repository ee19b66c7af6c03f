"""Sharing policies over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from optimizer.sharing.rules import rules as known_rules
from stockpile import http
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.policies import operations, queries, rules
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["allocation"])


class ProposalBody(http.Body):
    """A policy in the written form of the optimizer (`policy/1`), for one surge or class of items, or for all."""

    policy: dict[str, Any]
    surge: http.Number | None = None
    item_class: Annotated[int, Field(ge=1, le=4)] | None = None
    seed: Note = ""
    reason: Text


class DecisionBody(http.Body):
    """Whether the policy is adopted, and why."""

    adopt: bool
    reason: Text


@router.get("/sharing-rules")
def sharing_rules(caller: SignedIn) -> list[dict[str, Any]]:
    """The rules of which policies are made, in the order in which they stand in one; `selectable`: shares by itself."""
    usable = rules.selectable()
    return [
        {"rule": name, "step": kind.place.name.lower(), "words": kind.words, "selectable": kind.id in usable}
        for name, kind in known_rules().items()
    ]


@router.get("/sharing-policies")
def list_policies(
    caller: SignedIn, after: After = 0, limit: http.Limit = 100, state: Note | None = None
) -> dict[str, Any]:
    """Policies by number, narrowed by state."""
    with caller.reading() as session:
        rows = queries.policies(session, after=after, limit=limit + 1, state=state)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.get("/surges/{number}/policies")
def in_force(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The policy that counts in a surge, by class of items."""
    with caller.reading() as session:
        allocation.surge(session, number)
        found = queries.in_force(session, number)
        return {str(one): {**http.plain(policy), "words": policy.words} for one, policy in found.items()}


@router.post("/sharing-policies", status_code=201)
def propose(caller: SignedIn, request: Request, body: ProposalBody, key: Key = None) -> JSONResponse:
    """Propose a policy; it counts once another person of the committee adopts it."""
    proposal = operations.Proposal(**body.model_dump())
    return caller.effect(
        request, body, key, lambda session, act: operations.propose(session, act, proposal=proposal), status=201
    )


@router.post("/sharing-policies/{number}/decision")
def decide(
    caller: SignedIn, request: Request, number: http.Number, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Adopt or decline a policy that another person proposed."""

    def work(session: Session, act: Act) -> Any:
        return operations.decide(session, act, number=number, adopt=body.adopt, reason=body.reason)

    return caller.effect(request, body, key, work)
