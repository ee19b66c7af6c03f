"""What must be true of what a service kept, said plainly: this file knows SQL and nothing of the service's code."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

OPEN, DONE, REFUSED = "open", "done", "refused"


@dataclass(slots=True)
class Operation:
    """What somebody asked for: changes of base units at a site, by lot; and every answer that came of it."""

    name: str
    site: str
    changes: tuple[tuple[int, int], ...]
    effective_at: datetime | None = None
    state: str = OPEN
    replies: set[tuple[int, str]] = field(default_factory=set)


class Model:
    """Every operation asked for, with what became of it; told by one thread alone."""

    def __init__(self) -> None:
        self.operations: dict[str, Operation] = {}
        self.odd: list[str] = []
        self.answers, self.silence, self._heard = 0, 0.0, time.monotonic()

    def ask(self, operation: Operation) -> None:
        """Somebody is going to ask for this."""
        self.operations[operation.name] = operation

    def answered(self, operation: Operation, status: int, body: str) -> bool:
        """An answer came; returns whether it settles the matter. A fault of the service is a fault here too."""
        if status in (201, 409, 422):
            self.answers += 1
            now = time.monotonic()
            self.silence, self._heard = max(self.silence, now - self._heard), now
            operation.replies.add((status, body))
            operation.state = DONE if status == 201 else REFUSED
            return True
        if status not in (503, 507, 401, 429):
            self.odd.append(f"{operation.name} was answered with {status}: {body[:200]}")
            return True
        return False

    def count(self, state: str) -> int:
        """How many operations are in this state."""
        return sum(one.state == state for one in self.operations.values())


def violations(model: Model, engine: Engine, *, opening: int) -> list[str]:
    """Everything that is not as promised; `opening`: base units that stood there before."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET statement_timeout = 0"))
            connection.execute(text("SET idle_in_transaction_session_timeout = 0"))
        return [*model.odd, *_operations(model, connection), *_legs(connection), *_sums(connection, opening)]


def _operations(model: Model, connection: Any) -> Iterator[str]:
    """Acknowledged: applied once, as asked. Refused: not at all. Unknown: once or not at all. Nothing else is there."""
    kept = _kept(connection)
    for one in model.operations.values():
        found = kept.pop(one.name, [])
        yield from _fate(one, len(found))
        for changes, at in found:
            if changes != sorted((lot, one.site, change) for lot, change in one.changes):
                yield f"{one.name}: asked for {one.changes} at {one.site}, kept as {changes}"
            if one.effective_at is not None and at != one.effective_at:
                yield f"{one.name}: took effect on {one.effective_at}, kept as {at}"
    for name in kept:
        yield f"{name} was done and never asked for"


def _fate(one: Operation, times: int) -> Iterator[str]:
    if len(one.replies) > 1:
        yield f"{one.name} got different replies: {sorted(one.replies)}"
    if times > 1:
        yield f"{one.name} was done {times} times"
    if one.state == DONE and not times:
        yield f"{one.name} was acknowledged and is lost"
    if one.state == REFUSED and times:
        yield f"{one.name} was refused and done"


def _kept(connection: Any) -> dict[str, list[tuple[list[tuple[int, str, int]], datetime]]]:
    """Postings by the name that they were asked for under (their reason), with what they changed and when."""
    rows = connection.execute(
        text(
            "SELECT p.reason, p.id, p.effective_at, b.lot_id, b.site_code, l.change FROM ("
            " SELECT posting_id, from_balance_id AS balance, -quantity AS change FROM movement"
            " WHERE from_balance_id IS NOT NULL UNION ALL"
            " SELECT posting_id, to_balance_id, quantity FROM movement WHERE to_balance_id IS NOT NULL) AS l"
            " JOIN posting p ON p.id = l.posting_id JOIN balance b ON b.id = l.balance"
            " WHERE p.reason LIKE 'operation %'"
        )
    )
    found: dict[str, dict[int, tuple[list[tuple[int, str, int]], datetime]]] = defaultdict(dict)
    for name, number, when, lot, site, change in rows:
        at = when if isinstance(when, datetime) else datetime.fromisoformat(f"{when}+00:00")
        found[name].setdefault(number, ([], at))[0].append((lot, site, change))
    return {name: [(sorted(changes), at) for changes, at in by.values()] for name, by in found.items()}


def _legs(connection: Any) -> Iterator[str]:
    """The legs of every balance, one after the other: no gap, no wrong sum, never below nothing."""
    legs = (
        "SELECT from_balance_id AS b, from_seq AS seq, -quantity AS change, from_after AS after FROM movement"
        " WHERE from_balance_id IS NOT NULL UNION ALL"
        " SELECT to_balance_id, to_seq, quantity, to_after FROM movement WHERE to_balance_id IS NOT NULL"
    )
    stood: dict[int, tuple[int, int]] = {}
    for balance, seq, change, after in connection.execute(text(f"SELECT * FROM ({legs}) AS l ORDER BY b, seq")):
        quantity, last = stood.get(balance, (0, 0))
        stood[balance] = quantity + change, last + 1
        if quantity + change < 0:
            yield f"balance {balance} fell to {quantity + change} at its leg {last + 1}"
        if (seq, after) != (last + 1, quantity + change):
            yield f"balance {balance}: leg {seq} leaves {after}, it is leg {last + 1} and leaves {quantity + change}"
    for number, quantity, version in connection.execute(text("SELECT id, quantity, version FROM balance")):
        if (quantity, version) != stood.get(number, (0, 0)):
            yield f"balance {number} stores {quantity} after {version}, its legs give {stood.get(number)}"


def _sums(connection: Any, opening: int) -> Iterator[str]:
    """What stands is what stood and came, less what went."""
    came = connection.execute(
        text(
            "SELECT COALESCE(sum(CASE WHEN to_balance_id IS NULL THEN -m.quantity WHEN from_balance_id IS NULL"
            " THEN m.quantity ELSE 0 END), 0) FROM movement m JOIN posting p ON p.id = m.posting_id"
            " WHERE p.reason LIKE 'operation %'"
        )
    ).scalar_one()
    stands = connection.execute(text("SELECT sum(quantity) FROM balance")).scalar_one()
    if stands != opening + came:
        yield f"{stands} base units stand there; {opening} stood there and {came} came"
