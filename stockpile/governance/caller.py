"""Who calls over HTTP: the signed-in actor of a request, and effects done once per Idempotency-Key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import BoundedSemaphore
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import http, idempotency
from stockpile.actor import Act, Actor
from stockpile.db import reading, transact
from stockpile.governance import operations, queries
from stockpile.governance.operations import SignInRefused
from stockpile.governance.rules import SCHEDULER

MOST_HASHES_AT_ONCE = 4
_hashing = BoundedSemaphore(MOST_HASHES_AT_ONCE)
"""Password hashes are meant to be slow and large: so many at a time and no more."""
basic = HTTPBasic(auto_error=False, description="Name and password of an account: for a token, or for a script")
bearer = HTTPBearer(auto_error=False, description="The token of POST /api/v1/tokens")
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Chosen by the client: the same key gives the same reply and has its effect once.",
    ),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """The actor behind a request, and where to read and write."""

    engine: Engine
    actor: Actor
    real_now: datetime
    limit_seconds: float

    def act(self, session: Session) -> Act:
        """An act of this caller now: at the region's clock, recorded at the real one."""
        at = queries.effective_now(session, real_now=self.real_now)
        return Act(actor=self.actor, at=at, recorded_at=self.real_now)

    def act_now(self) -> Act:
        """As `act`, with a snapshot of its own."""
        with reading(self.engine) as session:
            return self.act(session)

    def system_act(self) -> Act:
        """An act of the scheduler's account now: what the service does by itself on this call."""
        with reading(self.engine) as session:
            account = queries.account_by_name(session, SCHEDULER)
            at = queries.effective_now(session, real_now=self.real_now)
            return Act(actor=queries.actor_of(session, account), at=at, recorded_at=self.real_now)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A snapshot to read from."""
        with reading(self.engine) as session:
            yield session

    def effect(
        self,
        request: Request,
        body: http.Body | None,
        key: str | None,
        work: Callable[[Session, Act], Any],
        *,
        status: int = 200,
    ) -> JSONResponse:
        """Do `work` once for this key and answer with what it returns; a repeated key gives the stored reply.

        Without a key the effect is done every time it is asked for.
        """
        asked = json.dumps([request.method, request.url.path, http.plain(body)], sort_keys=True)

        def once(session: Session) -> idempotency.Reply:
            act = self.act(session)
            return idempotency.once(
                session,
                act,
                key=key or f"none/{uuid4()}",
                request=asked.encode(),
                work=lambda inner: idempotency.Reply(status, http.plain(work(inner, act))),
                refuse=lambda refusal: idempotency.Reply(http.status_of(refusal), http.problem_of(refusal)),
            )

        return _answer(transact(self.engine, once))


def _answer(reply: idempotency.Reply) -> JSONResponse:
    headers = {"Idempotency-Replayed": "true"} if reply.repeated else {}
    if reply.status >= 400:
        return http.problem_response(reply.body, headers)
    return JSONResponse(reply.body, status_code=reply.status, headers=headers)


def caller(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    password: Annotated[HTTPBasicCredentials | None, Depends(basic)],
) -> Caller:
    """The signed-in caller, by bearer token or by name and password; refuses everybody else."""
    engine: Engine = request.app.state.engine
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = _actor(session, token, password, real_now=real_now)
    return Caller(engine, actor, real_now, request.app.state.settings.plan_limit_seconds)


def _actor(
    session: Session,
    token: HTTPAuthorizationCredentials | None,
    password: HTTPBasicCredentials | None,
    *,
    real_now: datetime,
) -> Actor:
    if token is not None:
        return operations.actor_of_token(session, token.credentials, real_now=real_now)
    if password is not None:
        with _hashing:
            account = operations.check_password(session, name=password.username, password=password.password)
        return queries.actor_of(session, account)
    raise SignInRefused("sign in: send a bearer token of POST /api/v1/tokens, or name and password (HTTP Basic)")


SignedIn = Annotated[Caller, Depends(caller)]
After = Annotated[int, Field(ge=0, le=2**62)]
