"""Running a solver on a Dask cluster, to the same promises as in a child process of one's own (`solver.run_limited`).

Every worker runs it in a child process of its own, for two reasons: a task of Dask's that runs cannot be ended
(Future.cancel only forgets it), and a solver may abort the process that it runs in. So the deadline, the word to end
and the word that it is enough travel as events of the cluster, and a worker that is asked to end kills its child. What
is computed is a function of the argument alone: a worker that dies in the middle changes nothing but the time, for the
scheduler gives its work to another.

Function, argument and answer travel as pickles, and whoever may speak to the scheduler may run anything on its workers
and in this process: a cluster belongs inside a trusted network, and across any other under TLS with certificates of
one's own on every side. Needs the extra `cluster` (dask.distributed).
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar
from uuid import uuid4

from optimizer.outcome import Outcome
from optimizer.solver import Progress, run_here
from optimizer.versions import versions

Value = TypeVar("Value")
CONNECT_SECONDS: Final = 3.0
GLANCE_SECONDS: Final = 0.05
LISTEN_SECONDS: Final = 0.2
LEAST_SECONDS: Final = 0.5
PROGRESS: Final = "stockpile-progress"
log = logging.getLogger(__name__)


class NoCluster(RuntimeError):
    """The cluster cannot take the work, or has lost it: why, in words for people."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files (PEM) for TLS on every side: who signed all certificates of the cluster, and this process's own pair."""

    authority: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class _Order:
    """What a worker is sent. `work`: function and argument as a pickle; `name`: its events'."""

    work: bytes
    name: str
    limit_seconds: float
    told: bool
    versions: str


def _library() -> Any:
    """dask.distributed, which most installations do without."""
    try:
        return import_module("distributed")
    except ImportError as failure:
        raise NoCluster("needs the extra `cluster` (pip install 'stockpile[cluster]')") from failure


class Cluster:
    """A Dask cluster by the address of its scheduler (tcp://host:port, tls://host:port); connected to on first use."""

    def __init__(self, address: str, certificates: Certificates | None = None) -> None:
        self.address, self._certificates = address, certificates
        self._lock = threading.Lock()
        self._client: Any = None
        self._heard: dict[str, Progress] = {}

    def run(
        self,
        function: Callable[..., Value],
        argument: Any,
        *,
        limit_seconds: float,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Outcome[Value]:
        """As `solver.run_limited`, on a worker; where the cluster fails, on this machine in the time that is left.

        The outcome's detail says so then. A file named by the argument's `enough` is heard of here, and there.
        """
        started = time.monotonic()
        try:
            return self._there(function, argument, limit_seconds=limit_seconds, progress=progress, cancel=cancel)
        except NoCluster as failure:
            left = max(LEAST_SECONDS, limit_seconds - (time.monotonic() - started))
            said = f"the cluster {self.address} {failure}: computed on this machine"
            log.warning("%s", said)
            outcome = run_here(function, argument, limit_seconds=left, progress=progress, cancel=cancel)
            detail = f"{outcome.detail}; {said}" if outcome.detail else said
            return Outcome(outcome.status, outcome.value, time.monotonic() - started, detail)

    def close(self) -> None:
        """Leave the cluster; what still runs there is ended by its own limit."""
        with self._lock:
            if self._client is not None:
                self._client.close(timeout=1)
                self._client = None

    def _there(
        self,
        function: Callable[..., Value],
        argument: Any,
        *,
        limit_seconds: float,
        progress: Progress | None,
        cancel: threading.Event | None,
    ) -> Outcome[Value]:
        started, client, event = time.monotonic(), self._connected(), _library().Event
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise NoCluster("has no workers")
        work = pickle.dumps((function, argument))
        order = _Order(work, f"stockpile-{uuid4().hex}", limit_seconds, progress is not None, versions())
        if progress is not None:
            self._heard[order.name] = progress
        future = client.submit(_worked, order, key=order.name, pure=False, retries=0)
        try:
            watch = _Watch(client, started + limit_seconds, cancel, argument, started)
            ended = watch.until(future, lambda: event(_enough(order.name), client=client).set())
            if ended:
                event(_cancelled(order.name), client=client).set()
                future.cancel()
                why = "it was cancelled" if ended == "cancelled" else f"no answer within {limit_seconds} s"
                return Outcome(ended, None, time.monotonic() - started, why)
            return _answered(future, time.monotonic() - started)
        except (OSError, TimeoutError) as failure:
            raise NoCluster(f"was lost while it computed ({failure})") from failure
        finally:
            self._heard.pop(order.name, None)
            future.release()

    def _connected(self) -> Any:
        """The one connection of this process; a new one where the old was lost."""
        with self._lock:
            if self._client is not None and self._client.status != "running":
                self._client.close(timeout=1)
                self._client = None
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _connect(self) -> Any:
        library, security = _library(), None
        if self._certificates is not None:
            security = library.Security(
                require_encryption=True,
                tls_ca_file=self._certificates.authority,
                tls_client_cert=self._certificates.certificate,
                tls_client_key=self._certificates.key,
            )
        try:
            client: Any = library.Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False, security=security)
        except (OSError, TimeoutError, ValueError, RuntimeError) as failure:
            raise NoCluster(f"does not answer ({str(failure)[:200]})") from failure
        client.subscribe_topic(PROGRESS, self._hear)
        return client

    def _hear(self, event: Any) -> None:
        """Progress of any work on the cluster; who asked for it is told."""
        name, done, of = event[1]
        heard = self._heard.get(name)
        if heard is not None:
            heard(done, of)


class _Watch:
    """What ends the waiting for an answer, and what cuts the work short."""

    def __init__(
        self, client: Any, deadline: float, cancel: threading.Event | None, argument: Any, started: float
    ) -> None:
        self._client, self._deadline, self._cancel = client, deadline, cancel
        self._heard_at = started
        named = getattr(argument, "enough", "")
        self._enough = Path(named) if named else None
        own = getattr(argument, "seconds", None) if hasattr(argument, "enough") else None
        self._short = started + own if own is not None else None

    def until(self, future: Any, enough: Callable[[], None]) -> Any:
        """Wait; "out_of_time" or "cancelled" where the answer did not come first. `enough` is called at most once.

        The work's own time counts from when it was asked for: a queue, or a second worker, does not make it longer.
        """
        told = False
        while not future.done():
            if self._cancel is not None and self._cancel.is_set():
                return "cancelled"
            now = time.monotonic()
            if now >= self._deadline:
                return "out_of_time"
            self._refuse_silence(now)
            if not told and self._is_enough(now):
                enough()
                told = True
            time.sleep(GLANCE_SECONDS)
        return ""

    def _refuse_silence(self, now: float) -> None:
        """A scheduler that is gone for some seconds has forgotten the work, whether it comes back or not."""
        if self._client.status == "running":
            self._heard_at = now
        elif now - self._heard_at > CONNECT_SECONDS:
            raise NoCluster("was lost while it computed (no scheduler)")

    def _is_enough(self, now: float) -> bool:
        return (self._short is not None and now >= self._short) or (self._enough is not None and self._enough.exists())


def _answered(future: Any, seconds: float) -> Outcome[Any]:
    if future.status == "finished":
        found: Outcome[Any] = pickle.loads(future.result(timeout=CONNECT_SECONDS))
        return Outcome(found.status, found.value, seconds, found.detail)
    if future.status == "error":
        failure = future.exception(timeout=CONNECT_SECONDS)
        if isinstance(failure, NoCluster):
            raise failure
        raise NoCluster(f"failed ({type(failure).__name__}: {str(failure)[:200]})")
    raise NoCluster(f"was lost while it computed ({future.status})")


def _cancelled(name: str) -> str:
    return f"{name}-cancelled"


def _enough(name: str) -> str:
    return f"{name}-enough"


def _worked(order: _Order) -> bytes:
    """The worker's part: compute in a child process, hear the events, report progress; the outcome as a pickle."""
    if order.versions != versions():
        raise NoCluster(f"runs other versions ({versions()}; here {order.versions})")
    worker, cancel, over = _library().get_worker(), threading.Event(), threading.Event()
    function, argument = pickle.loads(order.work)

    def told(done: int, of: int) -> None:
        worker.log_event(PROGRESS, (order.name, done, of))

    with TemporaryDirectory(prefix="stockpile-worker-") as folder:
        enough = Path(folder) / "enough"
        if hasattr(argument, "enough"):
            argument = replace(argument, enough=str(enough))
        listener = threading.Thread(target=_listen, args=(order.name, worker, cancel, enough, over), daemon=True)
        listener.start()
        try:
            progress = told if order.told else None
            found = run_here(function, argument, limit_seconds=order.limit_seconds, progress=progress, cancel=cancel)
        finally:
            over.set()
            listener.join()
    return pickle.dumps(found)


def _listen(name: str, worker: Any, cancel: threading.Event, enough: Path, over: threading.Event) -> None:
    """Turn the cluster's events into what this worker's child understands, until it is over."""
    sync = _library().utils.sync

    def is_set(event: str) -> bool:
        try:
            return bool(sync(worker.loop, worker.scheduler.event_is_set, callback_timeout=CONNECT_SECONDS, name=event))
        except (OSError, TimeoutError):
            return False  # the scheduler is away: the limit of time still holds

    while not over.wait(LISTEN_SECONDS):
        if is_set(_cancelled(name)):
            cancel.set()
        elif is_set(_enough(name)):
            enough.touch()
