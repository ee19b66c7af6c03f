"""Items over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stockpile import http
from stockpile.catalogue import queries
from stockpile.governance.caller import SignedIn
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["catalogue"])


@router.get("/items")
def items(caller: SignedIn, after: Note = "", limit: http.Limit = 100) -> dict[str, Any]:
    """Items in the order of their codes. Flags of items that are not `verified` were set by no named person."""
    with caller.reading() as session:
        rows = [item for code, item in queries.items(session).items() if code > after]
        return http.paged(rows[: limit + 1], limit=limit, key=lambda row: row.code)


@router.get("/items/{code}")
def item(caller: SignedIn, code: Text) -> dict[str, Any]:
    """One item, the countries where it is licensed, and its packing levels, smallest first."""
    with caller.reading() as session:
        found = queries.item(session, code)
        countries = sorted(country for item_code, country in queries.licences(session) if item_code == code)
        packs = http.plain(queries.trade_items(session, code))
        return {**http.plain(found), "countries": countries, "trade_items": packs}
