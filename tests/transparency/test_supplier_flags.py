"""Suppliers that win few of many bids, that are often disqualified, or that supply many kinds of goods are asked about.

Tenders and bids are put down as evaluations leave them: what counts here is how many there are of each.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts.procurement.tables import Tender, TenderBid, TenderResult
from stockpile.contracts.tables import Contract, ContractLine, Supplier
from stockpile.db import reading
from stockpile.transparency.kpis import queries
from stockpile.transparency.ocds.tendering import tender_ocid
from tests.conftest import NOW, Cast
from tests.inventory.stockroom import ON_SQLITE
from tests.transparency.test_enduring_figures import stored

pytestmark = ON_SQLITE
USUAL = tuple(f"SUP-{n}" for n in range(1, 9))
MANY, OUT = "SUP-MANY", "SUP-OUT"
BID, WON, DISQUALIFIED = "bid", "won", "disqualified"


@pytest.fixture
def suppliers(region: Engine) -> Engine:
    """Ten suppliers: the two of the small region, six like them, and two to ask about."""
    record = {"lead_p10_days": 3, "lead_p50_days": 7, "lead_p90_days": 14}
    record |= {"on_time_permille": 950, "late_p95_days": 3}
    stored(region, *(Supplier(code=code, name=code, **record) for code in (*USUAL[2:], MANY, OUT)))
    return region


def tendered(engine: Engine, cast: Cast, *bids: tuple[str, str], days: int) -> None:
    """A tender that was evaluated, open for so many days, with one lot for each of these bids: supplier and outcome."""
    buyer = cast["buyer"].id
    term = {"starts": NOW.date(), "ends": NOW.date() + timedelta(days=700)}
    terms: dict[str, Any] = {"country": "BE", "currency": "EUR", "minimum_order_minor": 0, "lead_time_days": 7}
    steps = {"published_at": NOW, "closes": NOW + timedelta(days=days), "evaluated_at": NOW + timedelta(days=40)}
    by = {"planned_by": buyer, "planned_at": NOW, "state": "evaluated"}
    stored(engine, Tender(id=1, code="T-1", title="goods", need="cover", **term, **terms, **steps, **by))
    for number, (supplier, outcome) in enumerate(bids, start=1):
        lot = {"tender_id": 1, "lot": f"lot {number}"}
        state = "disqualified" if outcome == DISQUALIFIED else "submitted"
        at = {"received_by": buyer, "received_at": NOW}
        stored(engine, TenderBid(id=number, supplier_code=supplier, text="our offer", state=state, **lot, **at))
        if outcome == WON:
            stored(engine, TenderResult(bid_id=number, rank=1, points="100", points_milli=100_000, **lot))


def flagged(engine: Engine) -> list[tuple[str | None, str | None, str, str]]:
    """The flags: of which process, of which supplier, which one, and what was seen."""
    with reading(engine) as session:
        return [(row["ocid"], row["supplier"], row["flag"], row["value"]) for row in queries.red_flags(session)]


def test_who_wins_none_of_many_bids_and_who_is_mostly_disqualified_is_asked_about(
    suppliers: Engine, cast: Cast
) -> None:
    """Eight win one of two bids each; one loses five; of another three of four are disqualified, and one loses."""
    usual = [(name, outcome) for name in USUAL for outcome in (WON, BID)]
    out = [(OUT, DISQUALIFIED)] * 3 + [(OUT, BID)]
    tendered(suppliers, cast, *usual, *[(MANY, BID)] * 5, *out, days=15)
    assert flagged(suppliers) == [(None, MANY, "R025", "0 of 5 valid bids"), (None, OUT, "R038", "3 of 4 bids")]


def test_our_own_tender_that_was_open_for_ten_days_was_open_too_short(suppliers: Engine, cast: Cast) -> None:
    tendered(suppliers, cast, (MANY, WON), days=10)
    assert flagged(suppliers) == [(tender_ocid("T-1"), None, "R003", "10 days")]


def test_a_supplier_of_three_kinds_of_goods_among_suppliers_of_one_is_asked_about(suppliers: Engine) -> None:
    """All have pumps (42), one also vehicles (34) and paper (30); what has no class counts for none."""
    with reading(suppliers) as session:
        plain = catalogue.item(session, "PUMP").model_dump()
        contract = session.get_one(Contract, "UC-2").model_dump()
    for number, cpv in enumerate(("34000000", "30000000")):
        stored(suppliers, Item(**plain | {"code": f"X{number}", "gtin": f"0952999999010{number}", "cpv": cpv}))
    line = {"minimum_packs": 1, "pack_multiple": 1, "shelf_life_on_delivery_days": 1}
    for supplier in (*USUAL[2:], MANY):
        stored(suppliers, Contract(**contract | {"code": f"UC-{supplier}", "supplier_code": supplier}))
        items = ("PUMP", "X0", "X1") if supplier == MANY else ("PUMP",)
        stored(suppliers, *(ContractLine(contract_code=f"UC-{supplier}", item_code=item, **line) for item in items))
    assert flagged(suppliers) == [(None, MANY, "R048", "3 divisions")]
