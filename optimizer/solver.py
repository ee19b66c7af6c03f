"""Running a solver under a time limit, in a child process that can be killed, with progress and cancel.

OR-Tools' flow solvers hold the interpreter's lock and its other solvers can
abort the whole process on a wrong answer of their own: neither may take the
service with it. The child is a fresh interpreter that imports nothing of the
caller's main program; function, argument, progress and answer travel as pickles.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from optimizer.outcome import Outcome

Argument = TypeVar("Argument")
Value = TypeVar("Value")
Progress = Callable[[int, int], object]
"""Called with parts done and parts in all."""

_CHILD = "from optimizer.solver import answer; answer()"
_LAST_WORDS = 500
_GLANCE_SECONDS = 0.05


class Elsewhere(Protocol):
    """Where work may go instead of a child process of this one (see `optimizer.cluster`)."""

    def run(
        self,
        function: Callable[..., Value],
        argument: Any,
        *,
        limit_seconds: float,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome[Value]:
        """As `run_limited`."""


_elsewhere: list[Elsewhere] = []


def send_to(elsewhere: Elsewhere | None) -> None:
    """From now on `run_limited` in this process sends its work there; None: it runs here again."""
    _elsewhere[:] = [elsewhere] if elsewhere is not None else []


def run_limited(
    function: Callable[..., Value],
    argument: Argument,
    *,
    limit_seconds: float,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[Value]:
    """`run_here`, or on the cluster that was named by `send_to`: the same promises and the same answer."""
    run = _elsewhere[0].run if _elsewhere else run_here
    return run(function, argument, limit_seconds=limit_seconds, progress=progress, cancel=cancel)


def run_here(
    function: Callable[..., Value],
    argument: Argument,
    *,
    limit_seconds: float,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> Outcome[Value]:
    """Call `function(argument)` in a fresh process and wait at most `limit_seconds` (wall time).

    Both must be picklable (a function of an importable module, plain data). A
    child that overruns or is cancelled is killed; one that dies or raises is reported with its reason. With
    `progress` the function is called with a keyword `progress` too, and what it reports arrives here, in
    another thread.
    """
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-c", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
        ) as child,
    ):
        talk = _Talk(child, pickle.dumps((function, argument, progress is not None)), progress)
        talk.start()
        try:
            ended = _wait(talk, started + limit_seconds, cancel)
        finally:
            child.kill()
            talk.join()  # it meets the end of the pipe, which must not be closed under it
        seconds = time.monotonic() - started
        if ended:
            why = "it was cancelled" if ended == "cancelled" else f"no answer within {limit_seconds} s"
            return Outcome(ended, None, seconds, why)
        status = child.wait()
        if talk.answers:
            return Outcome("solved", talk.answers[0], seconds)
        said.seek(0)
        return _crashed(status, said.read(), seconds)


def _wait(talk: _Talk, deadline: float, cancel: threading.Event | None) -> Any:
    """Wait for the child's end; "out_of_time" or "cancelled" where it did not come first."""
    while talk.is_alive():
        if cancel is not None and cancel.is_set():
            return "cancelled"
        left = deadline - time.monotonic()
        if left <= 0:
            return "out_of_time"
        talk.join(left if cancel is None else min(left, _GLANCE_SECONDS))
    return ""


class _Talk(threading.Thread):
    """Send the child its work and read what it says until it ends."""

    def __init__(self, child: subprocess.Popen[bytes], work: bytes, progress: Progress | None) -> None:
        super().__init__(daemon=True)
        self.child, self.work, self.progress = child, work, progress
        self.answers: list[Any] = []

    def run(self) -> None:
        """Frames are pickles one after the other: ("progress", done, of) or ("answer", value)."""
        assert self.child.stdin is not None
        assert self.child.stdout is not None
        try:
            self.child.stdin.write(self.work)
            self.child.stdin.close()
            while True:
                kind, *rest = pickle.load(self.child.stdout)
                if kind == "answer":
                    self.answers += rest
                elif self.progress is not None:
                    self.progress(*rest)
        except (EOFError, OSError, pickle.UnpicklingError):
            return  # the child has ended, or was killed in the middle of a frame


def answer() -> None:
    """The child's part: read function and argument, write progress and the answer, or the failure."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a solver prints goes to standard error, never into the answer
    threading.Thread(target=_die_with_caller, args=(os.getppid(),), daemon=True).start()

    def report(done: int, of: int) -> None:
        pipe.write(pickle.dumps(("progress", done, of)))
        pipe.flush()

    function, argument, told = pickle.load(sys.stdin.buffer)
    value = function(argument, progress=report) if told else function(argument)
    pipe.write(pickle.dumps(("answer", value)))
    pipe.close()


def _die_with_caller(caller: int) -> None:
    """A caller that is killed cannot kill its child: nobody waits for the answer, so the child ends too."""
    while os.getppid() == caller:
        time.sleep(1)
    os._exit(1)


def _crashed(status: int, said: bytes, seconds: float) -> Outcome[Any]:
    words = said.decode(errors="replace").strip().splitlines()
    last = words[-1][:_LAST_WORDS] if words else "it said nothing"
    return Outcome("crashed", None, seconds, f"the solver's process ended with {status}: {last}")
