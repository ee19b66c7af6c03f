"""What a contract says, over HTTP: its terms on a day, amendments, lots, reservations, conditions, options, indices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.contracts.terms import operations, queries
from stockpile.contracts.terms.drafting import LineTerms, Price
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["contracts"])
Permille = Annotated[int, Field(ge=0, le=1000)]
Days = Annotated[int, Field(ge=0, le=36_500)]
Money = http.QuantityOrNone


class TermsBody(http.Body):
    """The terms that an amendment changes; those left out stay."""

    ends: http.Day | None = None
    ceiling_minor: Money | None = None
    minimum_order_minor: Money | None = None
    lead_time_days: Days | None = None
    run_off_days: Days | None = None
    order_weekdays: Annotated[str, Field(pattern="^[1-7]{1,7}$")] | None = None
    immediate_permille: Permille | None = None
    immediate_days: Days | None = None
    index_code: Note | None = None
    index_base_milli: http.Quantity | None = None
    index_share_permille: Permille | None = None
    rotation_trigger_days: Days | None = None
    rotation_credit_permille: Permille | None = None
    damages_rate_permille: Annotated[int, Field(ge=0, le=100_000)] | None = None
    damages_days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    damages_of: Literal["late_part", "order"] | None = None
    damages_grace_days: Days | None = None
    damages_cap_permille: Permille | None = None
    damages_round_to_minor: Annotated[int, Field(ge=1, le=10_000)] | None = None
    damages_round_each: Literal["day", "total"] | None = None
    damages_rounding: Literal["half_up", "down", "up"] | None = None


class PriceBody(http.Body):
    """From so many packs on, every pack of an item costs so much."""

    item: Text
    from_packs: http.Quantity
    pack_price_minor: Money


class LineBody(http.Body):
    """Shelf life on delivery and buying back of an item; null: it is not bought back."""

    item: Text
    shelf_life_on_delivery_days: Days
    buy_back_percent: Annotated[int, Field(ge=1, le=100)] | None = None
    buy_back_days: Days | None = None


class AmendmentBody(http.Body):
    """A new version of a contract, and why."""

    effective_from: http.Day
    rationale: Text
    terms: TermsBody = TermsBody()
    prices: Annotated[tuple[PriceBody, ...], Field(max_length=5000, strict=False)] = ()
    lines: Annotated[tuple[LineBody, ...], Field(max_length=5000, strict=False)] = ()


class DecisionBody(http.Body):
    """Whether an amendment is adopted, and why."""

    adopt: bool
    reason: Text


class LotBody(http.Body):
    """A lot of a contract with its items and its maximum."""

    lot: Text
    title: Text
    maximum_minor: http.Quantity
    items: Annotated[list[Text], Field(min_length=1, max_length=5000)]


class SharesBody(http.Body):
    """What members reserve of a lot, in minor units."""

    shares: Annotated[dict[str, http.Quantity], Field(min_length=1, max_length=2000)]


class TransferBody(http.Body):
    """What a member passes of its reservation to another."""

    giver: Text
    taker: Text
    amount_minor: http.Quantity
    reason: Text


class ConditionBody(http.Body):
    """Under which condition a lot applies in a country, and whether it is met."""

    condition: Text
    met: bool
    reason: Text


class OptionBody(http.Body):
    """A surge option on an item, in base units."""

    quantity: http.Quantity
    days: Days
    price_permille: Annotated[int, Field(ge=1, le=100_000)]
    fee_minor: Money = 0
    opens: http.Day
    closes: http.Day


class IndexBody(http.Body):
    """The value of an index, and who published it."""

    published_on: http.Day
    value_milli: http.Quantity
    source: Text


class StepBody(http.Body):
    """The next state of a contract, and why."""

    to: Text
    reason: Text


@router.get("/contracts/{contract}/terms")
def terms(caller: SignedIn, contract: Text, on: http.Day | None = None) -> dict[str, Any]:
    """Everything a contract says on a day (today if left out): version, terms, prices, lots, members, options."""
    with caller.reading() as session:
        queries.contract(session, contract)
        day = on or governance.local_day(session, caller.act(session).at)
        version, held = queries.terms_on(session, contract, day)
        tiers = queries.tiers_on(session, day, code=contract)
        prices = [
            {"item": item, "from_packs": packs, "pack_price_minor": price}
            for (_, item), steps in sorted(tiers.items())
            for packs, price in steps
        ]
        parts = {
            "contract": contract,
            "on": day,
            "version": version,
            "state": queries.standing(session, contract, day),
            "terms": held,
            "prices": prices,
            "lots": queries.lots(session, contract),
            "members": queries.members(session, contract),
            "conditions": queries.conditions(session, contract),
            "options": queries.options(session, contract),
        }
        found: dict[str, Any] = http.plain(parts)
        return found


@router.get("/contracts/{contract}/versions")
def versions(caller: SignedIn, contract: Text) -> list[dict[str, Any]]:
    """The versions of a contract with their rationale; empty before the first amendment."""
    with caller.reading() as session:
        queries.contract(session, contract)
        return [http.plain(row) for row in queries.versions(session, contract)]


@router.post("/contracts/{contract}/amendments", status_code=201)
def amend(caller: SignedIn, request: Request, contract: Text, body: AmendmentBody, key: Key = None) -> JSONResponse:
    """Propose an amendment; another person adopts it."""
    given: dict[str, Any] = {
        "contract": contract,
        "effective_from": body.effective_from,
        "rationale": body.rationale,
        "terms": body.terms.model_dump(exclude_unset=True),
        "prices": [Price(**one.model_dump()) for one in body.prices],
        "lines": [LineTerms(**one.model_dump()) for one in body.lines],
    }
    return caller.effect(
        request, body, key, lambda session, act: operations.propose_amendment(session, act, **given), status=201
    )


@router.post("/contracts/{contract}/amendments/{version}/decision")
def decide(
    caller: SignedIn, request: Request, contract: Text, version: http.Number, *, body: DecisionBody, key: Key = None
) -> JSONResponse:
    """Adopt or refuse another person's amendment."""
    given: dict[str, Any] = {"contract": contract, "version": version, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.decide_amendment(session, act, **given))


@router.post("/contracts/{contract}/lots", status_code=201)
def add_lot(caller: SignedIn, request: Request, contract: Text, body: LotBody, key: Key = None) -> JSONResponse:
    """Add a lot with its items and maximum."""
    given: dict[str, Any] = {"contract": contract, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.add_lot(session, act, **given), status=201)


@router.post("/contracts/{contract}/lots/{lot}/members", status_code=201)
def reserve(
    caller: SignedIn, request: Request, contract: Text, lot: Text, *, body: SharesBody, key: Key = None
) -> JSONResponse:
    """List members with what each reserves of a lot."""
    given: dict[str, Any] = {"contract": contract, "lot": lot, "shares": dict(body.shares)}
    return caller.effect(request, body, key, lambda session, act: operations.reserve(session, act, **given), status=201)


@router.post("/contracts/{contract}/lots/{lot}/transfers", status_code=201)
def transfer(
    caller: SignedIn, request: Request, contract: Text, lot: Text, *, body: TransferBody, key: Key = None
) -> JSONResponse:
    """Pass a part of a reservation to another listed member."""
    given: dict[str, Any] = {"contract": contract, "lot": lot, **body.model_dump()}
    return caller.effect(
        request, body, key, lambda session, act: operations.transfer_reservation(session, act, **given), status=201
    )


@router.put("/contracts/{contract}/lots/{lot}/conditions/{country}")
def set_condition(
    caller: SignedIn,
    request: Request,
    contract: Text,
    lot: Text,
    country: Text,
    *,
    body: ConditionBody,
    key: Key = None,
) -> JSONResponse:
    """Say under which condition a lot applies in a country."""
    given: dict[str, Any] = {"contract": contract, "lot": lot, "country": country, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.set_condition(session, act, **given))


@router.post("/contracts/{contract}/items/{item}/option", status_code=201)
def add_option(
    caller: SignedIn, request: Request, contract: Text, item: Text, *, body: OptionBody, key: Key = None
) -> JSONResponse:
    """Add a surge option on an item."""
    given: dict[str, Any] = {"contract": contract, "item": item, **body.model_dump()}
    return caller.effect(
        request, body, key, lambda session, act: operations.add_option(session, act, **given), status=201
    )


@router.post("/indices/{code}/values", status_code=201)
def publish_index(caller: SignedIn, request: Request, code: Text, body: IndexBody, key: Key = None) -> JSONResponse:
    """Note the published value of an index."""
    given: dict[str, Any] = {"code": code, **body.model_dump()}
    return caller.effect(
        request, body, key, lambda session, act: operations.publish_index(session, act, **given), status=201
    )


@router.post("/contracts/{contract}/step")
def step(caller: SignedIn, request: Request, contract: Text, body: StepBody, key: Key = None) -> JSONResponse:
    """Bring a contract into its next state."""
    given: dict[str, Any] = {"contract": contract, **body.model_dump()}
    return caller.effect(request, body, key, lambda session, act: operations.step(session, act, **given))
