"""Settlement over HTTP: periods, costs, statements with what is behind them, loans, who helped whom."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text
from stockpile.settlement import deriving, operations, queries, rules, storing

router = APIRouter(tags=["settlement"])
Percent = Annotated[int, Field(ge=0, le=100)]


class PeriodBody(http.Body):
    """A period and its key; the parts of a mixed one (percent) make 100."""

    name: Text
    starts_at: http.Instant
    ends_at: http.Instant
    cost_key: Literal["population", "reservation", "use", "mixed"]
    by_population: Percent = 0
    by_reservation: Percent = 0
    by_use: Percent = 0


class CostBody(http.Body):
    """A cost in minor units: who paid (a member, or pool), who bears it (empty: all, by the key), and what it is."""

    kind: Literal["purchase", "transport", "storage", "expiry", "option", "loan", "other"]
    incurred_at: http.Instant
    amount_minor: Annotated[int, Field(ge=-http.LARGEST_NUMBER, le=http.LARGEST_NUMBER)]
    paid_by: Text
    borne_by: Note = ""
    reference: Text
    reason: Text
    corrects: http.Number | None = None


class ReservationBody(http.Body):
    """What a member has reserved in the pool from now on, as a value in minor units."""

    value_minor: http.QuantityOrNone
    reason: Text


class RateBody(http.Body):
    """What a cubic metre costs a day, in thousandths of a minor unit, and where that is written or why assumed."""

    site: Text
    storage_class: Literal["ambient", "cold", "frozen", "controlled"]
    effective_from: http.Day
    milli_per_m3_day: http.QuantityOrNone
    source: Text


class ReasonBody(http.Body):
    """Why."""

    reason: Text


class LoanBody(http.Body):
    """The confirmed change of owner that was a loan, when it is due, and the price of a pack that never comes back."""

    change: http.Number
    due_at: http.Instant
    pack_price_minor: http.QuantityOrNone


class ReturnBody(http.Body):
    """The confirmed change of owner that brought it back."""

    change: http.Number


class ConvertBody(http.Body):
    """The open period that the sale is booked in, and why."""

    period: http.Number
    reason: Text


@router.get("/settlements")
def periods(caller: SignedIn) -> list[dict[str, Any]]:
    """Settlement periods, the newest first."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.periods(session)]


@router.post("/settlements", status_code=201)
def open_period(caller: SignedIn, request: Request, body: PeriodBody, key: Key = None) -> JSONResponse:
    """Open a period to book costs in."""
    mix = rules.Mix(body.by_population, body.by_reservation, body.by_use)
    fields = body.model_dump(include={"name", "starts_at", "ends_at", "cost_key"})
    return caller.effect(
        request, body, key, lambda s, act: operations.open_period(s, act, mix=mix, **fields), status=201
    )


@router.get("/settlements/{number}")
def period(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """A period with its costs, what each party owes or is owed, and the payments that make everybody even."""
    with caller.reading() as session:
        found = queries.period(session, number)
        nets = queries.nets(session, number)
        paid = [{"from": a, "to": b, "amount_minor": amount} for a, b, amount in rules.payments(nets)]
        costs = http.plain(queries.events(session, number))
        return {**http.plain(found), "costs": costs, "nets": nets, "payments": paid}


@router.get("/settlements/{number}/statements/{party}")
def statement(caller: SignedIn, number: http.Number, party: Text) -> dict[str, Any]:
    """One party's statement, with every charge and the cost behind it."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.statement(session, number, party))
        return found


@router.post("/settlements/{number}/costs", status_code=201)
def book(caller: SignedIn, request: Request, number: http.Number, body: CostBody, key: Key = None) -> JSONResponse:
    """Book a cost; a period that is closed takes none."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda s, act: operations.book(s, act, period=number, **fields), status=201
    )


@router.post("/settlements/{number}/recorded", status_code=201)
def book_recorded(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Book what deliveries, transfers, options and storing cost by the records, each once; nobody types it."""

    def work(session: Session, act: Act) -> dict[str, Any]:
        made = deriving.book_recorded(session, act, period=number)
        return {"booked": len(made), "amount_minor": sum(one.amount_minor for one in made)}

    return caller.effect(request, None, key, work, status=201)


@router.post("/settlements/{number}/calculate")
def calculate(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Divide every cost of the period to the cent."""
    return caller.effect(request, None, key, lambda s, act: operations.calculate(s, act, number=number))


@router.post("/settlements/{number}/close")
def close(caller: SignedIn, request: Request, number: http.Number, body: ReasonBody, key: Key = None) -> JSONResponse:
    """Close a calculated period for ever; never who calculated it."""
    return caller.effect(request, body, key, lambda s, act: operations.close(s, act, number=number, reason=body.reason))


@router.post("/members/{code}/reservations", status_code=201)
def reserve(caller: SignedIn, request: Request, code: Text, body: ReservationBody, key: Key = None) -> JSONResponse:
    """Note what a member has reserved in the pool from now on."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda s, act: operations.reserve(s, act, member=code, **fields), status=201
    )


@router.get("/storage-rates")
def storage_rates(caller: SignedIn) -> list[dict[str, Any]]:
    """What storing costs, by site, storage class and day, each with its source."""
    with caller.reading() as session:
        return [http.plain(one) for one in storing.rates(session)]


@router.post("/storage-rates", status_code=201)
def set_rate(caller: SignedIn, request: Request, body: RateBody, key: Key = None) -> JSONResponse:
    """Note what storing costs at a site from a day on."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: deriving.set_rate(s, act, **fields), status=201)


@router.get("/loans")
def loans(caller: SignedIn, party: Note | None = None) -> list[dict[str, Any]]:
    """Loans, the newest first, each with whether it is overdue."""
    with caller.reading() as session:
        at = caller.act(session).at
        running = (rules.LENT, rules.PART_RETURNED)
        return [
            {**http.plain(one), "overdue": one.state in running and one.due_at <= at}
            for one in queries.loans(session, party=party)
        ]


@router.post("/loans", status_code=201)
def lend(caller: SignedIn, request: Request, body: LoanBody, key: Key = None) -> JSONResponse:
    """Note that a change of owner was a loan."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: operations.lend(s, act, **fields), status=201)


@router.post("/loans/{number}/returns", status_code=201)
def give_back(
    caller: SignedIn, request: Request, number: http.Number, body: ReturnBody, key: Key = None
) -> JSONResponse:
    """Count a change of owner back to the lender as a return, like for like."""
    return caller.effect(
        request, body, key, lambda s, act: operations.give_back(s, act, number=number, change=body.change), status=201
    )


@router.post("/loans/{number}/convert")
def convert(
    caller: SignedIn, request: Request, number: http.Number, body: ConvertBody, key: Key = None
) -> JSONResponse:
    """Sell what is still out on an overdue loan."""

    def work(session: Session, act: Act) -> Any:
        return operations.convert(session, act, number=number, period=body.period, reason=body.reason)

    return caller.effect(request, body, key, work)


@router.get("/reciprocity")
def reciprocity(caller: SignedIn) -> dict[str, Any]:
    """Who helped whom by lending, and what was shipped under emergencies that were not ratified."""
    with caller.reading() as session:
        return {"lent": queries.help_given(session), "cases": http.plain(queries.cases(session))}


@router.post("/members/{code}/exit-statement", status_code=201)
def exit_statement(caller: SignedIn, request: Request, code: Text, key: Key = None) -> JSONResponse:
    """Put the settlement statement of an exit on file: what the member is owed or owes, with nothing left open."""
    return caller.effect(request, None, key, lambda s, act: operations.exit_statement(s, act, member=code), status=201)
