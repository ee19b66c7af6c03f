"""Maintenance windows over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Text
from stockpile.reorder.maintenance import operations, queries

router = APIRouter(tags=["maintenance"])


class WindowBody(http.Body):
    """Days on which equipment at a site is maintained, and the base units of a spare part that it needs."""

    item: Text
    site: Text
    equipment: Text
    starts: http.Day
    ends: http.Day
    units: http.Quantity
    reason: Text


class ReasonBody(http.Body):
    """Why."""

    reason: Text


@router.get("/maintenance-windows")
def windows(caller: SignedIn, item: Text | None = None) -> list[dict[str, Any]]:
    """The windows by their first day."""
    with caller.reading() as session:
        return [http.plain(row) for row in queries.windows(session, item=item)]


@router.post("/maintenance-windows", status_code=201)
def plan(caller: SignedIn, request: Request, body: WindowBody, key: Key = None) -> JSONResponse:
    """Plan a window."""
    given: dict[str, Any] = body.model_dump()
    return caller.effect(request, body, key, lambda session, act: operations.plan(session, act, **given), status=201)


@router.post("/maintenance-windows/{number}/call-off")
def call_off(
    caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Call a window off."""
    given: dict[str, Any] = {"number": number, "reason": body.reason}
    return caller.effect(request, body, key, lambda session, act: operations.call_off(session, act, **given))
