"""What every answer carries and how often strangers may ask: headers that browsers keep to, and limits per address.

The limits are counted in this process: behind several servers each counts its own, and nginx may count for all.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from threading import Lock
from typing import Any, Final

from stockpile.http import App, Message, Receive, Scope, Send, problem, problem_response

Headers = list[tuple[bytes, bytes]]
MOST_ADDRESSES: Final = 10_000
LARGEST_UPLOAD: Final = 64 * 1024 * 1024
"""Bytes of what a screen is sent at once: some files of a region that is set up."""
DOCUMENTS: Final = (
    b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""For screens: NiceGUI writes its scripts into the page and compiles templates in the browser; nothing from outside."""
DATA: Final = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
ALWAYS: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(self), geolocation=(), microphone=(), payment=(), usb=()"),
]
OF_DATA: Final[Headers] = [*ALWAYS, (b"content-security-policy", DATA), (b"cache-control", b"no-store")]
"""What every answer of the API carries."""
OVER_TLS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class Shield:
    """ASGI: adds the headers that an answer does not set itself; an answer that does keeps its own."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and add to the answer's head."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = headers_for(scope["path"], secure=scope.get("scheme") == "https")

        async def shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in wanted if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, shielded)


def headers_for(path: str, *, secure: bool) -> Headers:
    """The headers of an answer at this path."""
    data = path.startswith(("/api/", "/health"))
    found = OF_DATA if data else [*ALWAYS, (b"content-security-policy", DOCUMENTS)]
    return [*found, OVER_TLS] if secure else found


class Bounded:
    """ASGI: a body for anything but the API that is too large (413), or does not say how large it is (411), is refused.

    It is not read at all; what the API is sent is bounded by `http.StrictJson`.
    """

    def __init__(self, app: App, *, largest: int = LARGEST_UPLOAD) -> None:
        self._app, self._largest = app, largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is small enough; the server lets nobody send more than was declared."""
        if scope["type"] == "http" and not scope["path"].startswith("/api/"):
            headers = dict(scope["headers"])
            declared = headers.get(b"content-length", b"0").decode("latin-1")
            if b"transfer-encoding" in headers:
                detail = "say how long the body is (Content-Length)"
                await problem_response(problem(411, code="length_required", detail=detail))(scope, receive, send)
                return
            if not declared.isdecimal() or int(declared[:20]) > self._largest:
                detail = f"the body is larger than {self._largest} bytes"
                await problem_response(problem(413, code="body_too_large", detail=detail))(scope, receive, send)
                return
        await self._app(scope, receive, send)


class Bucket:
    """So many at once and so many a minute, per address; the addresses asked longest ago are forgotten first."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        assert per_minute > 0, "a limit below one"
        self._most, self._clock, self._lock = float(per_minute), clock, Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Seconds until this address may ask again; 0 where it may now."""
        left = self._now(address)
        return 0 if left >= 1 else int((1 - left) * 60 / self._most) + 1

    def take(self, address: str) -> None:
        """Count one of this address."""
        with self._lock:
            self._left[address] = (max(self._now(address) - 1, 0.0), self._clock())
            self._left.move_to_end(address)
            while len(self._left) > MOST_ADDRESSES:
                self._left.popitem(last=False)

    def _now(self, address: str) -> float:
        left, at = self._left.get(address, (self._most, self._clock()))
        return min(self._most, left + (self._clock() - at) * self._most / 60)


class Limits:
    """ASGI: refuses (429, Retry-After) an address that signs in wrongly or reads what is public too often.

    A wrong sign-in is an answer 401 to a request with name and password: what is right is not counted.
    """

    def __init__(self, app: App, *, sign_in: Bucket, public: Bucket) -> None:
        self._app, self._sign_in, self._public = app, sign_in, public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within its limit."""
        bucket = self._bucket(scope)
        if bucket is None:
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("", 0))[0]
        wait = bucket.wait(address)
        if wait:
            detail = f"too many requests from this address: wait {wait} seconds"
            body = problem(429, code="too_many_requests", detail=detail, facts={"seconds": wait})
            await problem_response(body, {"Retry-After": str(wait)})(scope, receive, send)
            return
        if bucket is self._public:
            bucket.take(address)

        async def counted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401 and bucket is self._sign_in:
                bucket.take(address)
            await send(message)

        await self._app(scope, receive, counted)

    def _bucket(self, scope: Scope) -> Bucket | None:
        if scope["type"] != "http":
            return None
        if scope["path"].startswith(("/public/", "/oidc/")) or scope["path"] == "/public":
            return self._public
        given = dict(scope["headers"]).get(b"authorization", b"")
        return self._sign_in if given[:6].lower() == b"basic " else None
