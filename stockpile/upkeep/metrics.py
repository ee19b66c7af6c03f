"""What is counted and what stands: in the text that Prometheus reads (exposition format 0.0.4), and for telemetry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, func
from sqlalchemy.pool import QueuePool
from sqlmodel import Session, col, select

from stockpile.allocation.computing import operations as computing
from stockpile.backup import folders
from stockpile.counting import BUCKETS, Counts, Labels, Lengths, counts
from stockpile.db import reading
from stockpile.inventory.importing.rules import RUNNING, WAITING
from stockpile.inventory.importing.tables import StockImport
from stockpile.inventory.keeping import LedgerStop
from stockpile.jobs import watching
from stockpile.jobs.tables import JobRun
from stockpile.journal import JournalEntry
from stockpile.transparency.sealing import queries as sealed
from stockpile.transparency.sending import queries as sent

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
COUNTERS: Final = {
    "stockpile_requests_total": "Requests answered, by method, route and status.",
    "stockpile_postings_total": "Postings committed by this process, by kind.",
    "stockpile_movements_total": "Movements committed by this process.",
    "stockpile_import_rows_total": "Rows of files that this process posted.",
    "stockpile_solves_total": "Solves, by where they were to run and how they ended.",
    "stockpile_runs_total": "Tries of scheduled runs by this process, by job and outcome.",
}
LENGTHS: Final = {
    "stockpile_request_seconds": "How long requests took, by route.",
    "stockpile_solve_seconds": "How long solves took.",
    "stockpile_run_seconds": "How long scheduled runs took, by job.",
}
GAUGES: Final = {
    "stockpile_stops": "Stops of the ledger that nobody has lifted.",
    "stockpile_discrepancies": "Discrepancies that the last look at the books found.",
    "stockpile_verified_timestamp_seconds": "When the books were last recomputed.",
    "stockpile_verification_seconds": "How long that took.",
    "stockpile_journal_entries": "Journal entries, sealed and waiting.",
    "stockpile_unsealed_entries": "Journal entries that wait for a seal.",
    "stockpile_seal_lag_seconds": "For how long the oldest of them has waited.",
    "stockpile_head_addresses": "Addresses that signed heads are sent to.",
    "stockpile_head_addresses_failing": "Those of them whose last try failed.",
    "stockpile_head_entries_behind": "Sealed entries that the address furthest behind has no head over.",
    "stockpile_queue_length": "What waits or is at work: imports (all processes), plans and postings (this process).",
    "stockpile_run_timestamp_seconds": "When a job's last slot was done.",
    "stockpile_backup_timestamp_seconds": "When the newest backup was taken.",
    "stockpile_pool_checked_out": "Database connections in use by this process.",
}
HELP: Final = {**COUNTERS, **LENGTHS, **GAUGES}
Figures = Mapping[tuple[str, Labels], float]


class Requests:
    """Counts of the requests of this process, by method, route and status; safe to use from many threads."""

    def __init__(self) -> None:
        self.counts = Counts()

    def count(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer; `route` is the pattern of the route, never the path that was asked for."""
        self.counts.add("stockpile_requests_total", method=method, route=route, status=str(status))
        self.counts.took("stockpile_request_seconds", seconds, route=route)


def gauges(engine: Engine, backup_dir: Path | None, *, real_now: datetime, waiting_postings: int = 0) -> Figures:
    """What stands now: stops, the last look at the books, seals, queues, runs, the newest backup, connections."""
    with reading(engine) as session:
        found = _of_books(session) | _of_seals(session, real_now) | _of_witnesses(session) | _of_runs(session)
        imports = select(func.count()).where(col(StockImport.state).in_((WAITING, RUNNING)))
        waiting = {"imports": session.exec(imports).one(), "postings": waiting_postings}
        waiting["plans"] = computing.running(session, now=real_now)
    found |= {("stockpile_queue_length", (("queue", name),)): length for name, length in waiting.items()}
    if backup_dir is not None:
        taken = folders.backups(backup_dir)
        found["stockpile_backup_timestamp_seconds", ()] = folders.taken_at(taken[-1]).timestamp() if taken else 0
    if isinstance(engine.pool, QueuePool):
        found["stockpile_pool_checked_out", ()] = engine.pool.checkedout()
    return found


def _of_books(session: Session) -> dict[tuple[str, Labels], float]:
    standing = select(func.count()).select_from(LedgerStop).where(col(LedgerStop.lifted_at).is_(None))
    found: dict[tuple[str, Labels], float] = {("stockpile_stops", ()): session.exec(standing).one()}
    last = watching.last(session)
    if last is not None:
        found["stockpile_verified_timestamp_seconds", ()] = last.recorded_at.timestamp()
        found["stockpile_verification_seconds", ()] = last.seconds_ms / 1000
        found["stockpile_discrepancies", ()] = watching.discrepancies_of(last)
    return found


def _of_seals(session: Session, real_now: datetime) -> dict[tuple[str, Labels], float]:
    """By the newest head, so that nothing counts the whole journal; skipped numbers are sealed with the next."""
    top = sealed.latest(session)
    size, highest = (top.size, top.highest_entry) if top is not None else (0, 0)
    beyond = select(func.count(), func.min(JournalEntry.recorded_at)).where(col(JournalEntry.id) > highest)
    waiting, oldest = session.exec(beyond).one()
    return {
        ("stockpile_journal_entries", ()): size + waiting,
        ("stockpile_unsealed_entries", ()): waiting,
        ("stockpile_seal_lag_seconds", ()): (real_now - oldest).total_seconds() if waiting else 0,
    }


def _of_witnesses(session: Session) -> dict[tuple[str, Labels], float]:
    """Whether signed heads reach those whom they are sent to."""
    standing = sent.standing(session)
    return {
        ("stockpile_head_addresses", ()): standing["addresses"],
        ("stockpile_head_addresses_failing", ()): standing["failing"],
        ("stockpile_head_entries_behind", ()): standing["entries_behind"],
    }


def _of_runs(session: Session) -> dict[tuple[str, Labels], float]:
    query = select(JobRun.job, func.max(JobRun.recorded_at)).group_by(col(JobRun.job))
    rows = session.exec(query).all()
    return {("stockpile_run_timestamp_seconds", (("job", job),)): at.timestamp() for job, at in rows}


def text(requests: Requests, standing: Figures) -> str:
    """Everything in Prometheus' text."""
    counters: dict[tuple[str, Labels], float] = {**requests.counts.counters(), **counts.counters()}
    lines = [*_plain(counters, "counter"), *_plain(standing, "gauge")]
    lines += _classes({**requests.counts.lengths(), **counts.lengths()})
    return "\n".join(lines) + "\n"


def _plain(figures: Figures, kind: str) -> Iterator[str]:
    told = ""
    for (name, labels), value in sorted(figures.items()):
        if name != told:
            yield from _head(name, kind)
            told = name
        yield f"{name}{_labels(labels)} {_number(value)}"


def _classes(lengths: Mapping[tuple[str, Labels], Lengths]) -> Iterator[str]:
    told = ""
    for (name, labels), one in sorted(lengths.items(), key=lambda row: row[0]):
        if name != told:
            yield from _head(name, "histogram")
            told = name
        below = 0
        for end, count in zip((*map(str, BUCKETS), "+Inf"), one.classes, strict=True):
            below += count
            yield f"{name}_bucket{_labels((*labels, ('le', end)))} {below}"
        yield f"{name}_sum{_labels(labels)} {one.seconds:.6f}"
        yield f"{name}_count{_labels(labels)} {below}"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _head(name: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {HELP[name]}"
    yield f"# TYPE {name} {kind}"


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, value in labels}
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}" if escaped else ""
