"""Nonsense is refused by name before any solver sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from optimizer.reorder.problem import Contract, Offer, Problem, ProblemError, Shortage, Tier

SHORT = Shortage("gloves", 1, 100, 120, 30)
CONTRACT = Contract("north", 500, 2000)
OFFER = Offer("north", "gloves", 10, 2, 2, 12, 5, (Tier(1, 100), Tier(10, 90)))
GIVEN = Problem(3000, (SHORT,), (CONTRACT,), (OFFER,))


def with_short(**changes: Any) -> Callable[[], Problem]:
    return lambda: replace(GIVEN, shortages=(replace(SHORT, **changes),))


def with_contract(**changes: Any) -> Callable[[], Problem]:
    return lambda: replace(GIVEN, contracts=(replace(CONTRACT, **changes),))


def with_offer(**changes: Any) -> Callable[[], Problem]:
    return lambda: replace(GIVEN, offers=(replace(OFFER, **changes),))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: replace(GIVEN, budget_minor=-1), "problem: budget is -1"),
        (lambda: replace(GIVEN, budget_minor=10.5), "problem: budget is 10.5, not a whole number"),  # type: ignore[arg-type]
        (lambda: replace(GIVEN, budget_minor=True), "problem: budget is True, not a whole number"),
        (lambda: replace(GIVEN, budget_minor=10**13 + 1), "problem: budget is 10000000000001"),
        (with_short(tier=5), "gloves: tier is 5, not 1 to 4"),
        (with_short(units=0), "gloves: units is 0"),
        (with_short(units=2 * 10**9), "gloves: units is 2000000000"),
        (with_short(most_units=99), "gloves: most_units is 99, not 100 to"),
        (with_short(surge_units=101), "gloves: surge_units is 101, not 0 to 100"),
        (with_short(surge_units=-1), "gloves: surge_units is -1"),
        (with_contract(minimum_order_minor=-1), "north: minimum_order_minor is -1"),
        (with_contract(remaining_minor=-1), "north: remaining_minor is -1"),
        (with_contract(id="south"), "gloves: an offer names the unknown contract north"),
        (with_offer(pack_size=0), "gloves: offer in contract north: pack_size is 0"),
        (with_offer(pack_multiple=0), "gloves: offer in contract north: pack_multiple is 0"),
        (with_offer(minimum_packs=0), "gloves: offer in contract north: minimum_packs is 0"),
        (with_offer(maximum_packs=-1), "gloves: offer in contract north: maximum_packs is -1"),
        (with_offer(lead_time_days=-1), "gloves: offer in contract north: lead_time_days is -1"),
        (with_offer(tiers=()), "price tiers do not begin at 1 pack"),
        (with_offer(tiers=(Tier(2, 100),)), "price tiers do not begin at 1 pack"),
        (with_offer(tiers=(Tier(1, 0),)), "pack_price_minor is 0"),
        (with_offer(tiers=(Tier(1, 9), Tier(5, 8), Tier(5, 7))), "price tier from 5 follows from 5 packs"),
        (with_offer(tiers=tuple(Tier(n, 9) for n in range(1, 100_002))), "100001 price tiers"),
        (lambda: replace(GIVEN, shortages=(SHORT, SHORT)), "gloves: shortage is given twice"),
        (lambda: replace(GIVEN, contracts=(CONTRACT, CONTRACT)), "north: contract is given twice"),
        (lambda: replace(GIVEN, offers=(OFFER, OFFER)), "gloves in contract north: offer is given twice"),
    ],
)
def test_nonsense_is_refused_by_name(make: Callable[[], Problem], says: str) -> None:
    with pytest.raises(ProblemError, match=says):
        make()


def test_a_spent_offer_and_a_spent_contract_are_no_nonsense() -> None:
    assert with_offer(maximum_packs=0)().offers[0].maximum_packs == 0
    assert with_contract(remaining_minor=0)().contracts[0].remaining_minor == 0
