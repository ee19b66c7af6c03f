"""Picking, cancelling and pre-empting over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation.reservations import operations, queries
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.inventory import reserving
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["reservations"])


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class CancelBody(http.Body):
    """Why a transfer is cancelled; `line`: only that one."""

    reason: Text
    line: http.Number | None = None


class PreemptionBody(http.Body):
    """Reserved base units of a transfer line that are to serve a graver request, with the reason."""

    line: http.Number
    request: http.Number
    quantity: http.Quantity
    reason: Text


@router.post("/transfers/{number}/pick")
def pick(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Confirm that a transfer has been picked: from then on it does not expire and nobody takes it back."""
    return caller.effect(request, None, key, lambda session, act: reserving.pick(session, act, number=number))


@router.post("/transfers/{number}/putback")
def put_back(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Put picked goods back on their shelves, reserved as before."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: reserving.put_back(session, act, number=number, reason=body.reason),
    )


@router.post("/transfers/{number}/cancel")
def cancel(caller: SignedIn, request: Request, number: http.Number, body: CancelBody, key: Key = None) -> JSONResponse:
    """Cancel an approved transfer that is not picked, or one line of it; its stock is available again."""

    def work(session: Session, act: Act) -> Any:
        released = operations.cancel(session, act, number=number, line=body.line, reason=body.reason)
        return {"transfer": number, "released": released}

    return caller.effect(request, body, key, work)


@router.get("/preemptions")
def preemptions(
    caller: SignedIn, after: After = 0, limit: http.Limit = 100, member: Note | None = None
) -> dict[str, Any]:
    """Pre-emptions by number, with what was told to who lost by them; narrowed to one such member."""
    with caller.reading() as session:
        rows = queries.preemptions(session, after=after, limit=limit + 1, member=member)
        return http.paged(rows, limit=limit, key=lambda row: row.id)


@router.post("/preemptions", status_code=201)
def propose(caller: SignedIn, request: Request, body: PreemptionBody, key: Key = None) -> JSONResponse:
    """Propose to take reserved stock back for a graver request; it counts once a second person approves it."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.propose(session, act, **fields), status=201
    )


@router.post("/preemptions/{number}/approve")
def approve(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Approve another person's pre-emption; who loses the stock is told why."""
    return caller.effect(request, None, key, lambda session, act: operations.approve(session, act, number=number))
