"""What the figures show to be amiss becomes an action with an owner and a day, and is measured again when it ends."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app, journal
from stockpile.actor import Grant
from stockpile.allocation import approval
from stockpile.db import reading
from stockpile.governance import operations as governance
from stockpile.governance import queries as accounts
from stockpile.governance.rules import Missing, OwnWork
from stockpile.inventory import operations as stock
from stockpile.jobs import operations as jobs
from stockpile.settings import Settings
from stockpile.transparency.kpis import listing, operations, queries
from tests.allocation.real_region import acting_in, first_morning, first_plan
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, take_in
from tests.transparency.public_room import published


def lacking(engine: Engine, cast: Cast) -> None:
    """The reserve of tablets is to be 2,000, and there are 600."""
    given = {"item": "TAB", "effective_from": NOW.date(), "quantity": 2_000}
    do(engine, stock.set_floor, acting(cast["committee"]), **given)


def told(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as session:
        return queries.remedies(session)


def test_a_figure_that_misses_its_target_gets_an_action_owned_by_whose_work_it_tells(
    region: Engine, cast: Cast
) -> None:
    lacking(region, cast)
    made = do(region, operations.open_found, acting(cast["auditor"]))
    (one,) = [row for row in made if row.kpi == "reserve_adequacy"]
    assert (one.owner, one.due, one.state) == ("logistics", date(2020, 4, 29), "open")
    assert one.disparity.startswith("Items above their floor: ")
    assert one.disparity.endswith("should be 100")
    assert json.loads(one.baseline)["value"] < 100


def test_every_disparity_is_a_figure_off_its_target_and_none_is_left_out(region: Engine, cast: Cast) -> None:
    published(region, cast)
    lacking(region, cast)
    with reading(region) as session:
        found = {one.kpi for one in queries.disparities(session, at=NOW)}
        period = queries.last_year(session, NOW)
        values = {kpi.code: queries.figure(session, kpi.code, period)["value"] for kpi in listing.KPIS}
    targets = {kpi.code: kpi.target for kpi in listing.KPIS}
    full = {code for code, value in values.items() if targets[code] == "100" and value is not None and value < 100}
    assert full <= found
    assert all(targets[code] and values[code] is not None for code in found)


def test_an_open_action_is_not_opened_twice_and_a_closed_one_is_if_nothing_changed(region: Engine, cast: Cast) -> None:
    lacking(region, cast)
    first = do(region, operations.open_found, acting(cast["auditor"]))
    assert do(region, operations.open_found, acting(cast["auditor"])) == []
    number = next(one.id for one in first if one.kpi == "reserve_adequacy")
    with pytest.raises(OwnWork):
        do(region, operations.close_remedy, acting(cast["auditor"]), number=number, outcome="ordered")
    do(region, operations.close_remedy, acting(cast["committee"]), number=number, outcome="ordered")
    (again,) = do(region, operations.open_found, acting(cast["auditor"], after_hours=24))
    assert again.kpi == "reserve_adequacy"


def test_a_closed_action_tells_the_figure_before_and_after(region: Engine, cast: Cast) -> None:
    lacking(region, cast)
    made = do(region, operations.open_found, acting(cast["auditor"]))
    number = next(one.id for one in made if one.kpi == "reserve_adequacy")
    take_in(region, acting(cast["logistics"]), lot="T-MORE", quantity=2_000)
    do(region, operations.close_remedy, acting(cast["committee"]), number=number, outcome="2,000 came")
    row = next(one for one in told(region) if one["remedy"] == number)
    assert row["after"]["value"] > row["before"]["value"]
    with reading(region) as session:
        (entry,) = journal.entries(session, action="remedy.close")
    assert json.loads(entry.payload)["after"] == row["after"]


def test_a_buyer_does_not_open_what_was_found(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        do(region, operations.open_found, acting(cast["buyer"]))


def test_the_nightly_run_opens_them_and_the_public_reads_owner_and_day(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    lacking(region, cast)
    with reading(region) as session:
        scheduler = accounts.actor_of(session, accounts.account_by_name(session, jobs.SCHEDULER_ACCOUNT))
    ran = jobs.run(region, acting(scheduler), job="disparities", limit_seconds=10)
    assert [owner for _, owner, words in ran.outcome["remedies"] if words.startswith("Items above")] == ["logistics"]
    given: dict[str, Any] = {"title": "Audit", "password": "pass-word-1", "grants": [Grant("auditor")]}
    do(region, governance.add_account, acting(governance.founder()), name="books", **given)
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False)) as client:
        rows = client.get("/public/data/remedies.json").json()["rows"]
        again = client.post("/api/v1/remedies/found", auth=("books", "pass-word-1"))
        assert client.post("/api/v1/remedies/found").status_code == 401
    assert again.json() == {"remedies": []}
    assert ("reserve_adequacy", "logistics", "open") in [(row["kpi"], row["owner"], row["state"]) for row in rows]


@ON_SQLITE
def test_in_the_real_region_municipalities_far_below_their_peers_get_an_action_the_widest_gap_first(
    engine: Engine,
) -> None:
    week = first_morning(engine)
    plan = first_plan(engine, week)
    do(engine, approval.approve, acting_in(week.actors, "committee"), plan_number=plan.id)
    at = acting_in(week.actors, "auditor").at + timedelta(hours=1)
    with reading(engine) as session:
        found = [one for one in queries.disparities(session, at=at) if one.member]
        rows = {row["municipality"]: row for row in queries.benchmark(session)}
    gaps = [rows[one.member or ""]["peer_median_permille"] - rows[one.member or ""]["fill_permille"] for one in found]
    assert gaps == sorted(gaps, reverse=True)
    for one in found:
        row = rows[one.member or ""]
        assert row["fill_permille"] * 2 < row["peer_median_permille"]
        assert row["fill_permille"] < row["low_permille"]
        assert one.owner == "coordinator"
    made = do(engine, operations.open_found, acting_in(week.actors, "auditor"))
    assert len(made) <= operations.MOST_FOUND
    assert {one.member_code for one in made if one.member_code} <= {one.member for one in found}
