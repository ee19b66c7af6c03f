"""Figures over many days and many members: days below a floor, forecasts and what came, prices, pooling, telling."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import journal
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.db import reading, transact
from stockpile.demand.forecasting.tables import Forecast
from stockpile.demand.tables import CaseloadReport
from stockpile.inventory.tables import ReserveFloor
from stockpile.transparency.kpis import enduring, queries, rules
from stockpile.transparency.kpis.rules import Period
from tests.conftest import NOW, Cast, acting
from tests.demand.test_nightly_forecast import used_daily
from tests.inventory.stockroom import ON_SQLITE
from tests.transparency.public_room import LATER, published

TODAY = date(2020, 3, 30)


def figure(engine: Engine, code: str, first: date, last: date) -> dict[str, Any]:
    """A figure of a period of days."""
    with reading(engine) as session:
        return queries.figure(session, code, Period(first, last))


def stored(engine: Engine, *rows: Any) -> None:
    """These rows, as somebody's work has left them."""

    def add(session: Session) -> None:
        for row in rows:
            session.add(row)
            session.flush()

    transact(engine, add)


def test_the_days_on_which_an_item_was_below_its_floor_are_counted(region: Engine) -> None:
    """600 tablets lie there: more than the floor of 100, and from the third day on less than the new one of 700.

    Of vials there are fifty: they are below a floor of 51 on its only day.
    """
    stored(region, ReserveFloor(item_code="TAB", effective_from=TODAY + timedelta(days=2), quantity=700))
    stored(region, ReserveFloor(item_code="VIAL", effective_from=TODAY + timedelta(days=5), quantity=51))
    found = figure(region, "time_below_floor", TODAY, TODAY + timedelta(days=5))
    assert (found["numerator"], found["denominator"]) == (5, 7)
    assert found["rows"] == [{"item": "TAB", "below": 4, "days": 6}, {"item": "VIAL", "below": 1, "days": 1}]
    without = figure(region, "stock_out_days", TODAY, TODAY + timedelta(days=5))
    assert (without["numerator"], without["denominator"], without["rows"][0]) == (
        0, 7, {"item": "TAB", "out": 0, "days": 6}
    )  # fmt: skip


@ON_SQLITE
def test_a_forecast_is_held_against_what_came(region: Engine, cast: Cast) -> None:
    """Ten a day are used, seventy a week: a forecast of eighty is off by ten, one of sixty too."""
    used_daily(region, cast, quantity=10)
    plain: dict[str, Any] = {
        "item_code": "PUMP",
        "period": "week",
        "kind": "smooth",
        "method": "mean",
    }
    plain |= dict.fromkeys(("error_milli", "simple_error_milli", "bias_milli"), 0)
    plain |= dict.fromkeys(("periods_seen", "periods_corrected", "periods_unknown"), 0)
    weeks = (
        (TODAY + timedelta(days=8), "[80000]", '{"0.9": [69000]}'),
        (TODAY + timedelta(days=22), "[60000, 1]", '{"0.9": [70000, 1]}'),
    )
    for day, means, high in weeks:
        stored(region, Forecast(slot=f"{day}", starts=day, means=means, quantiles=high, **plain))
    found = figure(region, "forecast_error", TODAY, TODAY + timedelta(days=60))
    assert (found["numerator"], found["denominator"], found["value"]) == (20, 140, 14.286)
    assert found["rows"] == [
        {"item": "PUMP", "starts": "2020-04-07", "ends": "2020-04-13", "forecast": 80.0, "p90": 69.0, "used": 70},
        {"item": "PUMP", "starts": "2020-04-21", "ends": "2020-04-27", "forecast": 60.0, "p90": 70.0, "used": 70},
    ]
    told = {
        code: figure(region, code, TODAY, TODAY + timedelta(days=60))
        for code in ("forecast_bias", "forecast_mape", "forecast_coverage", "pinball_loss")
    }
    assert [(one["numerator"], one["denominator"]) for one in told.values()] == [
        (0, 140),
        (0.285714, 2),
        (1, 2),
        (0.9, 140),
    ]
    assert figure(region, "forecast_error", TODAY, TODAY + timedelta(days=10))["value"] is None, "its week is not over"


@ON_SQLITE
def test_members_that_pay_different_prices_for_one_item_are_seen(region: Engine, cast: Cast) -> None:
    """90 and 110 for a pack: ten from the mean of 100. What the pool buys and who buys alone makes no difference."""
    buyer = cast["buyer"].id
    for number, (member, item, price) in enumerate(
        [("BE-1", "TAB", 90), ("DE-1", "TAB", 110), (None, "TAB", 500), ("BE-1", "PUMP", 7)], start=1
    ):
        given = {"contract_code": "UC-1", "slot": f"s{number}", "state": "approved", "deliver_to": "D-BE"}
        order = CallOff(**given, proposed_by=buyer, proposed_at=NOW, approved_at=NOW, cost_minor=1, member_code=member)
        stored(region, order)
        line = {"item_code": item, "packs": 2, "quantity": 20, "pack_price_minor": price, "reason": "x"}
        with reading(region) as session:
            newest = session.connection().exec_driver_sql("SELECT max(id) FROM calloff").scalar()
        stored(region, CallOffLine(calloff_id=newest, **line))
    found = figure(region, "price_variance", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (10, 100, 10.0)
    assert found["rows"] == [
        {"item": "TAB", "municipality": "BE-1", "price_minor": 90.0},
        {"item": "TAB", "municipality": "DE-1", "price_minor": 110.0},
    ]


@ON_SQLITE
def test_suppliers_are_concentrated_item_by_item(region: Engine, cast: Cast) -> None:
    """Of tablets three quarters of the money go to one supplier and one quarter to the other: 9/16 + 1/16 = 0.625.

    Pumps all come from one: 1. The mean of both is 0.8125.
    """
    for number, (contract, item, cost) in enumerate((("UC-1", "TAB", 150), ("UC-2", "TAB", 50), ("UC-2", "PUMP", 7))):
        given = {"contract_code": contract, "slot": f"s{number}", "state": "approved", "deliver_to": "D-BE"}
        by = {"proposed_by": cast["buyer"].id, "proposed_at": NOW, "approved_at": NOW, "cost_minor": 1}
        stored(region, CallOff(id=50 + number, **given, **by))
        line = {"item_code": item, "packs": 2, "quantity": 20, "pack_price_minor": cost, "reason": "x"}
        stored(region, CallOffLine(calloff_id=50 + number, **line))
    found = figure(region, "hhi_by_item", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (1.625, 2, 0.812)
    assert found["rows"] == [
        {"item": "PUMP", "suppliers": 1, "ordered_minor": 14, "hhi": 1.0},
        {"item": "TAB", "suppliers": 2, "ordered_minor": 400, "hhi": 0.625},
    ]
    with reading(region) as session:
        of_one = queries.figure(session, "hhi_by_item", Period(TODAY, TODAY, item="TAB"))
    assert (of_one["value"], len(of_one["rows"])) == (0.625, 1)


@ON_SQLITE
def test_the_newest_plan_is_held_against_the_same_needs_if_nothing_spread_them(region: Engine, cast: Cast) -> None:
    """From Monday 30 March on. Planned: 300 in March, in April and in May, a peak as high as the mean.

    Unspread: 600 in March, 300 in April, none in May; the peak is twice the mean of 300. Half of it is gone.
    """
    unknown = figure(region, "smoothing_gain", TODAY, TODAY)
    assert (unknown["value"], unknown["note"]) == (None, rules.UNKNOWN_PLAN)
    weeks = ([1, 1], [5]), ([300, 100, 100, 50, 50, 300], [600, 100, 100, 50, 50]), ([], [9])

    def ran(session: Session) -> None:
        for number, (after, before) in enumerate(weeks):
            payload = {"spend_by_week": after, "spend_before_by_week": before}
            act = acting(cast["buyer"], after_hours=number)
            journal.record(session, act, action="reorder.run", subject=f"slot:{number}", payload=payload)
        journal.record(session, act, action="reorder.run", subject="slot:old", payload={"spend_minor": 4})

    transact(region, ran)
    found = figure(region, "smoothing_gain", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 2, 50.0)
    assert found["rows"] == [
        {"month": "2020-03", "before_permille": 666, "after_permille": 333},
        {"month": "2020-04", "before_permille": 333, "after_permille": 333},
        {"month": "2020-05", "before_permille": 0, "after_permille": 333},
    ]


@ON_SQLITE
def test_needs_that_come_in_turn_are_cheaper_to_cover_together(region: Engine) -> None:
    """One municipality has ten admissions on even days, the other on odd ones: together nothing varies."""
    first = date(2020, 5, 1)

    def reports(day: date) -> list[CaseloadReport]:
        even = day.toordinal() % 2 == 0
        plain: dict[str, Any] = {"cases": 1, "cases_suppressed": False, "basis": "reported"}
        return [
            CaseloadReport(day=day, member_code=code, admissions=10 if even is turn else 0, **plain)
            for code, turn in (("BE-1", True), ("DE-1", False))
        ]

    stored(region, *(row for n in range(14) for row in reports(first + timedelta(days=n))))
    found = figure(region, "pooling_gain", first, first + timedelta(days=13))
    assert (found["numerator"], found["denominator"], found["value"]) == (10, 10, 100.0)
    assert found["rows"] == [{"municipalities": 2, "days": 14}]
    assert figure(region, "pooling_gain", first, first + timedelta(days=12))["value"] is None, "too few days"


def test_how_long_it_took_until_a_plan_was_published(region: Engine, cast: Cast) -> None:
    plan = published(region, cast)
    found = figure(region, "publication_lag", TODAY, TODAY + timedelta(days=9))
    assert (found["value"], found["unit"]) == (LATER, "hours")
    assert found["rows"] == [{"plan": plan.id, "hours": LATER}]


def test_the_usual_step_of_use_is_between_whole_periods_before() -> None:
    """Weeks of 70, 50 and 80 before: steps of 20 and 30, a mean of 25. Of one week, or none, nothing is known."""
    first = date(2020, 6, 1)
    used = {first - timedelta(days=7 * weeks): units for weeks, units in ((3, 70), (2, 50), (1, 80))}
    week = (first, first + timedelta(days=6))
    assert enduring.usual_step(used, *week) == 25
    assert enduring.usual_step({first - timedelta(days=7): 9}, *week) == 0
    assert enduring.usual_step({}, *week) == 0
    months = {date(2020, 3, 1): 10, date(2020, 4, 30): 30, date(2020, 5, 31): 10}
    assert enduring.usual_step(months, first, date(2020, 6, 30)) == 20
