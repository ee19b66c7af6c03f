"""Findings over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text
from stockpile.transparency.findings import operations, queries
from stockpile.transparency.findings.tables import AuditFinding

router = APIRouter(prefix="/findings", tags=["audit"])


class FindingBody(http.Body):
    """What was found, against which criterion, with references; which office is to answer."""

    title: Text
    severity: Literal["low", "medium", "high", "critical"]
    criterion: Text
    evidence: Annotated[tuple[Text, ...], Field(min_length=1, max_length=100, strict=False)]
    cause: Text
    recommendation: Text
    office: Text


class StepBody(http.Body):
    """One step on, with what is said to it; an answer also says until which day it is done."""

    step: Literal["issue", "answer", "ask_again", "agree", "begin", "verify", "close", "accept"]
    text: Text
    due: http.Day | None = None


@router.get("")
def findings(caller: SignedIn, state: Note | None = None) -> list[dict[str, Any]]:
    """Findings, the newest first, and whether each is past due."""
    with caller.reading() as session:
        at = caller.act(session).at
        rows = queries.findings(session, state=state)
        return [{**shown(one), "past_due": queries.past_due(session, one, at=at)} for one in rows]


@router.get("/{number}/thread")
def thread(caller: SignedIn, number: http.Number) -> list[dict[str, Any]]:
    """What was said to a finding at each of its steps, by whom and when, the oldest first."""
    with caller.reading() as session:
        queries.finding(session, number)
        return [http.plain(one) for one in queries.thread(session, number)]


@router.post("", status_code=201)
def write(caller: SignedIn, request: Request, body: FindingBody, key: Key = None) -> JSONResponse:
    """Draft a finding."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda s, act: shown(operations.write(s, act, **fields)), status=201)


@router.post("/{number}/steps")
def step(caller: SignedIn, request: Request, number: http.Number, body: StepBody, key: Key = None) -> JSONResponse:
    """Take a finding one step on."""
    given: dict[str, Any] = {"number": number, "name": body.step, "text": body.text, "due": body.due}
    return caller.effect(request, body, key, lambda s, act: shown(operations.step(s, act, **given)))


def shown(found: AuditFinding) -> dict[str, Any]:
    """A finding with its evidence as a list."""
    fields: dict[str, Any] = http.plain(found)
    return fields | {"evidence": json.loads(found.evidence)}
