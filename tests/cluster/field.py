"""Work for the workers' child processes: a task that reports and then takes its time."""

from __future__ import annotations

import time


def slow(seconds: float, *, progress: object = None) -> str:
    """Report once, then sleep."""
    assert callable(progress)
    progress(1, 2)
    time.sleep(seconds)
    return "done"


def failing(_: object) -> None:
    """A solver that dies."""
    raise RuntimeError("the last words")
