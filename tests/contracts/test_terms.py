"""What a contract says on a day, who may change it, and that its clauses K1 to K7 hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.contracts import operations as orders
from stockpile.contracts import queries as reading_orders
from stockpile.contracts.operations import LineDraft, Manner
from stockpile.contracts.placing import PriceNotValid
from stockpile.contracts.tables import CallOff, Contract
from stockpile.contracts.terms import limits, operations, queries, rules
from stockpile.contracts.terms.drafting import Price
from stockpile.db import reading, transact
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.laws.parallel import kinds, overlapping

TODAY = NOW.date()
AFTER_END = datetime(2023, 1, 10, 12, tzinfo=UTC)


def amended(engine: Engine, cast: Cast, *, on: date = TODAY, prices: Any = (), **terms: Any) -> int:
    """The number of an amendment of UC-1 that the buyer proposed and the committee adopted."""
    asked = {"contract": "UC-1", "effective_from": on, "rationale": "the market moved", "terms": terms}
    row = do(engine, operations.propose_amendment, acting(cast["buyer"]), prices=prices, **asked)
    given_ = {"contract": "UC-1", "version": row.version, "adopt": True, "reason": "agreed"}
    do(engine, operations.decide_amendment, acting(cast["committee"]), **given_)
    return row.version


def with_lot(engine: Engine, cast: Cast, *, maximum: int = 100_000, **shares: int) -> None:
    """UC-1 has a lot of tablets with this maximum, of which members have reserved so much."""
    act = acting(cast["buyer"])
    lot = {"contract": "UC-1", "lot": "A", "title": "tablets", "maximum_minor": maximum, "items": ["TAB"]}
    do(engine, operations.add_lot, act, **lot)
    if shares:
        named = {name.replace("_", "-"): share for name, share in shares.items()}
        do(engine, operations.reserve, act, contract="UC-1", lot="A", shares=named)


def order(engine: Engine, cast: Cast, *, packs: int = 20, price: int = 500, slot: str = "one", **manner: Any) -> int:
    """A proposed order of packs of ten tablets under UC-1."""
    lines = [LineDraft("TAB", packs, 10, price, "missing")]
    given_ = {"contract": "UC-1", "slot": slot, "deliver_to": "D-BE", "lines": lines, "manner": Manner(**manner)}
    return do(engine, orders.propose, acting(cast["buyer"]), **given_).id or 0


def approve(engine: Engine, cast: Cast, number: int, at: datetime = NOW) -> CallOff:
    """The committee approves an order."""
    return do(engine, orders.approve, acting(cast["committee"], at), number=number)


def refused(engine: Engine, cast: Cast, number: int, at: datetime = NOW) -> Conflict:
    """Why the committee cannot approve an order; it stays proposed and has taken nothing."""
    with pytest.raises(Conflict) as refusal:
        approve(engine, cast, number, at)
    with reading(engine) as session:
        assert reading_orders.calloff(session, number).state == "proposed"
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000
    return refusal.value


def test_a_contract_that_was_never_amended_says_what_was_signed(region: Engine) -> None:
    with reading(region) as session:
        version, terms = queries.terms_on(session, "UC-1", TODAY)
        assert (version, terms.lead_time_days, terms.minimum_order_minor, terms.order_weekdays) == (
            1,
            7,
            10000,
            "1234567",
        )
        assert queries.versions(session, "UC-1") == []


def test_k5_an_amendment_has_its_rationale_and_is_adopted_by_another_person(region: Engine, cast: Cast) -> None:
    asked = {"contract": "UC-1", "effective_from": TODAY, "terms": {"lead_time_days": 5}}
    with pytest.raises(Invalid, match="clause K5"):
        do(region, operations.propose_amendment, acting(cast["buyer"]), rationale=" ", **asked)
    with pytest.raises(Missing):
        do(region, operations.propose_amendment, acting(cast["logistics"]), rationale="quicker", **asked)
    both = cast.engage("both", *cast["buyer"].grants, *cast["committee"].grants)
    row = do(region, operations.propose_amendment, acting(both), rationale="quicker", **asked)
    decision = {"contract": "UC-1", "version": row.version, "adopt": True}
    with pytest.raises(OwnWork):
        do(region, operations.decide_amendment, acting(both), **decision)
    assert do(region, operations.decide_amendment, acting(cast["committee"]), **decision).state == "adopted"
    with pytest.raises(operations.AmendmentState):
        do(region, operations.decide_amendment, acting(cast["committee"]), **decision)
    with reading(region) as session:
        assert queries.terms_on(session, "UC-1", TODAY)[1].lead_time_days == 5
        assert reading_orders.contracts_valid(session, TODAY)["UC-1"].lead_time_days == 5
        assert [row.rationale for row in queries.versions(session, "UC-1")] == ["as signed", "quicker"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("terms", "prices", "what"),
    [
        ({"ceiling_minor": 110_000_001}, [], "the ceiling"),
        ({"ends": date(2023, 6, 1)}, [], "the term"),
        ({}, [Price("TAB", 1, 551)], "the price of TAB"),
        ({}, [Price("TAB", 1, 500), Price("TAB", 60, 520)], "the price of TAB"),
    ],
)
def test_k5_substantial_changes_are_refused(region: Engine, cast: Cast, terms: Any, prices: Any, what: str) -> None:
    asked = {"contract": "UC-1", "effective_from": TODAY, "rationale": "more", "terms": terms, "prices": prices}
    with pytest.raises(operations.TooMuchChanged, match="clause K5") as refusal:
        do(region, operations.propose_amendment, acting(cast["buyer"]), **asked)
    assert f"[['{what}', " in str(refusal.value.facts["changes"])


@ON_SQLITE
def test_k5_small_steps_do_not_add_up_to_a_substantial_change(region: Engine, cast: Cast) -> None:
    amended(region, cast, ceiling_minor=109_000_000)
    with reading(region) as session:
        assert session.get_one(Contract, "UC-1").remaining_minor == 109_000_000
    with pytest.raises(operations.TooMuchChanged):
        amended(region, cast, ceiling_minor=118_000_000)
    with pytest.raises(Invalid, match="on its day"):
        amended(region, cast, on=TODAY + timedelta(days=1), ceiling_minor=108_000_000)


@ON_SQLITE
@pytest.mark.parametrize(
    "terms",
    [
        {"order_weekdays": "321"},
        {"damages_round_to_minor": 0},
        {"damages_of": "everything"},
        {"immediate_permille": 1001},
        {"substantial_permille": 900},
        {"colour": "blue"},
    ],
)
def test_impossible_terms_are_refused(region: Engine, cast: Cast, terms: Any) -> None:
    with pytest.raises(Invalid):
        amended(region, cast, **terms)


def test_k3_the_price_is_the_tier_of_the_version_valid_on_the_day_of_the_order(region: Engine, cast: Cast) -> None:
    day = TODAY + timedelta(days=3)
    amended(region, cast, on=day, prices=[Price("TAB", 1, 520), Price("TAB", 100, 480)])
    old, new = order(region, cast, price=500), order(region, cast, price=520, slot="two")
    assert refused(region, cast, new).facts["clause"] == "K3"
    later = NOW + timedelta(days=3)
    with pytest.raises(PriceNotValid, match="clause K3"):
        approve(region, cast, old, later)
    assert approve(region, cast, new, later).contract_version == 2
    with reading(region) as session:
        assert reading_orders.tiers(session, TODAY)["UC-1", "TAB"] == [(1, 500), (50, 470)]
        assert reading_orders.tiers(session, day)["UC-1", "TAB"] == [(1, 520), (100, 480)]
        assert reading_orders.tiers(session, day)["UC-1", "VIAL"] == [(1, 1400)]


@ON_SQLITE
def test_k3_prices_follow_the_published_index_by_the_contracts_share(region: Engine, cast: Cast) -> None:
    amended(region, cast, index_code="PPI", index_base_milli=100_000, index_share_permille=600)
    act = acting(cast["buyer"])
    value = {"code": "PPI", "published_on": TODAY, "value_milli": 110_000, "source": "the index's publisher"}
    do(region, operations.publish_index, act, **value)
    with pytest.raises(Conflict):
        do(region, operations.publish_index, act, **value)
    with reading(region) as session:
        assert queries.tiers_on(session, TODAY, code="UC-1")["UC-1", "TAB"] == [(1, 530), (50, 498)]
        assert queries.tiers_on(session, TODAY - timedelta(days=1), code="UC-1")["UC-1", "TAB"][0] == (1, 500)
    assert approve(region, cast, order(region, cast, price=530)).cost_minor == 20 * 530


def test_k1_a_lot_is_not_ordered_beyond_its_maximum(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, maximum=20_000)
    assert approve(region, cast, order(region, cast)).state == "approved"
    number = order(region, cast, packs=21, slot="two")
    with pytest.raises(limits.CeilingReached, match="clause K1: lot A") as refusal:
        approve(region, cast, number)
    assert refusal.value.facts["remaining_minor"] == 10_000
    with reading(region) as session:
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000 - 10_000, "the refused took nothing"


def test_k1_a_member_orders_no_more_than_it_reserved(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=10_000, BE_2=5_000)
    number = order(region, cast, packs=21, member="BE-1")
    assert refused(region, cast, number).code == "reservation_used_up"
    assert approve(region, cast, order(region, cast, member="BE-1", slot="two")).member_code == "BE-1"
    assert approve(region, cast, order(region, cast, packs=50, price=470, slot="pool")).member_code is None


def test_k1_two_orders_of_a_member_at_once_do_not_break_its_share(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=15_000)
    numbers = [order(region, cast, member="BE-1", slot=slot) for slot in ("one", "two")]
    act = acting(cast["committee"])
    outcomes = overlapping(
        region,
        lambda session: orders.approve(session, act, number=numbers[0]),
        lambda session: orders.approve(session, act, number=numbers[1]),
    )
    assert kinds(outcomes) == ["ShareUsedUp", "done"], outcomes


@ON_SQLITE
def test_k1_members_reserve_no_more_than_the_maximum_of_the_lot(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, maximum=10_000, BE_1=6_000)
    act = acting(cast["buyer"])
    with pytest.raises(Conflict, match="clause K1"):
        do(region, operations.reserve, act, contract="UC-1", lot="A", shares={"BE-2": 4_001})
    with pytest.raises(Invalid, match="listed already"):
        do(region, operations.reserve, act, contract="UC-1", lot="A", shares={"BE-1": 1})


def test_k2_passing_a_reservation_on_conserves_the_sum(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=20_000, BE_2=5_000)
    approve(region, cast, order(region, cast, member="BE-1"))
    passed = {"contract": "UC-1", "lot": "A", "giver": "BE-1", "taker": "BE-2", "reason": "needed more there"}
    committee = acting(cast["committee"])
    with pytest.raises(operations.ReservationTooSmall, match="clause K2"):
        do(region, operations.transfer_reservation, committee, amount_minor=10_001, **passed)
    with pytest.raises(Conflict, match="clause K7"):
        do(region, operations.transfer_reservation, committee, amount_minor=1, **passed | {"taker": "DE-1"})
    do(region, operations.transfer_reservation, committee, amount_minor=10_000, **passed)
    with reading(region) as session:
        assert {row.member_code: row.reserved_minor for row in queries.members(session, "UC-1")} == {
            "BE-1": 10_000,
            "BE-2": 15_000,
        }


@ON_SQLITE
def test_k2_a_member_passes_on_only_its_own_reservation(region: Engine, cast: Cast) -> None:
    from stockpile.actor import Grant

    with_lot(region, cast, BE_1=20_000, BE_2=5_000)
    other = acting(cast.engage("eupen", Grant("requester", member="BE-2")))
    passed = {"contract": "UC-1", "lot": "A", "giver": "BE-1", "taker": "BE-2", "amount_minor": 1, "reason": "mine"}
    with pytest.raises(Missing):
        do(region, operations.transfer_reservation, other, **passed)


@ON_SQLITE
def test_k2_however_often_reservations_pass_on_their_sum_stays(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=10_000, BE_2=8_000, DE_1=2_000)
    chance, members, moved = Random(7), ("BE-1", "BE-2", "DE-1"), 0
    for _ in range(30):
        giver, taker = chance.sample(members, 2)
        passed = {"contract": "UC-1", "lot": "A", "giver": giver, "taker": taker, "reason": "need moved"}
        try:
            amount = chance.randint(1, 6_000)
            do(region, operations.transfer_reservation, acting(cast["committee"]), amount_minor=amount, **passed)
            moved += 1
        except operations.ReservationTooSmall:
            continue
    assert 0 < moved < 30
    with reading(region) as session:
        assert sum(row.reserved_minor for row in queries.members(session, "UC-1")) == 20_000


def test_k4_nothing_is_ordered_after_the_end_and_deliveries_come_until_the_run_off(region: Engine, cast: Cast) -> None:
    first, second = order(region, cast), order(region, cast, slot="two")
    approve(region, cast, first, datetime(2022, 12, 31, 12, tzinfo=UTC))
    refusal = refused_at_end(region, cast, second)
    assert (refusal.facts["clause"], refusal.facts["state"]) == ("K4", "run_off")
    with reading(region) as session:
        line = reading_orders.lines(session, first)[0].id or 0

    def receive(at: datetime, quantity: int) -> None:
        act = acting(cast["logistics"], at)
        given_: dict[str, Any] = {"line_number": line, "site": "D-BE", "item": "TAB", "quantity": quantity}
        transact(region, lambda session: orders.receive_line(session, act, **given_))

    receive(AFTER_END, 100)
    with pytest.raises(limits.ContractEnded, match="clause K4"):
        receive(AFTER_END + timedelta(days=200), 100)


def refused_at_end(engine: Engine, cast: Cast, number: int) -> Conflict:
    """Why an order is refused ten days after the contract's end."""
    with pytest.raises(Conflict) as refusal:
        approve(engine, cast, number, AFTER_END)
    return refusal.value


@ON_SQLITE
def test_k4_a_suspended_contract_takes_no_orders_and_is_resumed_or_closed_by_the_committee(
    region: Engine, cast: Cast
) -> None:
    committee = acting(cast["committee"])
    do(region, operations.step, committee, contract="UC-1", to="suspended", reason="quality under inquiry")
    assert refused(region, cast, order(region, cast)).facts["clause"] == "K4"
    with reading(region) as session:
        assert list(reading_orders.contracts_valid(session, TODAY)) == ["UC-2"]
    with pytest.raises(operations.ContractState, match="clause K4"):
        do(region, operations.step, committee, contract="UC-1", to="closed", reason="enough")
    with pytest.raises(operations.ContractState, match="active, closed"):
        do(region, operations.step, committee, contract="UC-1", to="planned", reason="again")
    do(region, operations.step, committee, contract="UC-1", to="active", reason="inquiry is over")
    over = acting(cast["committee"], AFTER_END + timedelta(days=200))
    assert do(region, operations.step, over, contract="UC-1", to="closed", reason="run-off is over").state == "closed"


def test_k6_an_option_is_exercised_only_inside_its_window_and_quantity(region: Engine, cast: Cast) -> None:
    terms: dict[str, Any] = {"quantity": 300, "days": 3, "price_permille": 1200, "fee_minor": 5000}
    window = {"opens": TODAY, "closes": TODAY + timedelta(days=9)}
    do(region, operations.add_option, acting(cast["buyer"]), contract="UC-1", item="TAB", **terms, **window)
    manner: dict[str, Any] = {"kind": "option", "fee_minor": 5000}
    number = order(region, cast, price=600, **manner)
    assert refused_at(region, cast, number, NOW + timedelta(days=10)) == "K6"
    assert refused_at(region, cast, order(region, cast, packs=31, price=600, slot="two", **manner), NOW) == "K6"
    assert refused_at(region, cast, order(region, cast, price=500, slot="cheap", **manner), NOW) == "K3"
    called = approve(region, cast, number)
    assert (called.cost_minor, called.expected_at) == (20 * 600 + 5000, NOW + timedelta(days=3))
    with reading(region) as session:
        assert queries.options(session, "UC-1")[0].remaining == 100
        assert session.get_one(Contract, "UC-1").remaining_minor == 100_000_000 - 17_000


def refused_at(engine: Engine, cast: Cast, number: int, at: datetime) -> object:
    """The clause that refuses an order at an instant."""
    with pytest.raises(Conflict) as refusal:
        approve(engine, cast, number, at)
    return refusal.value.facts["clause"]


def test_k7_only_listed_members_order(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=20_000)
    refusal = refused(region, cast, order(region, cast, member="DE-1"))
    assert (refusal.code, refusal.facts["clause"]) == ("member_not_listed", "K7")


@ON_SQLITE
def test_a_lot_applies_in_a_country_once_its_condition_is_met(region: Engine, cast: Cast) -> None:
    with_lot(region, cast, BE_1=20_000)
    said = {"contract": "UC-1", "lot": "A", "country": "BE", "condition": "waiver for labels", "reason": "authority"}
    do(region, operations.set_condition, acting(cast["buyer"]), met=False, **said)
    number = order(region, cast, member="BE-1")
    assert "waiver for labels" in refused(region, cast, number).message
    do(region, operations.set_condition, acting(cast["buyer"]), met=True, **said)
    assert approve(region, cast, number).state == "approved"


@pytest.mark.parametrize(
    ("state", "today", "stands"),
    [
        ("active", date(2022, 1, 1), "active"),
        ("active", date(2022, 10, 3), "expiring"),
        ("active", date(2022, 12, 31), "expiring"),
        ("suspended", date(2022, 12, 1), "suspended"),
        ("active", date(2023, 1, 1), "run_off"),
        ("active", date(2023, 1, 30), "run_off"),
        ("active", date(2023, 1, 31), "expired"),
        ("closed", date(2022, 1, 1), "closed"),
    ],
)
def test_the_day_decides_whether_a_contract_expires_runs_off_or_is_over(state: str, today: date, stands: str) -> None:
    assert rules.standing(state, ends=date(2022, 12, 31), run_off_days=30, today=today) == stands


@given(st.fractions(0, 10**9), st.integers(1, 100))
def test_rounding_is_to_a_multiple_and_never_further_than_one_step(amount: Fraction, to: int) -> None:
    down, half, up = (rules.rounded(amount, to=to, mode=mode) for mode in ("down", "half_up", "up"))
    assert down % to == half % to == up % to == 0
    assert down <= amount <= up
    assert up - down in (0, to)
    assert abs(half - amount) <= Fraction(to, 2)


def test_an_order_is_priced_by_the_region_as_it_was_loaded(region: Engine) -> None:
    with reading(region) as session:
        assert _signed(session) == queries.tiers_on(session, TODAY)


def _signed(session: Session) -> queries.Tiers:
    return queries.tiers_on(session)
