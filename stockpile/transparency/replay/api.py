"""Replay and samples over HTTP, for auditors."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from stockpile import http
from stockpile.governance.caller import SignedIn
from stockpile.governance.rules import require
from stockpile.plaintext import Note, Text
from stockpile.transparency.replay import queries

router = APIRouter(tags=["audit"])


@router.get("/plans/{number}/replay")
def replay(caller: SignedIn, number: http.Number, masked: bool = False, seed: Note = "") -> dict[str, Any]:
    """Rebuild a plan from what is stored, compute it again byte for byte; `masked`: also with all names hidden."""
    require(caller.actor, "verify")
    limit = caller.limit_seconds
    found = queries.replay(caller.engine, number, limit_seconds=limit, mask=masked, seed=seed)
    return {**http.plain(found), "same": found.same}


@router.get("/audit/sample")
def sample(
    caller: SignedIn,
    seed: Text,
    size: Annotated[int, Field(ge=1, le=500)] = 25,
    action: Note | None = None,
    until: http.Number | None = None,
) -> list[dict[str, Any]]:
    """Entries of the journal that anybody draws alike from this seed."""
    require(caller.actor, "verify")
    with caller.reading() as session:
        found = queries.sample(session, seed=seed, size=size, action=action, until=until)
        return [http.plain(one) for one in found]
