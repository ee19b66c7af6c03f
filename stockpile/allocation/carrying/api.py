"""What can be carried in a day, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.allocation.carrying import operations, queries
from stockpile.allocation.carrying.operations import LARGEST_ML, Carries
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["allocation"])


class LimitBody(http.Body):
    """Millilitres a day from a day on: of a depot, of the way from a depot to a member, or to a member altogether.

    `volume_ml` null ends the limit.
    """

    site: Text | None = None
    member: Text | None = None
    volume_ml: Annotated[int, Field(ge=0, le=LARGEST_ML)] | None
    effective_from: http.Day
    reason: Text


@router.get("/carrying-limits")
def list_limits(caller: SignedIn, site: Note | None = None, member: Note | None = None) -> list[dict[str, Any]]:
    """Every limit that was set, by whom and why; of a kind and place the latest that has begun counts."""
    with caller.reading() as session:
        return [http.plain(row) for row in queries.listed(session, site=site, member=member)]


@router.post("/carrying-limits", status_code=201)
def limit(caller: SignedIn, request: Request, body: LimitBody, key: Key = None) -> JSONResponse:
    """Say what a depot can dispatch, a lane's vehicles carry or a member take in within a day; plans keep it."""
    said = Carries(**body.model_dump())
    return caller.effect(request, body, key, lambda session, act: operations.limit(session, act, said=said), status=201)
