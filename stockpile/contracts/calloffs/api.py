"""The steps of an order over HTTP; a supplier takes its own with an account of its own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.contracts.calloffs import operations, queries
from stockpile.contracts.calloffs.operations import Rejected, Wanted
from stockpile.governance.caller import Key, SignedIn, SignedInGuest
from stockpile.governance.rules import require
from stockpile.plaintext import Text

router = APIRouter(tags=["contracts"])


class WantedBody(http.Body):
    """So many packs of an item, and why."""

    item: Text
    packs: http.Quantity
    reason: Text


class OrderBody(http.Body):
    """An order by hand; `suggest`: only a suggestion until somebody adopts it."""

    contract: Text
    slot: Text
    deliver_to: Text
    lines: Annotated[list[WantedBody], Field(min_length=1, max_length=1000)]
    member: Text | None = None
    suggest: bool = False


class ChangeBody(http.Body):
    """Of each item named so many packs (0: none of it), and why."""

    packs: Annotated[dict[str, http.QuantityOrNone], Field(min_length=1, max_length=1000)]
    reason: Text


class ConfirmBody(http.Body):
    """When the goods come."""

    comes_at: http.Instant


class ShipBody(http.Body):
    """A supplier's notice of a shipment."""

    reference: Text
    shipped_at: http.Instant
    pallets: Annotated[tuple[Text, ...], Field(max_length=1000, strict=False)] = ()
    expected_at: http.Instant | None = None


class RejectedBody(http.Body):
    """Base units of a line that are not accepted, and why."""

    line: http.Number
    quantity: http.Quantity
    reason: Text


class AcceptBody(http.Body):
    """What is not accepted of a delivered order; empty: all of it is."""

    rejected: Annotated[tuple[RejectedBody, ...], Field(max_length=1000, strict=False)] = ()


@router.post("/calloffs", status_code=201)
def draft(caller: SignedIn, request: Request, body: OrderBody, key: Key = None) -> JSONResponse:
    """Propose an order by hand, at today's prices; another person approves it."""
    given = body.model_dump(exclude={"lines"})
    given["wanted"] = [Wanted(**one.model_dump()) for one in body.lines]
    return caller.does(request, body, key, operations.draft, status=201, **given)


@router.get("/calloffs/{number}/history")
def history(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """An order with its lines, shipments and deliveries."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.history(session, number))
        return found


@router.get("/suppliers/{supplier}/calloffs")
def of_supplier(caller: SignedInGuest, supplier: Text) -> list[dict[str, Any]]:
    """The orders sent to a supplier; the supplier itself sees its own."""
    require(caller.actor, "scorecard.see", member=supplier)
    with caller.reading() as session:
        return [http.plain(row) for row in queries.of_supplier(session, supplier)]


@router.post("/calloffs/{number}/adopt")
def adopt(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Make a suggested order one's own proposal."""
    return caller.does(request, None, key, operations.adopt, number=number)


@router.post("/calloffs/{number}/change", status_code=201)
def change(caller: SignedIn, request: Request, number: http.Number, body: ChangeBody, key: Key = None) -> JSONResponse:
    """Put an order of other sizes in the place of one that waits."""
    given: dict[str, Any] = {"number": number, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.change(session, act, **given), status=201)


@router.post("/calloffs/{number}/reject")
def reject(
    caller: SignedIn, request: Request, number: http.Number, body: http.WhyBody, key: Key = None
) -> JSONResponse:
    """Turn down another person's order that waits."""
    return caller.does(request, body, key, operations.reject, number=number, reason=body.reason)


@router.post("/calloffs/{number}/cancel")
def cancel(
    caller: SignedIn, request: Request, number: http.Number, body: http.WhyBody, key: Key = None
) -> JSONResponse:
    """Cancel an order of which nothing was shipped or received."""
    return caller.does(request, body, key, operations.cancel, number=number, reason=body.reason)


@router.post("/calloffs/{number}/send")
def send(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Note that an order was sent."""
    return caller.does(request, None, key, operations.send, number=number)


@router.post("/calloffs/{number}/acknowledge")
def acknowledge(caller: SignedInGuest, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """The supplier has the order."""
    return caller.does(request, None, key, operations.acknowledge, number=number)


@router.post("/calloffs/{number}/confirm")
def confirm(
    caller: SignedInGuest, request: Request, number: http.Number, body: ConfirmBody, key: Key = None
) -> JSONResponse:
    """The supplier says when the goods come."""
    return caller.does(request, body, key, operations.confirm, number=number, comes_at=body.comes_at)


@router.post("/calloffs/{number}/shipments", status_code=201)
def ship(caller: SignedInGuest, request: Request, number: http.Number, body: ShipBody, key: Key = None) -> JSONResponse:
    """Goods of an order are on their way."""
    return caller.does(request, body, key, operations.ship, status=201, number=number, **body.model_dump())


@router.post("/calloffs/{number}/close-short")
def close_short(
    caller: SignedIn, request: Request, number: http.Number, body: http.WhyBody, key: Key = None
) -> JSONResponse:
    """Close all that is still open of an order."""
    return caller.does(request, body, key, operations.close_short, number=number, reason=body.reason)


@router.post("/calloffs/{number}/accept")
def accept(caller: SignedIn, request: Request, number: http.Number, body: AcceptBody, key: Key = None) -> JSONResponse:
    """Accept what an order delivered, but for what is rejected."""
    rejected = [Rejected(**one.model_dump()) for one in body.rejected]
    return caller.does(request, body, key, operations.accept, number=number, rejected=rejected)
