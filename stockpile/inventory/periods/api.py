"""Closing periods and the storeroom's figures over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.periods import operations, queries, rules
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["periods"])


class CloseBody(http.Body):
    """What is closed: everything before an instant, or through a month (any day of it) in the region's time zone."""

    ends_at: http.Instant | None = None
    month: http.Day | None = None
    reason: Note = ""


class FigureBody(http.Body):
    """The new value of a figure, and why."""

    value: Annotated[int, Field(ge=0, le=http.LARGEST_NUMBER)]
    reason: Text


@router.get("/periods")
def periods(caller: SignedIn) -> list[dict[str, Any]]:
    """Closed periods, the newest first: nothing that took effect before `ends_at` is entered any more."""
    with caller.reading() as session:
        return [http.plain(period) for period in queries.periods(session)]


@router.post("/periods/close", status_code=201)
def close(caller: SignedIn, request: Request, body: CloseBody, key: Key = None) -> JSONResponse:
    """Close a period for ever; corrections after it are new entries that name the old one."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda session, act: operations.close(session, act, **fields), status=201)


@router.get("/figures")
def figures(caller: SignedIn) -> list[dict[str, Any]]:
    """The figures of the storeroom that the region may set, with what counts now and their limits."""
    with caller.reading() as session:
        return [
            {"name": name, "value": queries.figure(session, name), **http.plain(known)}
            for name, known in sorted(rules.FIGURES.items())
        ]


@router.put("/figures/{name}")
def set_figure(caller: SignedIn, request: Request, name: Text, body: FigureBody, key: Key = None) -> JSONResponse:
    """Set a figure of the storeroom."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.set_figure(session, act, name=name, **fields)
    )
