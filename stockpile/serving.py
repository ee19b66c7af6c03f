"""Serving on the loopback interface: the API, the screens and the nightly runs in one process."""

from __future__ import annotations

import fcntl
import gc
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from sqlalchemy import Engine

from stockpile.app import build
from stockpile.console import Part
from stockpile.errors import Conflict
from stockpile.settings import Settings
from stockpile.upkeep.logs import configure
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


class BeingServed(Conflict):
    """A server works on these data."""

    code = "being_served"


@contextmanager
def marked_as_served(home: Path) -> Iterator[None]:
    """While it serves, a process holds this installation's mark; several may."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "served.lock").open("a") as mark:
        fcntl.flock(mark, fcntl.LOCK_SH)
        yield


def refuse_served(home: Path) -> None:
    """Refuse while a server of this machine works on the installation in `home`."""
    if not (home / "served.lock").exists():
        return
    with (home / "served.lock").open("a") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            raise BeingServed(
                f"a server is working on {home}: end it (Ctrl-C), then delete the data", home=str(home)
            ) from failure


def settle_memory() -> None:
    """Tell the garbage collector that what is loaded stays: else its rounds stop every request for 0.1 s.

    It also looks less often: a long import makes many objects and no cycles, and looking took a quarter of its time;
    what a request leaves holds none either.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def serve(engine: Engine, settings: Settings, *, port: int, host: str = HOST, part: Part = "all") -> None:
    """Serve until interrupted; every log of it is one JSON object a line.

    `part` "api" serves the API and the public pages and does the scheduled runs, "screens" the signed-in screens: so
    that a load balancer may have several of the first, which keep nothing, beside the second, which keep sessions.
    """
    configure(settings.log_level)
    app = build(engine, settings, scheduled=part != "screens")
    if part != "api":
        add_pages(app, settings)
    settle_memory()
    with marked_as_served(settings.home):
        uvicorn.run(app, host=host, port=port, log_config=None, access_log=False)
