"""Figures and remedial actions over HTTP, for those who sign in; the public has its own pages."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
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


@router.post("/remedies/{number}/closure")
def close_remedy(
    caller: SignedIn, request: Request, number: http.Number, body: OutcomeBody, key: Key = None
) -> JSONResponse:
    """Close a remedial action with what came of it."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"state": operations.close_remedy(session, act, number=number, outcome=body.outcome).state}

    return caller.effect(request, body, key, work)
