"""What a supplier was told to expect, over HTTP: the supplier itself sees its own and nobody else's."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stockpile import http
from stockpile.demand.outlooks import queries
from stockpile.governance import queries as governance
from stockpile.governance.caller import SignedInGuest
from stockpile.governance.rules import require
from stockpile.plaintext import Text

router = APIRouter(tags=["demand"])


@router.get("/suppliers/{supplier}/outlook")
def outlook(caller: SignedInGuest, supplier: Text) -> list[dict[str, Any]]:
    """What a supplier was told of its items per quarter, with bands, what was ordered, and how right it was."""
    require(caller.actor, "outlook.see", member=supplier)
    with caller.reading() as session:
        today = governance.local_day(session, caller.act(session).at)
        return [http.plain(one) for one in queries.told(session, supplier=supplier, today=today)]
