"""Remedial actions, baselines and headline figures over HTTP, for those who sign in; the public has its own pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.rules import require_any
from stockpile.plaintext import Text
from stockpile.transparency.kpis import operations, queries

router = APIRouter(tags=["figures"])


class RemedyBody(http.Body):
    """What differs, who owns the action (an office), and until when."""

    kpi: Text
    disparity: Text
    owner: Text
    due: http.Day
    member: Text | None = None


class BaselineBody(http.Body):
    """A headline figure of the time before, as numerator and denominator in its own units, and where it is written."""

    kpi: Text
    starts: http.Day
    ends: http.Day
    numerator: http.QuantityOrNone
    denominator: http.Quantity
    source: Text
    member: Text | None = None


class OutsideRow(http.Body):
    """What a member bought on these days outside the unified contracts, in minor units, and where it is written."""

    member: Text
    starts: http.Day
    ends: http.Day
    value_minor: http.QuantityOrNone
    source: Text


class OutsideBody(http.Body):
    """Several such sums, taken together or not at all."""

    notes: Annotated[list[OutsideRow], Field(min_length=1, max_length=500)]


class OutcomeBody(http.Body):
    """What came of it."""

    outcome: Text


@router.get("/remedies")
def remedies(caller: SignedIn) -> list[dict[str, Any]]:
    """Remedial actions, newest first."""
    with caller.reading() as session:
        return queries.remedies(session)


@router.post("/remedies", status_code=201)
def open_remedy(caller: SignedIn, request: Request, body: RemedyBody, key: Key = None) -> JSONResponse:
    """Open a remedial action."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"remedy": operations.open_remedy(session, act, **body.model_dump()).id}

    return caller.effect(request, body, key, work, status=201)


@router.post("/remedies/found", status_code=201)
def open_found(caller: SignedIn, request: Request, key: Key = None) -> JSONResponse:
    """Open an action for every disparity that the figures show and that has none open; every night this is done."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        made = operations.open_found(session, act)
        return {"remedies": [{"remedy": one.id, "disparity": one.disparity, "owner": one.owner} for one in made]}

    return caller.effect(request, None, key, work, status=201)


@router.post("/remedies/{number}/closure")
def close_remedy(
    caller: SignedIn, request: Request, number: http.Number, body: OutcomeBody, key: Key = None
) -> JSONResponse:
    """Close a remedial action with what came of it."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"state": operations.close_remedy(session, act, number=number, outcome=body.outcome).state}

    return caller.effect(request, body, key, work)


@router.get("/headlines")
def headlines(caller: SignedIn) -> dict[str, Any]:
    """The three headline figures before and after, and the sources of what was before."""
    with caller.reading() as session:
        at = caller.act(session).at
        return {"figures": queries.before_and_after(session, at=at), "sources": queries.sources(session)}


@router.post("/baselines", status_code=201)
def set_baseline(caller: SignedIn, request: Request, body: BaselineBody, key: Key = None) -> JSONResponse:
    """Note what a headline figure was before the region began."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"baseline": operations.set_baseline(session, act, **body.model_dump()).id}

    return caller.effect(request, body, key, work, status=201)


@router.get("/outside-purchases")
def outside_purchases(caller: SignedIn) -> list[dict[str, Any]]:
    """What members told of purchases outside the unified contracts, by member and day."""
    require_any(caller.actor, "read")
    with caller.reading() as session:
        return [one.model_dump(mode="json", exclude={"noted_by"}) for one in queries.outside_notes(session)]


@router.post("/outside-purchases", status_code=201)
def note_outside(caller: SignedIn, request: Request, body: OutsideBody, key: Key = None) -> JSONResponse:
    """Note what members bought outside the unified contracts; the same days again take the place of what was told."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        notes = [operations.Outside(**one.model_dump()) for one in body.notes]
        operations.note_outside(session, act, notes=notes)
        return {"noted": len(notes)}

    return caller.effect(request, body, key, work, status=201)
