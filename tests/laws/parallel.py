"""Doing things at the same time: many threads that start together, or two acts that overlap for certain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.db import transact

Result = TypeVar("Result")
A_MOMENT = 0.4


def at_once(works: Sequence[Callable[[], Result]]) -> list[Result | Exception]:
    """Run all works from a common start, each in its own thread; what each returned or raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Result]) -> Result | Exception:
        start.wait(timeout=30)
        return caught(work)

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(run, works))


def overlapping(
    engine: Engine, first: Callable[[Session], Result], second: Callable[[Session], Result]
) -> list[Result | Exception]:
    """Do `first`, and before it is committed `second`: which ends before, or waits for the first to commit."""
    first_done, second_done = threading.Event(), threading.Event()

    def lead(session: Session) -> Result:
        result = first(session)
        session.flush()
        first_done.set()
        second_done.wait(timeout=A_MOMENT)
        return result

    def follow() -> Result | Exception:
        assert first_done.wait(timeout=30)
        outcome = caught(lambda: transact(engine, second))
        second_done.set()
        return outcome

    with ThreadPoolExecutor(2) as threads:
        outcomes = [threads.submit(caught, lambda: transact(engine, lead)), threads.submit(follow)]
        return [outcome.result(timeout=60) for outcome in outcomes]


def caught(work: Callable[[], Result]) -> Result | Exception:
    """What it returns or raises."""
    try:
        return work()
    except Exception as failure:
        return failure


def kinds(outcomes: Sequence[object]) -> list[str]:
    """The class of each outcome that was refused or failed, sorted; what succeeded is "done"."""
    return sorted(type(one).__name__ if isinstance(one, Exception) else "done" for one in outcomes)
