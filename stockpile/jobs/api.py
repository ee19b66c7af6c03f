"""Scheduled runs over HTTP, and the verification of the ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http, journal
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.governance.rules import require
from stockpile.inventory import ledger
from stockpile.jobs import operations, queries
from stockpile.jobs.nightly import JOBS
from stockpile.jobs.rules import WEEKDAYS, When
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["runs"])


class ScheduleBody(http.Body):
    """When a job comes due: `hour` null: every hour; `weekday` null: every day; `time_zone` empty: the region's own."""

    enabled: bool
    minute: Annotated[int, Field(ge=0, le=59)]
    hour: Annotated[int, Field(ge=0, le=23)] | None = None
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] | None = None
    time_zone: Note = ""
    reason: Text

    def when(self) -> When:
        """The schedule that is asked for."""
        weekday = None if self.weekday is None else WEEKDAYS.index(self.weekday)
        return When(self.minute, self.hour, weekday, self.time_zone, self.enabled)


@router.get("/runs")
def runs(
    caller: SignedIn, request: Request, response: Response, after: Note = "", limit: http.LargeLimit = http.LARGE_PAGE
) -> list[dict[str, Any]]:
    """Runs of scheduled jobs, newest slot first; `after`: SLOT/JOB of the last one seen."""
    with caller.reading() as session:
        rows = queries.runs(session, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: f"{row.slot}/{row.job}")


@router.get("/run-attempts")
def attempts(
    caller: SignedIn, *, job: Note | None = None, state: Note | None = None, after: After = 0, limit: http.Limit = 100
) -> dict[str, Any]:
    """Every try at a slot, newest first: running (how far, when last heard of), done, refused, failed or lost."""
    with caller.reading() as session:
        rows = queries.attempts(session, job=job, state=state, after=after, limit=limit + 1)
        page = http.paged(rows, limit=limit, key=lambda row: row.id)
    for row in page["rows"]:
        row["outcome"] = json.loads(row["outcome"])
    return page


@router.get("/schedules")
def schedules(caller: SignedIn) -> list[dict[str, Any]]:
    """When each job comes due, next and by whose word, and its newest slot that was done."""
    now = datetime.now(UTC)
    with caller.reading() as session:
        return [
            http.plain(queries.scheduled(session, job=name, title=job.title, usual=job.usual, now=now))
            for name, job in JOBS.items()
        ]


@router.put("/schedules/{job}")
def set_schedule(caller: SignedIn, request: Request, job: Text, body: ScheduleBody, key: Key = None) -> JSONResponse:
    """Set when a job comes due, or stop it; kept with your name and reason."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.set_schedule(session, act, job=job, when=body.when(), reason=body.reason),
    )


@router.post("/runs/{job}")
def run(caller: SignedIn, request: Request, job: Text, dry: bool = False) -> dict[str, Any]:
    """Run a job for the current slot; the slot is its key: done before, nothing is changed.

    `dry`: everything is worked out and told, and nothing is changed.
    """
    home = request.app.state.settings.home
    ran = operations.run(
        caller.engine, caller.act_now(), job=job, limit_seconds=caller.limit_seconds, dry=dry, home=home
    )
    found: dict[str, Any] = http.plain(ran)
    return found


@router.get("/verification")
def verification(caller: SignedIn) -> dict[str, Any]:
    """Recompute every balance and every hash now."""
    require(caller.actor, "verify")
    with caller.reading() as session:
        found = [*ledger.discrepancies(session), *journal.discrepancies(session)]
        return {"verified": not found, "discrepancies": found[:100]}
