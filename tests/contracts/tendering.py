"""What the tests of tenders share: a tender for tablets and pump seals, brought as far as a test needs it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from stockpile.actor import Act, Actor
from stockpile.contracts.procurement import awarding, operations
from stockpile.contracts.procurement.operations import Goods, Need, Priced
from stockpile.contracts.procurement.rules import Criterion
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

CLOSES = NOW + timedelta(days=20)
OPEN = CLOSES + timedelta(days=1)
RUBRIC = (
    Criterion("price", "Price", 50, "price"),
    Criterion("quality", "Quality", 20, "judged"),
    Criterion("supply", "Security of supply", 20, "judged"),
    Criterion("climate", "Declared emission", 10, "emission"),
)
NEED = Need("JP-20", "Tablets and seals", "cover of the next winter", "BE", date(2020, 7, 1), date(2022, 6, 30))
BIDS = {
    ("A", "SUP-1"): Priced("TAB", 400, 900, "product declaration 1"),
    ("A", "SUP-2"): Priced("TAB", 450, 300, "product declaration 2"),
    ("B", "SUP-2"): Priced("PUMP", 2500),
}
MARKS = {("SUP-1", "quality"): 60, ("SUP-1", "supply"): 40, ("SUP-2", "quality"): 90, ("SUP-2", "supply"): 80}


def at(actor: Actor, when: datetime) -> Act:
    """An act of this actor at an instant."""
    return acting(actor, when)


def planned(engine: Engine, cast: Cast) -> int:
    """A tender with two lots, two members, a specification with an annex, and a rubric; not published."""
    buyer = acting(cast["buyer"])
    number = do(engine, operations.plan, buyer, need=NEED).id or 0
    given: dict[str, Any] = {"number": number}
    do(engine, operations.specify, buyer, **given, text="tablets of 5 mg", rationale="first", annexes={"NL": "Dutch"})
    lots = {"A": ("Tablets", 900_000, Goods("TAB", 100, 5, 5, 400)), "B": ("Seals", 500_000, Goods("PUMP", 20))}
    for lot, (title, maximum, goods) in lots.items():
        named = {"lot": lot, "title": title, "maximum_minor": maximum, "goods": [goods]}
        do(engine, operations.add_lot, buyer, **given, **named)
        for member in ("BE-1", "DE-1"):
            choice = {"lot": lot, "member": member, "reserved_minor": 200_000, "reason": "council of 1 March"}
            do(engine, operations.choose, acting(cast["committee"]), **given, **choice)
    do(engine, operations.set_rubric, buyer, **given, rubric=RUBRIC)
    return number


def published(engine: Engine, cast: Cast) -> int:
    """Such a tender, published."""
    number = planned(engine, cast)
    do(engine, operations.publish, acting(cast["buyer"]), number=number, closes=CLOSES)
    return number


def offered(engine: Engine, cast: Cast) -> int:
    """Such a tender with the bids of BIDS, open now; the offices have declared that they have no interest."""
    number = published(engine, cast)
    for (lot, supplier), price in BIDS.items():
        given = {"number": number, "lot": lot, "supplier": supplier, "text": "our offer", "prices": [price]}
        do(engine, operations.bid, at(cast["buyer"], CLOSES - timedelta(hours=1)), **given)
    for name in ("buyer", "pharmacist", "logistics", "committee"):
        said = {"number": number, "interested": False, "text": "none"}
        do(engine, awarding.declare, at(cast[name], OPEN), **said)
    return number


def marked(engine: Engine, cast: Cast) -> int:
    """Such a tender, with the pharmacist's marks for every bid (1: SUP-1, 2 and 3: SUP-2)."""
    number = offered(engine, cast)
    for bid, supplier in ((1, "SUP-1"), (2, "SUP-2"), (3, "SUP-2")):
        for criterion in ("quality", "supply"):
            mark = {"bid": bid, "criterion": criterion, "mark": MARKS[supplier, criterion], "reason": "sample"}
            do(engine, awarding.score, at(cast["pharmacist"], OPEN), number=number, **mark)
    return number


def notified(engine: Engine, cast: Cast) -> int:
    """Such a tender, evaluated and in its standstill."""
    number = marked(engine, cast)
    do(engine, awarding.evaluate, at(cast["buyer"], OPEN), number=number)
    do(engine, awarding.notify, at(cast["committee"], OPEN), number=number)
    return number
