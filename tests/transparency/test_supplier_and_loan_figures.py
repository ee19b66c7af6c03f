"""Figures of what came late or was sent back, of prices and amendments, and of loans that came back in time."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Engine

from stockpile.contracts.calloffs import operations as steps
from stockpile.db import reading
from stockpile.settlement import operations as settlement
from stockpile.transparency.kpis import queries
from stockpile.transparency.kpis.rules import Found, Period
from tests.conftest import NOW, Cast, acting
from tests.contracts.buying import DUE, approved, came
from tests.contracts.tendering import notified
from tests.inventory.stockroom import do
from tests.settlement.test_settlement import moved

SPRING = Period(date(2020, 3, 1), date(2020, 5, 31))


def told(engine: Engine, kpi: str, period: Period = SPRING) -> Found:
    """A figure."""
    with reading(engine) as session:
        return queries.FIGURES[kpi](session, period)


def parts(engine: Engine, kpi: str, period: Period = SPRING) -> tuple[float | None, float | None]:
    """Its numerator and denominator."""
    found = told(engine, kpi, period)
    return found.numerator, found.denominator


def test_what_was_sent_back_and_what_came_late_is_counted_by_line_and_unit(region: Engine, cast: Cast) -> None:
    good, late = approved(region, cast), approved(region, cast, slot="two")
    came(region, cast, good, 200)
    came(region, cast, late, 200, at=DUE + timedelta(days=3))
    rejected = [steps.Rejected(1, 50, "wet boxes")]
    do(region, steps.accept, acting(cast["logistics"], DUE), number=good, rejected=rejected)
    assert parts(region, "rejected_share") == (50, 400)
    assert parts(region, "rejected_share", Period(date(2019, 1, 1), date(2019, 12, 31))) == (0, 0)
    assert parts(region, "rejected_share", Period(SPRING.starts, SPRING.ends, item="PUMP")) == (0, 0)
    assert told(region, "rejection_ppm").rows == ({"supplier": "SUP-1", "rejected": 50, "delivered": 400},)
    with reading(region) as session:
        assert queries.figure(session, "rejection_ppm", SPRING)["value"] == 125_000
    assert told(region, "rejection_ppm", Period(SPRING.starts, SPRING.ends, item="PUMP")).rows == ()
    assert parts(region, "on_time") == (1, 2)
    assert [row["rejected"] for row in told(region, "rejected_share").rows] == [50, 0]
    waited = (SPRING.ends - DUE.date()).days
    assert parts(region, "days_late") == (2 * waited, 2), "delivered, but booked into no depot: late up to the end"


def test_a_tender_with_marks_is_not_won_by_price_alone_and_no_contract_was_amended(region: Engine, cast: Cast) -> None:
    notified(region, cast)
    assert parts(region, "price_only") == (0, 1)
    assert (parts(region, "lot_bids"), parts(region, "lot_bids_median")) == ((3, 2), (1.5, 1))
    assert parts(region, "lot_single_bid") == (1, 2)
    assert parts(region, "award_saving") == (42_500 - 45_000, 42_500), "the better bid for tablets was the dearer one"
    amended, in_force = parts(region, "amended_contracts")
    assert amended == 0
    assert in_force


def test_a_loan_is_back_in_time_only_whole_and_by_its_day(region: Engine, cast: Cast) -> None:
    for quantity, back in ((40, 40), (20, 10)):
        change = moved(region, cast, to="NL-1", quantity=quantity)
        given = {"due_at": NOW + timedelta(days=10), "pack_price_minor": 333}
        loan = do(region, settlement.lend, acting(cast["coordinator"]), change=change, **given)
        returned = moved(region, cast, to="pool", quantity=back, owner="NL-1")
        do(region, settlement.give_back, acting(cast["coordinator"]), number=loan.id, change=returned)
    assert parts(region, "loan_return") == (1, 2)
    assert parts(region, "loan_return", Period(date(2020, 5, 1), date(2020, 5, 31))) == (0, 0)
    assert parts(region, "overdue_loan_value") == (333, 333), "ten of a pack of ten at 333 are out"
    assert parts(region, "overdue_loan_value", Period(SPRING.starts, NOW.date())) == (0, 333), "not due yet"
