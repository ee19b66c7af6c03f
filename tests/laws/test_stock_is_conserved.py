"""Whatever is received, issued, sent, lost and found: the shelves always add up to what came in and went out."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine
from sqlmodel import select

from stockpile.actor import Act
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.inventory import holding, operations, rules, transfers
from stockpile.inventory.ledger import Account, NotEnough
from stockpile.inventory.operations import ReceiptLine, Use
from stockpile.inventory.tables import Movement
from stockpile.inventory.transfers import Arrived, NotFit, Part
from tests.conftest import Cast, acting
from tests.inventory.stockroom import FRESH, do, faults, line_ids, lot_id, shelves

DEPOTS = ("D-BE", "D-DE")
PLACES = {"H-BE": "BE-1", "H-DE": "DE-2", "H-NL": "NL-1"}
AMOUNT = st.integers(1, 40)
CASES = settings(
    max_examples=20,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Storeroom(RuleBasedStateMachine):
    """One new batch per run, moved about at random, beside a plain table of what should stand where."""

    engine: ClassVar[Engine]
    act: ClassVar[Act]
    other: ClassVar[Act]
    numbers: ClassVar[count[int]]

    @initialize()
    def new_batch(self) -> None:
        self.lot = f"LAW-{next(self.numbers)}"
        self.model: Counter[tuple[str, str, str]] = Counter()
        self.outside: Counter[str] = Counter()
        self.on_the_road: list[tuple[int, str, str, str, int]] = []
        self.held = False
        self._receive("D-BE", 30, 0)

    @rule(site=st.sampled_from(DEPOTS), quantity=AMOUNT, damaged=st.integers(0, 50))
    def receive(self, site: str, quantity: int, damaged: int) -> None:
        if damaged > quantity:
            with pytest.raises(Invalid):
                self._receive(site, quantity, damaged)
        else:
            self._receive(site, quantity, damaged)

    @rule(site=st.sampled_from(sorted(PLACES)), quantity=AMOUNT)
    def issue(self, site: str, quantity: int) -> None:
        if self.held:
            return
        use = Use(PLACES[site], "TAB", quantity)
        given = {"site": site, "uses": [use], "key": self._key(), "allow_partial": True}
        ((_, issued),) = do(self.engine, operations.issue, self.act, **given)
        assert issued == min(quantity, self.model[site, use.member, rules.AVAILABLE])
        self._move((site, use.member, rules.AVAILABLE), rules.CONSUMPTION, issued)

    @rule(
        site=st.sampled_from(DEPOTS),
        status=st.sampled_from((rules.AVAILABLE, rules.QUARANTINE)),
        change=st.integers(-30, 10),
    )
    def adjust(self, site: str, status: str, change: int) -> None:
        shelf = (site, rules.POOL, status)
        account = Account(lot_id(self.engine, self.lot), *shelf)
        given = {"account": account, "change": change, "key": self._key(), "reason": "recounted"}
        if change == 0:
            with pytest.raises(Invalid):
                do(self.engine, operations.adjust, self.act, **given)
        elif self.model[shelf] + change < 0:
            with pytest.raises(NotEnough):
                do(self.engine, operations.adjust, self.act, **given)
        else:
            do(self.engine, operations.adjust, self.act, **given)
            self._move(rules.LOSS, shelf, change)

    @rule(
        origin=st.sampled_from(DEPOTS),
        wanted=st.lists(st.tuples(st.sampled_from(sorted(PLACES)), AMOUNT), min_size=1, max_size=2),
    )
    def arrange(self, origin: str, wanted: list[tuple[str, int]]) -> None:
        source, lot = self._key(), lot_id(self.engine, self.lot)
        parts = [Part(origin, place, lot, PLACES[place], source, quantity) for place, quantity in wanted]
        if sum(part.quantity for part in parts) > self.model[origin, rules.POOL, rules.AVAILABLE]:
            with pytest.raises(NotEnough):
                do(self.engine, transfers.arrange, self.act, source=source, parts=parts)
            return
        made = do(self.engine, transfers.arrange, self.act, source=source, parts=parts)
        for transfer in made:
            sent = sum(part.quantity for part in parts if part.destination == transfer.destination)
            self.on_the_road.append((transfer.id or 0, origin, transfer.destination, rules.APPROVED, sent))
            self._move((origin, rules.POOL, rules.AVAILABLE), (origin, rules.POOL, rules.RESERVED), sent)

    @rule()
    def hold_or_release(self) -> None:
        change = holding.release if self.held else holding.hold
        do(self.engine, change, self.act, lot_id=lot_id(self.engine, self.lot), reason="inspected")
        self.held = not self.held

    @precondition(lambda self: self._in_state(rules.APPROVED))
    @rule()
    def dispatch(self) -> None:
        number, origin, destination, _, sent = self._in_state(rules.APPROVED)[0]
        if self.held:
            with pytest.raises(NotFit):
                do(self.engine, transfers.dispatch, self.act, numbers=[number])
            return
        do(self.engine, transfers.dispatch, self.act, numbers=[number])
        self._becomes(number, rules.DISPATCHED, sent)
        self._move((origin, rules.POOL, rules.RESERVED), (destination, rules.POOL, rules.IN_TRANSIT), sent)

    @precondition(lambda self: self._in_state(rules.DISPATCHED))
    @rule(damaged=st.integers(0, 5), missing=st.integers(0, 5), over=st.integers(0, 3))
    def deliver(self, damaged: int, missing: int, over: int) -> None:
        number, _, destination, _, sent = self._in_state(rules.DISPATCHED)[0]
        lines = line_ids(self.engine, transfers.Transfer(id=number))
        with reading(self.engine) as session:
            sizes = {line.id or 0: line.quantity for line in transfers.queries.transfer_lines(session, [number])}
        damaged = min(damaged, sizes[lines[0]])
        missing = min(missing, sizes[lines[0]] - damaged)
        arrived = {line: Arrived(sizes[line]) for line in lines}
        arrived[lines[0]] = Arrived(sizes[lines[0]] - damaged - missing, damaged, over)
        do(self.engine, transfers.receive, self.act, number=number, arrived=arrived)
        self._becomes(number, rules.DISCREPANCY if missing else rules.RECEIVED, missing)
        transit, apart = (destination, rules.POOL, rules.IN_TRANSIT), (destination, rules.POOL, rules.QUARANTINE)
        self._move(transit, (destination, PLACES[destination], rules.AVAILABLE), sent - damaged - missing)
        self._move(transit, apart, damaged)
        self._move(rules.LOSS, apart, over)

    @precondition(lambda self: self._in_state(rules.DISCREPANCY))
    @rule(found=st.integers(0, 6))
    def settle(self, found: int) -> None:
        number, _, destination, _, missing = self._in_state(rules.DISCREPANCY)[0]
        line = line_ids(self.engine, transfers.Transfer(id=number))[0]
        given = {"number": number, "found": {line: found}, "reason": "searched the van"}
        if found > missing:
            with pytest.raises(Invalid):
                do(self.engine, transfers.resolve, self.other, **given)
            return
        do(self.engine, transfers.resolve, self.other, **given)
        self._becomes(number, rules.RECEIVED, 0)
        transit = (destination, rules.POOL, rules.IN_TRANSIT)
        self._move(transit, (destination, PLACES[destination], rules.AVAILABLE), found)
        self._move(transit, rules.LOSS, missing - found)

    @rule()
    def finished_transfers_stay_finished(self) -> None:
        for number, *_ in self._in_state(rules.RECEIVED):
            with pytest.raises(Conflict):
                do(self.engine, transfers.dispatch, self.act, numbers=[number])

    @invariant()
    def every_shelf_holds_what_the_table_says(self) -> None:
        stored = {shelf[1:]: quantity for shelf, quantity in shelves(self.engine, self.lot).items()}
        assert stored == {shelf: quantity for shelf, quantity in self.model.items() if quantity}
        assert all(quantity > 0 for quantity in stored.values())
        came_in, went_out = -self.outside[rules.SUPPLIER], self.outside[rules.CONSUMPTION] + self.outside[rules.LOSS]
        assert sum(stored.values()) == came_in - went_out

    def teardown(self) -> None:
        assert faults(self.engine) == []
        lot = lot_id(self.engine, self.lot)
        with reading(self.engine) as session:
            moved = session.exec(select(Movement).where(Movement.lot_id == lot)).all()
        outside: Counter[str] = Counter()
        for movement in moved:
            outside[movement.from_external or ""] -= movement.quantity
            outside[movement.to_external or ""] += movement.quantity
        assert {name: outside[name] for name in rules.EXTERNALS} == {n: self.outside[n] for n in rules.EXTERNALS}

    def _receive(self, site: str, quantity: int, damaged: int) -> None:
        line = ReceiptLine("TAB", self.lot, FRESH, quantity, damaged)
        do(self.engine, operations.receive, self.act, site=site, lines=[line], key=self._key())
        self._move(rules.SUPPLIER, (site, rules.POOL, rules.AVAILABLE), quantity - damaged)
        self._move(rules.SUPPLIER, (site, rules.POOL, rules.QUARANTINE), damaged)

    def _move(self, source: str | tuple[str, str, str], sink: str | tuple[str, str, str], quantity: int) -> None:
        for place, change in ((source, -quantity), (sink, quantity)):
            if isinstance(place, str):
                self.outside[place] += change
            else:
                self.model[place] += change

    def _in_state(self, state: str) -> list[tuple[int, str, str, str, int]]:
        return [transfer for transfer in self.on_the_road if transfer[3] == state]

    def _becomes(self, number: int, state: str, quantity: int) -> None:
        self.on_the_road = [
            (n, origin, destination, state, quantity) if n == number else (n, origin, destination, old, sent)
            for n, origin, destination, old, sent in self.on_the_road
        ]

    def _key(self) -> str:
        return f"law:{next(self.numbers)}"


def test_units_are_conserved_and_no_shelf_falls_below_zero_whatever_is_done(region: Engine, cast: Cast) -> None:
    class Here(Storeroom):
        engine = region
        act = acting(cast["logistics"])
        other = acting(cast["logistics2"])
        numbers = count(1)

    run_state_machine_as_test(Here, settings=CASES)
