"""The service's processes: one parent that has everything loaded forks a server for each `start PORT` it reads.

`python -m tests.campaign.worker ADDRESS HOME BUG`; prints the number of each process. BUG: one of
`planted.SERVICE`, or "none". SIGUSR1 sets a server's clock a day ahead, SIGUSR2 a day back, turn by turn.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import uvicorn

from stockpile.app import build
from stockpile.db import open_engine
from stockpile.governance import caller
from stockpile.settings import Settings
from tests.campaign import planted


class Stepped(datetime):
    """A clock that can be set."""

    off = timedelta()

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        """What the clock shows."""
        return datetime.now(tz) + cls.off


def _step(number: int, _frame: object) -> None:
    Stepped.off += timedelta(days=1 if number == signal.SIGUSR1 else -1)


def serve(address: str, home: Path, port: int) -> None:
    """Serve until killed."""
    caller.datetime = Stepped  # type: ignore[misc]
    signal.signal(signal.SIGUSR1, _step)
    signal.signal(signal.SIGUSR2, _step)
    settings = Settings(home=home, database_url=address, plan_limit_seconds=5)
    app = build(open_engine(settings.address()), settings, scheduled=False)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="critical", access_log=False, timeout_keep_alive=60)


def main() -> None:
    """Read what to start."""
    address, home, bug = sys.argv[1:4]
    if bug in planted.SERVICE:
        planted.SERVICE[bug]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            serve(address, Path(home), int(line.split()[1]))
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
