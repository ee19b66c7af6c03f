"""Plans computed by number over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.allocation import operations
from stockpile.allocation.computing.running import jobs_of
from stockpile.governance.caller import Key, SignedIn
from stockpile.governance.rules import require

router = APIRouter(tags=["allocation"])


@router.post("/surges/{number}/plan-jobs", status_code=202)
def begin(caller: SignedIn, request: Request, number: http.Number, key: Key = None) -> JSONResponse:
    """Begin to compute a plan and answer at once; ask GET /plan-jobs/{number} how far it is.

    Where a plan of the surge is being computed already, its number is answered.
    """

    def work(session: Session, act: Act) -> Any:
        require(act.actor, "plan.compute")
        operations.open_surge(session, number, at=act.at)
        limit = caller.limit_seconds
        return jobs_of(caller.engine).begin(caller.engine, act, surge=number, limit_seconds=limit).told()

    return caller.effect(request, None, key, work, status=202)


@router.get("/plan-jobs/{number}")
def job(caller: SignedIn, number: http.Number) -> dict[str, Any]:
    """How far it is (items shared, of how many), and what became of it: the plan's number, or why there is none."""
    told: dict[str, Any] = http.plain(jobs_of(caller.engine).job(number).told())
    return told


@router.delete("/plan-jobs/{number}")
def end(caller: SignedIn, number: http.Number, *, keep: bool = False) -> dict[str, Any]:
    """End it and store nothing; with `keep` the best plan so far is stored, labelled and with its bound."""
    require(caller.actor, "plan.compute")
    told: dict[str, Any] = http.plain(jobs_of(caller.engine).end(number, keep=keep).told())
    return told
