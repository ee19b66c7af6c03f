"""Entitlements and buffers over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation.promises import operations, queries
from stockpile.allocation.promises.operations import Promise
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["allocation"])


class EntitlementBody(http.Body):
    """What a member is guaranteed of an item in each surge from a day on, in base units; 0 ends it."""

    member: Text
    item: Text
    quantity: http.QuantityOrNone
    effective_from: http.Day
    reason: Text


class BufferBody(http.Body):
    """What of an item stays at a depot from a day on, in base units; 0 ends it."""

    site: Text
    item: Text
    quantity: http.QuantityOrNone
    effective_from: http.Day
    reason: Text


@router.get("/entitlements")
def list_entitlements(caller: SignedIn, member: Note | None = None, item: Note | None = None) -> list[dict[str, Any]]:
    """Every entitlement that was set, by whom and why; of a member and item the latest that has begun counts."""
    with caller.reading() as session:
        return [http.plain(row) for row in queries.listed_entitlements(session, member=member, item=item)]


@router.post("/entitlements", status_code=201)
def entitle(caller: SignedIn, request: Request, body: EntitlementBody, key: Key = None) -> JSONResponse:
    """Guarantee a member so much of an item in each surge; plans serve it before all priorities."""
    promise = Promise(**body.model_dump(exclude={"member"}))

    def work(session: Session, act: Act) -> Any:
        return operations.entitle(session, act, member=body.member, promise=promise)

    return caller.effect(request, body, key, work, status=201)


@router.get("/depot-buffers")
def list_buffers(caller: SignedIn, site: Note | None = None, item: Note | None = None) -> list[dict[str, Any]]:
    """Every depot buffer that was set, by whom and why; of a depot and item the latest that has begun counts."""
    with caller.reading() as session:
        return [http.plain(row) for row in queries.listed_buffers(session, site=site, item=item)]


@router.post("/depot-buffers", status_code=201)
def keep(caller: SignedIn, request: Request, body: BufferBody, key: Key = None) -> JSONResponse:
    """Keep so much of an item at a depot, whatever plans share."""
    promise = Promise(**body.model_dump(exclude={"site"}))

    def work(session: Session, act: Act) -> Any:
        return operations.keep(session, act, site=body.site, promise=promise)

    return caller.effect(request, body, key, work, status=201)
