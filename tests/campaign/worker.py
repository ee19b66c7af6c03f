"""The service's processes: one parent that has everything built forks a server for each `start PORT` it reads.

`python -m tests.campaign.worker ADDRESS HOME BUG`; prints the number of each process. BUG: one of
`planted.SERVICE`, or "none". The first line that it prints says that it is ready. STEPS sets a server's clock.
The parent stands for the load balancer's spare: what a process needs to start by itself is measured elsewhere.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from sqlalchemy.orm import configure_mappers

from stockpile.app import build
from stockpile.db import open_engine
from stockpile.governance import caller
from stockpile.serving import settle_memory
from stockpile.settings import Settings
from tests.campaign import planted


class Stepped(datetime):
    """A clock that can be set."""

    off = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """What the clock shows."""
        return datetime.now(tz) + cls.off


STEPS: Final = {
    signal.SIGUSR1: (timedelta(days=1), "UTC"),
    signal.SIGUSR2: (timedelta(days=-1), "UTC"),
    signal.SIGRTMIN: (timedelta(hours=1), "Europe/Amsterdam"),
    signal.SIGRTMIN + 1: (timedelta(hours=-1), "UTC"),
}
"""By how much a signal sets the clock of a server, and to what zone the machine is set then."""


def _step(number: int, _frame: object) -> None:
    by, os.environ["TZ"] = STEPS[number]
    time.tzset()
    Stepped.off += by


def made(address: str, home: Path) -> FastAPI:
    """The service, which has not talked to its database yet: so that every process opens sessions of its own."""
    caller.datetime = Stepped  # type: ignore[misc]
    settings = Settings(home=home, database_url=address, plan_limit_seconds=5)
    app = build(open_engine(settings.address()), settings, scheduled=False)
    configure_mappers()
    settle_memory()
    return app


def serve(app: FastAPI, port: int) -> None:
    """Serve until killed."""
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False, timeout_keep_alive=60)


def main() -> None:
    """Read what to start."""
    address, home, bug = sys.argv[1:4]
    if bug in planted.SERVICE:
        planted.SERVICE[bug]()
    app = made(address, Path(home))
    for number in STEPS:
        signal.signal(number, _step)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(app, int(line.split()[1]))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
