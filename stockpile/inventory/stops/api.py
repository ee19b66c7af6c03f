"""Stops over HTTP: what does not move and why, stopping by hand, lifting."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse

from stockpile import http
from stockpile.governance.caller import After, Key, SignedIn
from stockpile.inventory.stops import operations, queries
from stockpile.plaintext import Text

router = APIRouter(tags=["stops"])
Number = Annotated[int, Path(ge=1, le=2**62)]


class StopBody(http.Body):
    """What is stopped, and what is wrong with it; no lot: all lots, no site: everywhere."""

    lot_id: http.Number | None = None
    site: Text | None = None
    found: Text


class LiftBody(http.Body):
    """What was found, and why stock may move again."""

    reason: Text


@router.get("/stops")
def stops(
    caller: SignedIn,
    request: Request,
    response: Response,
    *,
    standing: bool = True,
    after: After = 0,
    limit: http.LargeLimit = http.LARGE_PAGE,
) -> list[dict[str, Any]]:
    """Stops in the order set; `standing` false tells the lifted ones too."""
    with caller.reading() as session:
        rows = queries.stops(session, standing=standing, after=after, limit=limit + 1)
        return http.listed(request, response, rows, limit=limit, key=lambda row: row.id)


@router.post("/stops", status_code=201)
def stop(caller: SignedIn, request: Request, body: StopBody, key: Key = None) -> JSONResponse:
    """Stop a lot, a site, a lot at a site, or everything: nothing of it is posted until the stop is lifted."""
    fields = body.model_dump()
    return caller.effect(request, body, key, lambda session, act: operations.stop(session, act, **fields), status=201)


@router.post("/stops/{number}/lift")
def lift(caller: SignedIn, request: Request, number: Number, body: LiftBody, key: Key = None) -> JSONResponse:
    """Let stock move again, for the reason given."""
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: operations.lift(session, act, number=number, reason=body.reason),
    )
