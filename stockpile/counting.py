"""What this process has done since it began, counted where it is done: for the figures that upkeep tells.

Counters only grow; lengths (seconds) are counted by classes. Whoever wants every length as it comes listens.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

Labels = tuple[tuple[str, str], ...]
Listener = Callable[[str, float, Labels], object]
Tracer = Callable[[str, Mapping[str, str]], AbstractContextManager[object]]
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper ends of the classes that lengths fall into."""
_PENDING: Final = "stockpile.counted"


@dataclass(slots=True)
class Lengths:
    """Lengths under one name and one set of labels: how many in each class (the last: longer than all), their sum."""

    classes: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    seconds: float = 0.0


class Counts:
    """Counters and lengths by name and labels; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counters: Counter[tuple[str, Labels]] = Counter()
        self._lengths: defaultdict[tuple[str, Labels], Lengths] = defaultdict(Lengths)
        self._listeners: list[Listener] = []

    def add(self, name: str, count: int = 1, **labels: str) -> None:
        """Count so many more."""
        with self._lock:
            self._counters[name, tuple(labels.items())] += count

    def took(self, name: str, seconds: float, **labels: str) -> None:
        """Count one more thing that took so long."""
        told = tuple(labels.items())
        with self._lock:
            lengths = self._lengths[name, told]
            lengths.classes[bisect_left(BUCKETS, seconds)] += 1
            lengths.seconds += seconds
        for listener in self._listeners:
            listener(name, seconds, told)

    def listen(self, listener: Listener) -> None:
        """From now on, tell `listener` of every length: name, seconds, labels."""
        self._listeners.append(listener)

    def forget(self, listener: Listener) -> None:
        """Tell it no more."""
        self._listeners.remove(listener)

    def counters(self) -> dict[tuple[str, Labels], int]:
        """The counters as they stand."""
        with self._lock:
            return dict(self._counters)

    def lengths(self) -> dict[tuple[str, Labels], Lengths]:
        """The lengths as they stand."""
        with self._lock:
            return {key: Lengths(list(one.classes), one.seconds) for key, one in self._lengths.items()}


counts: Final = Counts()
"""Those of this process."""
_tracers: list[Tracer] = []


def trace_by(tracer: Tracer | None) -> None:
    """From now on let `tracer` follow what is `traced`; None: nobody does."""
    _tracers[:] = [tracer] if tracer is not None else []


def traced(what: str, /, **facts: str) -> AbstractContextManager[object]:
    """A block that a trace shows as a span of its own, where traces are kept."""
    return _tracers[0](what, facts) if _tracers else nullcontext()


def name_request(span: Any, *, method: str, route: str, status: int, request: str = "") -> None:
    """Say in the span of a request, where there is one, what was asked for by its route, and how it ended."""
    if span is not None:
        span.update_name(f"{method} {route}")
        facts = {"http.request.method": method, "http.route": route, "http.response.status_code": status}
        span.set_attributes({**facts, "request.id": request} if request else facts)


def count_on_commit(info: dict[Any, Any], name: str, count: int, **labels: str) -> None:
    """Note in a session's `info` what is counted once its transaction is on disk."""
    info.setdefault(_PENDING, []).append((name, count, labels))


def committed(info: dict[Any, Any]) -> None:
    """The transaction is on disk: count what was noted."""
    for name, count, labels in info.pop(_PENDING, ()):
        counts.add(name, count, **labels)
