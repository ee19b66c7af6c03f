"""What is counted, in the text that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func
from sqlalchemy.pool import QueuePool
from sqlmodel import Session, col, select

from stockpile.backup import folders
from stockpile.db import reading
from stockpile.inventory.keeping import LedgerStop
from stockpile.jobs import watching
from stockpile.journal import JournalEntry
from stockpile.transparency.sealing import queries as sealed

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: the upper ends of the classes that the length of a request falls into."""
HELP: Final = {
    "stockpile_requests_total": "Requests answered.",
    "stockpile_request_seconds": "How long requests took.",
    "stockpile_stops": "Stops of the ledger that nobody has lifted.",
    "stockpile_discrepancies": "Discrepancies that the last look at the books found.",
    "stockpile_verified_timestamp_seconds": "When the books were last recomputed.",
    "stockpile_verification_seconds": "How long that took.",
    "stockpile_journal_entries": "Journal entries.",
    "stockpile_unsealed_entries": "Journal entries that wait for a seal.",
    "stockpile_backup_timestamp_seconds": "When the newest backup was taken.",
    "stockpile_pool_checked_out": "Database connections in use by this process.",
}
Labels = tuple[tuple[str, str], ...]


class Requests:
    """Counts of the requests of this process, by method, route and status; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[Labels] = Counter()
        self._classes: Counter[tuple[str, float]] = Counter()
        self._sums: defaultdict[str, float] = defaultdict(float)

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer; `route` is the pattern of the route, never the path that was asked for."""
        with self._lock:
            self._counts[("method", method), ("route", route), ("status", str(status))] += 1
            for end in BUCKETS:
                if seconds <= end:
                    self._classes[route, end] += 1
            self._classes[route, float("inf")] += 1
            self._sums[route] += seconds

    def lines(self) -> Iterator[str]:
        """The counts in Prometheus' text."""
        with self._lock:
            counts, classes, sums = self._counts.copy(), self._classes.copy(), self._sums.copy()
        yield from _head("stockpile_requests_total", "counter")
        for labels, count in sorted(counts.items()):
            yield f"stockpile_requests_total{_labels(labels)} {count}"
        yield from _head("stockpile_request_seconds", "histogram")
        for route, seconds in sorted(sums.items()):
            for end in (*BUCKETS, float("inf")):
                told = _labels((("route", route), ("le", "+Inf" if end == float("inf") else str(end))))
                yield f"stockpile_request_seconds_bucket{told} {classes[route, end]}"
            yield f"stockpile_request_seconds_sum{_labels((('route', route),))} {seconds:.6f}"
            yield f"stockpile_request_seconds_count{_labels((('route', route),))} {classes[route, float('inf')]}"


def _head(name: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {HELP[name]}"
    yield f"# TYPE {name} {kind}"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, value in labels}
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def gauges(engine: Engine, backup_dir: Path | None) -> Mapping[str, float]:
    """What stands now: stops, the last look at the books, what waits for a seal, the newest backup, connections."""
    with reading(engine) as session:
        found = _of_books(session)
    if backup_dir is not None:
        taken = folders.backups(backup_dir)
        found["stockpile_backup_timestamp_seconds"] = _timestamp(folders.taken_at(taken[-1])) if taken else 0
    if isinstance(engine.pool, QueuePool):
        found["stockpile_pool_checked_out"] = engine.pool.checkedout()
    return found


def _of_books(session: Session) -> dict[str, float]:
    standing = select(func.count()).select_from(LedgerStop).where(col(LedgerStop.lifted_at).is_(None))
    entries = session.exec(select(func.count()).select_from(JournalEntry)).one()
    found: dict[str, float] = {
        "stockpile_stops": session.exec(standing).one(),
        "stockpile_journal_entries": entries,
        "stockpile_unsealed_entries": entries - sealed.latest_size(session),
    }
    last = watching.last(session)
    if last is not None:
        found["stockpile_verified_timestamp_seconds"] = _timestamp(last.recorded_at)
        found["stockpile_verification_seconds"] = last.seconds_ms / 1000
        found["stockpile_discrepancies"] = watching.discrepancies_of(last)
    return found


def _timestamp(at: datetime) -> float:
    return at.timestamp()


def text(requests: Requests, standing: Mapping[str, float]) -> str:
    """Everything in Prometheus' text."""
    lines = list(requests.lines())
    for name, value in standing.items():
        lines += [*_head(name, "gauge"), f"{name} {value:.3f}".rstrip("0").rstrip(".")]
    return "\n".join(lines) + "\n"
