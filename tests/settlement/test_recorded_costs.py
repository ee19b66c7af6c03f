"""Costs and keys that nobody types: deliveries, transfers and reserved shares are on record."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading
from stockpile.governance import operations as governance
from stockpile.governance.rules import Missing
from stockpile.inventory import transfers
from stockpile.settings import Settings
from stockpile.settlement import deriving, operations, queries
from stockpile.settlement.rules import Mix
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import DUE, approved, came
from tests.inventory.stockroom import do, send_out
from tests.transparency.public_room import set_clock

SPRING = {"starts_at": NOW - timedelta(days=1), "ends_at": NOW + timedelta(days=30), "name": "April 2020"}
MAY = {"starts_at": NOW + timedelta(days=30), "ends_at": NOW + timedelta(days=60), "name": "May 2020"}
AFTER = 24 * 31
"""Hours after NOW at which the first period is over."""


def opened(engine: Engine, cast: Cast, *, key: str = "population", **span: Any) -> int:
    """A settlement period."""
    given = {"cost_key": key, "mix": Mix(0, 0, 0), **(span or SPRING)}
    return int(do(engine, operations.open_period, acting(cast["coordinator"]), **given).id)


def booked(engine: Engine, cast: Cast, period: int, *, after_hours: float = AFTER) -> list[tuple[Any, ...]]:
    """What booking the records adds: kind, reference, minor units, who bears it, what it corrects."""
    made = do(engine, deriving.book_recorded, acting(cast["buyer"], after_hours=after_hours), period=period)
    return [(one.kind, one.reference, one.amount_minor, one.borne_by, one.corrects) for one in made]


def carried(engine: Engine, cast: Cast, *, quantity: int = 25) -> int:
    """Tablets go from Aachen to Vaals for NL-1 (8 cents a pack), and are received."""
    logistics = acting(cast["logistics"])
    made = send_out(engine, logistics, lot="T-NEW", quantity=quantity)
    do(engine, transfers.dispatch, logistics, numbers=[made.id])
    do(engine, transfers.receive_whole, logistics, numbers=[made.id])
    return made.id or 0


def delivered(engine: Engine, cast: Cast, **more: Any) -> int:
    """200 tablets for 100 euros came on an order of the pool."""
    number = approved(engine, cast, **more)
    came(engine, cast, number, 200)
    return number


def test_a_delivery_costs_its_orders_price_and_a_transfer_its_way_once(region: Engine, cast: Cast) -> None:
    delivered(region, cast)
    transfer, period = carried(region, cast), opened(region, cast)
    assert booked(region, cast, period) == [
        ("purchase", "delivery:1", 10_000, "", None),
        ("transport", f"transfer:{transfer}/NL-1", 3 * 8, "NL-1", None),
    ]
    assert booked(region, cast, period) == [], "once"
    do(region, operations.calculate, acting(cast["buyer"], after_hours=AFTER), number=period)
    with reading(region) as session:
        assert sum(one.amount_minor for one in queries.charges(session, period)) == 10_024
        carried_by = queries.statement(session, period, "NL-1").charges
    assert [one["share_minor"] for one in carried_by if one["kind"] == "transport"] == [24]


def test_what_came_before_the_period_or_comes_after_it_is_no_cost_of_it(region: Engine, cast: Cast) -> None:
    delivered(region, cast)
    carried(region, cast)
    assert booked(region, cast, opened(region, cast, **MAY), after_hours=24 * 70) == []
    early = {"starts_at": NOW - timedelta(days=90), "ends_at": NOW - timedelta(days=30), "name": "winter"}
    assert booked(region, cast, opened(region, cast, **early)) == []


def test_what_is_rejected_after_the_period_was_closed_is_put_right_in_the_next(region: Engine, cast: Cast) -> None:
    number, period = delivered(region, cast), opened(region, cast)
    assert [row[2] for row in booked(region, cast, period)] == [10_000]
    do(region, operations.calculate, acting(cast["buyer"], after_hours=AFTER), number=period)
    do(region, operations.close, acting(cast["committee"], after_hours=AFTER), number=period, reason="April is over")
    rejected = [steps.Rejected(1, 50, "wet boxes")]
    do(region, steps.accept, acting(cast["logistics"], DUE), number=number, rejected=rejected)
    with pytest.raises(operations.PeriodState, match="is closed"):
        booked(region, cast, period)
    (entry,) = booked(region, cast, opened(region, cast, **MAY), after_hours=24 * 40)
    assert entry == ("purchase", "delivery:1", -2_500, "", 1)


def test_shares_reserved_in_contracts_are_the_key_and_what_is_passed_on_later_counts_from_then(
    region: Engine, cast: Cast
) -> None:
    """Nobody notes a value: BE-1 and NL-1 reserved 3 to 1, and BE-1 passed half of its share on afterwards."""
    lot_with_shares(region, cast, {"BE-1": 300_000, "NL-1": 100_000})
    period = opened(region, cast, key="reservation", starts_at=NOW - timedelta(days=9), ends_at=NOW, name="March")
    given = {"contract": "UC-1", "lot": "A", "giver": "BE-1", "taker": "NL-1", "amount_minor": 150_000}
    act = acting(cast["committee"], after_hours=2)
    do(region, terms.transfer_reservation, act, reason="NL-1 needs more", **given)
    with reading(region) as session:
        assert queries.reserved(session, at=NOW + timedelta(hours=1)) == {"BE-1": 300_000, "NL-1": 100_000}
        assert queries.reserved(session, at=NOW + timedelta(hours=3)) == {"BE-1": 150_000, "NL-1": 250_000}
        weights = queries.weights(session, queries.period(session, period))
    assert {member: int(one) for member, one in weights.items()} == {"BE-1": 300_000, "NL-1": 100_000}


def test_what_was_noted_by_hand_stands_only_where_no_contract_names_the_member(region: Engine, cast: Cast) -> None:
    act = acting(cast["coordinator"], after_hours=-1)
    for member in ("NL-1", "DE-1"):
        do(region, operations.reserve, act, member=member, value_minor=7, reason="letter")
    lot_with_shares(region, cast, {"NL-1": 100_000})
    with reading(region) as session:
        assert queries.reserved(session, at=NOW) == {"DE-1": 7, "NL-1": 100_000}
        assert queries.reserved(session, at=NOW + timedelta(days=4000)) == {"DE-1": 7, "NL-1": 7}, "UC-1 has ended"


def lot_with_shares(engine: Engine, cast: Cast, shares: dict[str, int]) -> None:
    """UC-1 gets a lot of tablets, and members reserve of it."""
    act = acting(cast["buyer"], after_hours=-2)
    do(engine, terms.add_lot, act, contract="UC-1", lot="A", title="Tablets", maximum_minor=1_000_000, items=["TAB"])
    do(engine, terms.reserve, act, contract="UC-1", lot="A", shares=shares)


def test_over_http_a_bookkeeper_books_the_records_and_others_do_not(region: Engine, cast: Cast, tmp_path: Path) -> None:
    carried(region, cast)
    period = opened(region, cast, ends_at=NOW + timedelta(days=1), starts_at=NOW - timedelta(days=1), name="two days")
    with pytest.raises(Missing):
        do(region, deriving.book_recorded, acting(cast["auditor"]), period=period)
    given: dict[str, Any] = {"title": "Purchasing", "password": "pass-word-1", "grants": [Grant("buyer")]}
    do(region, governance.add_account, acting(governance.founder()), name="purse", **given)
    set_clock(region, hours=2)
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.auth = ("purse", "pass-word-1")
        path = f"/api/v1/settlements/{period}/recorded"
        assert client.post(path).json() == {"booked": 1, "amount_minor": 24}
        assert client.post(path).json() == {"booked": 0, "amount_minor": 0}
        assert client.post("/api/v1/settlements/99/recorded").status_code == 404
        costs = client.get(f"/api/v1/settlements/{period}").json()["costs"]
    assert [(one["paid_by"], one["borne_by"]) for one in costs] == [("pool", "NL-1")]
    assert date.fromisoformat(costs[0]["incurred_at"][:10]) == NOW.date()
