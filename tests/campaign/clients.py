"""Those who ask: each asks until it is told, under one key, sometimes twice at once, sometimes again much later.

They all live in one thread and keep their connections, so that the service is what is waited for. Each stays with
one process until that one fails it, as behind a load balancer that sends nobody away. What is sent twice goes anywhere.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from datetime import timedelta

import uvloop

from tests.benchmarks.loading import post_request
from tests.campaign import planted
from tests.campaign.lines import Line, opened
from tests.campaign.model import DONE, OPEN, Model, Operation
from tests.campaign.opened import SITES, Service
from tests.conftest import NOW

HOT, AGAIN, TWICE, LATE, LARGE = 0.3, 0.03, 0.1, 0.05, 0.02
"""How often a hot lot is fought over, an old request comes again, one is sent twice at once, dated back, is large."""
AMOUNTS = (-29, -7, -3, -1, 1, 3, 7, 29)
PATIENCE_SECONDS = 40.0
REPLY_SECONDS = 8.0
PATH = "/api/v1/movements"


class Client:
    """One who asks, one thing after the other, at whatever process is there."""

    def __init__(self, crowd: Crowd, *, number: int, most: int) -> None:
        self._service, self._model, self._end, self._bug = crowd.service, crowd.model, crowd.end, crowd.bug
        self._random, self._number, self._most = random.Random(f"{crowd.seed}/{number}"), number, most
        self._lots = crowd.lots
        self._port = self._random.choice(sorted(self._service.served_by))
        self._lines: dict[tuple[int, bool], Line] = {}
        self._asked: list[Operation] = []
        self.longest = 0.0

    async def run(self) -> None:
        """Ask until all is asked or it is over."""
        for turn in range(self._most):
            if self._end.is_set():
                break
            operation = self._new(turn)
            self._model.ask(operation)
            self._asked.append(operation)
            if self._random.random() < TWICE:
                await asyncio.gather(self._deliver(operation), self._deliver(operation, second=True))
            else:
                await self._deliver(operation)
            if self._random.random() < AGAIN:
                await self._deliver(self._random.choice(self._asked))
        for line in self._lines.values():
            line.close()

    def _new(self, turn: int) -> Operation:
        chance = self._random
        crowded = self._bug in planted.CROWDED
        pool = self._lots[:5] if chance.random() < HOT or crowded else self._lots
        lots = chance.sample(pool, chance.choice((3, 4, 5) if crowded else (1, 1, 2, 3)))
        amounts = [chance.choice(AMOUNTS) for _ in lots]
        at = None
        if chance.random() < LATE:
            amounts, at = [abs(one) for one in amounts], NOW - timedelta(minutes=chance.randint(1, 5000))
        elif chance.random() < LARGE:
            amounts = [-90 for _ in lots]
        name = f"operation {self._number}/{turn}"
        return Operation(name, chance.choice(SITES), tuple(zip(lots, amounts, strict=True)), at)

    async def _deliver(self, operation: Operation, *, second: bool = False) -> None:
        """Send until it is told what became of it, or patience ends."""
        body, key = _body(operation), operation.name.replace(" ", "-")
        request = post_request(PATH, token=self._service.token, key=key, body=body)
        port = self._random.choice(sorted(self._service.served_by)) if second else self._port
        began, attempt = time.monotonic(), 0
        while time.monotonic() - began < PATIENCE_SECONDS:
            if self._bug == "retry without key" and attempt:
                request = post_request(PATH, token=self._service.token, key=f"{key}/{attempt}", body=body)
            answer = await self._send(request, port, second)
            if answer is not None and self._model.answered(operation, *answer):
                break
            attempt += 1
            port = self._other()
            if not second:
                self._port = port
            await asyncio.sleep(min(0.02 * 2 ** min(attempt, 4), 0.25) * self._random.random())
        else:
            operation.state = operation.state if operation.state == DONE else OPEN
        self.longest = max(self.longest, time.monotonic() - began)

    def _other(self) -> int:
        """Another process than the one it stays with, if there is one."""
        return self._random.choice([port for port in self._service.served_by if port != self._port] or [self._port])

    async def _send(self, request: bytes, port: int, second: bool) -> tuple[int, str] | None:
        """One attempt at one of the processes; None where nobody answers."""
        line = self._lines.pop((port, second), None)
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                line = line or await opened(port)
                answer = await line.ask(request)
        except OSError:
            if line is not None:
                line.close()
            return None
        self._lines[port, second] = line
        return answer


def _body(operation: Operation) -> bytes:
    body = {
        "kind": "adjust",
        "site": operation.site,
        "lines": [{"lot_id": lot, "quantity": change} for lot, change in operation.changes],
        "reason": operation.name,
    }
    if operation.effective_at is not None:
        body["effective_at"] = operation.effective_at.isoformat()
    return json.dumps(body).encode()


class Crowd(threading.Thread):
    """So many clients in one thread, which share out so many operations."""

    def __init__(self, service: Service, model: Model, *, seed: int, size: int, operations: int, bug: str) -> None:
        super().__init__(daemon=True)
        self.service, self.model, self.seed, self.bug = service, model, seed, bug
        self.lots, self.end = service.lots(), threading.Event()
        most = -(-operations // size)
        self._clients = [Client(self, number=number, most=most) for number in range(size)]
        self._failure: BaseException | None = None

    @property
    def longest(self) -> float:
        """Seconds that one of them waited longest for one thing."""
        return max(client.longest for client in self._clients)

    def run(self) -> None:
        """Let them all ask."""
        try:
            uvloop.run(self._all())
        except BaseException as failure:
            self._failure = failure
            raise

    async def _all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for client in self._clients:
                group.create_task(client.run())

    def over(self) -> None:
        """Have them end, each with what it is at; a fault of theirs is raised here."""
        self.end.set()
        self.join()
        if self._failure is not None:
            raise self._failure
