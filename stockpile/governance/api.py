"""Signing in and out, and who takes part."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from sqlmodel import Session

from stockpile import http
from stockpile.db import transact
from stockpile.governance import operations, queries
from stockpile.governance.caller import SignedIn, SignedInGuest, bearer
from stockpile.governance.tables import Account
from stockpile.plaintext import Note

router = APIRouter(tags=["governance"])


class TokenGiven(BaseModel):
    """A bearer token; it is shown this once."""

    token: str
    expires_at: datetime


@router.post("/tokens", status_code=201)
def create_token(caller: SignedInGuest, request: Request) -> TokenGiven:
    """Sign in with name and password (HTTP Basic) for a bearer token."""
    hours: int = request.app.state.settings.token_hours

    def issue(session: Session) -> tuple[str, datetime]:
        account = session.get_one(Account, caller.actor.id)
        return operations.issue_token(session, account, real_now=caller.real_now, hours=hours)

    token, expires_at = transact(caller.engine, issue)
    return TokenGiven(token=token, expires_at=expires_at)


@router.delete("/tokens/current", status_code=204)
def revoke_token(caller: SignedInGuest, credentials: Annotated[Any, Depends(bearer)]) -> None:
    """Sign out: the token of this request ends at once."""
    if credentials is None:
        return
    transact(caller.engine, lambda session: operations.revoke_token(session, credentials.credentials))


@router.get("/me")
def me(caller: SignedInGuest) -> dict[str, Any]:
    """Who you are and what you may do."""
    return {"name": caller.actor.name, "grants": http.plain(caller.actor.grants)}


@router.get("/region")
def region(caller: SignedIn) -> dict[str, Any]:
    """The region, whether it is simulated, and its clock."""
    with caller.reading() as session:
        found = queries.region(session)
        now = queries.effective_now(session, real_now=caller.real_now)
        return {"name": found.name, "title": found.title, "simulated": found.simulated, "now": now.isoformat()}


@router.get("/members")
def members(caller: SignedIn, after: Note = "", limit: http.Limit = 100) -> dict[str, Any]:
    """Members in the order of their codes."""
    with caller.reading() as session:
        rows = [member for code, member in queries.members(session).items() if code > after]
        return http.paged(rows[: limit + 1], limit=limit, key=lambda row: row.code)
