"""Running a solver under a time limit, in a child process that can be killed.

OR-Tools' flow solvers hold the interpreter's lock and its other solvers can
abort the whole process on a wrong answer of their own: neither may take the
service with it.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from optimizer.outcome import Outcome

Argument = TypeVar("Argument")
Value = TypeVar("Value")


def run_limited(function: Callable[[Argument], Value], argument: Argument, *, limit_seconds: float) -> Outcome[Value]:
    """Call `function(argument)` in a fresh child process and wait at most `limit_seconds` (wall time).

    Both must be picklable (module-level function, plain data). A child that
    overruns is killed; one that dies or raises is reported with its reason.
    """
    context = multiprocessing.get_context("spawn")
    started = time.monotonic()
    here, there = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(there, function, argument), daemon=True)
    child.start()
    there.close()
    try:
        return _await(here, started=started, limit_seconds=limit_seconds)
    finally:
        child.kill()
        child.join()
        child.close()
        here.close()


def _await(pipe: Connection, *, started: float, limit_seconds: float) -> Outcome[Value]:
    if not pipe.poll(limit_seconds):
        return Outcome("out_of_time", None, time.monotonic() - started, f"no answer within {limit_seconds} s")
    try:
        value, failure = pipe.recv()
    except EOFError:
        return Outcome("crashed", None, time.monotonic() - started, "the solver's process died")
    seconds = time.monotonic() - started
    return Outcome("crashed", None, seconds, failure) if failure else Outcome("solved", value, seconds)


def _work(pipe: Connection, function: Callable[[Argument], Value], argument: Argument) -> None:
    try:
        pipe.send((function(argument), ""))
    except BaseException as failure:
        pipe.send((None, f"{type(failure).__name__}: {failure}"))
        raise
