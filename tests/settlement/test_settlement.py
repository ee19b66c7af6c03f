"""Costs divided to the cent, netted and closed for ever; loans in kind; who helped whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from stockpile.contracts.calloffs import operations as ordering
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance.members import operations as members
from stockpile.governance.rules import OwnWork
from stockpile.inventory.ownership import operations as owners
from stockpile.settlement import operations, queries, rules
from stockpile.settlement.operations import ExitOpen, LoanState, NotLikeForLike, PeriodState
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import drafted
from tests.inventory.stockroom import account, do

MONTH = {"starts_at": NOW - timedelta(days=30), "ends_at": NOW, "name": "March 2020"}
APRIL = {"starts_at": NOW, "ends_at": NOW + timedelta(days=30), "name": "April 2020"}
POPULATIONS = {"BE-1": 4000, "BE-2": 19000, "DE-1": 248000, "DE-2": 15000, "NL-1": 10000}
NO_MIX = rules.Mix(0, 0, 0)
weights = st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(0, 10**7), min_size=1)


@given(st.integers(-(10**12), 10**12), weights)
def test_the_shares_of_a_cost_add_up_and_none_is_a_cent_from_its_due(total: int, weighed: Mapping[str, int]) -> None:
    whole = sum(weighed.values())
    if not whole:
        with pytest.raises(ZeroDivisionError):
            rules.divide(total, weighed)
        return
    parts = rules.divide(total, weighed)
    assert sum(parts.values()) == total
    assert all(abs(parts[one] - Fraction(total * weight, whole)) < 1 for one, weight in weighed.items())
    assert all(parts[one] == 0 for one, weight in weighed.items() if not weight)


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=12))
def test_the_payments_make_everybody_even_with_fewer_payments_than_parties(amounts: list[int]) -> None:
    nets = {f"m{number}": amount for number, amount in enumerate(amounts)}
    nets["pool"] = -sum(amounts)
    made = rules.payments(nets)
    for debtor, creditor, amount in made:
        assert amount > 0
        nets[debtor] -= amount
        nets[creditor] += amount
    assert not any(nets.values())
    assert len(made) <= len(nets) - 1


def opened(region: Engine, cast: Cast, *, key: str = "population", mix: rules.Mix = NO_MIX, **span: Any) -> int:
    """A period."""
    made = do(region, operations.open_period, acting(cast["coordinator"]), cost_key=key, mix=mix, **(span or MONTH))
    return int(made.id)


def booked(region: Engine, cast: Cast, period: int, amount: int, **more: Any) -> int:
    """A cost of that period."""
    plain = {
        "kind": "transport",
        "incurred_at": NOW - timedelta(days=1),
        "paid_by": "NL-1",
        "reference": "invoice 7",
        "reason": "three vans",
    }
    made = do(region, operations.book, acting(cast["buyer"]), period=period, amount_minor=amount, **(plain | more))
    return int(made.id)


def settled(region: Engine, cast: Cast, period: int, *, after_hours: float = 1) -> None:
    """Calculate and close it."""
    do(region, operations.calculate, acting(cast["coordinator"], after_hours=after_hours), number=period)
    act = acting(cast["committee"], after_hours=after_hours)
    do(region, operations.close, act, number=period, reason="agreed by all")


def nets(region: Engine, period: int) -> dict[str, int]:
    """Who owes, who is owed."""
    with reading(region) as session:
        return queries.nets(session, period)


def test_a_cost_is_borne_by_population_to_the_cent_and_the_statement_leads_to_it(region: Engine, cast: Cast) -> None:
    period = opened(region, cast)
    booked(region, cast, period, 100_001)
    booked(region, cast, period, 5_000, borne_by="BE-1", paid_by="pool", kind="storage")
    settled(region, cast, period)
    found = nets(region, period)
    assert sum(found.values()) == 0
    shares = {code: Fraction(100_001 * people, 296_000) for code, people in POPULATIONS.items()}
    with reading(region) as session:
        told = {code: queries.statement(session, period, code) for code in POPULATIONS}
    for code, share in shares.items():
        extra = 5_000 if code == "BE-1" else 0
        assert abs(told[code].borne_minor - extra - share) < 1
        assert told[code].borne_minor == sum(one["share_minor"] for one in told[code].charges)
        assert told[code].net_minor == found[code]
    assert told["NL-1"].paid[0]["reference"] == "invoice 7"
    assert sum(one.borne_minor for one in told.values()) == 105_001


def test_a_population_known_later_changes_no_period_before_it(region: Engine, cast: Cast) -> None:
    period = opened(region, cast)
    booked(region, cast, period, 29_600_000)
    later = acting(cast["administrator"], after_hours=1)
    do(region, members.note_population, later, member="DE-1", year=2020, population=1, source="census")
    settled(region, cast, period, after_hours=2)
    assert nets(region, period)["DE-1"] == 24_800_000


def test_a_closed_period_is_put_right_only_by_a_new_entry_that_names_the_old(region: Engine, cast: Cast) -> None:
    march = opened(region, cast)
    wrong = booked(region, cast, march, 1_000)
    settled(region, cast, march)
    before = nets(region, march)
    with pytest.raises(PeriodState, match="book a correction in an open one"):
        booked(region, cast, march, 500)
    with pytest.raises(PeriodState, match="its charges stand"):
        do(region, operations.calculate, acting(cast["coordinator"]), number=march)
    april = opened(region, cast, **APRIL)
    with pytest.raises(Invalid, match="below it only where it corrects"):
        booked(region, cast, april, -400)
    booked(region, cast, april, -400, corrects=wrong)
    do(region, operations.calculate, acting(cast["coordinator"]), number=april)
    assert nets(region, march) == before
    assert sum(nets(region, april).values()) == 0
    assert nets(region, april)["NL-1"] > 0, "who was paid too much owes it"


def test_a_period_is_closed_by_another_and_not_before_it_is_over(region: Engine, cast: Cast) -> None:
    period = opened(region, cast, **APRIL)
    both = cast.engage("both", *cast["coordinator"].grants, *cast["committee"].grants)
    with pytest.raises(PeriodState, match="calculate it first"):
        do(region, operations.close, acting(both), number=period, reason="now")
    do(region, operations.calculate, acting(both), number=period)
    with pytest.raises(OwnWork):
        do(region, operations.close, acting(both, after_hours=800), number=period, reason="now")
    with pytest.raises(PeriodState, match="not over"):
        do(region, operations.close, acting(cast["committee"]), number=period, reason="now")


def test_a_mixed_key_adds_up_its_parts_and_an_empty_part_is_refused(region: Engine, cast: Cast) -> None:
    period = opened(region, cast, key="mixed", mix=rules.Mix(50, 50, 0))
    booked(region, cast, period, 10_000)
    with pytest.raises(Invalid, match="nobody weighs anything"):
        do(region, operations.calculate, acting(cast["coordinator"]), number=period)
    act = acting(cast["coordinator"], after_hours=-1)
    for member, value in (("BE-1", 300), ("NL-1", 100)):
        do(region, operations.reserve, act, member=member, value_minor=value, reason="contract 4")
    do(region, operations.calculate, acting(cast["coordinator"]), number=period)
    exact = {code: Fraction(5_000 * people, 296_000) for code, people in POPULATIONS.items()}
    exact["BE-1"] += Fraction(5_000 * 3, 4)
    exact["NL-1"] += Fraction(5_000, 4)
    with reading(region) as session:
        for code, share in exact.items():
            assert abs(queries.statement(session, period, code).borne_minor - share) < 1


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kind": "bribe"}, "a cost is one of"),
        ({"amount": 0}, "above zero"),
        ({"incurred_at": NOW}, "not of period"),
        ({"borne_by": "pool"}, "leave borne_by empty"),
        ({"corrects": 99}, "no entry 99"),
    ],
)
def test_a_cost_that_makes_no_sense_is_refused(region: Engine, cast: Cast, more: dict[str, Any], why: str) -> None:
    period = opened(region, cast)
    fields = {name: value for name, value in more.items() if name != "amount"}
    with pytest.raises(Invalid, match=why):
        booked(region, cast, period, more.get("amount", 100), **fields)


# Loans in kind


def moved(region: Engine, cast: Cast, *, to: str, quantity: int, owner: str = "pool", lot: str = "T-NEW") -> int:
    """A change of owner by two people."""
    given = {"to_owner": to, "quantity": quantity, "price_minor": 0, "reason": "a loan"}
    where = account(region, lot, "D-BE", owner=owner)
    made = do(region, owners.propose, acting(cast["logistics"]), account=where, **given)
    do(region, owners.confirm, acting(cast["committee"]), number=made.id)
    return int(made.id)


def lent(region: Engine, cast: Cast, *, quantity: int = 40) -> int:
    """A loan of the pool to NL-1, due in ten days, at 3.33 a pack."""
    given = {"due_at": NOW + timedelta(days=10), "pack_price_minor": 333}
    change = moved(region, cast, to="NL-1", quantity=quantity)
    made = do(region, operations.lend, acting(cast["coordinator"]), change=change, **given)
    assert (made.lender, made.borrower, made.quantity) == ("pool", "NL-1", quantity)
    return int(made.id)


def test_a_loan_comes_back_in_parts_like_for_like(region: Engine, cast: Cast) -> None:
    loan = lent(region, cast)
    act = acting(cast["coordinator"], after_hours=1)
    first = moved(region, cast, to="pool", owner="NL-1", quantity=10)
    assert do(region, operations.give_back, act, number=loan, change=first).state == "part_returned"
    with pytest.raises(LoanState, match="counted as a return already"):
        do(region, operations.give_back, act, number=loan, change=first)
    with pytest.raises(NotLikeForLike):
        do(region, operations.give_back, act, number=loan, change=moved(region, cast, to="DE-1", quantity=10))
    last = moved(region, cast, to="pool", owner="NL-1", quantity=30)
    assert do(region, operations.give_back, act, number=loan, change=last).state == "returned"
    with reading(region) as session:
        (row,) = queries.help_given(session)
    assert (row["lender"], row["borrower"], row["lent"], row["back"], row["sold"]) == ("pool", "NL-1", 40, 40, 0)


def test_what_lasts_shorter_than_what_was_lent_is_no_return(region: Engine, cast: Cast) -> None:
    loan = lent(region, cast)
    with region.begin() as connection:
        connection.execute(text("UPDATE loan SET lent_expiry = '2090-01-01'"))
    change = moved(region, cast, to="pool", owner="NL-1", quantity=10)
    with pytest.raises(NotLikeForLike, match="days shorter"):
        do(region, operations.give_back, acting(cast["coordinator"]), number=loan, change=change)


def test_an_overdue_loan_is_sold_at_its_price_and_settled(region: Engine, cast: Cast) -> None:
    loan = lent(region, cast)
    april = opened(region, cast, **APRIL)
    given = {"number": loan, "period": april, "reason": "not returned"}
    with pytest.raises(LoanState, match="may come back until"):
        do(region, operations.convert, acting(cast["coordinator"]), **given)
    late = acting(cast["coordinator"], after_hours=241)
    assert do(region, operations.convert, late, **given).state == "converted"
    do(region, operations.calculate, late, number=april)
    found = nets(region, april)
    assert found == {"NL-1": -found["pool"], "pool": found["pool"]}
    assert found["NL-1"] > 0
    with reading(region) as session:
        assert queries.help_given(session)[0]["sold"] == 40


def test_nobody_leaves_with_a_loan_or_a_period_open(region: Engine, cast: Cast) -> None:
    loan = lent(region, cast)
    with pytest.raises(ExitOpen, match=f"loan {loan} is open"):
        do(region, operations.exit_statement, acting(cast["committee"]), member="NL-1")
    back = moved(region, cast, to="pool", owner="NL-1", quantity=40)
    do(region, operations.give_back, acting(cast["coordinator"]), number=loan, change=back)
    period = opened(region, cast)
    booked(region, cast, period, 100)
    with pytest.raises(ExitOpen, match="March 2020 is not closed"):
        do(region, operations.exit_statement, acting(cast["committee"]), member="NL-1")
    settled(region, cast, period)
    span = {"name": "May 2020", "starts_at": NOW + timedelta(days=30), "ends_at": NOW + timedelta(days=61)}
    opened(region, cast, **span)  # what has not begun, and has no costs, keeps nobody
    number = drafted(region, cast, member="NL-1")
    with pytest.raises(ExitOpen, match=f"order {number} is not accepted, paid or ended"):
        do(region, operations.exit_statement, acting(cast["committee"]), member="NL-1")
    do(region, ordering.cancel, acting(cast["buyer"]), number=number, reason="it leaves")
    found = do(region, operations.exit_statement, acting(cast["committee"]), member="NL-1")
    assert found["nets"] == {"March 2020": nets(region, period)["NL-1"], "May 2020": 0}
