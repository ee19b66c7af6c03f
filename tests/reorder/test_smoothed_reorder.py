"""Spend that is spread over the weeks, and suppliers that share an item: figures that the region sets."""

from __future__ import annotations

from collections import defaultdict

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.catalogue.tables import Item
from stockpile.db import transact
from stockpile.errors import Invalid
from stockpile.governance.rules import Missing
from stockpile.inventory.periods import operations as figures
from stockpile.inventory.periods.rules import SPEND_PEAK, SUPPLIER_SHARE
from stockpile.reorder.operations import Draft
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.reorder.buying import drafted, standing

SHARE = 600


def set_to(engine: Engine, cast: Cast, name: str, value: int) -> None:
    """The committee sets one of the region's figures."""
    do(engine, figures.set_figure, acting(cast["committee"]), name=name, value=value, reason="decided")


def bought(made: Draft, item: str) -> dict[str, int]:
    """Steps that the whole plan orders of an item, by supplier."""
    offers = {offer.id: offer.supplier for line in made.made.problem.lines for offer in line.offers if line.id == item}
    found: dict[str, int] = defaultdict(int)
    for order in made.made.plan.orders:
        if order.line == item:
            found[offers[order.offer]] += order.units
    return found


@ON_SQLITE
def test_a_region_that_says_nothing_is_planned_without_smoothing_and_shares(region: Engine) -> None:
    problem = standing(region).night.problem
    assert (problem.smoothing, problem.shares) == (None, ())


@ON_SQLITE
def test_the_dearest_week_counts_more_and_gets_cheaper(region: Engine, cast: Cast) -> None:
    def used_every_day(session: Session) -> None:
        pump = session.get_one(Item, "PUMP")
        pump.baseline_milli_per_day, pump.use_per_admission_milli = 3_000, 0

    transact(region, used_every_day)
    before = drafted(region, acting(cast["buyer"])).told()
    set_to(region, cast, SPEND_PEAK, 5_000)
    made = drafted(region, acting(cast["buyer"]))
    after = made.told()
    assert made.note == "", "the plan is the model's, and the checker accepts it"
    assert max(after["spend_by_week"]) < max(before["spend_by_week"])
    assert after["cost_parts_minor"]["peak"] == 5 * max(after["spend_by_week"])
    assert before["cost_parts_minor"]["peak"] == 0
    ratio = after["peak_to_mean_permille"]["after"]
    weeks = after["spend_by_week"]
    assert ratio == max(weeks) * len(weeks) * 1000 // sum(weeks)
    assert ratio < before["peak_to_mean_permille"]["after"]


@ON_SQLITE
def test_of_two_suppliers_neither_gets_more_than_its_share(region: Engine, cast: Cast) -> None:
    alone = bought(drafted(region, acting(cast["buyer"])), "TAB")
    set_to(region, cast, SUPPLIER_SHARE, SHARE)
    made = drafted(region, acting(cast["buyer"]))
    [line] = [one for one in made.made.problem.lines if one.id == "TAB"]
    most = sum(line.demand) * SHARE // 1000
    assert max(alone.values()) > most, "the figure changes something"
    assert max(bought(made, "TAB").values()) <= most
    assert {share.product for share in made.made.problem.shares} == {"TAB"}, "the rest has one supplier each"
    assert made.note == ""
    said = " ".join(made.told()["blocked"].get("said", []))
    assert "share of SUP-1 in TAB" in said, "what it keeps from being served is told by its name"


@ON_SQLITE
def test_only_the_committee_says_so_and_within_limits(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(region, figures.set_figure, acting(cast["buyer"]), name=SPEND_PEAK, value=100, reason="calm")
    for name, value in ((SPEND_PEAK, 10_001), (SUPPLIER_SHARE, 99), (SUPPLIER_SHARE, 1001)):
        with pytest.raises(Invalid, match=name):
            set_to(region, cast, name, value)
