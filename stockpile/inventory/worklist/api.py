"""What is to be done at a site, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from stockpile import http
from stockpile.governance.caller import SignedIn
from stockpile.governance.rules import require
from stockpile.inventory.worklist import queries
from stockpile.plaintext import Text

router = APIRouter(tags=["worklist"])


@router.get("/sites/{site}/work")
def work(caller: SignedIn, site: Text) -> dict[str, Any]:
    """What is to be done at a site now: transfers to send and on their way here, open order lines, open counts."""
    with caller.reading() as session:
        found: dict[str, Any] = http.plain(queries.work(session, site))
        return found


@router.get("/sites/{site}/to-count")
def to_count(caller: SignedIn, site: Text) -> list[dict[str, Any]]:
    """What is to be counted at a site next, the longest overdue first: by worth, critical items most often."""
    with caller.reading() as session:
        require(caller.actor, "stock.count", site=site)
        return [http.plain(one) for one in queries.to_count(session, site, at=caller.act(session).at)]
