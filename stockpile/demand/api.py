"""Caseload over HTTP."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.demand import operations, queries
from stockpile.errors import Invalid
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["demand"])


class DayReportBody(http.Body):
    """One municipality's figures for a day; `admissions` null where none were reported."""

    member: Text
    cases: http.QuantityOrNone
    cases_suppressed: bool = False
    admissions: http.QuantityOrNone | None
    basis: Text = "reported"


class CaseloadBody(http.Body):
    """A day's reports."""

    day: http.Day
    reports: Annotated[list[DayReportBody], Field(min_length=1, max_length=5000)]


class ReleaseBody(http.Body):
    """Which flagged report is accepted as it was given, and why."""

    day: http.Day
    member: Text
    reason: Text


@router.get("/caseload")
def caseload(
    caller: SignedIn,
    request: Request,
    response: Response,
    *,
    day: http.Day | None = None,
    member: Note | None = None,
    after: Note = "",
    limit: http.LargeLimit = http.LARGE_PAGE,
) -> list[dict[str, Any]]:
    """Reports of a day (today, unless told) or of a member, with what planning accepts of them (thousandths).

    `after`: DAY/MEMBER of the last one seen.
    """
    with caller.reading() as session:
        shown = day if day or member else governance.local_day(session, caller.act(session).at)
        rows = queries.reports(session, day=shown, member=member, after=_seen(after), limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: f"{row.day}/{row.member_code}")


def _seen(after: str) -> tuple[date, str] | None:
    day, _, member = after.partition("/")
    try:
        return (date.fromisoformat(day), member) if after else None
    except ValueError as failure:
        raise Invalid("after is DAY/MEMBER of the last report seen", field="after") from failure


@router.post("/caseload", status_code=201)
def report(caller: SignedIn, request: Request, body: CaseloadBody, key: Key = None) -> JSONResponse:
    """Report a day's caseload; a jump that looks like a catch-up of reporting comes back flagged."""
    reports = [operations.DayReport(**row.model_dump()) for row in body.reports]
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.report_day(session, act, day=body.day, reports=reports),
        status=201,
    )


@router.post("/caseload/release")
def release(caller: SignedIn, request: Request, body: ReleaseBody, key: Key = None) -> JSONResponse:
    """Accept a flagged report as it was given."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.release_flag(
            session, act, day=body.day, member=body.member, reason=body.reason
        ),
    )
