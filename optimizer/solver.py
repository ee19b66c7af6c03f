"""Running a solver under a time limit, in a child process that can be killed.

OR-Tools' flow solvers hold the interpreter's lock and its other solvers can
abort the whole process on a wrong answer of their own: neither may take the
service with it. The child is a fresh interpreter that imports nothing of the
caller's main program; function, argument and answer travel as pickles.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from optimizer.outcome import Outcome

Argument = TypeVar("Argument")
Value = TypeVar("Value")

_CHILD = "from optimizer.solver import answer; answer()"
_LAST_WORDS = 500


def run_limited(function: Callable[[Argument], Value], argument: Argument, *, limit_seconds: float) -> Outcome[Value]:
    """Call `function(argument)` in a fresh process and wait at most `limit_seconds` (wall time).

    Both must be picklable (a function of an importable module, plain data). A
    child that overruns is killed; one that dies or raises is reported with its reason.
    """
    started = time.monotonic()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as child:
        try:
            answered, said = child.communicate(pickle.dumps((function, argument)), timeout=limit_seconds)
        except subprocess.TimeoutExpired:
            seconds = time.monotonic() - started
            return Outcome("out_of_time", None, seconds, f"no answer within {limit_seconds} s")
        finally:
            child.kill()
        return _outcome(child.wait(), answered, said, seconds=time.monotonic() - started)


def answer() -> None:
    """The child's part: read function and argument, write the answer or the failure."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a solver prints goes to standard error, never into the answer
    function, argument = pickle.load(sys.stdin.buffer)
    pipe.write(pickle.dumps(function(argument)))
    pipe.close()


def _outcome(status: int, answered: bytes, said: bytes, *, seconds: float) -> Outcome[Value]:
    if status == 0 and answered:
        return Outcome("solved", pickle.loads(answered), seconds)
    words = said.decode(errors="replace").strip().splitlines()
    last = words[-1][:_LAST_WORDS] if words else "it said nothing"
    return Outcome("crashed", None, seconds, f"the solver's process ended with {status}: {last}")
