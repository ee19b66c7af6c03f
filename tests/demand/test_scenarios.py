"""Supposed epidemics, outages, waves and years, held against the stock there is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.demand.scenarios import rules
from stockpile.demand.scenarios.rules import Course
from stockpile.governance import operations as governance
from stockpile.governance.rules import EVERYONE
from stockpile.settings import Settings
from tests.conftest import acting
from tests.inventory.stockroom import ON_SQLITE, do

PASSWORD = "what if it comes"
SAID = {"name": "a second wave", "assumptions": "as in spring, doubling in four days, nobody stays at home"}
CURVE = {"population": 1_000_000, "first_cases": 100, "doubling_days": 4, "infectious_days": 7, "share_milli": 20}
DUTCH = [38, 30, 27, 50, 53, 30, 34, 270, 40, 36, 30, 41, 35, 29]


@pytest.fixture
def client(region: Engine) -> Iterator[TestClient]:
    """Somebody of every role."""
    given = {
        "name": "everyone",
        "title": "all",
        "password": PASSWORD,
        "grants": [Grant(role) for role in sorted(EVERYONE)],
    }
    do(region, governance.add_account, acting(governance.founder()), **given)
    with TestClient(build(region, Settings(), scheduled=False)) as client:
        client.auth = ("everyone", PASSWORD)
        yield client


def test_an_epidemic_doubles_as_told_and_turns_by_itself() -> None:
    daily = rules.epidemic(**CURVE, days=200)
    assert daily[12] == pytest.approx(2 * daily[8], rel=0.05)
    assert daily[-1] < max(daily) / 100
    assert sum(daily) <= 20 * 1_000_000


def test_a_catch_up_is_spread_and_nothing_is_lost() -> None:
    clean = rules.cleaned(DUTCH)
    assert clean.catch_ups == (7,)
    assert sum(clean.values) == sum(DUTCH)
    assert max(clean.values) < 100


def test_a_weekend_without_reports_is_filled_from_the_monday_that_catches_up() -> None:
    clean = rules.cleaned([10] * 7 + [0, 0, 30] + [10] * 7)
    assert clean.catch_ups == (9,)
    assert set(clean.values) == {10}


def test_what_is_suppressed_is_bridged_and_named_and_a_true_rise_is_left_alone() -> None:
    assert rules.cleaned([4, None, None, 8]).values == (4, 6, 6, 8)
    rise = [10, 12, 15, 18, 22, 27, 33, 40, 48, 58, 70, 84, 101, 121]
    assert rules.cleaned(rise) == rules.Cleaned(tuple(rise), (), ())


def test_years_count_people_their_age_prices_and_shocks() -> None:
    course = Course(2020, 4, 5, 200, 20, 3000, 30, 10, ((2022, -200),))
    found = rules.years(course)
    assert [one.year for one in found] == [2020, 2021, 2022, 2023]
    assert found[0] == rules.Year(2020, 1000, 1000, 1000)
    assert found[1].use_permille > 1005, "more people, and more of them old"
    assert (found[1].price_permille, found[1].budget_permille) == (1030, 1010)
    assert found[2].budget_permille == 1010 * 1010 // 1000 - 1020 * 200 // 1000
    assert found[3].affordable_permille < found[0].affordable_permille == 1000


@ON_SQLITE
def test_a_scenario_says_what_runs_out_first_and_on_which_day(client: TestClient) -> None:
    kept = client.post("/api/v1/scenarios/epidemic", json={**SAID, **CURVE, "days": 60})
    assert kept.status_code == 201, kept.text
    rows = client.get("/api/v1/scenarios/a second wave/needs").json()
    assert {row["item"] for row in rows} == {"TAB", "VIAL", "PUMP"}
    days = [row["runs_out_day"] for row in rows]
    assert days == sorted(days)
    assert all(row["missing"] == max(0, row["use"] - row["usable"]) for row in rows)
    again = client.post("/api/v1/scenarios/epidemic", json={**SAID, **CURVE, "days": 60})
    assert (again.status_code, again.json()["type"]) == (409, "urn:stockpile:problem:scenario_exists")


@ON_SQLITE
def test_an_outage_needs_parts_a_wave_is_put_right_and_years_have_no_days(client: TestClient) -> None:
    outage = {"name": "flood", "assumptions": "power out two days", "machines": 40, "factor": 10, "days": 5}
    outage |= {"failures_per_thousand_days": 5, "days_without_power": [1, 2], "per_item_milli": {"PUMP": 1000}}
    assert client.post("/api/v1/scenarios/outage", json=outage).status_code == 201
    [pump] = client.get("/api/v1/scenarios/flood/needs").json()
    assert (pump["item"], pump["use"]) == ("PUMP", -(-(3 * 200 + 2 * 2000) // 1000))
    wave = {"name": "spring", "assumptions": "as reported", "scale_permille": 1500}
    wave |= {"first": "2020-03-20", "last": "2020-03-29"}
    kept = client.post("/api/v1/scenarios/past-wave", json=wave)
    assert kept.status_code == 201, kept.text
    assert sum(kept.json()["curve"]["daily_milli"]) > 0
    years: dict[str, Any] = {"name": "decade", "assumptions": "ageing", "first_year": 2020, "years": 10}
    years |= dict.fromkeys(("population_permille", "old_change_permille", "price_permille", "budget_permille"), 10)
    years |= {"old_permille": 200, "old_factor_permille": 3000, "shocks": [{"year": 2022, "change_permille": -200}]}
    assert len(client.post("/api/v1/scenarios/years", json=years).json()["curve"]["years"]) == 10
    assert client.get("/api/v1/scenarios/decade/needs").status_code == 422
    assert [row["name"] for row in client.get("/api/v1/scenarios").json()] == ["decade", "flood", "spring"]


@ON_SQLITE
def test_bad_scenarios_are_refused_by_field(client: TestClient) -> None:
    for path, body, field in (
        ("epidemic", {**SAID, **CURVE, "days": 0}, "days"),
        ("epidemic", {**SAID, **CURVE, "days": 5, "assumptions": " "}, "assumptions"),
        ("file", {**SAID, "daily": [None, None]}, "daily"),
        ("file", {**SAID, "daily": [-1]}, "daily"),
        ("past-wave", {**SAID, "first": "2020-03-29", "last": "2020-03-20", "scale_permille": 1000}, "last"),
        ("past-wave", {**SAID, "first": "2010-03-01", "last": "2010-03-20", "scale_permille": 1000}, "first"),
    ):
        answer = client.post(f"/api/v1/scenarios/{path}", json=body)
        assert answer.status_code == 422, answer.text
        assert field in answer.text
    assert client.get("/api/v1/scenarios/nothing/needs").status_code == 404
