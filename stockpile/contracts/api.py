"""Contracts and call-offs over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.contracts import operations, queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.plaintext import Note

router = APIRouter(tags=["contracts"])


@router.get("/contracts")
def contracts(
    caller: SignedIn, request: Request, response: Response, after: Note = "", limit: http.LargeLimit = http.LARGE_PAGE
) -> list[dict[str, Any]]:
    """The contracts under which may be ordered now, with what their ceilings leave (minor units)."""
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        rows = [row for code, row in queries.contracts_valid(session, today).items() if code > after]
        return http.listed(request, response, rows[: limit + 1], limit=limit, key=lambda row: row.code)


@router.get("/calloffs")
def calloffs(
    caller: SignedIn,
    request: Request,
    response: Response,
    *,
    state: Note | None = None,
    after: After = 0,
    limit: http.LargeLimit = http.LARGE_PAGE,
) -> list[dict[str, Any]]:
    """Call-offs, newest first, or those in one state; `after`: those older than that one."""
    with caller.reading() as session:
        rows = queries.calloffs(session, state=state, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: row.id)


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
