"""Structured logs: one JSON object a line, each with the number of the request that it belongs to."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from stockpile.counting import name_request, traced
from stockpile.http import App, Message, Receive, Send
from stockpile.upkeep.metrics import Requests

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The number of the request being answered; '' outside of one."""
API: Final = "/api/v1"
HEADER: Final = "x-request-id"
QUIET: Final = {"/health", "/ready", "/metrics"}
"""Asked every few seconds by machines: counted and not logged, unless they fail."""
_GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_KNOWN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
access = logging.getLogger("stockpile.access")
NOT_LET_IN: Final = (401, 403, 429)


class AsJson(logging.Formatter):
    """A record as one JSON object: instant (UTC), level, logger, message, request, the fields given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; what is in it is escaped, so that nobody can forge a second one."""
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id.get():
            told["request"] = request_id.get()
        told |= {name: value for name, value in record.__dict__.items() if name not in _KNOWN}
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=True, default=str)


def configure(level: str) -> None:
    """Send every log of this process to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(AsJson())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class Observed:
    """Middleware: every request has a number, is counted by its route, and is logged with who long it took."""

    def __init__(self, app: App, requests: Requests) -> None:
        self._app, self._requests = app, requests

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass on; a number that the client brings is kept, and given back in the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = _number(scope)
        token, started, status = request_id.set(number), time.perf_counter(), 500

        async def numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER.encode(), number.encode())]
            await send(message)

        try:
            with traced("request", traceparent=_given(scope, b"traceparent")) as span:
                try:
                    await self._app(scope, receive, numbered)
                finally:
                    method, route = _way(scope)
                    name_request(span, method=method, route=route, status=status, request=number)
        finally:
            self._tell(scope, status, time.perf_counter() - started)
            request_id.reset(token)

    def _tell(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        method, route = _way(scope)
        self._requests.count(method=method, route=route, status=status, seconds=seconds)
        if route in QUIET and status < 500:
            return
        address = str((scope.get("client") or ("",))[0])
        tell_answer(method=method, route=route, status=status, seconds=seconds, address=address)


def tell_answer(*, method: str, route: str, status: int, seconds: float, address: str = "") -> None:
    """Log an answer: a fault as an error; who was not let in, or asked too often, as a warning with the address."""
    fields: dict[str, object] = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    if status in NOT_LET_IN:
        access.warning("refused", extra=fields | {"address": address})
    else:
        access.log(logging.ERROR if status >= 500 else logging.INFO, "answered", extra=fields)


def _way(scope: MutableMapping[str, Any]) -> tuple[str, str]:
    """Method and pattern of the route, "other" for what is not ours."""
    route = getattr(scope.get("route"), "path", "") or "other"
    if scope["path"].startswith(API) and route.startswith("/") and not route.startswith(API):
        route = API + route
    return scope["method"] if scope["method"].isalpha() and len(scope["method"]) < 10 else "other", route


def _given(scope: MutableMapping[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), "")


def _number(scope: MutableMapping[str, Any]) -> str:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == HEADER.encode()]
    return given[0] if len(given) == 1 and _GIVEN.fullmatch(given[0]) else uuid4().hex
