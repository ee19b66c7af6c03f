"""One campaign: clients ask, faults happen, everything comes to rest, and the model judges."""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

from sqlalchemy import text

from stockpile import journal
from stockpile.db import reading
from stockpile.inventory import ledger
from tests.campaign import faults, planted
from tests.campaign.clients import Crowd
from tests.campaign.faults import Fault
from tests.campaign.model import DONE, OPEN, REFUSED, Model, violations
from tests.campaign.opened import Service

CLIENTS = 48
BETWEEN, OUTAGE_SECONDS = 40, 15.0
"""So many answers come between two faults, or so long is waited for them."""


class Outage(NamedTuple):
    """Seconds from the end of a fault to the next answer; and the longest that nobody was answered since it began."""

    after: float
    silence: float


@dataclass(frozen=True, slots=True)
class Report:
    """What was done to the service and what came of it; `violations` must be empty."""

    asked: int
    done: int
    refused: int
    unknown: int
    outages: dict[str, list[Outage]]
    """What there was of every kind of fault."""
    deadlocks: int
    longest_wait_seconds: float
    seconds: float
    judged_seconds: float
    violations: list[str]

    @property
    def faults(self) -> dict[str, int]:
        """How many there were of every kind."""
        return {kind: len(outages) for kind, outages in self.outages.items()}

    def told(self) -> str:
        """In a few lines."""
        kinds = ", ".join(
            f"{kind} {len(each)} ({max(one.silence for one in each):.1f})"
            for kind, each in sorted(self.outages.items())
        )
        faults = sum(self.faults.values())
        longest = max((one.after for each in self.outages.values() for one in each), default=0.0)
        return (
            f"{self.asked:,} operations ({self.done:,} done, {self.refused:,} refused, {self.unknown:,} unknown) in "
            f"{self.seconds:.0f} s, {self.done / self.seconds:,.0f} done a second; {faults:,} faults, one in "
            f"{self.seconds / max(faults, 1):.1f} s; longest wait of one operation {self.longest_wait_seconds:.1f} s, "
            f"from the end of a fault to the next answer at most {longest:.1f} s; {self.deadlocks} deadlocks; "
            f"{len(self.violations)} violations, judged in {self.judged_seconds:.0f} s; faults, and "
            f"the longest that nobody was answered during each kind and after it, in seconds: {kinds}"
        )


def run(
    *,
    seed: int,
    operations: int,
    seconds: float,
    postgresql: bool,
    bug: str = "none",
    kinds: Sequence[Fault] | None = None,
    most_faults: int = 1_000_000,
    pause: tuple[float, float] = (0.1, 1.0),
    apart: float = 0.0,
    disk_megabytes: int = 0,
) -> Report:
    """Run until so many operations were asked, so many faults done or the time is over, and judge. Leaves nothing.

    Faults begin `apart` seconds from one another on average, where that leaves more than the `pause` between them.
    """
    workers = planted.CROWD if bug in planted.CROWDED else 2
    service = Service(postgresql=postgresql, bug=bug, workers=workers, disk_megabytes=disk_megabytes)
    model, began = Model(), time.monotonic()
    crowd = Crowd(service, model, seed=seed, size=CLIENTS, operations=operations, bug=bug)
    try:
        crowd.start()
        known = kinds if kinds is not None else faults.usual(service)
        happening = _happening(service, model, known, random.Random(seed), pause, apart=apart)
        outages: dict[str, list[Outage]] = defaultdict(list)
        while time.monotonic() - began < seconds and not model.odd and crowd.is_alive():
            kind, outage = next(happening)
            model.odd += [f"after {kind} the process on port {port} ended by itself" for port in service.ended()]
            if kind:
                outages[kind].append(outage)
            if sum(len(each) for each in outages.values()) >= most_faults:
                break
        crowd.over()
        return _judge(service, model, dict(outages), crowd.longest, time.monotonic() - began)
    finally:
        crowd.end.set()
        service.close()


def _happening(
    service: Service,
    model: Model,
    known: Sequence[Fault],
    chance: random.Random,
    pause: tuple[float, float],
    *,
    apart: float,
) -> Iterator[tuple[str, Outage]]:
    """After a pause, a fault: its kind and how long nobody was answered. All kinds come by turns."""
    turn: list[Fault] = []
    began = time.monotonic()
    for number in count():
        time.sleep(max(chance.uniform(*pause), began + apart * number - time.monotonic()))
        if not known:
            yield "", Outage(0.0, 0.0)
            continue
        turn = turn or chance.sample(list(known), len(known))
        fault = turn.pop()
        model.silence = 0.0
        fault(service, chance)
        after = _recovered(model)
        yield fault.__name__, Outage(after, max(model.silence, after))


def _recovered(model: Model) -> float:
    """Wait until some are answered again; seconds from the end of the fault to the first answer."""
    before, began, first = model.answers, time.monotonic(), 0.0
    while time.monotonic() - began < OUTAGE_SECONDS and model.answers < before + BETWEEN:
        if not first and model.answers > before:
            first = time.monotonic() - began
        time.sleep(0.01)
    return first or time.monotonic() - began


def _judge(service: Service, model: Model, outages: dict[str, list[Outage]], longest: float, seconds: float) -> Report:
    began = time.monotonic()
    service.rest()
    deadlocks = _deadlocks(service)
    found = violations(model, service.engine, opening=service.opening)
    if deadlocks:
        told = service.cluster.log_of("deadlock detected") if service.cluster else ""
        found.append(f"{deadlocks} deadlocks: locks are not taken in one order\n{told}")
    found += _slots(service)
    with reading(service.engine) as session:
        if service.cluster is not None:
            session.connection().execute(text("SET LOCAL statement_timeout = 0"))
            session.connection().execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        found += [*ledger.discrepancies(session), *journal.discrepancies(session)]
    counts = [model.count(state) for state in (DONE, REFUSED, OPEN)]
    judged = time.monotonic() - began
    return Report(len(model.operations), *counts, outages, deadlocks, longest, seconds, judged, found)


def _deadlocks(service: Service) -> int:
    if service.cluster is None:
        return 0
    with service.engine.connect() as connection:
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.execute(text(query)).scalar_one())


def _slots(service: Service) -> list[str]:
    """Every slot of a job has its effects once or not at all: the call-offs that are there are those it tells."""
    with service.engine.connect() as connection:
        runs = connection.execute(text("SELECT slot, outcome FROM job_run WHERE job = 'reorder'")).all()
        there = sorted(row[0] for row in connection.execute(text("SELECT id FROM calloff")))
    told = sorted(number for _, outcome in runs for number in json.loads(outcome)["calloffs"])
    return [] if told == there else [f"the nightly runs tell of the call-offs {told}, there are {there}"]
