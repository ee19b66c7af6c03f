"""Whatever is entered late and in whatever order: no instant lies below zero, and the past is told as it was.

Beside the service stands a plain list of what was entered. Any question about
any instant, as known at any other, is answered from that list by adding up.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.errors import Refusal
from stockpile.inventory import ledger, opening, rules
from stockpile.inventory.ledger import Account, Move
from stockpile.inventory.periods import late
from stockpile.inventory.periods import operations as periods
from stockpile.inventory.periods import queries as times
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do, faults

HOUR = timedelta(hours=1)
PLACES = (rules.SUPPLIER, ("D-BE", rules.AVAILABLE), ("D-DE", rules.AVAILABLE), rules.LOSS)
CASES = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
Place = str | tuple[str, str]


@dataclass(frozen=True)
class Entry:
    """So many units from one place to another: when it happened, when it was recorded, and which entry it was."""

    at: datetime
    recorded_at: datetime
    turn: int
    source: Place
    sink: Place
    quantity: int


class Diary(RuleBasedStateMachine):
    """One new batch per run, entered now and late, while time goes on and periods are closed."""

    engine: ClassVar[Engine]
    storekeeper: ClassVar[Act]
    committee: ClassVar[Act]
    lot: ClassVar[int]
    numbers: ClassVar[count[int]]
    clock: ClassVar[datetime]
    closed: ClassVar[datetime]

    @initialize()
    def new_batch(self) -> None:
        number = next(self.numbers)
        type(self).lot = do(self.engine, _open_lot, self.storekeeper, code=f"DIARY-{number}")
        self.entries: list[Entry] = []
        self._go_on(timedelta(days=8))
        self._enter(self.clock, rules.SUPPLIER, ("D-BE", rules.AVAILABLE), 3, said=False)

    @rule(hours=st.integers(1, 6))
    def time_goes_on(self, hours: int) -> None:
        self._go_on(hours * HOUR)

    @rule(
        ago=st.integers(0, 8),
        source=st.sampled_from(PLACES),
        sink=st.sampled_from(PLACES),
        quantity=st.integers(1, 4),
        said=st.sampled_from((True, True, True, False)),
    )
    def enter(self, ago: int, source: Place, sink: Place, quantity: int, said: bool) -> None:
        if source != sink and not (isinstance(source, str) and isinstance(sink, str)):
            self._enter(self.clock - ago * HOUR * said, source, sink, quantity, said=said)

    @rule(ago=st.integers(5, 40))
    def close(self, ago: int) -> None:
        end = self.clock - ago * HOUR
        act = replace(self.committee, at=self.clock, recorded_at=self.clock)
        if end > self.closed:
            do(self.engine, periods.close, act, ends_at=end)
            type(self).closed = end

    @invariant()
    def every_instant_is_told_as_the_list_says(self) -> None:
        instants = {self.clock, *(entry.at for entry in self.entries[-4:])}
        known = {None, self.clock, *(entry.recorded_at for entry in self.entries[-2:])}
        for at in instants:
            for then in known:
                assert self._stock(at, then) == self._added_up(self.entries, at, then)

    def teardown(self) -> None:
        assert faults(self.engine) == []

    def _go_on(self, span: timedelta) -> None:
        type(self).clock += span

    def _enter(self, at: datetime, source: Place, sink: Place, quantity: int, *, said: bool) -> None:
        turn = next(self.numbers)
        now = replace(self.storekeeper, at=self.clock, recorded_at=self.clock)
        act = late.dated(now, at) if said else now
        entry = Entry(at, self.clock, turn, source, sink, quantity)
        bears = at >= self.closed and self._never_below_zero([*self.entries, entry])
        move = Move(self.lot, quantity, self._end(source), self._end(sink), "law")
        try:
            do(self.engine, ledger.post, act, kind="law", key=f"diary:{turn}", moves=[move])
        except Refusal:
            assert not bears, entry
        else:
            assert bears, entry
            self.entries.append(entry)

    def _end(self, place: Place) -> Account | str:
        return place if isinstance(place, str) else Account(self.lot, place[0], rules.POOL, place[1])

    def _stock(self, at: datetime, known: datetime | None) -> dict[Place, int]:
        with reading(self.engine) as session:
            rows = times.stock_at(session, at, known=known, limit=None)
            return {(one.site, one.status): one.quantity for one in rows if one.lot_id == self.lot}

    @staticmethod
    def _added_up(entries: list[Entry], at: datetime, known: datetime | None) -> dict[Place, int]:
        stood: Counter[Place] = Counter()
        for entry in entries:
            if entry.at <= at and (known is None or entry.recorded_at <= known):
                stood[entry.source] -= entry.quantity
                stood[entry.sink] += entry.quantity
        return {place: units for place, units in stood.items() if units and not isinstance(place, str)}

    @staticmethod
    def _never_below_zero(entries: list[Entry]) -> bool:
        stood: Counter[Place] = Counter()
        for entry in sorted(entries, key=lambda one: (one.at, one.turn)):
            stood[entry.source] -= entry.quantity
            stood[entry.sink] += entry.quantity
            if any(units < 0 for place, units in stood.items() if not isinstance(place, str)):
                return False
        return True


def _open_lot(session: Session, act: Act, *, code: str) -> int:
    lot = opening.lot_for(session, act, item="TAB", code=code, expiry=NOW.date() + timedelta(days=700))
    assert lot.id is not None
    return lot.id


def test_no_instant_lies_below_zero_and_the_past_is_told_as_it_was(region: Engine, cast: Cast) -> None:
    class Here(Diary):
        engine = region
        storekeeper = acting(cast["logistics"])
        committee = acting(cast["committee"])
        lot = 0
        numbers = count(1)
        clock = NOW
        closed = NOW - timedelta(days=30)

    run_state_machine_as_test(Here, settings=CASES)
    assert transact(region, times.closed_before) is not None
