"""Recalls and traces over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.recalls import operations, queries
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["recalls"])


class RecallBody(http.Body):
    """A recall of lots of an item; class 1 is the gravest."""

    reference: Text
    item: Text
    lots: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    recall_class: Annotated[int, Field(ge=1, le=3)]
    reason: Text
    deadline: http.Instant


class AnswerBody(http.Body):
    """What a member set apart outside the ledger, in base units."""

    member: Text
    set_apart: http.QuantityOrNone
    note: Note = ""


class ReasonBody(http.Body):
    """Why."""

    reason: Text


@router.get("/lots/{lot_id}/trace")
def trace(caller: SignedIn, lot_id: http.Number) -> dict[str, Any]:
    """Where a lot came from, where it went and where it is."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.trace(session, lot_id))
        return found


@router.get("/recalls")
def recalls(caller: SignedIn) -> list[dict[str, Any]]:
    """Recalls, newest first."""
    with caller.reading() as session:
        return [http.plain(recall) for recall in queries.recalls(session)]


@router.post("/recalls", status_code=201)
def open_recall(caller: SignedIn, request: Request, body: RecallBody, key: Key = None) -> JSONResponse:
    """Open a recall: its lots are frozen everywhere at once."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.open_recall(session, act, **fields), status=201
    )


@router.get("/recalls/{number}")
def recall(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One recall with how far it has come."""
    with caller.reading() as session:
        found = queries.recall(session, number)
        progress = queries.progress(session, number, at=caller.act(session).at)
        return {**http.plain(found), "progress": http.plain(progress)}


@router.post("/recalls/{number}/answers", status_code=201)
def answer(caller: SignedIn, request: Request, number: http.Number, body: AnswerBody, key: Key = None) -> JSONResponse:
    """Acknowledge a recall for a member."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.answer(session, act, number=number, **fields), status=201
    )


@router.post("/recalls/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Close a recall once every member that got some of it has answered."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.close_recall(session, act, number=number, reason=body.reason),
    )
