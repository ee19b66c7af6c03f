"""A connection that is kept, for one request at a time: no more of HTTP than the service's answers need."""

from __future__ import annotations

import asyncio
import re
from typing import Any

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Line(asyncio.Protocol):
    """One connection to a process of the service."""

    def __init__(self) -> None:
        self._transport: Any = None  # uvloop's is no asyncio.Transport.
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, str]] | None = None
        self._lost = False

    async def ask(self, request: bytes) -> tuple[int, str]:
        """Status and body of the answer. ConnectionError where the connection ends before it."""
        if self._lost:
            raise ConnectionResetError("the connection ended while it rested")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """End it at once."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came; when an answer is whole, hand it over."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = LENGTH.search(self._buffer, 0, head)
        assert length is not None, self._buffer
        end = head + 4 + int(length[1])
        if len(self._buffer) < end:
            return
        status, body = int(self._buffer[9:12]), self._buffer[head + 4 : end].decode()
        self._buffer = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, wanted or not."""
        self._lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("the service closed the connection"))


async def opened(port: int) -> Line:
    """A new connection to that port of the loopback interface."""
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port)
    return line
