"""Items over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.catalogue import operations, queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["catalogue"])


class PackBody(http.Body):
    """A packing level: base units in one. `own_product`: another maker's, whose batch codes are its own."""

    gtin: Text
    units: http.Quantity
    name: Text
    own_product: bool = False


class SubstituteBody(http.Body):
    """`units` base units of the substitute stand for `per_units` of the item, in one country, for a time."""

    item: Text
    substitute: Text
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    units: http.Quantity
    per_units: http.Quantity
    valid_from: http.Day
    valid_through: http.Day | None = None
    reason: Text


class DecisionBody(http.Body):
    """A pharmacist's decision and its reason."""

    approve: bool
    reason: Text


class RevocationBody(http.Body):
    """Why an approved substitution ends."""

    reason: Text


@router.post("/items/{item}/packs", status_code=201)
def register_pack(caller: SignedIn, request: Request, item: Text, body: PackBody, key: Key = None) -> JSONResponse:
    """Register a packing level of an item under its own GTIN."""

    def work(session: Session, act: Act) -> Any:
        return operations.register_pack(session, act, item=item, **body.model_dump())

    return caller.effect(request, body, key, work, status=201)


@router.get("/items/{item}/fits")
def fits(caller: SignedIn, item: Text) -> dict[str, Any]:
    """The models of equipment that a part fits, and the parts that fit an equipment."""
    with caller.reading() as session:
        equipment, parts = queries.fits(session, item)
        return {"item": item, "fits": equipment, "parts": parts}


@router.get("/substitutions")
def substitutions(caller: SignedIn, item: Note | None = None, state: Note | None = None) -> list[dict[str, Any]]:
    """Substitutions, newest first."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.substitutions(session, item=item, state=state)]


@router.get("/substitutes")
def substitutes(caller: SignedIn, country: Text, on: http.Day | None = None) -> dict[str, Any]:
    """What pharmacists have approved for a country and a day (today, unless told), by item."""
    with caller.reading() as session:
        day = on or governance.local_day(session, caller.act(session).at)
        found: dict[str, Any] = http.plain(queries.approved_substitutes(session, on=day, country=country))
        return found


@router.post("/substitutions", status_code=201)
def propose(caller: SignedIn, request: Request, body: SubstituteBody, key: Key = None) -> JSONResponse:
    """Propose a substitute; a pharmacist decides."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.propose_substitute(session, act, **fields), status=201
    )


@router.post("/substitutions/{number}/decide")
def decide(
    caller: SignedIn, request: Request, number: http.Number, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Approve or decline another person's proposal, as a responsible pharmacist."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.decide_substitute(session, act, number=number, **fields)
    )


@router.post("/substitutions/{number}/revoke")
def revoke(
    caller: SignedIn, request: Request, number: http.Number, body: RevocationBody, key: Key = None
) -> JSONResponse:
    """End an approved substitution, as a responsible pharmacist."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.revoke_substitute(session, act, number=number, reason=body.reason),
    )


@router.get("/items")
def items(caller: SignedIn, after: Note = "", limit: http.Limit = 100) -> dict[str, Any]:
    """Items in the order of their codes. Flags of items that are not `verified` were set by no named person."""
    with caller.reading() as session:
        rows = [item for code, item in queries.items(session).items() if code > after]
        return http.paged(rows[: limit + 1], limit=limit, key=lambda row: row.code)


@router.get("/items/{code}")
def item(caller: SignedIn, code: Text) -> dict[str, Any]:
    """One item, the countries where it is licensed, and its packing levels, smallest first."""
    with caller.reading() as session:
        found = queries.item(session, code)
        countries = sorted(country for item_code, country in queries.licences(session) if item_code == code)
        packs = http.plain(queries.trade_items(session, code))
        return {**http.plain(found), "countries": countries, "trade_items": packs}
