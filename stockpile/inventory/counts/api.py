"""Counts over HTTP: blind for who counts, with the book for who approves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.rules import require
from stockpile.inventory.counts import operations, queries
from stockpile.plaintext import Text

router = APIRouter(tags=["counts"])


class CountBody(http.Body):
    """Which site is counted, or which bin of it, and why."""

    site: Text
    bin: Text | None = None
    reason: Text


class EntryBody(http.Body):
    """What was counted of a lot, in base units; of a serialised item, which pieces."""

    lot_id: http.Number
    owner: Text = "pool"
    status: Annotated[str, Field(pattern="^(available|reserved|quarantine)$")] = "available"
    counted: http.QuantityOrNone
    serials: list[Text] = Field(default=[], max_length=10_000)


class ReasonBody(http.Body):
    """Why."""

    reason: Text


@router.post("/counts", status_code=201)
def open_count(caller: SignedIn, request: Request, body: CountBody, key: Key = None) -> JSONResponse:
    """Open a count of a site."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.open_count(session, act, **fields), status=201
    )


@router.get("/counts/{number}/sheet")
def sheet(caller: SignedIn, number: http.Number) -> list[dict[str, Any]]:
    """What to count, without the book's figures, and which lines want a recount."""
    with caller.reading() as session:
        require(caller.actor, "stock.count", site=queries.count(session, number).site_code)
        return [http.plain(one) for one in queries.to_count(session, number)]


@router.post("/counts/{number}/lines", status_code=201)
def enter(caller: SignedIn, request: Request, number: http.Number, body: EntryBody, key: Key = None) -> JSONResponse:
    """Enter what was counted; the answer says only whether a recount is wanted."""
    fields = body.model_dump()

    def work(session: Session, act: Act) -> Any:
        line = operations.enter(session, act, number=number, **fields)
        attempts = queries.lines(session, number)[line.lot_id, line.owner, line.status]
        return {"attempt": line.attempt, "recount": queries.wants_recount(attempts)}

    return caller.effect(request, body, key, work, status=201)


@router.get("/counts/{number}/differences")
def differences(caller: SignedIn, number: http.Number) -> list[dict[str, Any]]:
    """Every counted line against the book, for who approves."""
    with caller.reading() as session:
        require(caller.actor, "count.approve", site=queries.count(session, number).site_code)
        return [http.plain(one) for one in queries.differences(session, number)]


@router.post("/counts/{number}/approve")
def approve(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Approve a count and adjust the book; never who counted."""

    def work(session: Session, act: Act) -> Any:
        return {"postings": operations.approve(session, act, number=number, reason=body.reason)}

    return caller.effect(request, body, key, work)
