"""Those who ask: each asks until it is told, under one key, sometimes twice at once, sometimes again much later."""

from __future__ import annotations

import json
import random
import threading
import time
from datetime import timedelta
from http.client import HTTPConnection, HTTPException

from tests.campaign.model import DONE, OPEN, Model, Operation
from tests.campaign.opened import SITES, Service
from tests.conftest import NOW

HOT, AGAIN, TWICE, LATE, LARGE = 0.3, 0.03, 0.1, 0.05, 0.02
"""How often a hot lot is fought over, an old request comes again, one is sent twice at once, dated back, is large."""
PATIENCE_SECONDS = 40.0
REPLY_SECONDS = 8.0


class Client(threading.Thread):
    """One who asks, one thing after the other, at whatever process is there."""

    def __init__(
        self, service: Service, model: Model, *, seed: int, number: int, most: int, end: threading.Event, bug: str
    ) -> None:
        super().__init__(daemon=True)
        self._service, self._model, self._end, self._bug = service, model, end, bug
        self._random, self._number, self._most = random.Random(f"{seed}/{number}"), number, most
        self._lots = service.lots()
        self._connections: dict[int, HTTPConnection] = {}
        self._asked: list[Operation] = []
        self.longest = 0.0

    def run(self) -> None:
        """Ask until all is asked or it is over."""
        for turn in range(self._most):
            if self._end.is_set():
                break
            operation = self._new(turn)
            self._model.ask(operation)
            self._asked.append(operation)
            if self._random.random() < TWICE:
                other = threading.Thread(target=self._deliver_apart, args=(operation,), daemon=True)
                other.start()
                self._deliver(operation, self._connections)
                other.join()
            else:
                self._deliver(operation, self._connections)
            if self._random.random() < AGAIN:
                self._deliver(self._random.choice(self._asked), self._connections)
        for connection in self._connections.values():
            connection.close()

    def _new(self, turn: int) -> Operation:
        chance = self._random
        pool = self._lots[:5] if chance.random() < HOT else self._lots
        lots = chance.sample(pool, chance.choice((1, 1, 2, 3)))
        amounts = [chance.choice((-29, -7, -3, -1, 1, 2, 5, 29)) for _ in lots]
        at = None
        if chance.random() < LATE:
            amounts, at = [abs(one) for one in amounts], NOW - timedelta(minutes=chance.randint(1, 5000))
        elif chance.random() < LARGE:
            amounts = [-90 for _ in lots]
        name = f"operation {self._number}/{turn}"
        return Operation(name, chance.choice(SITES), tuple(zip(lots, amounts, strict=True)), at)

    def _deliver_apart(self, operation: Operation) -> None:
        """Deliver on connections of its own."""
        connections: dict[int, HTTPConnection] = {}
        self._deliver(operation, connections)
        for connection in connections.values():
            connection.close()

    def _deliver(self, operation: Operation, connections: dict[int, HTTPConnection]) -> None:
        """Send until it is told what became of it, or patience ends."""
        body = {
            "kind": "adjust",
            "site": operation.site,
            "lines": [{"lot_id": lot, "quantity": change} for lot, change in operation.changes],
            "reason": operation.name,
        }
        if operation.effective_at is not None:
            body["effective_at"] = operation.effective_at.isoformat()
        text, began, attempt = json.dumps(body), time.monotonic(), 0
        while time.monotonic() - began < PATIENCE_SECONDS:
            key = operation.name.replace(" ", "-")
            if self._bug == "retry without key" and attempt:
                key = f"{key}/{attempt}"
            answer = self._send(text, key, connections)
            if answer is not None and self._model.answered(operation, *answer):
                break
            attempt += 1
            time.sleep(min(0.02 * 2 ** min(attempt, 5), 0.5) * self._random.random())
        else:
            operation.state = operation.state if operation.state == DONE else OPEN
        self.longest = max(self.longest, time.monotonic() - began)

    def _send(self, text: str, key: str, connections: dict[int, HTTPConnection]) -> tuple[int, str] | None:
        """One attempt at one of the processes; None where nobody answers."""
        port = self._random.choice(list(self._service.served_by))
        connection = connections.get(port) or HTTPConnection("127.0.0.1", port, timeout=REPLY_SECONDS)
        headers = {
            "Authorization": f"Bearer {self._service.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            connection.request("POST", "/api/v1/movements", text, headers)
            answer = connection.getresponse()
            read = answer.status, answer.read().decode()
        except (OSError, HTTPException):
            connection.close()
            connections.pop(port, None)
            return None
        connections[port] = connection
        return read
