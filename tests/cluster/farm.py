"""A real Dask scheduler with real workers on the loopback interface, as an operator would start them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


class Farm:
    """One scheduler; its workers may be killed."""

    def __init__(self, folder: Path, *, encrypted: Sequence[str] = ()) -> None:
        self._folder, self._encrypted = folder, encrypted
        self.workers: list[subprocess.Popen[bytes]] = []
        self._file = folder / "scheduler.json"
        here = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter"]
        self.scheduler = self._start("dask_scheduler", *here, "--scheduler-file", str(self._file))
        for _ in range(600):
            if self._file.exists() and self._file.read_text().strip():
                break
            assert self.scheduler.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        self.address: str = json.loads(self._file.read_text())["address"]

    def add_worker(self) -> subprocess.Popen[bytes]:
        """One more worker, with one thread: every solve has a core."""
        given = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1"]
        worker = self._start("dask_worker", self.address, *given, "--local-directory", str(self._folder))
        self.workers.append(worker)
        return worker

    def solving(self) -> list[tuple[subprocess.Popen[bytes], psutil.Process]]:
        """The workers that solve now, each with its child process."""
        found = []
        for worker in self.workers:
            if worker.poll() is None:
                children = psutil.Process(worker.pid).children()
                found += [(worker, one) for one in children if "optimizer.solver" in " ".join(one.cmdline())]
        return found

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker without a word."""
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    def close(self) -> None:
        """End what was started."""
        for one in (*self.workers, self.scheduler):
            if one.poll() is None:
                one.kill()
            one.wait()

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{program}", *arguments, *self._encrypted]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(Path(__file__).parent))),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
        }
        with (self._folder / "log").open("a") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self._folder)


@contextmanager
def farm(folder: Path, *, workers: int = 2, encrypted: Sequence[str] = ()) -> Iterator[Farm]:
    """A farm that is gone when the block is left."""
    made = Farm(folder, encrypted=encrypted)
    try:
        for _ in range(workers):
            made.add_worker()
        yield made
    finally:
        made.close()
