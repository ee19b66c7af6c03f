"""The service asked inside its own process: every layer of it runs, and nothing of HTTP's bytes stands before it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote, urlencode

import uvloop
from fastapi import FastAPI

UNCHANGED = "/!$&'()*+,;=:@~%"
"""What a client leaves as it is in a path."""


@dataclass(slots=True)
class Answer:
    """One answer, and what it answers."""

    method: str
    path: str
    sent: bytes
    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.content)


class Inside:
    """Asks a service one thing after the other on a loop of its own."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self._app, self._runner = app, runner

    def sign_in(self, name: str, password: str) -> str:
        """A bearer token."""
        given = base64.b64encode(f"{name}:{password}".encode()).decode()
        answer = self.request("POST", "/api/v1/tokens", headers={"Authorization": f"Basic {given}"})
        token: str = answer.json()["token"]
        return token

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> Answer:
        """The answer; where the service breaks, its words for that (500)."""
        given = {"host": "testserver", **{name.lower(): value for name, value in (headers or {}).items()}}
        if content:
            given["content-length"] = str(len(content))
        raw = quote(path, safe=UNCHANGED)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "root_path": "",
            "query_string": urlencode(params or {}).encode(),
            "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
            "client": ("testclient", 50_000),
            "server": ("testserver", 80),
            "state": {},
            "extensions": {},
        }
        answer = Answer(method, scope["path"], content)
        self._runner.run(self._ask(scope, answer))
        return answer

    async def _ask(self, scope: dict[str, Any], answer: Answer) -> None:
        coming = [{"type": "http.request", "body": answer.sent, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return coming.pop() if coming else {"type": "http.disconnect"}

        async def send(message: Mapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status_code = message["status"]
                answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            else:
                answer.content += message.get("body", b"")

        try:
            await self._app(scope, receive, send)
        except Exception:
            # The service has told it with a 500, and raises it for its server's log.
            assert answer.status_code == 500, answer


@contextmanager
def inside(app: FastAPI) -> Iterator[Inside]:
    """A service that has started, and ends."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lifespan = app.router.lifespan_context(app)
        runner.run(lifespan.__aenter__())
        try:
            yield Inside(app, runner)
        finally:
            runner.run(lifespan.__aexit__(None, None, None))
