"""Where a night cannot serve every need, the buyer is told which clauses stand in the way and what each would take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session, select
from typer.testing import CliRunner

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.infeasible import find_conflicts
from stockpile.actor import Grant
from stockpile.app import build
from stockpile.cli import app as commands
from stockpile.contracts.tables import Contract
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.inventory.tables import ReserveFloor
from stockpile.jobs import operations as jobs
from stockpile.reorder import operations
from stockpile.reorder.tables import BuyingPolicy
from stockpile.settings import Settings
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.reorder.buying import drafted, quick, standing


def budget(engine: Engine, minor: int) -> None:
    """Change what a night may propose to spend."""

    def changed(session: Session) -> None:
        session.get_one(BuyingPolicy, 1).budget_minor = minor

    transact(engine, changed)


def test_a_night_that_serves_everything_says_nothing_of_clauses(region: Engine, cast: Cast) -> None:
    budget(region, 100_000_000)
    assert drafted(region, acting(cast["buyer"])).told()["blocked"] == {}


def test_a_budget_that_cannot_pay_for_every_need_is_named_with_what_it_lacks(region: Engine, cast: Cast) -> None:
    budget(region, 90_000)
    told = drafted(region, acting(cast["buyer"])).told()["blocked"]
    assert told["servable"] is False
    named = {name for one in told["conflicts"] for name in one["clauses"]}
    assert any(name.startswith("budget of all weeks") for name in named), told
    assert all(one["smallest"] for one in told["conflicts"])
    assert told["cheapest_minor"] == sum(one["cost_minor"] for one in told["cheapest"]) > 0
    assert told["at_least_minor"] <= told["cheapest_minor"]
    assert any("the cheapest way out found costs" in said for said in told["said"])


def test_with_the_clauses_given_as_told_the_next_plan_leaves_no_need_that_an_order_could_reach(
    region: Engine, cast: Cast
) -> None:
    budget(region, 90_000)
    case = standing(region)
    found = find_conflicts(case.night.problem, case.asked(), limit_seconds=30)
    more = {way.clause: way.amount for way in found.relaxation}
    assert all(name.startswith("budget of all") for name in more), "the cheapest is money that is missing"
    wider = replace(
        case.night.problem,
        budgets=tuple(
            replace(one, minor=one.minor + more.get(f"budget of all weeks {one.first_week} to {one.last_week}", 0))
            for one in case.night.problem.budgets
        ),
    )
    again = find_conflicts(wider, case.asked(), limit_seconds=30)
    assert (again.servable, again.conflicts) == (True, ())


def test_a_least_order_dearer_than_the_budget_is_named_beside_it(region: Engine, cast: Cast) -> None:
    def dear(session: Session) -> None:
        session.get_one(Contract, "UC-2").minimum_order_minor = 600_000

    transact(region, dear)
    told = drafted(region, acting(cast["buyer"])).told()["blocked"]
    assert any("minimum order of contract UC-2" in one["clauses"] for one in told["conflicts"]), told


@ON_SQLITE
def test_a_floor_that_no_money_fills_is_named_as_the_floor(region: Engine, cast: Cast) -> None:
    def kept(session: Session) -> None:
        for floor in session.exec(select(ReserveFloor).where(ReserveFloor.item_code == "TAB")):
            floor.quantity = 50_000

    transact(region, kept)
    case = standing(region)
    assert dict(case.asked().floors)["TAB"] != (0,) * case.night.problem.weeks
    told = drafted(region, acting(cast["buyer"])).told()["blocked"]
    assert any("floor of TAB" in one["clauses"] for one in told["conflicts"]), told


def test_the_run_by_hand_tells_it_and_changes_nothing_when_dry(region: Engine, cast: Cast) -> None:
    budget(region, 90_000)
    with mock.patch.object(operations, "run_limited", quick):
        ran = jobs.run(region, acting(cast["buyer"]), job="reorder", limit_seconds=30, dry=True)
    assert ran.outcome["blocked"]["servable"] is False


@ON_SQLITE
def test_where_the_answer_does_not_come_in_time_it_says_so(region: Engine, cast: Cast) -> None:
    made = operations.draft(region, acting(cast["buyer"]), unmet={}, limit_seconds=0.0001)
    assert check(made.made.problem, made.made.plan).feasible
    assert "could not be told: no answer within" in made.blocked["said"][0]


@ON_SQLITE
def test_it_is_told_over_http_and_at_the_command_line(
    region: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", region.url.render_as_string(hide_password=False))
    run = CliRunner().invoke
    assert "no reorder has run yet" in str(run(commands, ["run", "blocked"]).exception)
    budget(region, 90_000)
    given = {"name": "buys", "title": "buyer", "password": "night and day", "grants": [Grant("buyer")]}
    do(region, governance.add_account, acting(governance.founder()), **given)
    with TestClient(build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.auth = ("buys", "night and day")
        answer = client.post("/api/v1/runs/reorder?dry=true")
    assert answer.status_code == 200, answer.text
    told = answer.json()["outcome"]["blocked"]
    assert any(name.startswith("budget of all weeks") for one in told["conflicts"] for name in one["clauses"])
    said = run(commands, ["run", "blocked"]).output
    assert "reorder for 2020-03-30, dry\n" in said
    assert all(one in said for one in told["said"])
