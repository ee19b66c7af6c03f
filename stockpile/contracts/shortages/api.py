"""Shortages over HTTP: one action proposes the quickest orders."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.contracts.shortages import operations
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Text

router = APIRouter(tags=["contracts"])


class ShortageBody(http.Body):
    """Base units of an item that are missing, where they are needed, and why."""

    item: Text
    units: http.Quantity
    deliver_to: Text
    slot: Text
    reason: Text


@router.post("/shortages", status_code=201)
def propose(caller: SignedIn, request: Request, body: ShortageBody, key: Key = None) -> JSONResponse:
    """Propose the quickest orders for a shortage, with the earliest arrival; another person approves each."""
    given: dict[str, Any] = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.propose_for_shortage(session, act, **given), status=201
    )
