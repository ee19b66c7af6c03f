"""Where the stock of an item goes if nothing more is ordered, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.contracts import operations as contracts
from stockpile.db import reading
from stockpile.demand import growth
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demand.forecasting.operations import Past
from stockpile.demand.scenarios import operations as scenarios
from stockpile.demand.scenarios import queries as kept
from stockpile.governance import operations as governance
from stockpile.jobs import operations as jobs
from stockpile.reorder import projecting, queries
from stockpile.reorder.projecting import Projection
from stockpile.reorder.queries import Standing
from stockpile.reorder.rules import Lot
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do

DAYS = 60


def standing(engine: Engine, item: str) -> Standing:
    """How an item stands."""
    with reading(engine) as session:
        return next(one for one in queries.standings(session, at=NOW) if one.item.code == item)


def ahead(engine: Engine, item: str, scenario: str = "") -> Projection:
    """Where its stock goes."""
    with reading(engine) as session:
        curve = kept.curve(session, scenario) if scenario else None
    return projecting.project(standing(engine, item), days=DAYS, curve=curve)


def test_use_empties_the_shelf_and_the_day_of_the_shortfall_is_named(region: Engine) -> None:
    """600 tablets, 240 a day while the surge lasts: none left on the third day.

    Below the reserve (the floor of 100, and what 12 admissions a day use while an order comes late) tomorrow already.
    """
    found = ahead(region, "TAB")
    assert found.expected[:3] == (360, 120, 0)
    assert found.short_on == NOW.date() + timedelta(days=1)
    assert (found.scenario, found.band) == ((), projecting.SURGE)


def test_what_is_on_its_way_counts_from_the_day_it_comes(region: Engine, cast: Cast) -> None:
    draft = contracts.LineDraft("TAB", 40, 10, 500, "the shelf is empty")
    given = {"contract": "UC-1", "slot": "x", "deliver_to": "D-BE", "lines": [draft]}
    proposed = do(region, contracts.propose, acting(cast["buyer"]), **given)
    before = ahead(region, "TAB").expected
    approved = do(region, contracts.approve, acting(cast["committee"]), number=proposed.id)
    day = (approved.expected_at.date() - NOW.date()).days
    after = ahead(region, "TAB").expected
    assert after[: day - 1] == before[: day - 1]
    assert after[day - 1] > before[day - 1]


def test_the_band_is_learned_from_use(region: Engine, cast: Cast) -> None:
    months = [date(2017 + number // 12, number % 12 + 1, 1) for number in range(36)]
    rows = [Past("PUMP", month, 300 + 50 * (number % 3)) for number, month in enumerate(months)]
    do(region, forecasting.load_history, acting(cast["buyer"]), rows=rows, source="cards")
    jobs.run(region, acting(cast["buyer"]), job="forecast", limit_seconds=60)
    one = standing(region, "PUMP")
    plenty = replace(one, position=replace(one.position, lots=(Lot(5000, 3000),)))
    found = projecting.project(plenty, days=DAYS)
    assert len(found.lowest) == len(found.highest) == DAYS
    assert all(a <= b <= c for a, b, c in zip(found.lowest, found.expected, found.highest, strict=True))
    assert 0 < found.lowest[-1] < found.expected[-1] < found.highest[-1]


@ON_SQLITE
def test_a_scenario_s_use_comes_instead_of_the_surge_s(region: Engine, cast: Cast) -> None:
    given = {"kind": "outage", "assumptions": "ten a day", "daily_milli": [10_000] * 5, "noted": {}}
    do(region, scenarios.keep_daily, acting(cast["buyer"]), name="storm", per_item_milli={"TAB": 2000}, **given)
    found = ahead(region, "TAB", "storm").scenario
    assert found[:6] == (580, 560, 540, 520, 500, 500), "20 a day for five days, and none outside surges"


@ON_SQLITE
def test_a_projection_is_asked_for_over_http(region: Engine) -> None:
    given = {"name": "desk", "title": "Buying", "password": "for the tests only"}
    do(region, governance.add_account, acting(governance.founder()), **given, grants=[Grant("buyer")])
    with TestClient(build(region, Settings(), scheduled=False)) as client:
        client.auth = ("desk", "for the tests only")
        told = client.get("/api/v1/projections/TAB", params={"days": 3}).json()
        assert told["usable"] == 600
        assert len(told["expected"]) == 3
        assert client.get("/api/v1/projections/NONE").status_code == 404
        assert client.get("/api/v1/projections/TAB", params={"scenario": "x"}).status_code == 404
        assert client.get("/api/v1/projections/TAB", params={"days": 0}).status_code == 422


@ON_SQLITE
def test_while_a_surge_lasts_the_band_spans_the_courses_that_the_nightly_run_plans_for(region: Engine) -> None:
    """Admissions grow: the surge may turn now or in up to three weeks; nothing is learned of use yet."""
    one = standing(region, "TAB")
    grows = growth.courses(84_000, 0.5, weeks=60)
    plenty = replace(one, position=replace(one.position, lots=(Lot(200_000, 3000),)), courses=grows)
    found = projecting.project(plenty, days=DAYS)
    assert found.band == projecting.SURGE
    assert all(a <= b <= c for a, b, c in zip(found.lowest, found.expected, found.highest, strict=True))
    usual = one.position.use.later * DAYS // 1000
    needed = [usual + -(-course.until(DAYS) * one.item.use_per_admission_milli // 1_000_000) for course in grows]
    needed.append(200_000 - found.expected[-1])
    assert (found.use_most[-1], found.use_least[-1]) == (max(needed), min(needed))
    assert (found.lowest[-1], found.highest[-1]) == (200_000 - max(needed), 200_000 - min(needed))


@ON_SQLITE
def test_without_a_surge_or_a_forecast_there_is_no_band_and_the_projection_says_so(region: Engine) -> None:
    found = projecting.project(replace(standing(region, "TAB"), courses=()), days=DAYS)
    assert (found.lowest, found.highest, found.band) == ((), (), projecting.UNKNOWN)
