"""Damages to the cent by each contract's own rule, contested and decided by other people."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.contracts import queries as orders
from stockpile.contracts.damages import operations, queries, rules
from stockpile.contracts.damages.rules import Late
from stockpile.contracts.invoices import operations as invoices
from stockpile.contracts.invoices import queries as bills
from stockpile.contracts.terms.rules import Terms
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing, OwnWork
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import DUE, accepted, approved, came, invoiced
from tests.contracts.test_terms import amended
from tests.inventory.stockroom import ON_SQLITE, do

EXAMPLES = json.loads((Path(__file__).parents[2] / "fixtures" / "instances" / "contract_examples.json").read_text())
PLAIN: dict[str, Any] = {
    "effective_from": date(2020, 1, 1),
    "ends": date(2021, 1, 1),
    "ceiling_minor": 10**9,
    "minimum_order_minor": 0,
    "lead_time_days": 7,
    "damages_rate_permille": 300,
    "damages_cap_permille": 1000,
}


def minor(euros: float) -> int:
    """Euros as the published example prints them, in cents."""
    return round(euros * 100)


@pytest.mark.parametrize("days", [7, 21, 42])
def test_the_published_example_is_met_to_the_cent_by_rounding_each_day_to_five_cents(days: int) -> None:
    example = EXAMPLES["echa_liquidated_damages"]
    stated = {"damages_days": example["d"], "damages_round_to_minor": 5, "damages_round_each": "day"}
    terms, value = Terms(**PLAIN | stated), minor(example["V"])
    assert minor(example["published_per_day"]) == 10_275
    found = rules.due(terms, [Late(value, days)], order_minor=value, order_days=30)
    assert found.amount_minor == minor(example["published"][f"{days}d"])


@pytest.mark.parametrize(
    ("stated", "amount"),
    [
        ({"damages_round_each": "day"}, 21 * 10_274),
        ({"damages_round_each": "total"}, 215_753),
        ({"damages_round_each": "total", "damages_rounding": "down"}, 215_753),
        ({"damages_round_each": "total", "damages_rounding": "up"}, 215_754),
        ({"damages_round_each": "day", "damages_rounding": "down"}, 21 * 10_273),
        ({"damages_round_each": "total", "damages_round_to_minor": 100}, 215_800),
    ],
)
def test_another_contract_rounds_the_same_lateness_by_its_own_rule(stated: dict[str, Any], amount: int) -> None:
    terms = Terms(**PLAIN | {"damages_days": 365} | stated)
    assert rules.due(terms, [Late(12_500_000, 21)], order_minor=12_500_000, order_days=9).amount_minor == amount


def test_grace_and_cap_and_the_time_an_order_had_are_the_contracts() -> None:
    terms = Terms(**PLAIN | {"damages_grace_days": 2, "damages_cap_permille": 50})
    found = [rules.due(terms, [Late(70_000, days)], order_minor=70_000, order_days=7) for days in (2, 3, 9)]
    assert [one.amount_minor for one in found] == [0, 3_000, 3_500]
    assert found[2].uncapped_minor == 21_000


@given(st.integers(0, 10**9), st.integers(0, 400), st.integers(1, 400), st.sampled_from(["day", "total"]))
def test_damages_never_exceed_the_cap_and_never_shrink_with_days(value: int, days: int, term: int, each: str) -> None:
    terms = Terms(**PLAIN | {"damages_days": term, "damages_cap_permille": 100, "damages_round_each": each})
    less, more = (rules.due(terms, [Late(value, n)], order_minor=value, order_days=1) for n in (days, days + 1))
    assert 0 <= less.amount_minor <= more.amount_minor <= value // 10


@pytest.mark.parametrize(
    ("arrived", "excused", "days"),
    [
        (date(2020, 3, 31), [], 0),
        (date(2020, 4, 1), [], 0),
        (date(2020, 4, 2), [], 1),
        (date(2020, 4, 11), [(date(2020, 3, 1), date(2020, 4, 4)), (date(2020, 4, 4), date(2020, 4, 5))], 6),
        (date(2020, 4, 3), [(date(2020, 4, 1), date(2020, 4, 9))], 0),
    ],
)
def test_days_late_are_calendar_days_without_force_majeure(arrived: date, excused: Any, days: int) -> None:
    assert rules.days_late(date(2020, 4, 1), arrived, excused) == days


def agreed(engine: Engine, cast: Cast, **more: Any) -> None:
    """UC-1 now has damages: three tenths of the value over the order's seven days, per day."""
    amended(engine, cast, damages_rate_permille=300, damages_cap_permille=500, **more)


def test_late_goods_cost_their_part_and_the_claim_says_how_it_was_worked_out(region: Engine, cast: Cast) -> None:
    agreed(region, cast)
    number = approved(region, cast)
    came(region, cast, number, 150)
    came(region, cast, number, 50, at=DUE + timedelta(days=3))
    row = do(region, operations.claim, acting(cast["buyer"], DUE + timedelta(days=4)), number=number)
    assert row.amount_minor == 321, "2500 x 0.3 / 7 x 3 = 321.43"
    assert "2500 x 3 days = 321" in row.worked_out
    with pytest.raises(operations.ClaimState):
        do(region, operations.claim, acting(cast["buyer"]), number=number)


def test_a_contract_may_count_the_whole_order_once_by_its_latest_part(region: Engine, cast: Cast) -> None:
    agreed(region, cast, damages_of="order")
    number = approved(region, cast)
    came(region, cast, number, 150, at=DUE + timedelta(days=1))
    came(region, cast, number, 50, at=DUE + timedelta(days=3))
    assert do(region, operations.claim, acting(cast["buyer"]), number=number).amount_minor == 1_286


def test_what_came_in_time_or_is_excused_owes_nothing(region: Engine, cast: Cast) -> None:
    agreed(region, cast)
    with pytest.raises(operations.NothingLate, match="no damages are due"):
        do(region, operations.claim, acting(cast["buyer"]), number=accepted(region, cast))
    late = accepted(region, cast, at=DUE + timedelta(days=3), slot="two")
    days = {"starts": DUE.date(), "ends": (DUE + timedelta(days=9)).date(), "reason": "borders closed"}
    with pytest.raises(Missing):
        do(region, operations.excuse, acting(cast["buyer"]), contract="UC-1", **days)
    do(region, operations.excuse, acting(cast["committee"]), contract="UC-1", **days)
    with pytest.raises(operations.NothingLate):
        do(region, operations.claim, acting(cast["buyer"]), number=late)


@ON_SQLITE
def test_damages_are_those_of_the_version_under_which_the_order_was_placed(region: Engine, cast: Cast) -> None:
    number = accepted(region, cast, at=DUE + timedelta(days=3))
    amended(region, cast, on=NOW.date() + timedelta(days=1), damages_rate_permille=300)
    with pytest.raises(operations.NothingLate):
        do(region, operations.claim, acting(cast["buyer"]), number=number)


def test_a_supplier_contests_its_own_claim_and_another_person_decides(region: Engine, cast: Cast) -> None:
    agreed(region, cast)
    number = accepted(region, cast, at=DUE + timedelta(days=7))
    claim = do(region, operations.claim, acting(cast["buyer"]), number=number)
    assert claim.amount_minor == 3_000
    rival = acting(cast.engage("rival", Grant("supplier", member="SUP-2")))
    own = acting(cast.engage("own", Grant("supplier", member="SUP-1")))
    with pytest.raises(Missing):
        do(region, operations.contest, rival, number=claim.id, reason="not us")
    with pytest.raises(Invalid):
        do(region, operations.contest, own, number=claim.id, reason="  ")
    do(region, operations.contest, own, number=claim.id, reason="the depot was shut for two days")
    both = cast.engage("both", Grant("buyer"), Grant("committee"))
    decided = {"number": claim.id, "amount_minor": 2_000, "reason": "two days were ours"}
    with pytest.raises(Invalid):
        do(region, operations.decide, acting(both), **decided | {"amount_minor": 3_001})
    row = do(region, operations.decide, acting(both), **decided)
    assert (row.state, row.decided_minor) == ("deducted", 2_000)
    with pytest.raises(operations.ClaimState):
        do(region, operations.decide, acting(both), **decided)


def test_who_claims_does_not_waive_and_a_waiver_needs_its_reason(region: Engine, cast: Cast) -> None:
    agreed(region, cast)
    both = acting(cast.engage("both", Grant("buyer"), Grant("committee")))
    claim = do(region, operations.claim, both, number=accepted(region, cast, at=DUE + timedelta(days=7)))
    with pytest.raises(OwnWork):
        do(region, operations.decide, both, number=claim.id, amount_minor=0, reason="kindness")
    with pytest.raises(Invalid, match="reason"):
        do(region, operations.decide, acting(cast["committee"]), number=claim.id, amount_minor=0, reason=" ")
    given_ = {"number": claim.id, "amount_minor": 0, "reason": "the flood was known"}
    assert do(region, operations.decide, acting(cast["committee"]), **given_).state == "waived"


def test_o2_damages_are_taken_off_what_is_paid_also_while_they_are_contested(region: Engine, cast: Cast) -> None:
    agreed(region, cast)
    number = accepted(region, cast, at=DUE + timedelta(days=7))
    claim = do(region, operations.claim, acting(cast["buyer"]), number=number)
    bill = invoiced(region, cast, number)
    do(region, invoices.approve, acting(cast["buyer2"]), number=bill)
    with pytest.raises(invoices.MoreThanOwed, match="clause O2"):
        do(region, invoices.pay, acting(cast["committee"]), number=bill, amount_minor=7_001)
    given_ = {"number": claim.id, "amount_minor": 1_000, "reason": "part of it was ours"}
    do(region, operations.decide, acting(cast["committee"]), **given_)
    with reading(region) as session:
        assert queries.withheld(session, number) == 1_000
        assert bills.owed(session, orders.calloff(session, number)) == 9_000
    do(region, invoices.pay, acting(cast["committee"]), number=bill, amount_minor=9_000)
