"""Signing in and out, and who takes part."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlmodel import Session

from stockpile import http
from stockpile.actor import Act
from stockpile.db import transact
from stockpile.governance import operations, queries
from stockpile.governance.caller import Key, SignedIn, SignedInGuest, bearer, known_account
from stockpile.governance.keys.operations import KeysMakeNoKeys
from stockpile.governance.tables import Account
from stockpile.plaintext import Note, Text

router = APIRouter(tags=["governance"])


class TokenGiven(BaseModel):
    """A bearer token; it is shown this once."""

    token: str
    expires_at: datetime


@router.post("/tokens", status_code=201)
def create_token(caller: SignedInGuest, request: Request) -> TokenGiven:
    """Sign in with name and password (HTTP Basic) for a bearer token; a token or key gives no other one."""
    if caller.token is not None:
        raise KeysMakeNoKeys("a token is given for name and password (HTTP Basic): no token or key gives another")
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


class PasswordBody(http.Body):
    """The password that counts now, and the one to come."""

    old: Annotated[str, Field(min_length=1, max_length=1000)]
    new: Annotated[str, Field(min_length=operations.SHORTEST_PASSWORD, max_length=1000)]


class SwitchBody(http.Body):
    """Why an account is switched on or off."""

    reason: Text


@router.put("/me/password")
def change_password(caller: SignedInGuest, body: PasswordBody) -> dict[str, Any]:
    """Give yourself another password; every sign-in of the account ends, this one too."""

    with caller.reading() as session:
        known_account(caller.engine, session, caller.actor.name, body.old, real_now=caller.real_now)
    transact(caller.engine, lambda session: operations.change_password(session, caller.act(session), new=body.new))
    return {"name": caller.actor.name, "changed": True}


@router.post("/accounts/{name}/deactivate")
def deactivate(caller: SignedIn, request: Request, name: Text, body: SwitchBody, key: Key = None) -> JSONResponse:
    """Switch an account off: its sign-ins end at once; what it did keeps its name."""
    return caller.effect(request, body, key, lambda s, act: _switched(s, act, name, body.reason, active=False))


@router.post("/accounts/{name}/activate")
def activate(caller: SignedIn, request: Request, name: Text, body: SwitchBody, key: Key = None) -> JSONResponse:
    """Switch an account on again."""
    return caller.effect(request, body, key, lambda s, act: _switched(s, act, name, body.reason, active=True))


def _switched(session: Session, act: Act, name: str, reason: str, *, active: bool) -> dict[str, Any]:
    found = operations.set_active(session, act, name=name, active=active, reason=reason)
    return {"name": found.name, "active": found.active}


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
