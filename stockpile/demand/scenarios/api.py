"""Scenarios over HTTP: kept by name with their assumptions, and held against the stock there is."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.demand.scenarios import operations, queries, rules
from stockpile.demand.scenarios.rules import Course
from stockpile.demand.scenarios.tables import DemandScenario
from stockpile.errors import Invalid
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Text

router = APIRouter(tags=["demand"])
Days = Annotated[int, Field(ge=1, le=rules.LONGEST_DAYS)]
Permille = Annotated[int, Field(ge=-1000, le=1000)]


class EpidemicBody(http.Body):
    """An epidemic that runs its course: `share_milli` thousandths of those infected are admitted."""

    name: Text
    assumptions: Text
    population: http.Quantity
    first_cases: http.Quantity
    doubling_days: Annotated[int, Field(ge=1, le=365)]
    infectious_days: Annotated[int, Field(ge=1, le=365)]
    share_milli: Annotated[int, Field(ge=0, le=1000)]
    days: Days


class OutageBody(http.Body):
    """Machines that fail faster on days without power, and what each failure needs (thousandths of a base unit)."""

    name: Text
    assumptions: Text
    machines: Annotated[int, Field(ge=1, le=1_000_000)]
    failures_per_thousand_days: Annotated[int, Field(ge=0, le=1000)]
    days_without_power: Annotated[list[Annotated[int, Field(ge=0, le=rules.LONGEST_DAYS)]], Field(max_length=730)]
    factor: Annotated[int, Field(ge=1, le=1000)]
    days: Days
    per_item_milli: Annotated[dict[str, http.Quantity], Field(min_length=1, max_length=500)]


class WaveBody(http.Body):
    """A wave that was reported, so many thousandths of it."""

    name: Text
    assumptions: Text
    first: http.Day
    last: http.Day
    scale_permille: Annotated[int, Field(ge=1, le=100_000)]


class FileBody(http.Body):
    """A curve from a file: patients a day, null where unknown; put right for catch-ups and gaps."""

    name: Text
    assumptions: Text
    daily: Annotated[list[http.QuantityOrNone | None], Field(min_length=1, max_length=rules.LONGEST_DAYS)]


class ShockBody(http.Body):
    """So many thousandths of the budget gained or lost from a year on."""

    year: Annotated[int, Field(ge=2000, le=2200)]
    change_permille: Permille


class YearsBody(http.Body):
    """A run of years: changes in thousandths a year."""

    name: Text
    assumptions: Text
    first_year: Annotated[int, Field(ge=2000, le=2200)]
    years: Annotated[int, Field(ge=1, le=50)]
    population_permille: Permille
    old_permille: Annotated[int, Field(ge=0, le=1000)]
    old_change_permille: Permille
    old_factor_permille: Annotated[int, Field(ge=1, le=100_000)]
    price_permille: Permille
    budget_permille: Permille
    shocks: list[ShockBody] = Field(default_factory=list, max_length=50)


@router.get("/scenarios")
def scenarios(caller: SignedIn) -> list[dict[str, Any]]:
    """All scenarios with their assumptions and curves."""
    with caller.reading() as session:
        return [_shown(one) for one in queries.scenarios(session)]


@router.get("/scenarios/{name}/needs")
def needs(caller: SignedIn, name: Text) -> list[dict[str, Any]]:
    """What a surge scenario would use of each item, what the pool has, and on which day it would run out."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.asked(session, name, at=caller.act(session).at)]


@router.post("/scenarios/epidemic", status_code=201)
def epidemic(caller: SignedIn, request: Request, body: EpidemicBody, key: Key = None) -> JSONResponse:
    """Keep an epidemic by its doubling time."""
    given = body.model_dump(exclude={"name", "assumptions"})

    def work(session: Session, act: Act) -> Any:
        daily = rules.epidemic(**given)
        return _daily(session, act, body, kind=rules.EPIDEMIC, daily=daily, per_item={}, noted=given)

    return caller.effect(request, body, key, work, status=201)


@router.post("/scenarios/outage", status_code=201)
def outage(caller: SignedIn, request: Request, body: OutageBody, key: Key = None) -> JSONResponse:
    """Keep an outage and what its failures need."""
    given = body.model_dump(exclude={"name", "assumptions", "per_item_milli", "days_without_power"})

    def work(session: Session, act: Act) -> Any:
        daily = rules.outage(**given, loss_of_power_days=body.days_without_power)
        noted = {**given, "days_without_power": body.days_without_power}
        return _daily(session, act, body, kind=rules.OUTAGE, daily=daily, per_item=body.per_item_milli, noted=noted)

    return caller.effect(request, body, key, work, status=201)


@router.post("/scenarios/past-wave", status_code=201)
def past_wave(caller: SignedIn, request: Request, body: WaveBody, key: Key = None) -> JSONResponse:
    """Keep a wave that was reported."""
    given = body.model_dump()
    return caller.effect(
        request, body, key, lambda session, act: _shown(operations.keep_past_wave(session, act, **given)), status=201
    )


@router.post("/scenarios/file", status_code=201)
def from_file(caller: SignedIn, request: Request, body: FileBody, key: Key = None) -> JSONResponse:
    """Keep a curve from a file."""

    def work(session: Session, act: Act) -> Any:
        if all(one is None for one in body.daily):
            raise Invalid("every day of the curve is unknown", field="daily")
        clean = rules.cleaned(body.daily)
        noted = {"catch_up_days": list(clean.catch_ups), "bridged_days": list(clean.bridged)}
        return _daily(
            session, act, body, kind=rules.FILE, daily=[one * 1000 for one in clean.values], per_item={}, noted=noted
        )

    return caller.effect(request, body, key, work, status=201)


@router.post("/scenarios/years", status_code=201)
def years(caller: SignedIn, request: Request, body: YearsBody, key: Key = None) -> JSONResponse:
    """Keep a run of years."""
    fields = body.model_dump(exclude={"name", "assumptions", "shocks"})
    course = Course(**fields, shocks=tuple((one.year, one.change_permille) for one in body.shocks))
    given: dict[str, Any] = {"name": body.name, "assumptions": body.assumptions, "course": course}
    return caller.effect(
        request, body, key, lambda session, act: _shown(operations.keep_years(session, act, **given)), status=201
    )


def _daily(
    session: Session,
    act: Act,
    body: EpidemicBody | OutageBody | FileBody,
    *,
    kind: str,
    daily: list[int],
    per_item: dict[str, int],
    noted: dict[str, Any],
) -> Any:
    kept = operations.keep_daily(
        session,
        act,
        name=body.name,
        kind=kind,
        assumptions=body.assumptions,
        daily_milli=daily,
        per_item_milli=per_item,
        noted=noted,
    )
    return _shown(kept)


def _shown(row: DemandScenario) -> dict[str, Any]:
    found: dict[str, Any] = http.plain(row)
    return {**found, "curve": json.loads(row.curve)}
