"""Figures of stock against plan and of how long answers took, each held against a case that was worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine

from stockpile.allocation import approval, operations
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.db import reading
from stockpile.demand.scenarios.tables import DemandScenario
from stockpile.inventory.tables import ReserveFloor
from stockpile.transparency.kpis import rules
from tests.allocation import surge_room as room
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.transparency.test_enduring_figures import TODAY, figure, stored

pytestmark = ON_SQLITE


def parts(engine: Engine, code: str, first: date, last: date) -> tuple[Any, Any, Any]:
    """Numerator, denominator and value of a figure."""
    found = figure(engine, code, first, last)
    return found["numerator"], found["denominator"], found["value"]


def test_stock_is_held_against_floor_and_use_until_the_next_order(region: Engine) -> None:
    """Ten pumps, a tenth used a day: 12 days of lead and 7 between looks make two. Five to seven are too few for ten.

    From the third day on the floor is nine, and ten lie between nine and eleven: four days of six. Tablets have no
    everyday use, and are not counted.
    """
    for day, units in ((0, 5), (2, 9)):
        stored(region, ReserveFloor(item_code="PUMP", effective_from=TODAY + timedelta(days=day), quantity=units))
    found = figure(region, "stocked_to_plan", TODAY, TODAY + timedelta(days=5))
    assert (found["numerator"], found["denominator"], found["value"]) == (4, 6, 66.667)
    assert found["rows"] == [{"item": "PUMP", "kept": 4, "days": 6}]


def test_a_period_between_two_looks_with_a_day_without_stock_counts_once(region: Engine) -> None:
    """Of an item that nobody has, with a floor from the ninth day on, the second week of two is without stock."""
    with reading(region) as session:
        gap = catalogue.item(session, "TAB").model_dump() | {"code": "GAP", "gtin": "09529999990099"}
    stored(region, Item(**gap), ReserveFloor(item_code="GAP", effective_from=TODAY + timedelta(days=8), quantity=1))
    found = figure(region, "resupply_stock_outs", TODAY, TODAY + timedelta(days=13))
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 3, 33.333)
    assert found["rows"] == [{"item": "GAP", "out": 1, "of": 1}, {"item": "TAB", "out": 0, "of": 2}]


def test_what_cannot_be_known_is_unknown_and_never_nothing_or_all(region: Engine) -> None:
    for code, why in (("surge_cover", rules.UNKNOWN_SURGE), ("stocked_to_plan", rules.UNKNOWN_LEVELS)):
        found = figure(region, code, TODAY, TODAY)
        assert (found["value"], found["note"]) == (None, why), code
    for code in (
        *("line_stock_outs", "request_to_ack", "request_to_ack_median", "ack_to_decision_p90", "forecast_mase"),
        *("pinball_loss", "overdue_loan_value", "tender_to_award", "award_saving", "lot_bids_median", "lot_single_bid"),
        *("spend_variation", "decision_to_receipt_median"),
    ):
        assert figure(region, code, TODAY, TODAY)["value"] is None, code


def test_the_need_of_a_surge_is_covered_by_what_is_usable(region: Engine) -> None:
    """Fifty admissions use 1,000 tablets, 100 vials and 25 pumps; there are 600, 50 and 10: six, five, four tenths."""
    plain = {"kind": "file", "assumptions": "{}", "made_by": 1, "made_at": NOW}
    stored(region, DemandScenario(name="s", curve='{"daily_milli": [25000, 25000], "per_item_milli": {}}', **plain))
    found = figure(region, "surge_cover", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (1.5, 3, 50.0)
    assert found["rows"] == [{"item": one, "kept": False} for one in ("PUMP", "TAB", "VIAL")]


def test_what_expires_is_told_by_its_worth(region: Engine) -> None:
    """200 of 600 tablets expire on 20 April: 10,000 of 30,000 minor units; vials are worth 70,000, pumps 12,500."""
    assert parts(region, "near_expiry_share", TODAY, TODAY) == (10_000, 112_500, 8.889)
    assert parts(region, "expiry_rate", TODAY, date(2020, 5, 1)) == (10_000, 112_500, 8.889)
    assert parts(region, "expiry_rate", date(2020, 4, 10), date(2020, 4, 21)) == (10_000, 112_500, 8.889)
    assert parts(region, "expiry_rate", TODAY, date(2020, 4, 20)) == (0, 112_500, 0.0), "its last day is not over"
    assert parts(region, "expiry_rate", date(2020, 4, 21), date(2020, 5, 1)) == (0, 112_500, 0.0)


def test_how_long_answers_took_and_which_lines_got_nothing(region: Engine, cast: Cast) -> None:
    """Five ask; of one the validated need is revised after two hours, and the plan is approved after six.

    Acknowledged after 0, 0, 0, 0 and 2 hours; then decided after 6, 6, 6, 6 and 4.
    """
    number = room.surge(region, cast)
    asked = room.submitted(region, cast, number, *room.everybody())
    revised = {"number": asked[0].id, "validated": 10, "reason": "the ward has its own"}
    do(region, operations.revise_validation, acting(cast["coordinator"], after_hours=2), **revised)
    plan = room.planned(region, cast, number, after_hours=3)
    do(region, approval.approve, acting(cast["committee"], after_hours=6), plan_number=plan.id)
    week = (TODAY, TODAY + timedelta(days=6))
    assert parts(region, "request_to_ack", *week) == (2, 5, 0.4)
    assert parts(region, "request_to_ack_median", *week) == (0, 1, 0)
    assert parts(region, "request_to_ack_p90", *week) == (2, 1, 2)
    assert parts(region, "ack_to_decision", *week) == (28, 5, 5.6)
    assert parts(region, "ack_to_decision_median", *week) == (6, 1, 6)
    assert parts(region, "ack_to_decision_p90", *week) == (6, 1, 6)
    assert parts(region, "request_to_decision_median", *week) == (6, 1, 6)
    assert parts(region, "request_to_decision_p90", *week) == (6, 1, 6)
    assert [row["hours"] for row in figure(region, "ack_to_decision", *week)["rows"]].count(4) == 1
    got = {row.request_id: row.got for row in room.results(region, plan).values() if row.validated}
    out = figure(region, "line_stock_outs", *week)
    assert (out["numerator"], out["denominator"]) == (list(got.values()).count(0), len(got))
    assert {row["request"]: row["out"] for row in out["rows"]} == {one: not units for one, units in got.items()}


def test_a_line_that_no_road_reaches_in_time_is_not_without_stock(region: Engine, cast: Cast) -> None:
    """Three ask: for tablets in ten minutes, when the nearest depot is half an hour away; for tablets tomorrow; and for
    what no depot has. Only the last is without stock: one of three.
    """
    with reading(region) as session:
        gap = catalogue.item(session, "TAB").model_dump() | {"code": "GAP", "gtin": "09529999990099"}
    stored(region, Item(**gap))
    soon = NOW + timedelta(minutes=10)
    asked = (room.ask("BE-1", need_by=soon), room.ask("NL-1"), room.ask("NL-1", "GAP"))
    _, plan = room.share_out(region, cast, *asked)
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    codes = {key: row.reason_code for key, row in room.results(region, plan).items() if not row.got}
    assert codes == {("BE-1", "TAB"): "unreachable:too_late", ("NL-1", "GAP"): "unreachable:no_stock"}
    found = figure(region, "line_stock_outs", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["value"]) == (1, 3, 33.333)
    assert [row["item"] for row in found["rows"] if row["out"]] == ["GAP"]


def test_a_line_is_not_without_stock_while_some_stays_where_no_cold_road_begins(region: Engine, cast: Cast) -> None:
    """Aachen can do nothing with fewer than 31 vials; thirty lie there, twenty in Eupen, where vans are warm."""
    _, plan = room.share_out(region, cast, room.ask("DE-1", "VIAL", 60, minimum_useful=31))
    do(region, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    row = room.results(region, plan)["DE-1", "VIAL"]
    assert (row.got, row.reason_code, row.barred) == (0, "below_useful_minimum", '{"no_cold_lane":20}')
    found = figure(region, "line_stock_outs", TODAY, TODAY)
    assert (found["numerator"], found["denominator"], found["rows"][0]["out"]) == (0, 1, False)
