"""A witness of the tests: a real server on this machine that takes heads, or fails as servers do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext


class Witness:
    """What it was sent, oldest first, and how it answers: a status, words, a redirection, or not at all."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.heard: list[dict[str, str]] = []
        self.status, self.words, self.leads_to = 200, b"kept", ""
        self.hangs, self.drips = threading.Event(), False
        self.let_go = threading.Event()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it takes heads."""
        return f"http://127.0.0.1:{self.port}/heads"

    def answer(self, asked: BaseHTTPRequestHandler) -> None:
        """Take what was sent, and answer as it is set to."""
        self.heard.append({name.lower(): value for name, value in asked.headers.items()})
        self.got.append(asked.rfile.read(int(asked.headers["Content-Length"])))
        if self.hangs.is_set():
            self.let_go.wait(30)
            return
        asked.send_response(self.status)
        if self.leads_to:
            asked.send_header("Location", self.leads_to)
        if self.drips:
            self._drip(asked)
            return
        asked.send_header("Content-Length", str(len(self.words)))
        asked.end_headers()
        asked.wfile.write(self.words)

    def _drip(self, asked: BaseHTTPRequestHandler) -> None:
        """An answer that never ends: each byte comes soon enough that no single wait is long."""
        asked.end_headers()
        while not self.let_go.wait(0.05):
            try:
                asked.wfile.write(b".")
                asked.wfile.flush()
            except OSError:
                return


@contextmanager
def witness(*, tls: SSLContext | None = None) -> Iterator[Witness]:
    """A witness that listens, until the block ends."""
    found = Witness()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
