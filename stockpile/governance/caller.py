"""Who calls over HTTP: the signed-in actor of a request, and effects done once per Idempotency-Key."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from typing import Annotated, Any, Final, get_type_hints
from uuid import uuid4

from fastapi import Depends, Header, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.requests import HTTPConnection
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from pydantic import Field
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import http, idempotency
from stockpile.actor import Act, Actor
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance import operations, queries
from stockpile.governance.operations import SignInRefused
from stockpile.governance.rules import SCHEDULER, require_any

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
_PLAIN_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
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


@dataclass(frozen=True, slots=True)
class Caller:
    """The actor behind a request, and where to read and write; `token` is the digest of the bearer token, if any."""

    engine: Engine
    actor: Actor
    real_now: datetime
    limit_seconds: float
    token: str | None = None

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

        def once(session: Session) -> idempotency.Reply:
            act = self.act(session)
            return idempotency.once(
                session,
                act,
                key=key or unnamed(),
                request=_asked(request, body),
                work=lambda inner: idempotency.Reply(status, http.plain(work(inner, act))),
                refuse=refused,
            )

        return answered(transact(self.engine, once))

    def known_reply(self, request: Request, body: http.Body | None, key: str | None) -> JSONResponse | None:
        """The reply already given to this key, before long work begins; None where the work is still to be done."""
        if key is None:
            return None
        with reading(self.engine) as session:
            kept = idempotency.stored(session, self.actor, key, request=_asked(request, body))
        return answered(kept) if kept is not None else None

    def asked(self, request: Request, body: http.Body, key: str | None) -> idempotency.Asked:
        """What this caller asks for, as `idempotency.once_each` wants it: the same as `effect` would keep."""
        digest = idempotency.digest(_asked(request, body))
        return idempotency.Asked(self.actor.id, key or unnamed(), digest, self.real_now)


def _asked(request: Request, body: http.Body | None) -> bytes:
    content = body.model_dump() if body is not None else None
    return json.dumps([request.method, request.scope["path"], content], sort_keys=True, default=http.plain).encode()


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
) -> Caller:
    """The signed-in caller, by bearer token or by name and password; refuses everybody else, suppliers too."""
    found = guest(request, token, password)
    require_any(found.actor, "read")
    return found


def guest(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    password: Annotated[HTTPBasicCredentials | None, Depends(basic)],
) -> Caller:
    """As `caller`, and suppliers: only for routes that ask for the right to what is the supplier's own."""
    engine: Engine = request.app.state.engine
    real_now = datetime.now(UTC)
    with reading(engine) as session:
        actor = _actor(session, token, password, real_now=real_now)
    digest = operations.token_digest(token.credentials) if token is not None else None
    return Caller(engine, actor, real_now, request.app.state.settings.plan_limit_seconds, digest)


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
    digest = operations.token_digest(token.credentials)
    found = _recent(request, digest)
    if found is None:
        found = await run_in_threadpool(caller, request, token, password)
        let_in: dict[str, Caller] = getattr(request.app.state, "let_in", {})
        request.app.state.let_in = (let_in if len(let_in) < MOST_LET_IN else {}) | {digest: found}
    return found


class QuickRoute(APIRoute):
    """A route whose ordinary request skips the general machinery of dependencies, which takes longer than the rest.

    For endpoints of (caller: RecentlySignedIn, request, body, key). Ordinary is
    a token let in before, a JSON body that fits and a plain key; whatever else
    comes goes the general way, which says what is wrong with it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The endpoint for what is ordinary, else FastAPI's own handler."""
        general = super().get_route_handler()
        body_type: type[http.Body] = get_type_hints(self.endpoint)["body"]

        async def handle(request: Request) -> Response:
            caller, keys = _let_in(request), request.headers.getlist("idempotency-key")
            plain_key = not keys or (len(keys) == 1 and _PLAIN_KEY.fullmatch(keys[0]))
            if (
                caller is None
                or request.url.query
                or not plain_key
                or request.headers.get("content-type") != "application/json"
            ):
                return await general(request)
            try:
                body = body_type.model_validate(json.loads(await request.body()))
            except ValueError:
                return await general(request)
            response: Response = await self.endpoint(caller, request, body, keys[0] if keys else None)
            return response

        return handle


def _let_in(request: Request) -> Caller | None:
    """Who brings a token that was good some seconds ago, and nothing else to sign in with."""
    given = request.headers.getlist("authorization")
    if len(given) != 1 or not given[0].startswith("Bearer "):
        return None
    return _recent(request, operations.token_digest(given[0].removeprefix("Bearer ")))


def _recent(request: Request, digest: str) -> Caller | None:
    let_in: dict[str, Caller] = getattr(request.app.state, "let_in", {})
    known, real_now = let_in.get(digest), datetime.now(UTC)
    return replace(known, real_now=real_now) if known is not None and real_now - known.real_now < LET_IN else None


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
SignedInGuest = Annotated[Caller, Depends(guest)]
RecentlySignedIn = Annotated[Caller, Depends(recent_caller)]
After = Annotated[int, Field(ge=0, le=2**62)]
