"""The quick way in: ordinary requests of the busiest kinds skip the general machinery, which takes longest.

Ordinary is a POST to the path of an `Endpoint` at a host of ours, without a query, not from a
browser, with a token let in some seconds ago, at most one plain key, and a JSON
body that fits. Whatever else comes goes the general way with its body untouched,
and is told there what is wrong with it. Both ways give the endpoint the same.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from fastapi.responses import Response
from starlette.datastructures import State

from stockpile import http
from stockpile.counting import name_request, traced
from stockpile.errors import Refusal
from stockpile.governance.caller import Caller, answered, let_in, recent
from stockpile.idempotency import Reply

_PLAIN_KEY: Final = re.compile(rb"[\x21-\x7e]{1,200}")
_PLAIN_LENGTH: Final = re.compile(rb"[0-9]{1,6}")
_OF_BROWSERS: Final = frozenset({b"origin", b"sec-fetch-site"})
_BEARER: Final = b"Bearer "
_JSON: Final = (b"content-type", b"application/json")
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers a POST: the body's model, and the reply to (caller, scope, body, Idempotency-Key).

    `answer` must look the caller's token up again in the transaction of its effect, and raise `SignInRefused`.
    """

    body: type[http.Body]
    answer: Callable[[Caller, http.Scope, Any, str | None], Awaitable[Reply]]


class QuickWay:
    """ASGI: answers what is ordinary and gives the rest to `general`. `state` knows who was let in lately.

    `marks` gives the headers that every answer carries, or None while that is not known; `counted` is told of
    each answer: path, status, seconds.
    """

    def __init__(
        self,
        general: http.App,
        state: State,
        *,
        endpoints: Mapping[str, Endpoint],
        hosts: Collection[str],
        refused: Callable[[Refusal], Response],
        marks: Callable[[State], Headers | None],
        counted: Callable[[str, int, float], object] = lambda _path, _status, _seconds: None,
    ) -> None:
        self._general, self._state, self._endpoints = general, state, endpoints
        self._refused, self._marks, self._counted = refused, marks, counted
        self._hosts = frozenset(host.encode() for host in hosts)

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        """Answer one request for the path of an endpoint."""
        headers, marks = self._ordinary(scope), self._marks(self._state)
        caller = self._caller(headers[b"authorization"]) if headers is not None else None
        if headers is None or caller is None or marks is None:
            await self._general(scope, receive, send)
            return
        began, endpoint, raw = time.perf_counter(), self._endpoints[scope["path"]], await http.read(receive)
        assert raw is not None, "a longer body than was announced"
        try:
            body = endpoint.body.__pydantic_validator__.validate_python(http.unambiguous(raw))
        except (ValueError, RecursionError):
            await self._general(scope, http.replay(raw), send)
            return
        key = headers[b"idempotency-key"].decode("ascii") if b"idempotency-key" in headers else None
        with traced("request", traceparent=headers.get(b"traceparent", b"").decode("latin-1")) as span:
            status, own, content = await self._told(endpoint.answer(caller, scope, body, key))
            name_request(span, method="POST", route=scope["path"], status=status)
        if status < 300:
            let_in(self._state, caller)
        await send({"type": "http.response.start", "status": status, "headers": [*own, *marks]})
        await send({"type": "http.response.body", "body": content})
        self._counted(scope["path"], status, time.perf_counter() - began)

    def _ordinary(self, scope: http.Scope) -> dict[bytes, bytes] | None:
        """The headers of an ordinary request; None where anything is out of the ordinary."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        length = headers.get(b"content-length", b"")
        ordinary = (
            scope["method"] == "POST"
            and not scope["query_string"]
            and len(headers) == len(scope["headers"])
            and headers.get(b"content-type") == b"application/json"
            and headers.get(b"host", b"").partition(b":")[0] in self._hosts
            and headers.get(b"authorization", b"").startswith(_BEARER)
            and _OF_BROWSERS.isdisjoint(headers)
            and _PLAIN_LENGTH.fullmatch(length)
            and _PLAIN_KEY.fullmatch(headers.get(b"idempotency-key", b"none"))
        )
        return headers if ordinary else None

    def _caller(self, authorization: bytes) -> Caller | None:
        """Who was let in with this token some seconds ago."""
        digest = hashlib.sha256(authorization[len(_BEARER) :]).hexdigest()
        return recent(self._state, digest, datetime.now(UTC))

    async def _told(self, answer: Awaitable[Reply]) -> tuple[int, Headers, bytes]:
        """The answer as status, headers and content."""
        try:
            reply = await answer
        except Refusal as refusal:
            response = self._refused(refusal)
        else:
            if reply.status == 201 and not reply.repeated:
                content = _COMPACT.encode(reply.body).encode()
                return 201, [(b"content-length", b"%d" % len(content)), _JSON], content
            response = answered(reply)
        return response.status_code, response.raw_headers, bytes(response.body)
