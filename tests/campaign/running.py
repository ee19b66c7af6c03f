"""One campaign: clients ask, faults happen, everything comes to rest, and the model judges."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from stockpile import journal
from stockpile.db import reading
from stockpile.inventory import ledger
from tests.campaign import faults
from tests.campaign.clients import Client
from tests.campaign.faults import Fault
from tests.campaign.model import DONE, OPEN, REFUSED, Model, violations
from tests.campaign.opened import Service

CLIENTS = 12
BETWEEN, OUTAGE_SECONDS = 40, 15.0
"""So many answers come between two faults, or so long is waited for them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was done to the service and what came of it; `violations` must be empty."""

    asked: int
    done: int
    refused: int
    unknown: int
    faults: dict[str, int]
    deadlocks: int
    longest_wait_seconds: float
    longest_outage_seconds: float
    seconds: float
    violations: list[str]

    def told(self) -> str:
        """In a line or two."""
        kinds = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        return (
            f"{self.asked:,} operations ({self.done:,} done, {self.refused:,} refused, {self.unknown:,} unknown), "
            f"{sum(self.faults.values()):,} faults ({kinds}) in {self.seconds:.0f} s; longest wait of one operation "
            f"{self.longest_wait_seconds:.1f} s, from the end of a fault to the next answer at most "
            f"{self.longest_outage_seconds:.1f} s; {self.deadlocks} deadlocks; {len(self.violations)} violations"
        )


def run(
    *,
    seed: int,
    operations: int,
    seconds: float,
    postgresql: bool,
    bug: str = "none",
    kinds: Sequence[Fault] | None = None,
    pause: tuple[float, float] = (0.1, 1.0),
) -> Report:
    """Run until so many operations were asked or the time is over, and judge. Leaves nothing behind."""
    service, model, end = Service(postgresql=postgresql, bug=bug), Model(), threading.Event()
    try:
        began, chance, done = time.monotonic(), random.Random(seed), Counter[str]()
        known = kinds if kinds is not None else faults.ON_POSTGRESQL if postgresql else faults.ON_SQLITE
        most = -(-operations // CLIENTS)
        clients = [
            Client(service, model, seed=seed, number=number, most=most, end=end, bug=bug) for number in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        turn: list[Fault] = []
        outage = 0.0
        while time.monotonic() - began < seconds and not model.odd and any(one.is_alive() for one in clients):
            time.sleep(chance.uniform(*pause))
            if known:
                turn = turn or chance.sample(list(known), len(known))
                fault = turn.pop()
                fault(service, chance)
                done[fault.__name__] += 1
                outage = max(outage, _recovered(model))
        end.set()
        for client in clients:
            client.join()
        waits = max(client.longest for client in clients)
        return _judge(service, model, done, (waits, outage), time.monotonic() - began)
    finally:
        end.set()
        service.close()


def _recovered(model: Model) -> float:
    """Wait until some are answered again; seconds from the end of the fault to the first answer."""
    before, began, first = model.answers, time.monotonic(), 0.0
    while time.monotonic() - began < OUTAGE_SECONDS and model.answers < before + BETWEEN:
        if not first and model.answers > before:
            first = time.monotonic() - began
        time.sleep(0.01)
    return first or time.monotonic() - began


def _judge(service: Service, model: Model, done: Counter[str], waits: tuple[float, float], seconds: float) -> Report:
    service.rest()
    deadlocks = _deadlocks(service)
    found = violations(model, service.engine, opening=service.opening)
    if deadlocks:
        told = service.cluster.log_of("deadlock detected") if service.cluster else ""
        found.append(f"{deadlocks} deadlocks: locks are not taken in one order\n{told}")
    found += _slots(service)
    with reading(service.engine) as session:
        found += [*ledger.discrepancies(session), *journal.discrepancies(session)]
    counts = [model.count(state) for state in (DONE, REFUSED, OPEN)]
    return Report(len(model.operations), *counts, dict(done), deadlocks, *waits, seconds, found)


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
