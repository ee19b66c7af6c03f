"""What lies between service and database: it passes bytes on, swallows them for a while, or cuts a reply off.

`python -m tests.campaign.proxy SOCKET` prints the TCP port of the loopback interface that leads there, then does what
it reads: blackhole, heal, cut, spare. It is a process of its own, so that it and the clients need not share one.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).parents[2]


class Proxy:
    """A TCP port that leads to the server's socket, until it is told otherwise."""

    def __init__(self, target: str) -> None:
        command = [sys.executable, "-m", "tests.campaign.proxy", target]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self.port = int(self._heard())

    def blackhole(self) -> None:
        """From now on nothing gets through, in either direction, and nobody is told."""
        self._tell("blackhole")

    def heal(self) -> None:
        """Everything gets through again, what was held back first."""
        self._tell("heal")

    def cut(self) -> None:
        """Break every connection as its next reply comes: what was asked for may be done, and nobody hears of it."""
        self._tell("cut")

    def spare(self) -> None:
        """Cut no more."""
        self._tell("spare")

    def close(self) -> None:
        """End it all."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def _tell(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        self._heard()

    def _heard(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


class _Passing:
    """What gets through at present."""

    def __init__(self) -> None:
        self.open, self.cutting = True, False
        self.ends: set[_End] = set()

    def do(self, what: str) -> None:
        """One of the words that are read."""
        if what in ("cut", "spare"):
            self.cutting = what == "cut"
        else:
            self.open = what == "heal"
            for end in list(self.ends):
                end.hold(not self.open)


class _End(asyncio.Protocol):
    """One end of a connection; `replies`: the server's. What comes before the other end is there is kept for it."""

    def __init__(self, passing: _Passing, *, replies: bool) -> None:
        self._passing, self._replies = passing, replies
        self._transport: Any = None  # uvloop's is no asyncio.Transport.
        self._other: _End | None = None
        self._kept = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport
        self._passing.ends.add(self)
        if not self._passing.open:
            self.hold(True)

    def join(self, other: _End) -> None:
        """From now on what comes goes to the other."""
        self._other = other
        if self._kept:
            other.send(self._kept)

    def hold(self, still: bool) -> None:
        """Take nothing in, or go on."""
        if self._transport.is_closing():
            return
        if still:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def send(self, data: bytes) -> None:
        """Pass on to whoever is at this end."""
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Pass it on, or cut both ends off."""
        if self._replies and self._passing.cutting:
            self.close()
        elif self._other is None:
            self._kept += data
        else:
            self._other.send(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """One end is gone: so is the other."""
        self._passing.ends.discard(self)
        if self._other is not None:
            self._other.abort()

    def close(self) -> None:
        """Break both ends."""
        self.abort()
        if self._other is not None:
            self._other.abort()

    def abort(self) -> None:
        """Break this end."""
        self._transport.abort()


class _Door(_End):
    """The end of who comes: it calls the server, and is closed where that does not answer."""

    def __init__(self, passing: _Passing, target: str) -> None:
        super().__init__(passing, replies=False)
        self._target = target
        self._calling: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Call the server."""
        super().connection_made(transport)
        self._calling = asyncio.get_running_loop().create_task(self._call())

    async def _call(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, server = await loop.create_unix_connection(lambda: _End(self._passing, replies=True), self._target)
        except OSError:
            self.abort()
            return
        if self._transport.is_closing():
            server.abort()
            return
        server.join(self)
        self.join(server)


async def _serve(target: str) -> None:
    loop, passing, over = asyncio.get_running_loop(), _Passing(), asyncio.Event()
    server = await loop.create_server(lambda: _Door(passing, target), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()

    def done(what: str) -> None:
        passing.do(what)
        sys.stdout.write(f"{what}\n")
        sys.stdout.flush()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(done, line.strip())
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=read, daemon=True).start()
    await over.wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
