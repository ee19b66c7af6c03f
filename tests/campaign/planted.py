"""Bugs that are planted to see whether the campaign finds them: each is one that others have shipped.

SERVICE: what is changed in the service's processes. DATABASE: which of the database's own guards are taken off
first (the ledger has more than one wall; a bug behind another wall is no bug anybody meets). SERVER: settings
of PostgreSQL. CLIENTS: what is wrong with those who ask.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from stockpile.inventory import grouping, ledger, moves, recording
from stockpile.inventory.periods import late


def no_lock() -> None:
    """Balances are read without a lock and written without a look at what they were."""
    for name in ("_LOCK", "_LOCK_ALL"):
        setattr(ledger, name, getattr(ledger, name).replace("{lock}", ""))
    ledger._CHANGE = ledger._CHANGE.replace(" AND balance.version = r.before", "")  # type: ignore[misc]


def no_key() -> None:
    """The key that the client brings is not looked at."""
    settle = grouping.settle

    def settled(session: Any, asks: Sequence[grouping.Ask], refuse: Any) -> Any:
        return settle(session, [_under(ask, f"none/{uuid4()}") for ask in asks], refuse)

    grouping.settle = settled


def _under(ask: grouping.Ask, key: str) -> grouping.Ask:
    return replace(ask, asked=replace(ask.asked, key=key), posting_key=f"{ask.posting_key}/{key}")


def unsorted_locks() -> None:
    """Locks are taken in any order."""
    for name in ("_LOCK", "_LOCK_ALL"):
        setattr(ledger, name, getattr(ledger, name).replace("ORDER BY b.id", "ORDER BY md5(random()::text)"))


def sum_for_a_check() -> None:
    """Whether there is enough is judged by the sum over all sites, not by the shelf that it is taken from."""
    plain = moves._try

    def tried(intent: Any, standings: Any, book: Any) -> Any:
        total = sum(one.quantity for one in standings.values())
        for one in standings.values():
            one.quantity += total
        outcome = plain(intent, standings, book)
        for one in standings.values():
            one.quantity -= total
        if isinstance(outcome, moves.Done):
            for row in outcome.rows:
                for after in ("from_after", "to_after"):
                    row[after] = row[after] - total if row[after] is not None else None
        return outcome

    moves._try = tried


def floats() -> None:
    """Quantities pass through packs of a hundred, as floats."""
    plain = recording.record_each

    def recorded(session: Any, records: Any, **given: Any) -> Any:
        changed = [
            replace(one, lines=[line._replace(quantity=int(line.quantity / 100 * 100)) for line in one.lines])
            for one in records
        ]
        return plain(session, changed, **given)

    recording.record_each = recorded


def time_zone() -> None:
    """Instants are taken for those of the place, two hours east."""
    plain = late.dated

    def dated(act: Any, at: datetime | None) -> Any:
        return plain(act, at - timedelta(hours=2) if at is not None else None)

    late.dated = dated


def replica_read() -> None:
    """What there is is read from a copy that is a little behind."""
    no_lock()
    plain, known = ledger._by_account, {}  # type: ignore[var-annotated]

    def behind(accounts: Any, found: Any) -> Any:
        standings = plain(accounts, found)
        for place, one in standings.items():
            before, quantity, version = known.get(place, (0.0, 0, 0))
            if time.monotonic() - before < 0.3:
                one.quantity, one.version, one.version_before = quantity, version, version
            else:
                known[place] = (time.monotonic(), one.quantity, one.version)
        return standings

    ledger._by_account = behind


def duplicate_in_a_batch() -> None:
    """Of requests that are committed together, each is done, whatever its key."""
    settle = grouping.settle

    def settled(session: Any, asks: Sequence[grouping.Ask], refuse: Any) -> Any:
        seen: set[str] = set()
        changed = []
        for ask in asks:
            changed.append(_under(ask, f"again/{uuid4()}") if ask.asked.key in seen else ask)
            seen.add(ask.asked.key)
        return settle(session, changed, refuse)

    grouping.settle = settled


SERVICE: Final[dict[str, Callable[[], None]]] = {
    "no lock": no_lock,
    "no key": no_key,
    "unsorted locks": unsorted_locks,
    "a sum for a check": sum_for_a_check,
    "float": floats,
    "time zone": time_zone,
    "replica read": replica_read,
    "duplicate key in a batch": duplicate_in_a_batch,
}
SERVER: Final[dict[str, tuple[str, ...]]] = {"sync off": ("synchronous_commit=off", "wal_writer_delay='10s'")}
CLIENTS: Final = ("retry without key",)
CROWDED: Final = ("unsorted locks",)
"""What shows only where several processes want the same few accounts at once: everybody asks for many hot lots.

Two that lock in one statement each hardly ever meet in the middle of it; of three or more, two wait for the first,
and set off together in opposite orders when it is done.
"""
CROWD: Final = 6
"""So many processes of the service are there then."""
_NUMBERED: Final = (
    "ALTER TABLE movement DROP CONSTRAINT uq_movement_from_balance_id_from_seq",
    "ALTER TABLE movement DROP CONSTRAINT uq_movement_to_balance_id_to_seq",
)
_POSITIVE: Final = (
    "ALTER TABLE movement DROP CONSTRAINT ck_movement_from_after_not_negative",
    "ALTER TABLE movement DROP CONSTRAINT ck_movement_to_after_not_negative",
    "ALTER TABLE balance DROP CONSTRAINT ck_balance_not_negative",
)
DATABASE: Final[dict[str, tuple[str, ...]]] = {
    "no lock": _NUMBERED,
    "replica read": (*_NUMBERED, *_POSITIVE),
    "a sum for a check": _POSITIVE,
}
BUGS: Final = (*SERVICE, *SERVER, *CLIENTS)
KINDS: Final[dict[str, tuple[str, ...]]] = {
    "sync off": ("postmaster_kill",),
    "retry without key": ("reply_cut", "worker_kill"),
}
"""The faults, by name, under which a bug shows; the others show under load alone."""
