"""Signing in to the screens with the region's identity provider: sent there, and back with a code."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Final

from fastapi import Request
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from nicegui import app as screens
from sqlalchemy import Engine

from stockpile.db import transact
from stockpile.errors import Refusal
from stockpile.governance.oidc import operations
from stockpile.governance.oidc.operations import NoGrant, NotBegun
from stockpile.governance.oidc.provider import Client, TokenRefused
from stockpile.settings import Settings

BEGIN, BACK = "/oidc/begin", "/oidc/back"
COOKIE: Final = "stockpile_oidc"


def client_of(settings: Settings) -> Client | None:
    """This installation at its identity provider; None where it has none."""
    if not settings.oidc_issuer:
        return None
    return Client(
        settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, settings.oidc_redirect_uri
    )


def add_oidc(engine: Engine, settings: Settings) -> None:
    """Add both ways to the screens, where a browser's sign-in is kept; nothing without a provider."""
    for path in (BEGIN, BACK):
        screens.remove_route(path)
    client = client_of(settings)
    if client is None:
        return

    @screens.get(BEGIN, include_in_schema=False)
    def begin() -> Response:
        return _begun(engine, client)

    @screens.get(BACK, include_in_schema=False)
    def back(request: Request, state: str = "", code: str = "") -> Response:
        kept = request.cookies.get(COOKIE, "")
        try:
            screens.storage.user["token"] = signed_in(engine, settings, client, state=state, code=code, kept=kept)
        except Refusal as refusal:
            return PlainTextResponse(f"{refusal.message}\n", status_code=403)
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE, path="/oidc")
        return answer


def _begun(engine: Engine, client: Client) -> Response:
    try:
        state, row = transact(engine, lambda session: operations.begin(session, real_now=datetime.now(UTC)))
        address = client.address(state=state, nonce=row.nonce, verifier=row.verifier)
    except Refusal as refusal:
        return PlainTextResponse(f"{refusal.message}\n", status_code=503)
    answer = RedirectResponse(address, status_code=303)
    secure = client.redirect_uri.startswith("https://")
    answer.set_cookie(COOKIE, state, max_age=600, path="/oidc", httponly=True, samesite="lax", secure=secure)
    return answer


def signed_in(engine: Engine, settings: Settings, client: Client, *, state: str, code: str, kept: str) -> str:
    """The token for whom the provider sent back. `kept`: the state that this browser began with.

    Refuses another browser's answer, an answer given twice, a token not believed, and who has no role here.
    """
    if not code or not secrets.compare_digest(state.encode(), kept.encode()):
        raise NotBegun("this browser began no such sign-in: sign in again")
    now = datetime.now(UTC)
    nonce, verifier = transact(engine, lambda session: operations.take(session, state, real_now=now))
    claims = client.claims(code=code, verifier=verifier, nonce=nonce, real_now=now)
    if not claims.get("sub"):
        raise TokenRefused("the identity provider does not say who this is")
    given = transact(
        engine,
        lambda session: operations.sign_in(
            session,
            claims,
            claim=settings.oidc_claim,
            roles=settings.oidc_roles,
            real_now=now,
            hours=settings.token_hours,
        ),
    )
    if given is None:
        raise NoGrant("you have no role in this installation: ask its administrator")
    return given[0]
