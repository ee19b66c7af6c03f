"""A tender won by a hair, or far below the next bid, is asked about; what is usual among all tenders is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from stockpile.contracts.procurement import awarding, operations
from stockpile.contracts.procurement.operations import Goods, Priced
from stockpile.contracts.procurement.rules import Criterion
from stockpile.db import reading
from stockpile.transparency.kpis import queries
from stockpile.transparency.kpis.flags import margin_flags
from stockpile.transparency.kpis.rules import Period
from stockpile.transparency.ocds.tendering import tender_ocid
from tests.conftest import Cast, acting
from tests.contracts.tendering import CLOSES, NEED, OPEN, at
from tests.inventory.stockroom import ON_SQLITE, do

NEXT = {"T-1": 1100, "T-2": 1110, "T-3": 1120, "T-4": 1130, "T-5": 1140, "T-6": 1900, "T-7": 1001}
"""The price of the next bid for a pack, by tender; the winner asks 1000."""


def evaluated(engine: Engine, cast: Cast, code: str, prices: dict[str, int]) -> int:
    """A tender for tablets by price alone, evaluated."""
    buyer = acting(cast["buyer"])
    number = do(engine, operations.plan, buyer, need=replace(NEED, code=code)).id or 0
    given: dict[str, Any] = {"number": number}
    do(engine, operations.specify, buyer, **given, text="tablets", rationale="first", annexes={})
    lot = {"lot": "A", "title": "Tablets", "maximum_minor": 900_000, "goods": [Goods("TAB", 100)]}
    do(engine, operations.add_lot, buyer, **given, **lot)
    chosen = {"lot": "A", "member": "BE-1", "reserved_minor": 200_000, "reason": "council"}
    do(engine, operations.choose, acting(cast["committee"]), **given, **chosen)
    do(engine, operations.set_rubric, buyer, **given, rubric=[Criterion("price", "Price", 100, "price")])
    do(engine, operations.publish, buyer, **given, closes=CLOSES)
    for supplier, price in prices.items():
        offered = {"lot": "A", "supplier": supplier, "text": "our offer", "prices": [Priced("TAB", price)]}
        do(engine, operations.bid, at(cast["buyer"], CLOSES - timedelta(hours=1)), **given, **offered)
    do(engine, awarding.declare, at(cast["buyer"], OPEN), **given, interested=False, text="none")
    do(engine, awarding.evaluate, at(cast["buyer"], OPEN), **given)
    return number


@ON_SQLITE
def test_of_seven_tenders_the_narrowest_and_the_cheapest_win_are_asked_about(region: Engine, cast: Cast) -> None:
    for code, price in NEXT.items():
        evaluated(region, cast, code, {"SUP-1": 1000, "SUP-2": price})
    with reading(region) as session:
        found = [(row["ocid"], row["flag"], row["value"]) for row in queries.red_flags(session)]
        price_only = queries.FIGURES["price_only"](session, Period(OPEN.date(), OPEN.date()))
    assert found == [(tender_ocid("T-6"), "R058", "lot A: 90.0 %"), (tender_ocid("T-7"), "R024", "lot A: 0.1 %")]
    assert (price_only.numerator, price_only.denominator) == (7, 7)


def test_among_few_tenders_and_among_alike_ones_nothing_is_unusual() -> None:
    assert margin_flags({"a": 1, "b": 90, "c": 5, "d": 6}) == {}
    assert margin_flags(dict.fromkeys("abcdefg", 10.0)) == {}
