"""Handing transfers over, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory import queries as stock
from stockpile.inventory.handover import operations, queries
from stockpile.inventory.handover.bodies import HandOverBody

router = APIRouter(tags=["inventory"])


@router.post("/transfers/{number}/hand-over")
def hand_over(
    caller: SignedIn, request: Request, number: http.Number, body: HandOverBody, key: Key = None
) -> JSONResponse:
    """Receive a transfer against a signature: short, over, damaged, too warm, a wrong lot."""
    return caller.effect(
        request, body, key, lambda session, act: operations.hand_over(session, act, number=number, **body.given())
    )


@router.get("/transfers/{number}/hand-over")
def handed_over(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The proof of a transfer's delivery (null: nobody has signed), and what was not as sent."""
    with caller.reading() as session:
        stock.transfer(session, number)
        found = queries.proof(session, number)
        differences = http.plain(queries.discrepancies(session, number))
        return {"proof": http.plain(found) if found else None, "discrepancies": differences}
