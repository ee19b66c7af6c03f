"""Serving on the loopback interface: the API, the screens and the nightly runs in one process."""

from __future__ import annotations

import gc
import socket

import uvicorn
from sqlalchemy import Engine

from stockpile.app import build
from stockpile.errors import Conflict
from stockpile.settings import Settings
from stockpile.web.pages import add_pages

HOST = "127.0.0.1"


class PortTaken(Conflict):
    """Another program listens there."""

    code = "port_taken"


def refuse_taken_port(port: int) -> None:
    """Refuse a port of the loopback interface on which another program listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as failure:
            raise PortTaken(
                f"port {port} of {HOST} is taken: stop what listens there, or choose another with --port", port=port
            ) from failure


def settle_memory() -> None:
    """Tell the garbage collector that what is loaded stays: else its rounds stop every request for 0.1 s.

    It also looks less often: a long import makes many objects and no cycles, and looking took a quarter of its time;
    what a request leaves holds none either.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve(engine: Engine, settings: Settings, *, port: int) -> None:
    """Serve until interrupted."""
    app = build(engine, settings)
    add_pages(app, settings)
    settle_memory()
    uvicorn.run(app, host=HOST, port=port, log_level="warning")
