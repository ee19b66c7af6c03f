"""Controlled stock over HTTP: register, authorisations, losses, limits."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.inventory import guarding
from stockpile.inventory.controlled import operations, queries
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["controlled stock"])
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]


class PermitBody(http.Body):
    """What an authority allows: base units of a controlled item across a border."""

    number: Text
    item: Text
    from_country: Country
    to_country: Country
    valid_from: http.Day
    valid_to: http.Day
    quantity: http.Quantity


class ReportBody(http.Body):
    """The authority's reference of a report."""

    reference: Text


class OutcomeBody(http.Body):
    """What came of a loss."""

    outcome: Text


class LimitBody(http.Body):
    """What one person may change alone: minor units, and packs of what has no price."""

    value_minor: http.QuantityOrNone
    packs: http.QuantityOrNone


@router.get("/controlled/register")
def register(caller: SignedIn, site: Text, item: Text, after: After = 0, limit: http.Limit = 100) -> dict[str, Any]:
    """The running register of a controlled item at a site, with both names on every entry."""
    with caller.reading() as session:
        rows = queries.register(session, site=site, item=item, after=after, limit=limit + 1)
        return http.paged(rows, limit=limit, key=lambda row: row.movement)


@router.get("/border-authorisations")
def authorisations(caller: SignedIn, item: Note | None = None) -> list[dict[str, Any]]:
    """Authorisations to cross a border, with what they leave."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.authorisations(session, item=item)]


@router.post("/border-authorisations", status_code=201)
def authorise(caller: SignedIn, request: Request, body: PermitBody, key: Key = None) -> JSONResponse:
    """Register an authorisation, as a responsible pharmacist."""
    permit = operations.Permit(**body.model_dump())
    return caller.effect(
        request, body, key, lambda session, act: operations.authorise(session, act, permit=permit), status=201
    )


@router.get("/controlled/losses")
def losses(caller: SignedIn, state: Note | None = None) -> list[dict[str, Any]]:
    """Loss reports, the first due first; `overdue` where the authority should know by now."""
    with caller.reading() as session:
        now = caller.act(session).at
        return [
            {**http.plain(one), "overdue": one.state == "open" and one.due_at < now}
            for one in queries.losses(session, state=state)
        ]


@router.post("/controlled/losses/{number}/report")
def report(caller: SignedIn, request: Request, number: http.Number, body: ReportBody, key: Key = None) -> JSONResponse:
    """Record that a loss was reported to its authority."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.report_loss(session, act, number=number, reference=body.reference),
    )


@router.post("/controlled/losses/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, body: OutcomeBody, key: Key = None) -> JSONResponse:
    """Close a reported loss with its outcome."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.close_loss(session, act, number=number, outcome=body.outcome),
    )


@router.get("/approval-limits")
def limits(caller: SignedIn) -> dict[str, Any]:
    """What one person may change alone, by kind of act."""
    with caller.reading() as session:
        return {
            kind: {"value_minor": value, "packs": packs} for kind, (value, packs) in guarding.limits(session).items()
        }


@router.put("/approval-limits/{kind}")
def set_limit(caller: SignedIn, request: Request, kind: Text, body: LimitBody, key: Key = None) -> JSONResponse:
    """Set a limit, as the committee."""
    return caller.effect(
        request, body, key, lambda session, act: operations.set_limit(session, act, kind=kind, **body.model_dump())
    )
