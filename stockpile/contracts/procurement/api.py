"""Tenders over HTTP: from the plan to the signed contract; the award can be counted again by anyone who may read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.contracts.procurement import awarding, operations, queries
from stockpile.contracts.procurement.operations import Goods, Need, Priced
from stockpile.contracts.procurement.rules import Criterion
from stockpile.contracts.terms import queries as terms
from stockpile.governance.caller import Caller, Key, SignedIn, SignedInGuest
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["tenders"])
Country = Annotated[str, Field(pattern="^[A-Z]{2}$")]
Days = Annotated[int, Field(ge=0, le=36_500)]


class NeedBody(http.Body):
    """A need to tender for, with the term of the contracts that come of it."""

    code: Annotated[Text, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    title: Text
    need: Text
    country: Country
    starts: http.Day
    ends: http.Day
    electronic: bool = True
    minimum_order_minor: http.QuantityOrNone = 0
    lead_time_days: Days = 0


class SpecificationBody(http.Body):
    """A version of the specification, why it is made, and what countries ask for besides."""

    text: Text
    rationale: Text
    annexes: Annotated[dict[Country, Text], Field(max_length=50, default_factory=dict)]


class GoodsBody(http.Body):
    """An item of a lot and the packs that bids are compared by."""

    item: Text
    packs: http.Quantity
    minimum_packs: http.Quantity = 1
    pack_multiple: http.Quantity = 1
    shelf_life_on_delivery_days: Days = 0


class LotBody(http.Body):
    """A lot that is awarded on its own."""

    lot: Text
    title: Text
    maximum_minor: http.Quantity
    goods: Annotated[tuple[GoodsBody, ...], Field(min_length=1, max_length=1000, strict=False)]


class ChoiceBody(http.Body):
    """What a member reserves of a lot (minor units; 0: it stays out), and why."""

    reserved_minor: http.QuantityOrNone
    reason: Text


class CriterionBody(http.Body):
    """What bids are weighed by."""

    criterion: Text
    title: Text
    weight: Annotated[int, Field(ge=1, le=100)]
    kind: Literal["price", "emission", "judged"]


class RubricBody(http.Body):
    """The criteria; their weights add up to 100."""

    criteria: Annotated[tuple[CriterionBody, ...], Field(min_length=1, max_length=50, strict=False)]


class PublishBody(http.Body):
    """Until when bids may come."""

    closes: http.Instant


class TierBody(http.Body):
    """From so many packs on, every pack costs so much."""

    from_packs: Annotated[int, Field(ge=2, le=10**9)]
    pack_price_minor: http.QuantityOrNone


class PricedBody(http.Body):
    """The price of a pack of an item, lower ones from more packs on, and what its base unit is declared to emit."""

    item: Text
    pack_price_minor: http.QuantityOrNone
    emission_mg: http.QuantityOrNone | None = None
    declaration: Note = ""
    tiers: Annotated[tuple[TierBody, ...], Field(max_length=100, strict=False)] = ()

    def priced(self) -> Priced:
        """The price as operations take it."""
        tiers = tuple((one.from_packs, one.pack_price_minor) for one in self.tiers)
        return Priced(**self.model_dump(exclude={"tiers"}), tiers=tiers)


class BidBody(http.Body):
    """A supplier's bid for a whole lot."""

    lot: Text
    supplier: Text
    text: Text
    prices: Annotated[tuple[PricedBody, ...], Field(min_length=1, max_length=1000, strict=False)]


class InterestBody(http.Body):
    """Whether there is an interest in the tender, and which."""

    interested: bool
    text: Text


class ScoreBody(http.Body):
    """A mark from 0 to 100 in a judged criterion, and why."""

    criterion: Text
    mark: Annotated[int, Field(ge=0, le=100)]
    reason: Text


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class ObjectionBody(http.Body):
    """What a bidder objects to."""

    supplier: Text
    text: Text


class ReviewBody(http.Body):
    """Whether an objection is upheld, and why."""

    upheld: bool
    reason: Text


Work = Callable[[Session, Act], Any]


def _made(caller: Caller, request: Request, body: http.Body | None, key: str | None, work: Work) -> JSONResponse:
    return caller.effect(request, body, key, work, status=201)


@router.get("/tenders")
def tenders(caller: SignedIn) -> list[dict[str, Any]]:
    """All tenders, the newest first."""
    with caller.reading() as session:
        return [http.plain(row) for row in queries.tenders(session)]


@router.get("/tenders/{number}")
def show(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """A tender with its specification's versions, lots, members, rubric, results, objections and contracts."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.shown(session, number))
        return found


@router.post("/tenders", status_code=201)
def plan(caller: SignedIn, request: Request, body: NeedBody, key: Key = None) -> JSONResponse:
    """Plan a tender for a need."""
    need = Need(**body.model_dump())
    return _made(caller, request, body, key, lambda session, act: operations.plan(session, act, need=need))


@router.post("/tenders/{number}/specification", status_code=201)
def specify(
    caller: SignedIn, request: Request, number: http.Number, body: SpecificationBody, key: Key = None
) -> JSONResponse:
    """Write a new version of the specification."""
    given: dict[str, Any] = {"number": number, **body.model_dump()}
    return _made(caller, request, body, key, lambda session, act: operations.specify(session, act, **given))


@router.post("/tenders/{number}/lots", status_code=201)
def add_lot(caller: SignedIn, request: Request, number: http.Number, body: LotBody, key: Key = None) -> JSONResponse:
    """Add a lot with its items."""
    given: dict[str, Any] = {"number": number, "lot": body.lot, "title": body.title}
    given |= {"maximum_minor": body.maximum_minor, "goods": [Goods(**one.model_dump()) for one in body.goods]}
    return _made(caller, request, body, key, lambda session, act: operations.add_lot(session, act, **given))


@router.put("/tenders/{number}/lots/{lot}/members/{member}")
def choose(
    caller: SignedIn,
    request: Request,
    number: http.Number,
    lot: Text,
    member: Text,
    *,
    body: ChoiceBody,
    key: Key = None,
) -> JSONResponse:
    """A member takes part in a lot, or stays out."""
    given: dict[str, Any] = {"number": number, "lot": lot, "member": member, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.choose(session, act, **given))


@router.put("/tenders/{number}/criteria")
def set_rubric(
    caller: SignedIn, request: Request, number: http.Number, body: RubricBody, key: Key = None
) -> JSONResponse:
    """Set the rubric; the weights add up to 100."""
    rubric = [Criterion(**one.model_dump()) for one in body.criteria]
    return caller.effect(
        request, body, key, lambda session, act: operations.set_rubric(session, act, number=number, rubric=rubric)
    )


@router.post("/tenders/{number}/publish")
def publish(
    caller: SignedIn, request: Request, number: http.Number, body: PublishBody, key: Key = None
) -> JSONResponse:
    """Publish the tender; from here on it stays as it is."""
    given: dict[str, Any] = {"number": number, "closes": body.closes}
    return caller.effect(request, body, key, lambda session, act: operations.publish(session, act, **given))


@router.post("/tenders/{number}/bids", status_code=201)
def bid(caller: SignedInGuest, request: Request, number: http.Number, body: BidBody, key: Key = None) -> JSONResponse:
    """Hand in a supplier's bid; it stays sealed until the time to bid is over."""
    given: dict[str, Any] = {"number": number, **body.model_dump(exclude={"prices"})}
    given["prices"] = [one.priced() for one in body.prices]
    return _made(caller, request, body, key, lambda session, act: operations.bid(session, act, **given))


@router.get("/tenders/{number}/bids")
def bids(caller: SignedIn, number: http.Number) -> list[dict[str, Any]]:
    """The bids with prices, declared emissions and marks, once they are open."""
    with caller.reading() as session:
        rows = queries.bid_rows(session, number, at=caller.act(session).at)
        return [http.plain(row) for row in rows]


@router.post("/tenders/{number}/interests", status_code=201)
def declare(
    caller: SignedIn, request: Request, number: http.Number, body: InterestBody, key: Key = None
) -> JSONResponse:
    """Declare whether one has an interest in the tender."""
    given: dict[str, Any] = {"number": number, **body.model_dump()}
    return _made(caller, request, body, key, lambda session, act: awarding.declare(session, act, **given))


@router.post("/tenders/{number}/bids/{bid}/scores", status_code=201)
def score(
    caller: SignedIn, request: Request, number: http.Number, bid: http.Number, *, body: ScoreBody, key: Key = None
) -> JSONResponse:
    """Mark a bid in a judged criterion."""
    given: dict[str, Any] = {"number": number, "bid": bid, **body.model_dump()}
    return _made(caller, request, body, key, lambda session, act: awarding.score(session, act, **given))


@router.post("/tenders/{number}/bids/{bid}/disqualify")
def disqualify(
    caller: SignedIn, request: Request, number: http.Number, bid: http.Number, *, body: ReasonBody, key: Key = None
) -> JSONResponse:
    """Take a bid out of the comparison, with the reason."""
    given: dict[str, Any] = {"number": number, "bid": bid, "reason": body.reason}
    return caller.effect(request, body, key, lambda session, act: awarding.disqualify(session, act, **given))


@router.post("/tenders/{number}/evaluate")
def evaluate(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Close the evaluation: points and ranks by the rubric."""
    return caller.effect(request, None, key, lambda session, act: awarding.evaluate(session, act, number=number))


@router.get("/tenders/{number}/recount")
def recount(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """The award counted again, with all that goes into it and what differs from what is on record."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.recount(session, number))
        return found


@router.post("/tenders/{number}/notify")
def notify(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Tell the bidders the result: the standstill begins."""
    return caller.effect(request, None, key, lambda session, act: awarding.notify(session, act, number=number))


@router.post("/tenders/{number}/objections", status_code=201)
def object_to(
    caller: SignedInGuest, request: Request, number: http.Number, body: ObjectionBody, key: Key = None
) -> JSONResponse:
    """Object within the standstill."""
    given: dict[str, Any] = {"number": number, **body.model_dump()}
    return _made(caller, request, body, key, lambda session, act: awarding.object_to(session, act, **given))


@router.post("/tenders/{number}/objections/{objection}/decision")
def review(
    caller: SignedIn,
    request: Request,
    number: http.Number,
    objection: http.Number,
    *,
    body: ReviewBody,
    key: Key = None,
) -> JSONResponse:
    """Decide an objection; one upheld opens the evaluation again."""
    given: dict[str, Any] = {"number": number, "objection": objection, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: awarding.decide_objection(session, act, **given))


@router.get("/tenders/{number}/award")
def award_effect(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """What the committee decides with the award: propose it as it is; it may vote while the standstill runs."""
    with caller.reading() as session:
        effect = awarding.award_effect(session, number)
        return {**http.plain(effect), "payload_hash": effect.hash}


@router.post("/tenders/{number}/award")
def award(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Award after the standstill, by the committee's decision."""
    return caller.effect(request, None, key, lambda session, act: awarding.award(session, act, number=number))


@router.get("/tenders/{number}/contracts/{supplier}")
def contract_effect(caller: SignedIn, number: http.Number, supplier: Text) -> dict[str, Any]:
    """What the committee decides with a winner's contract: propose it as it is."""
    with caller.reading() as session:
        effect = awarding.contract_effect(session, number=number, supplier=supplier)
        return {**http.plain(effect), "payload_hash": effect.hash}


@router.post("/tenders/{number}/contracts/{supplier}", status_code=201)
def sign(caller: SignedIn, request: Request, number: http.Number, supplier: Text, key: Key = None) -> JSONResponse:
    """Sign a winner's contract, by the committee's decision."""
    given: dict[str, Any] = {"number": number, "supplier": supplier}
    return _made(caller, request, None, key, lambda session, act: awarding.sign(session, act, **given))


@router.post("/tenders/{number}/cancel")
def cancel(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Cancel a tender of which nothing was signed."""
    given: dict[str, Any] = {"number": number, "reason": body.reason}
    return caller.effect(request, body, key, lambda session, act: operations.cancel(session, act, **given))


@router.get("/contracts/{contract}/emissions")
def emissions(caller: SignedIn, contract: Text) -> dict[str, Any]:
    """What delivered units emit by the supplier's declarations, per unit and in all (milligrams of CO2 equivalent)."""
    with caller.reading() as session:
        terms.contract(session, contract)
        found: dict[str, Any] = http.plain(queries.emissions(session, contract))
        return found
