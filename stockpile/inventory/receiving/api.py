"""Goods in over HTTP: one call takes a delivery in; another person decides on what was not ordered."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.inventory.receiving import operations, queries
from stockpile.inventory.receiving.bodies import GoodsInBody, told
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["goods in"])


class DecisionBody(http.Body):
    """Why it is decided so."""

    reason: Text


class ItemRuleBody(http.Body):
    """Whether what comes in of an item waits for release."""

    needs_release: bool


class SiteRuleBody(http.Body):
    """Whether cold-chain and controlled goods wait for release at a site."""

    cold_chain: bool
    controlled: bool


@router.post("/goods-in", status_code=201)
def receive(caller: SignedIn, request: Request, body: GoodsInBody, key: Key = None) -> JSONResponse:
    """Take a delivery in against its order: good, damaged, wrong, short, over, too warm, too short-dated."""

    def work(session: Session, act: Act) -> Any:
        return told(operations.receive(session, act, key=f"api:{caller.actor.id}:{key or uuid4()}", **body.given()))

    return caller.effect(request, body, key, work, status=201)


@router.get("/goods-in/waiting")
def waiting(caller: SignedIn, site: Note | None = None) -> list[dict[str, Any]]:
    """What waits for a decision: a surplus beyond tolerance, and goods that nobody ordered."""
    with caller.reading() as session:
        return [
            {"site": one.site_code, "received_by": one.received_by, **http.plain(line)}
            for one, line in queries.waiting(session, site=site)
        ]


@router.get("/goods-in/{number}")
def goods_in(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """One delivery with its lines, and why any of it was set aside."""
    with caller.reading() as session:
        found = queries.goods_in(session, number)
        return {**http.plain(found), "lines": http.plain(queries.lines(session, number))}


@router.post("/goods-in/lines/{number}/accept")
def accept(
    caller: SignedIn, request: Request, number: http.Number, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Buy a surplus; never who received it."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.accept_surplus(session, act, number=number, reason=body.reason),
    )


@router.post("/goods-in/lines/{number}/send-back")
def send_back(
    caller: SignedIn, request: Request, number: http.Number, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Send what waits of a line back to the supplier; never who received it."""
    return caller.effect(
        request, body, key, lambda session, act: operations.send_back(session, act, number=number, reason=body.reason)
    )


@router.put("/items/{item}/release-rule")
def set_item_rule(caller: SignedIn, request: Request, item: Text, body: ItemRuleBody, key: Key = None) -> JSONResponse:
    """Say whether what comes in of an item waits for a pharmacist's release."""
    given: dict[str, Any] = {"item": item, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.set_release_of_item(session, act, **given))


@router.put("/sites/{site}/release-rule")
def set_site_rule(caller: SignedIn, request: Request, site: Text, body: SiteRuleBody, key: Key = None) -> JSONResponse:
    """Say whether cold-chain and controlled goods wait for a pharmacist's release at a site."""
    given: dict[str, Any] = {"site": site, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.set_release_at_site(session, act, **given))
