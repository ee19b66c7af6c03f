"""One action turns a shortage into the quickest orders that contracts offer, with the day on which they are here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from stockpile.contracts import operations as orders
from stockpile.contracts import queries
from stockpile.contracts.shortages import operations, rules
from stockpile.contracts.shortages.operations import Proposed
from stockpile.contracts.shortages.rules import Way
from stockpile.contracts.terms import limits
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import order
from tests.contracts.test_terms import TODAY, amended
from tests.inventory.stockroom import ON_SQLITE, do


def short(engine: Engine, cast: Cast, units: int, *, slot: str = "wave") -> Proposed:
    """The buyer asks for tablets that are missing."""
    given_ = {"item": "TAB", "units": units, "deliver_to": "D-BE", "slot": slot, "reason": "unmet need of the surge"}
    return do(engine, operations.propose_for_shortage, acting(cast["buyer"]), **given_)


def with_option(engine: Engine, cast: Cast, **changed: Any) -> None:
    """UC-1 has an option on 300 tablets in two days, a fifth dearer and for a fee."""
    said = {"quantity": 300, "days": 2, "price_permille": 1200, "fee_minor": 5000, "opens": TODAY}
    said |= {"closes": TODAY + timedelta(days=30)} | changed
    do(engine, terms.add_option, acting(cast["buyer"]), contract="UC-1", item="TAB", **said)


def ways(found: Proposed) -> list[tuple[str, str, int]]:
    """Contract, kind and units of what was proposed, soonest first."""
    return [(one.contract, one.kind, one.units) for one in found.arrivals]


def test_the_soonest_ways_come_first_and_the_arrival_is_told(region: Engine, cast: Cast) -> None:
    with_option(region, cast)
    amended(region, cast, immediate_permille=1, immediate_days=1)
    found = short(region, cast, 3000)
    assert ways(found) == [("UC-1", "immediate", 2100), ("UC-1", "option", 300), ("UC-1", "normal", 600)]
    assert (found.covered, found.uncovered) == (3000, 0)
    assert found.earliest_arrival == NOW + timedelta(days=1)
    assert found.covered_at == NOW + timedelta(days=7)
    with reading(region) as session:
        reasons = [line.reason for one in found.arrivals for line in queries.lines(session, one.calloff)]
    assert reasons[1] == "unmet need of the surge: 300 base units in 2 days (option)"


def test_every_proposal_can_be_approved_by_another_person_and_arrives_when_told(region: Engine, cast: Cast) -> None:
    with_option(region, cast)
    amended(region, cast, immediate_permille=1, immediate_days=1)
    found = short(region, cast, 3000)
    for one in found.arrivals:
        with pytest.raises(OwnWork):
            do(region, orders.approve, acting(cast["buyer"]), number=one.calloff)
        calloff = do(region, orders.approve, acting(cast["committee"]), number=one.calloff)
        assert (calloff.expected_at, calloff.cost_minor) == (one.arrives_at, one.cost_minor)
    with reading(region) as session:
        assert queries.inbound(session)["TAB"] >= 3000, "the next plan counts it"


@ON_SQLITE
def test_what_no_contract_can_bring_is_said(region: Engine, cast: Cast) -> None:
    for code in ("UC-1", "UC-2"):
        do(region, terms.step, acting(cast["committee"]), contract=code, to="suspended", reason="inquiry")
    found = short(region, cast, 100)
    assert (found.arrivals, found.uncovered, found.earliest_arrival, found.covered_at) == ((), 100, None, None)


@ON_SQLITE
def test_an_option_outside_its_window_is_no_way(region: Engine, cast: Cast) -> None:
    with_option(region, cast, opens=TODAY + timedelta(days=1))
    assert ways(short(region, cast, 200)) == [("UC-1", "normal", 200)]


@ON_SQLITE
def test_more_at_once_than_the_contracts_share_is_refused_by_name(region: Engine, cast: Cast) -> None:
    amended(region, cast, immediate_permille=1, immediate_days=1)
    found = short(region, cast, 2000)
    again = short(region, cast, 2000, slot="again")
    do(region, orders.approve, acting(cast["committee"]), number=found.arrivals[0].calloff)
    amended_less(region, cast)
    with pytest.raises(limits.OptionClosed, match="clause immediate availability"):
        do(region, orders.approve, acting(cast["committee"]), number=again.arrivals[0].calloff)


def amended_less(engine: Engine, cast: Cast) -> None:
    """Nothing is there at once any more."""
    amended(engine, cast, immediate_permille=0)


@ON_SQLITE
def test_a_shortage_needs_its_right_its_reason_a_place_and_a_slot_of_its_own(region: Engine, cast: Cast) -> None:
    asked = {"item": "TAB", "units": 100, "deliver_to": "D-BE", "slot": "s", "reason": "r"}
    with pytest.raises(Missing):
        do(region, operations.propose_for_shortage, acting(cast["logistics"]), **asked)
    for wrong in ({"units": 0}, {"reason": " "}, {"deliver_to": "NOWHERE"}):
        with pytest.raises(Invalid):
            do(region, operations.propose_for_shortage, acting(cast["buyer"]), **asked | wrong)
    do(region, operations.propose_for_shortage, acting(cast["buyer"]), **asked)
    with pytest.raises(Conflict, match="choose another"):
        do(region, operations.propose_for_shortage, acting(cast["buyer"]), **asked)


def test_all_unmet_need_is_proposed_in_one_action_and_the_nightly_run_leaves_it(region: Engine, cast: Cast) -> None:
    given_ = {"unmet": {"TAB": 300, "VIAL": 20, "PUMP": 0}, "deliver_to": "D-BE", "slot": "w14", "reason": "unmet"}
    found = do(region, operations.propose_for_shortages, acting(cast["buyer"]), **given_)
    assert [(one.item, one.uncovered) for one in found] == [("TAB", 0), ("VIAL", 0)]
    do(region, orders.drop_earlier_proposals, acting(cast["buyer"]), slot="2020-03-31")
    assert {order(region, arrival.calloff).state for one in found for arrival in one.arrivals} == {"proposed"}


@given(
    units=st.integers(1, 5000),
    budgets=st.lists(st.integers(0, 400_000), min_size=1, max_size=4),
    minimum=st.integers(1, 30),
    multiple=st.integers(1, 7),
    least=st.integers(0, 30_000),
)
def test_choices_keep_every_limit_and_waste_less_than_one_step_of_the_last_way(
    units: int, budgets: list[int], minimum: int, multiple: int, least: int
) -> None:
    given_: dict[str, Any] = {"pack_size": 10, "minimum_packs": minimum, "pack_multiple": multiple, "kind": "normal"}
    given_ |= {"tiers": ((1, 500), (50, 470)), "minimum_order_minor": least}
    offered = [
        Way(contract=f"C{n}", days=n, budget_minor=budget, most_packs=budget // 470, **given_)
        for n, budget in enumerate(budgets)
    ]
    chosen = rules.choose(offered, units)
    assert [one.way.days for one in chosen] == sorted(one.way.days for one in chosen)
    for one in chosen:
        assert one.packs >= minimum
        assert one.packs % multiple == 0
        assert least <= one.way.cost(one.packs) <= one.way.budget_minor
    assert sum(one.units for one in chosen[:-1]) < units
    for way in offered:
        if way not in [one.way for one in chosen] and sum(one.units for one in chosen) < units:
            packs = -(-minimum // multiple) * multiple
            assert way.cost(packs) > way.budget_minor or way.budget_minor < least + 500 * multiple * 2
