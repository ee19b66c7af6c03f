"""Scorecards over HTTP; a supplier sees its own and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.contracts.scorecards import operations, queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import Key, SignedIn, SignedInGuest
from stockpile.governance.rules import require
from stockpile.plaintext import Text

router = APIRouter(tags=["contracts"])


class RotationBody(http.Body):
    """A batch that the supplier has to rotate before it expires, and when it did."""

    item: Text
    batch: Text
    expiry: http.Day
    rotated_on: http.Day | None = None


@router.get("/suppliers/{supplier}/scorecard")
def scorecard(
    caller: SignedInGuest, supplier: Text, since: http.Day | None = None, until: http.Day | None = None
) -> dict[str, Any]:
    """A supplier's scorecard over the lines due in a period; the year up to today if left out."""
    require(caller.actor, "scorecard.see", member=supplier)
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        last = min(until or today, today)
        first = since or last - timedelta(days=365)
        found: dict[str, Any] = http.plain(queries.scorecard(session, supplier, since=first, until=last))
        return found


@router.get("/suppliers/{supplier}/lead-times")
def lead_times(caller: SignedInGuest, supplier: Text) -> dict[str, Any]:
    """What a supplier's deliveries teach about its lead time and lateness, with the uncertainty."""
    require(caller.actor, "scorecard.see", member=supplier)
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.learned(session, supplier, at=caller.act(session).at))
        return found


@router.post("/contracts/{contract}/rotations", status_code=201)
def note_rotation(
    caller: SignedIn, request: Request, contract: Text, body: RotationBody, key: Key = None
) -> JSONResponse:
    """Note that a batch is to be rotated, or that it has been."""
    given: dict[str, Any] = {"contract": contract, **body.model_dump()}
    return caller.effect(
        request, body, key, lambda session, act: operations.note_rotation(session, act, **given), status=201
    )
