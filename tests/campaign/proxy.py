"""What lies between service and database: it passes bytes on, swallows them for a while, or cuts a reply off."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """A TCP port of the loopback interface that leads to the server's socket, until it is told otherwise."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._open = threading.Event()
        self._open.set()
        self._cutting = False
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def blackhole(self) -> None:
        """From now on nothing gets through, in either direction, and nobody is told."""
        self._open.clear()

    def heal(self) -> None:
        """Everything gets through again, what was held back first."""
        self._open.set()

    def cut(self) -> None:
        """Break every connection as its next reply comes: what was asked for may be done, and nobody hears of it."""
        self._cutting = True

    def spare(self) -> None:
        """Cut no more."""
        self._cutting = False

    def close(self) -> None:
        """End it all."""
        self._open.set()
        self._listener.close()
        for one in list(self._sockets):
            _shut(one)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self._target)
                except OSError:
                    _shut(client)
                    server.close()
                    continue
                self._sockets |= {client, server}
                for source, sink, replies in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=(source, sink, replies), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, replies: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._open.wait()
                if replies and self._cutting:
                    break
                sink.sendall(data)
        for one in (source, sink):
            _shut(one)
            self._sockets.discard(one)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
