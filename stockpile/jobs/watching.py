"""The watch over the books: everything is recomputed, and what is wrong is stopped and told. It never mends."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.governance.rules import require
from stockpile.inventory import ledger
from stockpile.inventory.stops import operations as stops
from stockpile.jobs.tables import JobRun
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sealing import queries as sealed

JOB: Final = "verify"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at the books found, and the numbers of the stops that it set."""

    found: list[str]
    stopped: list[int]
    seconds: float


def watch(engine: Engine, act: Act, *, home: Path) -> Watched:
    """Recompute ledger, journal and sealed heads on one snapshot; stop what is wrong and say so as loudly as we can.

    Every look is kept as a run of the job `verify`. `home` holds the key of the seals.
    """
    require(act.actor, "stop.set")
    started = time.monotonic()
    with reading(engine) as session:
        found = faults(session, home)
    seconds = time.monotonic() - started

    def settle(session: Session) -> list[int]:
        made = stops.stop_found(session, act, faults=found) if found else []
        _keep(session, act, found, seconds)
        return [one.id or 0 for one in made]

    stopped = transact(engine, settle)
    if found:
        log.critical("the books are wrong: %d discrepancies, the first: %s", len(found), found[0])
    if stopped:
        log.critical("postings are stopped until a person decides: stops %s", ", ".join(map(str, stopped)))
    return Watched(found, stopped, seconds)


def faults(session: Session, home: Path) -> list[str]:
    """Everything that ledger, journal and sealed heads find wrong in this snapshot."""
    found: list[str] = [*ledger.discrepancies(session), *journal.discrepancies(session)]
    if sealed.latest(session) is not None:
        try:
            key = sealing.signer_of(session, home).verifier_key
        except Refusal as refusal:
            return [*found, f"the sealed journal cannot be verified: {refusal.message}"]
        found += sealed.discrepancies(session, verifier_key=key)
    return found


def _keep(session: Session, act: Act, found: Sequence[str], seconds: float) -> None:
    row = {
        "job": JOB,
        "slot": act.recorded_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "actor_id": act.actor.id,
        "effective_at": act.at,
        "recorded_at": act.recorded_at,
        "seconds_ms": int(seconds * 1000),
        "outcome": json.dumps({"discrepancies": len(found), "first": list(found[:5])}),
    }
    bulk.insert(session, JobRun, [row], give=("job",), skip_taken=True)


def discrepancies_of(run: JobRun) -> int:
    """How many discrepancies this look found."""
    return int(json.loads(run.outcome)["discrepancies"])


def last(session: Session) -> JobRun | None:
    """The newest look at the books, or None."""
    query = select(JobRun).where(JobRun.job == JOB).order_by(col(JobRun.slot).desc()).limit(1)
    return session.exec(query).first()
