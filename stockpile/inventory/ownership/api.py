"""Changes of owner and own stock over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory import rules
from stockpile.inventory.ledger import Account
from stockpile.inventory.ownership import operations
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["ownership"])


class ChangeBody(http.Body):
    """Available base units of a lot at a site that are to change owner; `price_minor` in the region's currency."""

    lot_id: http.Number
    site: Text
    from_owner: Text = rules.POOL
    to_owner: Text
    quantity: http.Quantity
    price_minor: http.QuantityOrNone = 0
    reason: Text


class ForwardBody(http.Body):
    """A member's own stock at a depot that is to go to a point of use, in base units."""

    lot_id: http.Number
    site: Text
    member: Text
    destination: Text
    quantity: http.Quantity
    reference: Note = ""
    serials: http.Serials = ()


class ConfirmBody(http.Body):
    """Of a serialised item, the pieces that change owner."""

    serials: http.Serials = ()


@router.get("/ownership-changes")
def changes(caller: SignedIn, state: Note | None = None) -> list[dict[str, Any]]:
    """Changes of owner, newest first."""
    with caller.reading() as session:
        return [http.plain(one) for one in operations.changes(session, state=state)]


@router.post("/ownership-changes", status_code=201)
def propose(caller: SignedIn, request: Request, body: ChangeBody, key: Key = None) -> JSONResponse:
    """Propose a change of owner; another person confirms it."""

    def work(session: Session, act: Act) -> Any:
        return operations.propose(
            session,
            act,
            account=Account(body.lot_id, body.site, body.from_owner, rules.AVAILABLE),
            to_owner=body.to_owner,
            quantity=body.quantity,
            price_minor=body.price_minor,
            reason=body.reason,
        )

    return caller.effect(request, body, key, work, status=201)


@router.post("/ownership-changes/{number}/confirm")
def confirm(
    caller: SignedIn, request: Request, number: http.Number, body: ConfirmBody | None = None, key: Key = None
) -> JSONResponse:
    """Confirm another person's change of owner."""
    serials = body.serials if body else ()
    return caller.effect(
        request, body, key, lambda session, act: operations.confirm(session, act, number=number, serials=serials)
    )


@router.post("/ownership-changes/{number}/withdraw")
def withdraw(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Withdraw a change of owner that nobody has confirmed."""
    return caller.effect(request, None, key, lambda session, act: operations.withdraw(session, act, number=number))


@router.post("/forwards", status_code=201)
def forward(caller: SignedIn, request: Request, body: ForwardBody, key: Key = None) -> JSONResponse:
    """Reserve a member's own stock at a depot for its way to a point of use."""

    def work(session: Session, act: Act) -> Any:
        return operations.forward(
            session,
            act,
            account=Account(body.lot_id, body.site, body.member, rules.AVAILABLE),
            destination=body.destination,
            quantity=body.quantity,
            reference=body.reference,
            serials=body.serials,
            key=f"{caller.actor.id}:{key or uuid4()}",
        )

    return caller.effect(request, body, key, work, status=201)
