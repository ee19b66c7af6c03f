"""Damages over HTTP; a supplier sees and contests its own."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.contracts import queries as orders
from stockpile.contracts.damages import operations, queries
from stockpile.governance.caller import Key, SignedIn, SignedInGuest
from stockpile.governance.rules import require
from stockpile.plaintext import Text

router = APIRouter(tags=["contracts"])


class ContestBody(http.Body):
    """Why a claim is disputed."""

    reason: Text


class DecisionBody(http.Body):
    """What is deducted in the end (0: waived), and why."""

    amount_minor: http.QuantityOrNone
    reason: Text


class ExcuseBody(http.Body):
    """Days of force majeure, both ends included."""

    starts: http.Day
    ends: http.Day
    reason: Text


@router.get("/calloffs/{number}/damages")
def worked_out(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """What an order's lateness costs by its contract, and the claim made of it."""
    with caller.reading() as session:
        calloff = orders.calloff(session, number)
        if calloff.approved_at is None:
            raise operations.ClaimState(f"call-off {number} is {calloff.state}: nothing can be late")
        found: dict[str, Any] = http.plain(queries.worked_out(session, calloff))
        return {**found, "claim": http.plain(queries.of_order(session, number))}


@router.get("/suppliers/{supplier}/damages")
def of_supplier(caller: SignedInGuest, supplier: Text) -> list[dict[str, Any]]:
    """The claims against a supplier, with how each was worked out; the supplier itself sees its own."""
    require(caller.actor, "scorecard.see", member=supplier)
    with caller.reading() as session:
        return [http.plain(row) for row in queries.claims(session, supplier=supplier)]


@router.post("/calloffs/{number}/damages", status_code=201)
def claim(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Claim the damages of an order that came late."""
    return caller.effect(
        request, None, key, lambda session, act: operations.claim(session, act, number=number), status=201
    )


@router.post("/damages/{number}/contest")
def contest(
    caller: SignedInGuest, request: Request, number: http.Number, body: ContestBody, key: Key = None
) -> JSONResponse:
    """Dispute a claim."""
    given: dict[str, Any] = {"number": number, "reason": body.reason}
    return caller.effect(request, body, key, lambda session, act: operations.contest(session, act, **given))


@router.post("/damages/{number}/decision")
def decide(
    caller: SignedIn, request: Request, number: http.Number, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Decide what is deducted, as another person than who claimed."""
    given: dict[str, Any] = {"number": number, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.decide(session, act, **given))


@router.post("/contracts/{contract}/force-majeure", status_code=201)
def excuse(caller: SignedIn, request: Request, contract: Text, body: ExcuseBody, key: Key = None) -> JSONResponse:
    """Declare days on which lateness is excused."""
    given: dict[str, Any] = {"contract": contract, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.excuse(session, act, **given), status=201)
