"""Plans computed by number over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation.computing import operations, running
from stockpile.allocation.computing.running import Job
from stockpile.governance.caller import Key, SignedIn

router = APIRouter(tags=["allocation"])


@router.post("/surges/{number}/plan-jobs", status_code=202)
def begin(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Begin to compute a plan and answer at once; ask GET /plan-jobs/{number} how far it is.

    Where a plan of the surge is being computed already, its number is answered. Any worker answers for it.
    """
    acts: list[Act] = []

    def work(session: Session, act: Act) -> Any:
        acts.append(act)
        return operations.told(operations.begin(session, act, surge=number, now=_now()), _now())

    answer = caller.effect(request, None, key, work, status=202)
    for act in acts[-1:] if answer.status_code == 202 else ():
        job = json.loads(bytes(answer.body))["number"]
        running.take_up(caller.engine, act, Job(job, number, caller.limit_seconds, _now))
    return answer


@router.get("/plan-jobs/{number}")
def job(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """How far it is (items shared, of how many), and what became of it: the plan's number, or why there is none."""
    with caller.reading() as session:
        told: dict[str, Any] = http.plain(operations.told(operations.found(session, number), _now()))
        return told


@router.delete("/plan-jobs/{number}")
def end(
    caller: SignedIn, request: Request, number: http.Number, *, keep: bool = False, key: Key = None
) -> JSONResponse:
    """End it and store nothing; with `keep` the best plan so far is stored, labelled and with its bound."""

    def work(session: Session, act: Act) -> Any:
        return operations.told(operations.end(session, act, number=number, keep=keep, now=_now()), _now())

    return caller.effect(request, None, key, work)


def _now() -> datetime:
    """The machine's own clock: a simulated region's does not tell whether a worker lives."""
    return datetime.now(UTC)
