"""Where signed heads are sent, over HTTP: list, register, end, send at once, and what was delivered."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.rules import require_any
from stockpile.plaintext import Text
from stockpile.transparency.sending import operations, queries

router = APIRouter(prefix="/audit/addresses", tags=["audit"])


class AddressBody(http.Body):
    """An address that takes heads by POST, who is behind it, and why; `member`: which member's it is, if one's."""

    url: Text
    recipient: Text
    reason: Text
    member: Text | None = None


class WhyBody(http.Body):
    """Why."""

    reason: Text


@router.get("")
def addresses(caller: SignedIn) -> list[dict[str, Any]]:
    """Where heads are sent, which head each took last, and which fail."""
    require_any(caller.actor, "read")
    with caller.reading() as session:
        return [http.plain(one) for one in queries.told(session, caller.actor)]


@router.post("", status_code=201)
def register(caller: SignedIn, request: Request, body: AddressBody, key: Key = None) -> JSONResponse:
    """Register an address: https, to a public machine."""
    here = request.app.state.settings.heads_to_this_machine

    def work(session: Session, act: Act) -> dict[str, Any]:
        made = operations.register(session, act, this_machine=here, **body.model_dump())
        return {"number": made.id, "recipient": made.recipient, "member": made.member_code}

    return caller.effect(request, body, key, work, status=201)


@router.post("/{number}/end")
def end(caller: SignedIn, request: Request, number: http.Number, body: WhyBody, key: Key = None) -> JSONResponse:
    """Send nothing more there."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"number": operations.end(session, act, number=number, reason=body.reason).id, "state": "ended"}

    return caller.effect(request, body, key, work)


@router.post("/{number}/sending")
def send(caller: SignedIn, request: Request, number: http.Number, body: WhyBody, key: Key = None) -> JSONResponse:
    """Let it be tried at once: a running server sends within seconds."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        return {"number": operations.ask(session, act, number=number, reason=body.reason).id, "state": "asked"}

    return caller.effect(request, body, key, work)


@router.get("/{number}/deliveries")
def deliveries(
    caller: SignedIn,
    number: http.Number,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> list[dict[str, Any]]:
    """What was sent there and what was answered, newest first; go on with `before` set to the smallest number seen."""
    require_any(caller.actor, "read")
    with caller.reading() as session:
        return [one.model_dump(mode="json") for one in queries.deliveries(session, number, before=before, limit=limit)]
