"""Restrictions of lots, serials, and the answer to "why not this lot?", over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.errors import Invalid
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory import operations as stock
from stockpile.inventory import serialised
from stockpile.inventory.lots import operations, queries
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["lots"])


class RestrictionBody(http.Body):
    """What a lot is restricted to: a country, a member, or who is admitted to a donor's or contract's goods."""

    kind: Annotated[str, Field(pattern="^(country|member|donor|contract)$")]
    value: Text
    reason: Text


class LiftBody(http.Body):
    """Why a restriction ends."""

    reason: Text


class ColdStoreBody(http.Body):
    """Whether a site can keep goods at 2 to 8 degrees, and why."""

    cold_store: bool
    reason: Text


class BeneficiaryBody(http.Body):
    """Whether a member is admitted to a donor's or contract's goods, and why."""

    kind: Annotated[str, Field(pattern="^(donor|contract)$")]
    value: Text
    member: Text
    admitted: bool
    reason: Text


class SerialisedBody(http.Body):
    """Whether an item is moved by serials."""

    serialised: bool


@router.get("/lots/{lot_id}/restrictions")
def restrictions(caller: SignedIn, lot_id: http.Number) -> list[dict[str, Any]]:
    """Every restriction a lot has or had; `lifted_at` null where it holds."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.restrictions(session, lot_id)]


@router.post("/lots/{lot_id}/restrictions", status_code=201)
def restrict(
    caller: SignedIn, request: Request, lot_id: http.Number, body: RestrictionBody, key: Key = None
) -> JSONResponse:
    """Restrict a lot, from now on and everywhere."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.restrict(session, act, lot_id=lot_id, **fields), status=201
    )


@router.post("/restrictions/{number}/lift")
def lift(caller: SignedIn, request: Request, number: http.Number, body: LiftBody, key: Key = None) -> JSONResponse:
    """Lift a restriction, as the committee; never who set it."""
    return caller.effect(
        request, body, key, lambda session, act: operations.lift(session, act, number=number, reason=body.reason)
    )


@router.put("/sites/{site}/cold-store")
def set_cold_store(
    caller: SignedIn, request: Request, site: Text, body: ColdStoreBody, key: Key = None
) -> JSONResponse:
    """Say whether a site can keep goods at 2 to 8 degrees."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.set_cold_store(session, act, site=site, **fields)
    )


@router.get("/beneficiaries")
def beneficiaries(caller: SignedIn) -> list[dict[str, Any]]:
    """Who is admitted to the goods of which donor or contract."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.beneficiaries(session)]


@router.post("/beneficiaries")
def admit(caller: SignedIn, request: Request, body: BeneficiaryBody, key: Key = None) -> JSONResponse:
    """Admit a member to a donor's or contract's goods, or end that."""
    fields = body.model_dump()

    def work(session: Session, act: Act) -> Any:
        return {**fields, "admitted": operations.admit(session, act, **fields)}

    return caller.effect(request, body, key, work)


@router.get("/lots/{lot_id}/fitness")
def fitness(
    caller: SignedIn, lot_id: http.Number, member: Text, site: Text, need_by: http.Instant | None = None
) -> list[dict[str, Any]]:
    """For each shelf that holds the lot: may it serve this member at this site now, and if not, why not."""
    with caller.reading() as session:
        at = caller.act(session).at
        found = queries.fitness(session, lot_id=lot_id, member=member, place=site, at=at, need_by=need_by)
        return [http.plain(one) for one in found]


@router.get("/serials")
def serials(caller: SignedIn, item: Note | None = None, serial: Note | None = None) -> list[dict[str, Any]]:
    """Pieces of equipment by item and serial: where each stands, or how it left; name the item or the serial."""
    if not (item or serial):
        raise Invalid("name an item or a serial", field="item")
    with caller.reading() as session:
        return [http.plain(one) for one in serialised.standing(session, item=item, serial=serial)]


@router.put("/items/{item}/serialised")
def set_serialised(
    caller: SignedIn, request: Request, item: Text, body: SerialisedBody, key: Key = None
) -> JSONResponse:
    """Say whether an item is moved by serials; before its first receipt."""

    def work(session: Session, act: Act) -> Any:
        stock.set_serialised(session, act, item=item, serialised_=body.serialised)
        return {"item": item, "serialised": body.serialised}

    return caller.effect(request, body, key, work)
