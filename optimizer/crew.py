"""Sharing out independent work among forked processes; the answers come back in the order of the work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

Answer = TypeVar("Answer")


class CrewError(RuntimeError):
    """A worker ended without an answer."""


def worked(work: Callable[[int], Answer], count: int, *, workers: int = 1) -> list[Answer]:
    """`[work(0), ..., work(count - 1)]`, in `workers` processes that inherit the work and send back the answers.

    Answers must be picklable. With one worker, or where processes cannot be forked, all is done here. A ValueError
    of `work` is raised here too; CrewError if a worker dies. Call it from a program without threads of its own.
    """
    if workers < 2 or count < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return [work(at) for at in range(count)]
    context = multiprocessing.get_context("fork")
    crew = []
    for first in range(1, min(workers, count)):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(there, work, range(first, count, workers)), daemon=True)
        process.start()
        there.close()
        crew.append((process, here))
    parts = [[work(at) for at in range(0, count, workers)]]
    for process, here in crew:
        parts.append(_received(here))
        process.join()
    return [parts[at % workers][at // workers] for at in range(count)]


def _work(there: Connection, work: Callable[[int], Answer], part: range) -> None:
    try:
        answer: list[Answer] | ValueError = [work(at) for at in part]
    except ValueError as failure:
        answer = failure  # raised anew by the process that asked
    there.send(answer)
    there.close()


def _received(here: Connection) -> list[Answer]:
    try:
        answer = here.recv()
    except EOFError as failure:
        raise CrewError("a worker ended without an answer") from failure
    if isinstance(answer, ValueError):
        raise answer
    found: list[Answer] = answer
    return found
