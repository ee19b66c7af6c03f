"""Orders under unified contracts: their price, and their way from proposal to delivery."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import journal
from stockpile.contracts import operations, queries
from stockpile.contracts.operations import CeilingReached, ContractEnded, LineDraft, OverDelivery, WrongState
from stockpile.contracts.rules import CALLOFF_STATES, OPEN_STATES, UNTOUCHED_STATES, WAITING_STATES, tier_price
from stockpile.contracts.tables import CallOff, Contract
from stockpile.db import reading, transact
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.laws.parallel import kinds, overlapping


@pytest.mark.parametrize(
    ("packs", "price"), [(1, 500), (49, 500), (50, 470), (51, 470), (99, 470), (100, 450), (10**9, 450)]
)
def test_every_pack_of_an_order_costs_the_price_of_the_tier_that_the_order_reaches(packs: int, price: int) -> None:
    assert tier_price([(100, 450), (1, 500), (50, 470)], packs) == price


def test_an_order_below_the_first_tier_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError, match="reach no tier"):
        tier_price([(5, 500)], 4)


def test_only_approved_orders_are_on_the_way() -> None:
    assert set(OPEN_STATES) == set(UNTOUCHED_STATES) | {"part_shipped", "part_delivered"}
    assert set(OPEN_STATES) < set(CALLOFF_STATES)
    assert not set(OPEN_STATES) & set(WAITING_STATES)


def proposed(engine: Engine, cast: Cast, *, packs: int = 5, slot: str = "2020-03-30", price: int = 500) -> CallOff:
    """A proposal of the buyer: tablets in packs of ten."""
    lines = [LineDraft("TAB", packs, 10, price, "three days of use are missing")]
    given = {"contract": "UC-1", "slot": slot, "deliver_to": "D-BE", "lines": lines}
    return do(engine, operations.propose, acting(cast["buyer"]), **given)


def test_a_proposal_orders_nothing(region: Engine, cast: Cast) -> None:
    calloff = proposed(region, cast)
    assert (calloff.state, calloff.cost_minor, calloff.expected_at) == ("proposed", 2500, None)
    with reading(region) as session:
        assert queries.inbound(session) == {}
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000
        [line] = queries.lines(session, calloff.id or 0)
        assert (line.packs, line.quantity, line.reason) == (5, 50, "three days of use are missing")


def test_an_approved_order_stands_and_is_expected_after_the_lead_time(region: Engine, cast: Cast) -> None:
    number = proposed(region, cast).id
    calloff = do(region, operations.approve, acting(cast["committee"]), number=number)
    assert (calloff.state, calloff.approved_by) == ("approved", cast["committee"].id)
    assert calloff.expected_at == NOW + timedelta(days=7)
    with reading(region) as session:
        assert queries.inbound(session) == {"TAB": 50}
        assert queries.next_deliveries(session) == {"TAB": (NOW + timedelta(days=7), 50)}
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000 - 2500
        assert [entry.action for entry in journal.entries(session) if entry.subject == f"calloff:{number}"] == [
            "calloff.propose",
            "calloff.approve",
        ]


def test_who_proposed_an_order_does_not_approve_it(region: Engine, cast: Cast) -> None:
    number = proposed(region, cast).id
    with pytest.raises(OwnWork):
        do(region, operations.approve, acting(cast["buyer"]), number=number)
    with pytest.raises(Missing):
        do(region, operations.approve, acting(cast["logistics"]), number=number)
    assert do(region, operations.approve, acting(cast["buyer2"]), number=number).state == "approved"
    with pytest.raises(WrongState):
        do(region, operations.approve, acting(cast["committee"]), number=number)


def test_an_order_beyond_the_ceiling_is_refused_and_takes_nothing_from_it(region: Engine, cast: Cast) -> None:
    first = proposed(region, cast, packs=160_000, price=470)
    second = proposed(region, cast, packs=64_000, slot="next", price=470)
    do(region, operations.approve, acting(cast["committee"]), number=first.id)
    with pytest.raises(CeilingReached) as refused:
        do(region, operations.approve, acting(cast["committee"]), number=second.id)
    assert refused.value.facts == {"clause": "K1", "remaining_minor": 24_800_000, "cost_minor": 30_080_000}
    with reading(region) as session:
        assert session.get_one(Contract, "UC-1").remaining_minor == 24_800_000
        assert queries.calloff(session, second.id or 0).state == "proposed"


def test_two_orders_approved_together_do_not_break_the_ceiling(region: Engine, cast: Cast) -> None:
    numbers = [proposed(region, cast, packs=130_000, slot=slot, price=470).id or 0 for slot in ("one", "two")]
    act = acting(cast["committee"])
    outcomes = overlapping(
        region,
        lambda session: operations.approve(session, act, number=numbers[0]),
        lambda session: operations.approve(session, act, number=numbers[1]),
    )
    assert kinds(outcomes) == ["CeilingReached", "done"], outcomes


def test_an_order_approved_twice_at_once_is_paid_once(region: Engine, cast: Cast) -> None:
    number, act = proposed(region, cast).id or 0, acting(cast["committee"])

    def approve(session: Session) -> CallOff:
        return operations.approve(session, act, number=number)

    assert kinds(overlapping(region, approve, approve)) == ["WrongState", "done"]
    with reading(region) as session:
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000 - 2500


@ON_SQLITE
@pytest.mark.parametrize(
    ("at", "within"),
    [
        (datetime(2018, 12, 31, 12, tzinfo=UTC), False),
        (datetime(2019, 1, 1, 12, tzinfo=UTC), True),
        (datetime(2022, 12, 31, 12, tzinfo=UTC), True),
        (datetime(2023, 1, 1, 12, tzinfo=UTC), False),
    ],
)
def test_nothing_is_ordered_outside_the_term_of_a_contract(
    region: Engine, cast: Cast, at: datetime, within: bool
) -> None:
    number = proposed(region, cast).id
    with reading(region) as session:
        assert ("UC-1" in queries.contracts_valid(session, at.date())) is within
    if within:
        assert do(region, operations.approve, acting(cast["committee"], at), number=number).state == "approved"
        return
    with pytest.raises(ContractEnded):
        do(region, operations.approve, acting(cast["committee"], at), number=number)


def test_a_line_is_received_in_parts_until_it_is_whole(region: Engine, cast: Cast) -> None:
    number = proposed(region, cast).id or 0
    do(region, operations.approve, acting(cast["committee"]), number=number)
    with reading(region) as session:
        line = queries.lines(session, number)[0].id or 0

    def receive(quantity: int, item: str = "TAB") -> str:
        def work(session: Session) -> str:
            act, given = acting(cast["logistics"]), {"line_number": line, "site": "D-BE"}
            operations.receive_line(session, act, item=item, quantity=quantity, **given)
            return queries.calloff(session, number).state

        return transact(region, work)

    with pytest.raises(Invalid, match="not PUMP"):
        receive(5, "PUMP")
    assert receive(30) == "part_delivered"
    with reading(region) as session:
        assert queries.inbound(session) == {"TAB": 20}
    with pytest.raises(OverDelivery):
        receive(21)
    assert receive(20) == "delivered"
    with pytest.raises(WrongState):
        receive(1)


def test_a_number_that_no_order_has_is_refused(region: Engine, cast: Cast) -> None:
    with pytest.raises(queries.UnknownCallOff):
        do(region, operations.approve, acting(cast["committee"]), number=99)


def test_contracts_are_valid_through_their_last_day(region: Engine) -> None:
    with reading(region) as session:
        for day, valid in ((date(2018, 12, 31), []), (date(2022, 12, 31), ["UC-1", "UC-2"]), (date(2023, 1, 1), [])):
            assert list(queries.contracts_valid(session, day)) == valid
