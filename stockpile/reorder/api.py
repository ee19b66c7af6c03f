"""Pre-approvals over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.catalogue import queries as catalogue
from stockpile.demand.scenarios import queries as scenarios
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text
from stockpile.reorder import preapproval, projecting, queries

router = APIRouter(tags=["contracts"])


class PreapprovalBody(http.Body):
    """Up to how much a night (minor units), from which priority down (3 or 4), until when, and why."""

    limit_minor: http.Quantity
    from_priority: Annotated[int, Field(ge=1, le=4)]
    ends: http.Day
    reason: Text


@router.get("/preapprovals")
def preapprovals(caller: SignedIn) -> list[dict[str, Any]]:
    """What nightly proposals have been approved beforehand, by whom, within which limit; newest first."""
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        return [http.plain(one) for one in preapproval.rules(session, on=today)]


@router.get("/projections/{item}")
def projection(
    caller: SignedIn, item: Text, scenario: Note = "", days: Annotated[int, Field(ge=1, le=730)] = 182
) -> dict[str, Any]:
    """Where the stock of an item goes in the next days if nothing more is ordered, with its band and a scenario's."""
    with caller.reading() as session:
        catalogue.item(session, item)
        curve = scenarios.curve(session, scenario) if scenario else None
        standings = queries.standings(session, at=caller.act(session).at)
        one = next(row for row in standings if row.item.code == item)
        shown: dict[str, Any] = http.plain(projecting.project(one, days=days, curve=curve))
        now = {"item": item, "usable": one.usable, "reserve": one.reserve, "inbound": http.plain(one.position.inbound)}
        return {**now, **shown}


@router.post("/preapprovals", status_code=201)
def set_rule(caller: SignedIn, request: Request, body: PreapprovalBody, key: Key = None) -> JSONResponse:
    """Approve beforehand what nightly runs propose of uncritical, uncontrolled items, in your own name."""
    given = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: preapproval.set_rule(session, act, **given), status=201
    )


@router.post("/preapprovals/{number}/revoke")
def revoke(
    caller: SignedIn, request: Request, number: http.Number, body: http.WhyBody, key: Key = None
) -> JSONResponse:
    """End a pre-approval at once."""
    return caller.effect(
        request, body, key, lambda session, act: preapproval.revoke(session, act, number=number, reason=body.reason)
    )
