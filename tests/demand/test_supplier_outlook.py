"""What a supplier is told of its own items per quarter, and how right it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.contracts import operations as contracts
from stockpile.db import reading
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demand.forecasting.operations import Past
from stockpile.demand.outlooks import operations, queries, rules
from stockpile.governance import operations as governance
from stockpile.jobs import operations as jobs
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do


@pytest.fixture
def told(region: Engine, cast: Cast) -> Engine:
    """Three years of use of the seals are known, and a night has forecast them."""
    months = [date(2017 + number // 12, number % 12 + 1, 1) for number in range(36)]
    rows = [Past("PUMP", month, 300 + 50 * (number % 3)) for number, month in enumerate(months)]
    do(region, forecasting.load_history, acting(cast["buyer"]), rows=rows, source="cards")
    ran = jobs.run(region, acting(cast["buyer"]), job="forecast", limit_seconds=60)
    assert ran.outcome["outlook_figures"] == 4
    return region


def test_the_supplier_is_told_four_quarters_with_bands_once_a_month(told: Engine, cast: Cast) -> None:
    with reading(told) as session:
        found = queries.told(session, supplier="SUP-2", today=NOW.date())
        assert queries.told(session, supplier="SUP-1", today=NOW.date()) == []
    assert [one.quarter for one in found] == ["2020-Q2", "2020-Q3", "2020-Q4", "2021-Q1"]
    assert all(0 < one.low <= one.expected <= one.high for one in found)
    assert all(950 <= one.expected <= 1150 for one in found), "about 350 a month"
    assert do(told, operations.issue, acting(cast["buyer"])) == 0
    later = acting(cast["buyer"], NOW + timedelta(days=3))
    assert do(told, operations.issue, later) == 4, "April is told anew"


def test_how_right_an_outlook_was_is_known_when_the_quarter_is_over(told: Engine, cast: Cast) -> None:
    draft = contracts.LineDraft("PUMP", 300, 2, 2500, "the quarter's need")
    proposed = do(
        told, contracts.propose, acting(cast["buyer"]), contract="UC-2", slot="x", deliver_to="D-BE", lines=[draft]
    )
    do(told, contracts.approve, acting(cast["committee"], NOW + timedelta(days=10)), number=proposed.id)
    with reading(told) as session:
        during, *_ = queries.told(session, supplier="SUP-2", today=date(2020, 6, 30))
        after, *others = queries.told(session, supplier="SUP-2", today=date(2020, 7, 1))
    assert (during.ordered, during.accuracy_permille) == (600, None)
    expected = 1000 - 1000 * abs(600 - after.expected) // after.expected
    assert (after.ordered, after.accuracy_permille) == (600, expected)
    assert {one.accuracy_permille for one in others} == {None}


@ON_SQLITE
def test_a_supplier_sees_its_own_outlook_and_nothing_else(told: Engine) -> None:
    given = {"name": "seals", "title": "Supplier 2", "password": "seals and pumps"}
    grants = [Grant("supplier", member="SUP-2")]
    do(told, governance.add_account, acting(governance.founder()), **given, grants=grants)
    with TestClient(build(told, Settings(), scheduled=False)) as client:
        client.auth = ("seals", "seals and pumps")
        assert len(client.get("/api/v1/suppliers/SUP-2/outlook").json()) == 4
        for path in ("suppliers/SUP-1/outlook", "forecasts", "contracts", "items", "calloffs", "run-attempts"):
            assert client.get(f"/api/v1/{path}").status_code == 403, path


@pytest.mark.parametrize(
    ("quarter", "expected"),
    [("2020-Q1", 91), ("2020-Q2", 91), ("2020-Q4", 92), ("2021-Q1", 90)],
)
def test_a_quarter_counts_its_own_days(quarter: str, expected: int) -> None:
    given = {"starts": rules.first_day(quarter), "period_days": 7, "milli": [7000]}
    assert rules.over(quarter, **given) == expected  # type: ignore[arg-type]
