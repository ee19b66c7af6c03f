"""What the ledger says was used, put right, forecast at night, and bought for."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.solver import run_limited
from stockpile.actor import Grant
from stockpile.app import build
from stockpile.db import reading, transact
from stockpile.demand.forecasting import operations, queries
from stockpile.demand.forecasting.operations import Past
from stockpile.errors import Invalid
from stockpile.governance import operations as governance
from stockpile.governance.rules import EVERYONE, Missing
from stockpile.inventory import ledger
from stockpile.inventory import rules as stock
from stockpile.inventory.moves import Account, Intent, Move
from stockpile.jobs import operations as jobs
from stockpile.reorder.rules import Position
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, take_in
from tests.reorder.buying import standing

WEEKS = 20
LATER = NOW + timedelta(days=7 * WEEKS + 1)


def used_daily(engine: Engine, cast: Cast, *, quantity: int, without: range = range(0), item: str = "PUMP") -> None:
    """So many units are used at D-DE every day for twenty weeks; nothing is posted on the days `without`."""
    days = [day for day in range(1, 7 * WEEKS + 1) if day not in without]
    act = acting(cast["logistics"])
    lot = take_in(engine, act, lot="LONG", quantity=quantity * 7 * WEEKS, item=item, expiry=date(2030, 1, 1))
    shelf = Account(lot, "D-DE", stock.POOL, stock.AVAILABLE)

    def use(session: Session) -> None:
        moves = [Move(lot, quantity, shelf, stock.CONSUMPTION, "use")]
        intents = [
            Intent(acting(cast["logistics"], after_hours=24 * day), "issue", f"day {day}", moves) for day in days
        ]
        assert all(isinstance(one, int) for one in ledger.post_each(session, intents))

    transact(engine, use)


def known(engine: Engine, site: str = "D-DE") -> queries.Known:
    """What is known of the seals' use at a site."""
    with reading(engine) as session:
        [found] = [one for one in queries.known_use(session, today=LATER.date()) if one.pair == ("PUMP", site)]
    return found


def test_a_night_forecasts_what_is_used_and_a_second_run_changes_nothing(region: Engine, cast: Cast) -> None:
    used_daily(region, cast, quantity=10)
    act = acting(cast["coordinator"], LATER)
    dry = jobs.run(region, act, job="forecast", limit_seconds=60, dry=True)
    with reading(region) as session:
        assert queries.foreseen(session) == []
    first = jobs.run(region, act, job="forecast", limit_seconds=60)
    again = jobs.run(region, act, job="forecast", limit_seconds=60)
    assert (first.outcome["series"], again.again, dry.outcome["series"]) == (2, True, 2)
    with reading(region) as session:
        whole, at_site = queries.foreseen(session)
    assert ((whole.item, whole.site), at_site.site) == (("PUMP", ""), "D-DE")
    assert whole.period == "week"
    assert set(whole.means) == {70_000}
    assert whole.quantiles["0.05"] == whole.quantiles["0.95"] == whole.means, "ten a day, every day"


@ON_SQLITE
def test_a_silence_of_the_site_is_unknown_and_not_no_use(region: Engine, cast: Cast) -> None:
    used_daily(region, cast, quantity=10, without=range(50, 80))
    found = known(region)
    assert found.use.unknown >= 3
    assert {value for value in found.use.values if value is not None} == {70.0}


@ON_SQLITE
def test_days_without_stock_are_unknown_and_the_rest_of_a_week_stands_for_it(region: Engine, cast: Cast) -> None:
    act = acting(cast["logistics"])
    lot = take_in(region, act, lot="ONE", quantity=10, item="PUMP", site="D-BE", expiry=date(2030, 1, 1))
    use = [Move(lot, 10, Account(lot, "D-BE", stock.POOL, stock.AVAILABLE), stock.CONSUMPTION, "use")]
    do(region, ledger.post, acting(cast["logistics"], after_hours=24 * 5), kind="issue", key="the last", moves=use)
    back = acting(cast["logistics"], after_hours=24 * 33)
    take_in(region, back, lot="TWO", quantity=40, item="PUMP", site="D-BE", expiry=date(2030, 1, 1))
    found = known(region, "D-BE")
    assert found.use.unknown >= 3
    assert found.use.corrected >= 1


@ON_SQLITE
def test_the_nightly_reorder_buys_for_what_was_learned_and_for_its_uncertainty(region: Engine, cast: Cast) -> None:
    def position(engine: Engine) -> Position:
        return standing(engine, at=LATER).articles["PUMP"].position

    rows = [
        Past("PUMP", date(2017 + number // 12, number % 12 + 1, 1), 300 + 200 * (number % 3)) for number in range(36)
    ]
    before = position(region)
    do(region, operations.load_history, acting(cast["buyer"]), rows=rows, source="the old card index")
    assert position(region) == before, "history alone changes nothing before a night has learned from it"
    jobs.run(region, acting(cast["buyer"], LATER), job="forecast", limit_seconds=60)
    with reading(region) as session:
        [learned] = queries.foreseen(session, item="PUMP", site="")
    after = position(region)
    assert after.use.later == sum(learned.means) // len(learned.means) // 30
    assert after.use.now >= learned.means[0] // 30 > before.use.later
    assert after.safety > before.safety + 20, "and more is kept, for it swings by two hundred a month"


@ON_SQLITE
def test_history_is_taken_in_once_by_the_entitled_and_errors_name_the_row(region: Engine, cast: Cast) -> None:
    row, act = Past("PUMP", date(2019, 1, 1), 4), acting(cast["buyer"])
    assert do(region, operations.load_history, act, rows=[row], source="cards") == 1
    assert do(region, operations.load_history, act, rows=[row], source="cards") == 0
    for bad, field in (
        (Past("GLOVE", date(2019, 1, 1), 4), "item"),
        (Past("PUMP", date(2019, 1, 1), 4, "X"), "site"),
        (Past("PUMP", date(2019, 1, 2), 4), "month"),
        (Past("PUMP", date(2019, 1, 1), -4), "quantity"),
    ):
        with pytest.raises(Invalid) as refused:
            do(region, operations.load_history, act, rows=[row, bad], source="cards")
        assert refused.value.facts == {"field": field, "row": 2}
    with pytest.raises(Missing):
        do(region, operations.load_history, acting(cast["logistics"]), rows=[row], source="cards")


@ON_SQLITE
def test_a_child_that_gives_no_answer_leaves_the_old_forecast_and_says_why(
    region: Engine, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    used_daily(region, cast, quantity=1)
    monkeypatch.setattr(
        operations, "run_limited", lambda *given, **more: run_limited(*given, **more | {"limit_seconds": 0})
    )
    with pytest.raises(operations.NoForecast):
        jobs.run(region, acting(cast["buyer"], LATER), job="forecast", limit_seconds=1)
    with reading(region) as session:
        [attempt] = jobs.queries.attempts(session)
    assert attempt.state == "refused"
    assert "no answer" in attempt.outcome


@ON_SQLITE
def test_forecasts_are_read_over_http_page_by_page(region: Engine, cast: Cast) -> None:
    used_daily(region, cast, quantity=10)
    jobs.run(region, acting(cast["buyer"], LATER), job="forecast", limit_seconds=60)
    given = {
        "name": "everyone",
        "title": "all",
        "password": "day by day",
        "grants": [Grant(role) for role in sorted(EVERYONE)],
    }
    do(region, governance.add_account, acting(governance.founder()), **given)
    with TestClient(build(region, Settings(), scheduled=False)) as client:
        client.auth = ("everyone", "day by day")
        first = client.get("/api/v1/forecasts?limit=1").json()
        assert (first["rows"][0]["site"], first["next"]) == ("", "PUMP/")
        rest = client.get("/api/v1/forecasts", params={"limit": 1, "after": first["next"]}).json()
        assert (rest["rows"][0]["site"], rest["next"]) == ("D-DE", None)
        assert client.get("/api/v1/forecasts?after=PUMP").status_code == 422
        body = {"source": "cards", "rows": [{"item": "PUMP", "month": "2019-01-01", "quantity": 4}]}
        assert client.post("/api/v1/demand-history", json=body).json() == {"new": 1}
        body["rows"][0]["quantity"] = -1  # type: ignore[index]
        assert client.post("/api/v1/demand-history", json=body).status_code == 422
