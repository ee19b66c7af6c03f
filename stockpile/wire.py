"""One request to the service's own routes: in this process on the configured database, or to a server by its address.

Either way it is the API that answers: the same rights, keys, checks and words.
"""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from stockpile import migrations
from stockpile.db import open_engine
from stockpile.errors import Invalid
from stockpile.http import App, Message
from stockpile.settings import Settings

PREFIX: Final = "/api/v1"
PATIENCE_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service answered."""

    status: int
    kind: str
    body: bytes

    @property
    def content(self) -> Any:
        """The body as JSON has it, or as text."""
        return json.loads(self.body) if "json" in self.kind else self.body.decode()

    @property
    def refusal(self) -> str:
        """Why it was refused, in the service's words; empty where it was not."""
        if self.status < 400:
            return ""
        found = self.content
        return str(found.get("detail", found)) if isinstance(found, dict) else str(found)


@dataclass(frozen=True, slots=True)
class Request:
    """A request: the path below /api/v1, what narrows it, a JSON body, and the key under which it has one effect.

    `decision`: the committee's decision that it carries out.
    """

    method: str
    path: str
    query: Mapping[str, Any]
    body: Any = None
    key: str | None = None
    decision: int | None = None

    def target(self) -> str:
        """The path with its prefix and query; fields that are None are left out."""
        path = self.path if self.path.startswith(("/api/", "/health")) else PREFIX + "/" + self.path.lstrip("/")
        fields = {name: _told(value) for name, value in self.query.items() if value is not None}
        return quote(path, safe="/%") + (f"?{urlencode(fields)}" if fields else "")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody who asks: the account, its password, and where (an address; empty: this process)."""

    account: str
    password: str
    url: str = ""

    def ask(self, request: Request) -> Answer:
        """The service's answer, refusals included; raises `Invalid` where no service answers at the address."""
        headers = {"authorization": self._basic(), "accept": "application/json"}
        headers |= {"idempotency-key": request.key} if request.key else {}
        headers |= {"decision": str(request.decision)} if request.decision else {}
        body = b"" if request.body is None else json.dumps(request.body).encode()
        headers |= {"content-type": "application/json"} if body else {}
        return self._send(request, headers, body) if self.url else _inside(request, headers, body)

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.account}:{self.password}".encode()).decode()

    def _send(self, request: Request, headers: dict[str, str], body: bytes) -> Answer:
        if not self.url.startswith(("http://", "https://")):
            raise Invalid("the address of a service begins with http:// or https://", field="url")
        address = self.url.rstrip("/") + request.target()
        sent = urllib.request.Request(address, data=body or None, headers=headers, method=request.method)
        try:
            with urllib.request.urlopen(sent, timeout=PATIENCE_SECONDS) as answer:
                return Answer(answer.status, answer.headers.get("content-type", ""), answer.read())
        except urllib.error.HTTPError as refused:
            return Answer(refused.code, refused.headers.get("content-type", ""), refused.read())
        except (urllib.error.URLError, TimeoutError) as failure:
            raise Invalid(f"no service answers at {self.url}: {failure}", field="url") from failure


def _inside(request: Request, headers: Mapping[str, str], body: bytes) -> Answer:
    from stockpile.app import build

    settings = Settings()
    engine = open_engine(settings.address())
    migrations.upgrade(engine)
    app = build(engine, settings, scheduled=False)
    try:
        return asyncio.run(_handled(app, request, headers, body))
    finally:
        engine.dispose()


async def _handled(app: App, request: Request, headers: Mapping[str, str], body: bytes) -> Answer:
    """What the application sends back for one request (ASGI)."""
    path, _, query = request.target().partition("?")
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": request.method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in {**headers, "host": "localhost"}.items()],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }
    waiting, sent = [{"type": "http.request", "body": body}], list[Message]()

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    kind = dict(sent[0]["headers"]).get(b"content-type", b"").decode()
    return Answer(sent[0]["status"], kind, b"".join(one.get("body", b"") for one in sent[1:]))


def _told(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
