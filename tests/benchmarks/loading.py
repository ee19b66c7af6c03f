"""A small HTTP client over loopback: so many requests in flight on keep-alive connections, each timed."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.cpu import Cost

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
LONGEST_SECONDS = 120.0


@dataclass
class Load:
    """What came of a load: seconds per request, how often each status came, seconds in all; processor time."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    cpu: Cost | None = None

    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def percentile_ms(self, share: float) -> float:
        """Milliseconds within which this share of the requests was answered."""
        return 1000 * sorted(self.latencies)[int(share * (len(self.latencies) - 1))]


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last is answered."""

    def __init__(self, requests: Iterator[bytes], load: Load) -> None:
        self.requests, self.load = requests, load
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.buffer, self.sent_at, self.finished = b"", 0.0, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start."""
        self.transport: Any = transport  # uvloop's is no asyncio.Transport.
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take what came; when an answer is whole, note it and go on."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self.buffer, 0, head)
        assert length is not None, self.buffer
        if len(self.buffer) < head + 4 + int(length[1]):
            return
        self.load.latencies.append(time.perf_counter() - self.sent_at)
        self.load.statuses[int(self.buffer[9:12])] += 1
        self.buffer = b""
        self._send()

    def connection_lost(self, failure: Exception | None) -> None:
        """The end, wanted or not."""
        if self.finished:
            self.done.set_result(None)
        else:
            self.done.set_exception(failure or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.finished = True
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)


def post_request(path: str, *, token: str, key: str, body: bytes) -> bytes:
    """The bytes of one authenticated POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(port: int, requests: Sequence[bytes], *, in_flight: int) -> Load:
    """Send all requests, so many at a time."""
    load, waiting = Load(), iter(requests)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        started = time.perf_counter()
        pairs = [
            await loop.create_connection(lambda: _Connection(waiting, load), "127.0.0.1", port)
            for _ in range(in_flight)
        ]
        await asyncio.wait_for(asyncio.gather(*(connection.done for _, connection in pairs)), LONGEST_SECONDS)
        load.seconds = time.perf_counter() - started

    import uvloop

    uvloop.run(run())
    assert len(load.latencies) == len(requests)
    return load
