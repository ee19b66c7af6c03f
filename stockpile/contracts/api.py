"""Contracts and call-offs over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.contracts import operations, queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["contracts"])


class TermsBody(http.Body):
    """How much more than ordered a delivery may bring, and whether only whole packs are taken in."""

    tolerance_percent: Annotated[int, Field(ge=0, le=100)]
    whole_packs: bool


class ReasonBody(http.Body):
    """Why."""

    reason: Text


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


@router.put("/contracts/{contract}/items/{item}/delivery-terms")
def set_terms(
    caller: SignedIn, request: Request, contract: Text, item: Text, *, body: TermsBody, key: Key = None
) -> JSONResponse:
    """Set the terms on deliveries of an item under a contract."""
    given: dict[str, Any] = {"contract": contract, "item": item, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.set_delivery_terms(session, act, **given))


@router.post("/calloff-lines/{number}/close-short")
def close_short(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Close a line short: what has not come will not come."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.close_short(session, act, line_number=number, reason=body.reason),
    )


class BuyBackBody(http.Body):
    """At what percent of the price a supplier buys back what still lasts so many days; null: it does not."""

    percent: Annotated[int, Field(ge=1, le=100)] | None
    days: Annotated[int, Field(ge=0, le=36_500)] | None
    reason: Text


@router.put("/contracts/{contract}/items/{item}/buy-back")
def set_buy_back(
    caller: SignedIn, request: Request, *, contract: Text, item: Text, body: BuyBackBody, key: Key = None
) -> JSONResponse:
    """Note what the contract says about buying back."""
    fields = body.model_dump()
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.set_buy_back(session, act, contract=contract, item=item, **fields),
    )
