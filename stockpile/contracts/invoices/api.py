"""Invoices over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.contracts import queries as orders
from stockpile.contracts.invoices import operations, queries
from stockpile.contracts.invoices.operations import Asked
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["contracts"])


class AskedBody(http.Body):
    """What an invoice asks for base units of an order's line."""

    line: http.Number
    quantity: http.Quantity
    amount_minor: http.QuantityOrNone


class InvoiceBody(http.Body):
    """A supplier's invoice."""

    reference: Text
    lines: Annotated[list[AskedBody], Field(min_length=1, max_length=1000)]
    fee_minor: http.QuantityOrNone = 0


class RemarkBody(http.Body):
    """Why; needed where something does not match."""

    reason: Note = ""


class PaymentBody(http.Body):
    """What was paid, in minor units."""

    amount_minor: http.Quantity


@router.get("/calloffs/{number}/invoices")
def invoices(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The invoices of an order with their lines, and what may still be paid of it."""
    with caller.reading() as session:
        calloff = orders.calloff(session, number)
        rows = [
            {**http.plain(one), "lines": http.plain(queries.lines(session, one.id or 0))}
            for one in queries.of_order(session, number)
        ]
        return {"owed_minor": queries.owed(session, calloff), "invoices": rows}


@router.post("/calloffs/{number}/invoices", status_code=201)
def record(caller: SignedIn, request: Request, number: http.Number, body: InvoiceBody, key: Key = None) -> JSONResponse:
    """Record an invoice; the answer says what does not match."""
    given: dict[str, Any] = {"number": number, "reference": body.reference, "fee_minor": body.fee_minor}
    given["lines"] = [Asked(**one.model_dump()) for one in body.lines]
    return caller.does(request, body, key, operations.record, status=201, **given)


@router.post("/invoices/{number}/approve")
def approve(caller: SignedIn, request: Request, number: http.Number, body: RemarkBody, key: Key = None) -> JSONResponse:
    """Approve another person's invoice."""
    return caller.does(request, body, key, operations.approve, number=number, reason=body.reason)


@router.post("/invoices/{number}/refuse")
def refuse(caller: SignedIn, request: Request, number: http.Number, body: RemarkBody, key: Key = None) -> JSONResponse:
    """Send an invoice back."""
    return caller.does(request, body, key, operations.refuse, number=number, reason=body.reason)


@router.post("/invoices/{number}/pay")
def pay(caller: SignedIn, request: Request, number: http.Number, body: PaymentBody, key: Key = None) -> JSONResponse:
    """Note the payment of an approved invoice."""
    return caller.does(request, body, key, operations.pay, number=number, amount_minor=body.amount_minor)


@router.post("/calloffs/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Close an order that is paid."""
    return caller.does(request, None, key, operations.close, number=number)
