"""Contracts and call-offs over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.contracts import operations, queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note

router = APIRouter(tags=["contracts"])


@router.get("/contracts")
def contracts(caller: SignedIn) -> list[dict[str, Any]]:
    """The contracts under which may be ordered now, with what their ceilings leave (minor units)."""
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        return [http.plain(contract) for contract in queries.contracts_valid(session, today).values()]


@router.get("/calloffs")
def calloffs(caller: SignedIn, state: Note | None = None) -> list[dict[str, Any]]:
    """Call-offs, newest first, or those in one state."""
    with caller.reading() as session:
        return [http.plain(calloff) for calloff in queries.calloffs(session, state=state)]


@router.get("/calloffs/{number}")
def calloff(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One call-off with its lines and the reason of each."""
    with caller.reading() as session:
        found = queries.calloff(session, number)
        return {**http.plain(found), "lines": http.plain(queries.lines(session, number))}


@router.post("/calloffs/{number}/approve")
def approve(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Approve a proposed call-off; never your own proposal."""
    return caller.effect(request, None, key, lambda session, act: operations.approve(session, act, number=number))
