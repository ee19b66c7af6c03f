"""Maintenance windows shape what is ordered, and when."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from stockpile.errors import NotFound
from stockpile.governance.rules import Missing
from stockpile.reorder.maintenance import operations
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.reorder.buying import standing

WINDOW: dict[str, Any] = {
    "item": "PUMP",
    "site": "H-BE",
    "equipment": "ventilation, ward 3",
    "reason": "yearly service",
}


def short(engine: Engine, on: date) -> int:
    """Base units of pump seals that must lie there whatever comes, as tonight's order sees it."""
    case = standing(engine, at=NOW + timedelta(days=(on - NOW.date()).days))
    return case.articles["PUMP"].position.floor


def planned(engine: Engine, cast: Cast, *, starts: date, units: int = 500) -> int:
    given = {**WINDOW, "starts": starts, "ends": starts + timedelta(days=2), "units": units}
    return do(engine, operations.plan, acting(cast["logistics"]), **given).id or 0


def test_the_parts_of_a_window_are_ordered_once_a_later_order_would_come_too_late(region: Engine, cast: Cast) -> None:
    today = NOW.date()
    usual = short(region, today)
    planned(region, cast, starts=today + timedelta(days=75))
    assert short(region, today) == usual
    assert short(region, today + timedelta(days=60)) == usual + 500


def test_a_window_that_is_called_off_or_over_needs_nothing(region: Engine, cast: Cast) -> None:
    today = NOW.date()
    before = short(region, today), short(region, today + timedelta(days=20))
    number = planned(region, cast, starts=today + timedelta(days=5))
    assert short(region, today) == before[0] + 500
    assert short(region, today + timedelta(days=20)) == before[1]
    do(region, operations.call_off, acting(cast["logistics"]), number=number, reason="the ward moves")
    assert short(region, today) == before[0]
    with pytest.raises(operations.WindowState, match="called_off"):
        do(region, operations.call_off, acting(cast["logistics"]), number=number, reason="again")


def test_medicines_have_no_maintenance_and_strangers_plan_none(region: Engine, cast: Cast) -> None:
    given = {**WINDOW, "starts": NOW.date(), "ends": NOW.date(), "units": 1}
    with pytest.raises(operations.NoPart, match="TAB is no spare part"):
        do(region, operations.plan, acting(cast["logistics"]), **given | {"item": "TAB"})
    with pytest.raises(Missing):
        do(region, operations.plan, acting(cast["auditor"]), **given)
    with pytest.raises(NotFound):
        do(region, operations.plan, acting(cast["logistics"]), **given | {"site": "NO"})
    with pytest.raises(operations.Invalid, match="starts today"):
        do(region, operations.plan, acting(cast["logistics"]), **given | {"starts": NOW.date() - timedelta(days=1)})
