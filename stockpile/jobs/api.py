"""Scheduled runs over HTTP, and the verification of the ledger."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from stockpile import http, journal
from stockpile.governance.caller import SignedIn
from stockpile.governance.rules import require
from stockpile.inventory import ledger
from stockpile.jobs import operations
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["runs"])


@router.get("/runs")
def runs(
    caller: SignedIn, request: Request, response: Response, after: Note = "", limit: http.LargeLimit = http.LARGE_PAGE
) -> list[dict[str, Any]]:
    """Runs of scheduled jobs, newest slot first; `after`: SLOT/JOB of the last one seen."""
    with caller.reading() as session:
        rows = operations.runs(session, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: f"{row.slot}/{row.job}")


@router.post("/runs/{job}")
def run(caller: SignedIn, job: Text) -> dict[str, Any]:
    """Run a job for the current slot; the slot is its key: done before, nothing is changed."""
    ran = operations.run(caller.engine, caller.act_now(), job=job, limit_seconds=caller.limit_seconds)
    found: dict[str, Any] = http.plain(ran)
    return found


@router.get("/verification")
def verification(caller: SignedIn) -> dict[str, Any]:
    """Recompute every balance and every hash now."""
    require(caller.actor, "verify")
    with caller.reading() as session:
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
        return {"verified": not found, "discrepancies": found[:100]}
