"""Who calls over HTTP: the signed-in actor of a request, and effects done once per Idempotency-Key."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session
from starlette.datastructures import State

from stockpile import http, idempotency
from stockpile.actor import Act, Actor
from stockpile.db import reading, transact, write_for
from stockpile.errors import Refusal
from stockpile.governance import operations, queries
from stockpile.governance.attempts import attempts_at
from stockpile.governance.keys.queries import asks_factor
from stockpile.governance.operations import SignInRefused
from stockpile.governance.rules import SCHEDULER, holds, members_of, require_any
from stockpile.governance.tables import Account

MOST_HASHES_AT_ONCE = 4
LET_IN = timedelta(seconds=5)
MOST_LET_IN = 1000
_hashing = BoundedSemaphore(MOST_HASHES_AT_ONCE)
"""Password hashes are meant to be slow and large: so many at a time and no more."""


class Basic(HTTPBasic):
    """HTTP Basic with name and password in UTF-8, as the challenge announces; what cannot be read is no sign-in."""

    async def __call__(self, request: HTTPConnection) -> HTTPBasicCredentials | None:  # type: ignore[override]
        """Name and password as they were sent, or None where the request signs in otherwise."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, separator, password = base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")
        except ValueError as failure:
            raise SignInRefused("name and password must be sent as UTF-8 in base64 (HTTP Basic)") from failure
        if not separator:
            raise SignInRefused("name and password are separated by a colon (HTTP Basic)")
        return HTTPBasicCredentials(username=name, password=password)


basic = Basic(auto_error=False, description="Name and password of an account: for a token, or for a script")
bearer = HTTPBearer(auto_error=False, description="The token of POST /api/v1/tokens")
_KEY: Final = r"^[\x21-\x7e]+$"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=_KEY,
        description="Chosen by the client: the same key gives the same reply and has its effect once.",
    ),
]

Decision = Annotated[
    int | None,
    Header(alias="Decision", ge=1, le=2**62, description="The committee's decision that this effect carries out."),
]


@dataclass(frozen=True, slots=True)
class Caller:
    """The actor behind a request, and where to read and write; `token` is the digest of the bearer token, if any.

    `decision`: the committee's decision that the request says it carries out.
    """

    engine: Engine
    actor: Actor
    real_now: datetime
    limit_seconds: float
    token: str | None = None
    decision: int | None = None

    def act(self, session: Session) -> Act:
        """An act of this caller now: at the region's clock, recorded at the real one."""
        at = queries.effective_now(session, real_now=self.real_now)
        return Act(actor=self.actor, at=at, recorded_at=self.real_now, decision=self.decision)

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

        def once(session: Session) -> idempotency.Reply:
            write_for(session, members_of(self.actor))
            act = self.act(session)
            return idempotency.once(
                session,
                act,
                key=key or unnamed(),
                request=_asked(request.method, request.scope["path"], body),
                work=lambda inner: idempotency.Reply(status, http.plain(work(inner, act))),
                refuse=refused,
            )

        return answered(transact(self.engine, once))

    def does(
        self,
        request: Request,
        body: http.Body | None,
        key: str | None,
        operation: Callable[..., Any],
        *,
        status: int = 200,
        **given: Any,
    ) -> JSONResponse:
        """As `effect`: the operation is called with session, act and what is given."""
        return self.effect(request, body, key, lambda session, act: operation(session, act, **given), status=status)

    def known_reply(self, request: Request, body: http.Body | None, key: str | None) -> JSONResponse | None:
        """The reply already given to this key, before long work begins; None where the work is still to be done."""
        if key is None:
            return None
        with reading(self.engine) as session:
            kept = idempotency.stored(
                session, self.actor, key, request=_asked(request.method, request.scope["path"], body)
            )
        return answered(kept) if kept is not None else None

    def asked(self, path: str, body: http.Body, key: str | None) -> idempotency.Asked:
        """What this caller asks for by POST, as `idempotency.once_each` wants it: the same as `effect` would keep."""
        digest = idempotency.digest(_asked("POST", path, body))
        return idempotency.Asked(self.actor.id, key or unnamed(), digest, self.real_now)


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, default=http.plain)


def _asked(method: str, path: str, body: http.Body | None) -> bytes:
    content = body.model_dump() if body is not None else None
    return _CANONICAL.encode([method, path, content]).encode()


def unnamed() -> str:
    """A key for a request that brought none."""
    return f"none/{uuid4()}"


def refused(refusal: Refusal) -> idempotency.Reply:
    """The reply to a refusal, as it is kept under a key."""
    return idempotency.Reply(http.status_of(refusal), http.problem_of(refusal))


def answered(reply: idempotency.Reply) -> JSONResponse:
    """A kept or fresh reply as a response."""
    headers = {"Idempotency-Replayed": "true"} if reply.repeated else {}
    if reply.status >= 400:
        return http.problem_response(reply.body, headers)
    return JSONResponse(reply.body, status_code=reply.status, headers=headers)


def caller(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    password: Annotated[HTTPBasicCredentials | None, Depends(basic)],
    decision: Decision = None,
) -> Caller:
    """The signed-in caller, by bearer token or by name and password; refuses everybody else, suppliers too."""
    found = guest(request, token, password, decision)
    require_any(found.actor, "read")
    return found


def guest(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    password: Annotated[HTTPBasicCredentials | None, Depends(basic)],
    decision: Decision = None,
) -> Caller:
    """As `caller`, and suppliers: only for routes that ask for the right to what is the supplier's own."""
    engine: Engine = request.app.state.engine
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = _actor(engine, session, token, password, real_now=real_now)
    if not holds(actor, "read"):
        require_any(actor, "scorecard.see")
    digest = operations.token_digest(token.credentials) if token is not None else None
    return Caller(engine, actor, real_now, request.app.state.settings.plan_limit_seconds, digest, decision)


async def recent_caller(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    password: Annotated[HTTPBasicCredentials | None, Depends(basic)],
) -> Caller:
    """As `caller`, but a token that was good some seconds ago is let in without a look at the database.

    Only for effects that look their token up again in their own transaction:
    there the sign-in that has ended is refused.
    """
    if token is None:
        return await run_in_threadpool(caller, request, token, password)
    digest, state = operations.token_digest(token.credentials), request.app.state
    found = recent(state, digest, datetime.now(UTC))
    if found is not None:
        return found
    return replace(await _looked_up(request, token, digest), real_now=datetime.now(UTC))


async def _looked_up(
    request: Request, token: HTTPAuthorizationCredentials, digest: str, *, again: bool = True
) -> Caller:
    """The caller of this token: of those who come with it at once, one looks and all get what it was told.

    Else a process that has just begun, or was without its database, asks it the same for everybody who waited.
    Where the database went away under the one who looked, the others look once more: the fault was its connection's.
    """
    state, who = request.app.state, (digest, asyncio.get_running_loop())
    if not hasattr(state, "looking"):
        state.looking = {}
    looking: dict[_Who, asyncio.Task[Caller]] = state.looking
    leads = who not in looking
    if leads:
        looking[who] = asyncio.create_task(run_in_threadpool(caller, request, token, None))
        looking[who].add_done_callback(lambda done: _looked(state, who, done))
    try:
        return await asyncio.shield(looking[who])
    except SQLAlchemyError:
        if leads or not again:
            raise
    return await _looked_up(request, token, digest, again=False)


_Who = tuple[str, asyncio.AbstractEventLoop]


def _looked(state: State, who: _Who, done: asyncio.Task[Caller]) -> None:
    del state.looking[who]
    if not done.cancelled() and done.exception() is None:
        let_in(state, done.result())


def let_in(state: State, caller: Caller) -> None:
    """Remember that this caller's token is good now."""
    assert caller.token is not None, "a caller without a token"
    known: dict[str, Caller] = getattr(state, "let_in", {})
    if len(known) >= MOST_LET_IN or not known:
        known = state.let_in = {}
    known[caller.token] = caller


def recent(state: State, digest: str, real_now: datetime) -> Caller | None:
    """Who was let in with this token (digest) some seconds ago, as the caller of now."""
    known: Caller | None = getattr(state, "let_in", {}).get(digest)
    if known is None or real_now - known.real_now >= LET_IN:
        return None
    return Caller(known.engine, known.actor, real_now, known.limit_seconds, digest)


def _actor(
    engine: Engine,
    session: Session,
    token: HTTPAuthorizationCredentials | None,
    password: HTTPBasicCredentials | None,
    *,
    real_now: datetime,
) -> Actor:
    if token is not None:
        return operations.actor_of_token(session, token.credentials, real_now=real_now)
    if password is not None:
        name, secret = password.username, password.password
        account = known_account(engine, session, name, secret, real_now=real_now)
        actor = queries.actor_of(session, account, real_now=real_now)
        return replace(actor, unproven=asks_factor(session, actor.id))
    raise SignInRefused("sign in: send a bearer token of POST /api/v1/tokens, or name and password (HTTP Basic)")


def known_account(engine: Engine, session: Session, name: str, password: str, *, real_now: datetime) -> Account:
    """The account of this name and password; refuses a name for which too many were wrong, before any hashing."""
    attempts = attempts_at(engine)
    attempts.refuse_often(name, real_now=real_now)
    try:
        with _hashing:
            account = operations.check_password(session, name=name, password=password)
    except SignInRefused:
        attempts.wrong(name, real_now=real_now)
        raise
    attempts.right(name)
    return account


SignedIn = Annotated[Caller, Depends(caller)]
SignedInGuest = Annotated[Caller, Depends(guest)]
RecentlySignedIn = Annotated[Caller, Depends(recent_caller)]
After = Annotated[int, Field(ge=0, le=2**62)]
