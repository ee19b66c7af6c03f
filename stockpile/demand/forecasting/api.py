"""Forecasts, history from before the ledger, and outlooks over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field

from stockpile import http
from stockpile.demand.forecasting import operations, queries
from stockpile.errors import Invalid
from stockpile.governance.caller import Key, SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["demand"])


class PastBody(http.Body):
    """Use of an item in a month; `quantity` null where nobody knows, `site` empty for the whole pool."""

    item: Text
    month: http.Day
    quantity: http.QuantityOrNone | None
    site: Note = ""


class HistoryBody(http.Body):
    """Use from before the ledger began, and where the figures are from."""

    source: Text
    rows: Annotated[list[PastBody], Field(min_length=1, max_length=5000)]


@router.get("/forecasts")
def forecasts(
    caller: SignedIn,
    *,
    item: Note | None = None,
    site: Note | None = None,
    after: Note = "",
    limit: http.Limit = 100,
) -> dict[str, Any]:
    """The newest forecasts by item and site ('' for all sites): thousandths of a base unit per period, with quantiles.

    Each says its method, its back-test errors beside the best simple method,
    and how many periods were seen, corrected or unknown. `after`: ITEM/SITE.
    """
    code, slash, place = after.partition("/")
    if after and not slash:
        raise Invalid("after is ITEM/SITE of the last forecast seen", field="after")
    with caller.reading() as session:
        last = (code, place) if after else None
        rows = queries.foreseen(session, item=item, site=site, after=last, limit=limit + 1)
        return http.paged(rows, limit=limit, key=lambda row: f"{row.item}/{row.site}")


@router.get("/consumption/{item}")
def consumption(caller: SignedIn, item: Text) -> list[dict[str, Any]]:
    """What is known of an item's use per period, put right for days without stock and silences; null: unknown."""
    with caller.reading() as session:
        today = queries.local_today(session, caller.act(session).at)
        return [http.plain(one) for one in queries.known_use(session, today=today) if one.pair[0] == item]


@router.post("/demand-history", status_code=201)
def load_history(caller: SignedIn, request: Request, body: HistoryBody, key: Key = None) -> JSONResponse:
    """Take in use from before the ledger began; a month is taken in once."""
    rows = [operations.Past(**row.model_dump()) for row in body.rows]
    return caller.effect(
        request,
        body,
        key,
        lambda session, act: {"new": operations.load_history(session, act, rows=rows, source=body.source)},
        status=201,
    )
