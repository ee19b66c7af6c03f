"""Release, expiry extension, returns, disposal and temperature over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Caller, Key, SignedIn
from stockpile.inventory import rules as stock
from stockpile.inventory.ledger import Account
from stockpile.inventory.quality import operations, rules
from stockpile.plaintext import Text

router = APIRouter(tags=["quality"])


class StandingBody(http.Body):
    """Base units of a lot at a site, of the pool or a member, with the reason."""

    lot_id: http.Number
    site: Text
    owner: Text = stock.POOL
    quantity: http.Quantity
    reason: Text
    serials: http.Serials = ()

    def account(self, status: str) -> Account:
        """The ledger account that this names."""
        return Account(self.lot_id, self.site, self.owner, status)


class ReturnBody(StandingBody):
    """A member's stock that comes back to a depot."""

    to_depot: Text


class ExtensionBody(http.Body):
    """A later expiry on an authority's word, with its evidence."""

    new_expiry: http.Day
    authority: Text
    evidence: Text


class FlagsBody(http.Body):
    """An item's flags as a pharmacist confirms them."""

    cold_chain: bool
    controlled: bool
    storage: Text


class CertificateBody(http.Body):
    """The certificate of a witnessed disposal; of a serialised item, the pieces destroyed."""

    certificate: Text
    serials: http.Serials = ()


class ReadingBody(http.Body):
    """A temperature in thousandths of a degree Celsius."""

    at: http.Instant
    milli_celsius: Annotated[int, Field(ge=-100_000, le=100_000)]


class TemperatureBody(http.Body):
    """A cold store's log."""

    site: Text
    readings: Annotated[list[ReadingBody], Field(min_length=1, max_length=10_000)]


@router.post("/releases", status_code=201)
def release(caller: SignedIn, request: Request, body: StandingBody, key: Key = None) -> JSONResponse:
    """Release stock from quarantine, as a responsible pharmacist."""

    def work(session: Session, act: Act) -> Any:
        account = body.account(stock.QUARANTINE)
        posting = operations.release(
            session,
            act,
            account=account,
            quantity=body.quantity,
            key=_key(caller, key),
            reason=body.reason,
            serials=body.serials,
        )
        return {"posting": posting}

    return caller.effect(request, body, key, work, status=201)


@router.post("/returns", status_code=201)
def take_back(caller: SignedIn, request: Request, body: ReturnBody, key: Key = None) -> JSONResponse:
    """Take a member's stock back to a depot, into quarantine."""

    def work(session: Session, act: Act) -> Any:
        posting = operations.take_back(
            session,
            act,
            account=body.account(stock.AVAILABLE),
            to_depot=body.to_depot,
            quantity=body.quantity,
            key=_key(caller, key),
            reason=body.reason,
            serials=body.serials,
        )
        return {"posting": posting}

    return caller.effect(request, body, key, work, status=201)


@router.post("/lots/{lot_id}/expiry")
def extend(
    caller: SignedIn, request: Request, lot_id: http.Number, body: ExtensionBody, key: Key = None
) -> JSONResponse:
    """Extend a lot's expiry, as a responsible pharmacist."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.extend_expiry(session, act, lot_id=lot_id, **fields)
    )


@router.post("/items/{item}/flags")
def verify(caller: SignedIn, request: Request, item: Text, body: FlagsBody, key: Key = None) -> JSONResponse:
    """Confirm or correct an item's flags, as a responsible pharmacist."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: operations.verify_item(session, act, item=item, **fields)
    )


@router.post("/disposals", status_code=201)
def propose_disposal(caller: SignedIn, request: Request, body: StandingBody, key: Key = None) -> JSONResponse:
    """Propose to destroy stock that stands in quarantine."""

    def work(session: Session, act: Act) -> Any:
        account = body.account(stock.QUARANTINE)
        return operations.propose_disposal(session, act, account=account, quantity=body.quantity, reason=body.reason)

    return caller.effect(request, body, key, work, status=201)


@router.post("/disposals/{number}/witness")
def witness(
    caller: SignedIn, request: Request, number: http.Number, body: CertificateBody, key: Key = None
) -> JSONResponse:
    """Confirm as a witness that the stock was destroyed; never who proposed it."""

    def work(session: Session, act: Act) -> Any:
        return operations.witness_disposal(
            session, act, number=number, certificate=body.certificate, serials=body.serials
        )

    return caller.effect(request, body, key, work)


@router.post("/temperatures", status_code=201)
def temperatures(caller: SignedIn, request: Request, body: TemperatureBody, key: Key = None) -> JSONResponse:
    """Take in a cold store's log; an excursion sets every cold-chain lot at the site apart."""
    readings = [rules.Reading(one.at, one.milli_celsius) for one in body.readings]

    def work(session: Session, act: Act) -> Any:
        found, frozen = operations.report_temperatures(
            session, act, site=body.site, readings=readings, key=_key(caller, key)
        )
        return {"excursions": found, "set_apart": frozen}

    return caller.effect(request, body, key, work, status=201)


def _key(caller: Caller, key: str | None) -> str:
    return f"api:{caller.actor.id}:{key or uuid4()}"
