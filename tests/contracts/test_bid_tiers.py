"""A bid may ask less from more packs on: it is compared at the packs asked for, and the contract has all its prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.contracts.procurement import awarding, operations, queries
from stockpile.contracts.procurement.operations import Priced
from stockpile.contracts.terms import queries as terms
from stockpile.db import reading
from stockpile.errors import Invalid
from tests.conftest import Cast, acting
from tests.contracts import tendering
from tests.contracts.tendering import BIDS, OPEN, notified, offered, published
from tests.contracts.test_tenders import AFTER
from tests.governance.chamber import Chamber
from tests.inventory.stockroom import do

TIERED = Priced("TAB", 450, 300, "product declaration 2", tiers=((100, 390), (101, 10)))


@pytest.fixture
def tiered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second supplier's tablets cost less from 100 packs on, which are asked for, and next to nothing beyond."""
    monkeypatch.setattr(tendering, "BIDS", BIDS | {("A", "SUP-2"): TIERED})


@pytest.mark.usefixtures("tiered")
def test_a_bid_is_compared_at_the_price_that_the_packs_asked_for_reach(region: Engine, cast: Cast) -> None:
    number = offered(region, cast)
    with reading(region) as session:
        costs = {(one.lot, one.supplier): one.cost_minor for one in queries.offers(session, number)}
        [row] = [row for row in queries.bid_rows(session, number, at=OPEN) if row["tiers"]]
    assert costs["A", "SUP-2"] == 100 * 390
    assert costs["A", "SUP-1"] == 100 * 400
    assert row["tiers"] == {"TAB": [(100, 390), (101, 10)]}


@pytest.mark.usefixtures("tiered")
def test_the_committee_decides_on_all_prices_and_the_contract_has_them(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    do(region, awarding.award, tendering.at(cast["committee"], AFTER), number=number)
    with reading(region) as session:
        effect = awarding.contract_effect(session, number=number, supplier="SUP-2")
        assert queries.recount(session, number)["differences"] == []
    by_lot = {lot["lot"]: lot for lot in effect.payload["lots"]}
    assert by_lot["A"]["tiers"] == {"TAB": [[100, 390], [101, 10]]}
    assert "tiers" not in by_lot["B"], "bids without tiers are decided on as ever"
    decision = Chamber(region, cast).adopted(effect)
    act = replace(acting(cast["committee"], after_hours=2), decision=decision)
    do(region, awarding.sign, act, number=number, supplier="SUP-2")
    with reading(region) as session:
        assert terms.tiers_on(session, code="JP-20-SUP-2")["JP-20-SUP-2", "TAB"] == [(1, 450), (100, 390), (101, 10)]


@pytest.mark.parametrize(
    ("tiers", "said"),
    [
        (((100, 451),), "row 1, TAB: the price from 100 packs on is above the one before"),
        (((100, 390), (100, 380)), "the tier from 100 packs on does not begin after the one before, at 100"),
        (((1, 390),), "the tier from 1 packs on does not begin after the one before, at 1"),
    ],
)
def test_tiers_that_do_not_fall_are_refused_by_item_and_tier(region: Engine, cast: Cast, tiers: Any, said: str) -> None:
    given: dict[str, Any] = {"number": published(region, cast), "lot": "A", "supplier": "SUP-1", "text": "x"}
    with pytest.raises(Invalid, match=said):
        do(region, operations.bid, acting(cast["buyer"]), **given, prices=[replace(TIERED, tiers=tiers)])
