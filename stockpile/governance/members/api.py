"""Membership over HTTP: a member's history, the way in and out, populations by year, the agreement."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.members import operations
from stockpile.governance.standing import queries
from stockpile.governance.tables import Member
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["governance"])


class MemberBody(http.Body):
    """A candidate: code, name, country (two letters), what it is part of, population of a year, where it lies."""

    code: Text
    name: Text
    name_alt: Note = ""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    parent: Text
    population: http.Quantity
    population_year: Annotated[int, Field(ge=1900, le=2200)]
    latitude: Annotated[float, Field(ge=-90, le=90, strict=False)]
    longitude: Annotated[float, Field(ge=-180, le=180, strict=False)]
    reason: Text


class EvidenceBody(http.Body):
    """What is on file for a step of membership, and where others find it."""

    kind: Literal["signature", "council", "buy_in", "data_feed"]
    reference: Text


class PopulationBody(http.Body):
    """A population of a year with its source."""

    year: Annotated[int, Field(ge=1900, le=2200)]
    population: http.Quantity
    source: Text


class StepBody(http.Body):
    """The state that the membership goes to, and why."""

    to: Literal["observer", "signed", "active", "suspended", "notice_of_exit", "exited"]
    reason: Text


class AgreementBody(http.Body):
    """The terms of a version of the agreement; its text by its SHA-256."""

    text_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    effective_from: http.Day
    governing_law: Text
    languages: Text
    cost_key: Literal["population", "reservation", "use", "mixed"]
    notice_days: Annotated[int, Field(ge=1, le=3660)]


@router.get("/members/{code}")
def member(caller: SignedIn, code: Text, at: http.Instant | None = None) -> dict[str, Any]:
    """A member as it stood at an instant (now unless told), with its history and what is on file."""
    with caller.reading() as session:
        found = governance.member(session, code)
        stood = queries.facts(session, at=at or caller.act(session).at)[code]
        return {
            **http.plain(found),
            **http.plain(stood),
            "history": http.plain(queries.history(session, code)),
            "populations": http.plain(queries.populations(session, code)),
            "evidence": http.plain(queries.evidence(session, code)),
        }


@router.post("/members", status_code=201)
def nominate(caller: SignedIn, request: Request, body: MemberBody, key: Key = None) -> JSONResponse:
    """Note a candidate; it has no rights until the committee admits it."""
    row = Member(**body.model_dump(exclude={"reason"}))
    return caller.effect(
        request, body, key, lambda s, act: operations.nominate(s, act, member=row, reason=body.reason), status=201
    )


@router.post("/members/{code}/evidence", status_code=201)
def evidence(caller: SignedIn, request: Request, code: Text, body: EvidenceBody, key: Key = None) -> JSONResponse:
    """Put something on file that a step of membership needs."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda s, act: operations.file_evidence(s, act, member=code, **fields), status=201
    )


@router.post("/members/{code}/populations", status_code=201)
def population(caller: SignedIn, request: Request, code: Text, body: PopulationBody, key: Key = None) -> JSONResponse:
    """Note the population of a year; decisions made before keep the one they counted."""
    fields = body.model_dump()
    return caller.effect(
        request, body, key, lambda s, act: operations.note_population(s, act, member=code, **fields), status=201
    )


@router.post("/members/{code}/steps", status_code=201)
def step(caller: SignedIn, request: Request, code: Text, body: StepBody, key: Key = None) -> JSONResponse:
    """Take a membership to its next state, by decision where one is needed (header Decision)."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: operations.step(s, act, member=code, **fields), status=201)


@router.get("/agreements")
def agreements(caller: SignedIn) -> list[dict[str, Any]]:
    """All versions of the agreement, the newest first."""
    with caller.reading() as session:
        return [http.plain(one) for one in queries.agreements(session)]


@router.post("/agreements", status_code=201)
def adopt(caller: SignedIn, request: Request, body: AgreementBody, key: Key = None) -> JSONResponse:
    """Put the next version of the agreement in force, by the adopted decision that the header names."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: operations.adopt_agreement(s, act, **fields), status=201)
