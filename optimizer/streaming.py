"""Running a solver in a child process that tells what it has so far, and can be stopped at any time.

Like `solver.run_limited`, for solvers that improve: the child is a fresh
interpreter that writes messages as pickles, one after the other, and ends by
itself when its caller is gone.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, TypeVar

Argument = TypeVar("Argument")

_CHILD = "from optimizer.streaming import serve; serve()"
_LAST_WORDS = 500


class ChildFailure(RuntimeError):
    """The solver's process ended without finishing; the message gives its status and last words."""


@contextmanager
def messages(
    function: Callable[[Argument, Callable[[Any], None]], None], argument: Argument
) -> Iterator[Callable[[float], Iterator[Any]]]:
    """Run `function(argument, emit)` in a fresh process, which is killed when the block is left.

    Yields `until`: `until(seconds)` iterates over what the child emits and ends when the child
    has finished or so many seconds have passed; it raises ChildFailure where the child died. A None in
    between means that a second went by without a message.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # an interrupt from the terminal is the caller's to handle
    ) as child:
        inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        said: list[bytes] = []
        threads = [
            threading.Thread(target=_read, args=(child.stdout, inbox), daemon=True),
            threading.Thread(target=lambda: said.append(child.stderr.read() if child.stderr else b""), daemon=True),
            threading.Thread(target=_write, args=(child.stdin, pickle.dumps((function, argument))), daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            yield lambda seconds: _until(inbox, child, said, threads[1], seconds)
        finally:
            child.kill()
            for thread in threads:
                thread.join()


def _until(
    inbox: queue.SimpleQueue[tuple[str, Any]],
    child: subprocess.Popen[bytes],
    said: list[bytes],
    listener: threading.Thread,
    seconds: float,
) -> Iterator[Any]:
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            kind, content = inbox.get(timeout=min(left, 1.0))
        except queue.Empty:
            yield None
            continue
        if kind == "finished":
            return
        if kind == "ended":
            status = child.wait()
            listener.join()
            words = b"".join(said).decode(errors="replace").strip().splitlines()
            last = words[-1][:_LAST_WORDS] if words else "it said nothing"
            raise ChildFailure(f"the solver's process ended with {status}: {last}")
        yield content


def _write(pipe: BinaryIO, content: bytes) -> None:
    """Hand over the task; the pipe stays open, so that its end tells the child that its caller is gone."""
    try:
        pipe.write(content)
        pipe.flush()
    except BrokenPipeError:
        return  # the child died before it read its task; its status says so


def _read(pipe: BinaryIO, inbox: queue.SimpleQueue[tuple[str, Any]]) -> None:
    while True:
        try:
            inbox.put(pickle.load(pipe))
        except (EOFError, pickle.UnpicklingError):
            inbox.put(("ended", None))
            return


def serve() -> None:
    """The child's part: read function and argument, write every message, then that it finished."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a solver prints goes to standard error, never among the messages
    function, argument = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_die_with_caller, daemon=True).start()

    def send(kind: str, content: Any) -> None:
        pickle.dump((kind, content), pipe)
        pipe.flush()

    function(argument, lambda content: send("message", content))
    send("finished", None)


def _die_with_caller() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
