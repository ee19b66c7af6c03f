"""Shelves over HTTP: bins, put-away, picking places, capacity."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory import queries as stock
from stockpile.inventory import room, rules
from stockpile.inventory.ledger import Account
from stockpile.inventory.shelving import operations, queries
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["shelves"])
Class = Annotated[str, Field(pattern="^(ambient|cold|frozen|controlled)$")]


class BinBody(http.Body):
    """A bin for one storage class; no `capacity_ml`: no limit is known."""

    code: Text
    storage_class: Class
    capacity_ml: http.QuantityOrNone | None = None


class PutAwayBody(http.Body):
    """Base units of a lot from one place of a site to another; no bin: beside the shelves, ready to go."""

    site: Text
    lot_id: http.Number
    quantity: http.Quantity
    owner: Text = rules.POOL
    status: Annotated[str, Field(pattern="^(available|reserved|quarantine)$")] = rules.AVAILABLE
    from_bin: Text | None = None
    to_bin: Text | None = None


class CapacityBody(http.Body):
    """How much a site can keep of a storage class, in litres of packed volume."""

    litres: Annotated[int, Field(ge=0, le=10**9)]


@router.get("/sites/{site}/bins")
def bins(caller: SignedIn, site: Text) -> list[dict[str, Any]]:
    """The bins of a site."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.bins(session, site)]


@router.post("/sites/{site}/bins", status_code=201)
def make_bin(caller: SignedIn, request: Request, site: Text, body: BinBody, key: Key = None) -> JSONResponse:
    """Make a bin."""
    given: dict[str, Any] = {"site": site, **body.model_dump()}
    return caller.effect(
        request, body, key, lambda session, act: operations.make_bin(session, act, **given), status=201
    )


@router.get("/sites/{site}/contents")
def contents(caller: SignedIn, site: Text, item: Note | None = None) -> list[dict[str, Any]]:
    """What lies where at a site, first-expiring first; `bin` null: in no bin."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.lying(session, site, item=item)]


@router.get("/sites/{site}/bin-suggestions")
def suggestions(caller: SignedIn, site: Text, lot_id: http.Number, quantity: http.Quantity) -> list[dict[str, Any]]:
    """Bins in which so much of a lot fits, best first."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.suggest(session, site, lot_id=lot_id, quantity=quantity)]


@router.post("/put-aways", status_code=201)
def put_away(caller: SignedIn, request: Request, body: PutAwayBody, key: Key = None) -> JSONResponse:
    """Put stock into a bin, move it to another, or take it out to be picked."""
    account = Account(body.lot_id, body.site, body.owner, body.status)

    def work(session: Session, act: Act) -> Any:
        given: dict[str, Any] = {"quantity": body.quantity, "to_bin": body.to_bin, "from_bin": body.from_bin}
        operations.put_away(session, act, account=account, **given)
        return {**http.plain(body)}

    return caller.effect(request, body, key, work, status=201)


@router.get("/transfers/{number}/picks")
def picks(caller: SignedIn, number: http.Number) -> list[dict[str, Any]]:
    """Where to take what an approved transfer needs, first-expiring first."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.picks(session, number)]


@router.get("/sites/{site}/capacity")
def capacity(caller: SignedIn, site: Text) -> list[dict[str, Any]]:
    """Used, coming and free volume by storage class, in millilitres; null: nobody has said how much fits."""
    with caller.reading() as session:
        stock.site(session, site)
        return [{**http.plain(one), "free_ml": one.free_ml} for one in room.rooms(session, site).values()]


@router.put("/sites/{site}/capacity/{storage_class}")
def set_capacity(
    caller: SignedIn, request: Request, site: Text, storage_class: Class, *, body: CapacityBody, key: Key = None
) -> JSONResponse:
    """Say how much a site can keep of a storage class."""
    given: dict[str, Any] = {"site": site, "storage_class": storage_class, "capacity_ml": body.litres * 1000}
    return caller.effect(request, body, key, lambda session, act: operations.set_capacity(session, act, **given))
