"""What can be promised, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stockpile import http
from stockpile.governance import queries as governance
from stockpile.governance.caller import SignedIn
from stockpile.inventory.outlook import queries
from stockpile.plaintext import Text

router = APIRouter(tags=["outlook"])


@router.get("/items/{item}/promise")
def promise(caller: SignedIn, item: Text, by: http.Day | None = None) -> dict[str, Any]:
    """What can be promised of an item by a day (today, unless told), with its parts; base units."""
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        found = queries.promise(session, item=item, by=by or today)
        return {**http.plain(found), "available": found.available, "by": (by or today).isoformat()}
