"""What storing and options cost: derived from what stood where and from what was ordered, and borne by its owner."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.contracts import operations as orders
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.operations import LineDraft, Manner
from stockpile.contracts.terms import operations as terms
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance import operations as governance
from stockpile.governance.rules import Missing
from stockpile.inventory import transfers
from stockpile.inventory.ownership import operations as owners
from stockpile.settings import Settings
from stockpile.settlement import deriving, operations, queries
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import account, do, send_out
from tests.settlement.test_recorded_costs import booked, opened

MONTH = {"starts_at": NOW, "ends_at": NOW + timedelta(days=30), "name": "thirty nights"}
EURO_A_LITRE = 100 * 1000 * 1000
"""Thousandths of a cent for a cubic metre and day, where a litre costs a euro a day."""
OVER = 24 * 31


def rate(engine: Engine, cast: Cast, *, by: str = "committee", **more: Any) -> None:
    """What storing on the shelf costs at Aachen from the end of March on."""
    plain: dict[str, Any] = {"site": "D-DE", "storage_class": "ambient", "effective_from": date(2020, 3, 30)}
    plain |= {"milli_per_m3_day": EURO_A_LITRE, "source": "assumed for the test"}
    do(engine, deriving.set_rate, acting(cast[by]), **(plain | more))


def stored(engine: Engine, cast: Cast, period: int, *, after_hours: float = OVER) -> dict[str, int]:
    """What booking the records adds for storage, by reference without the period."""
    rows = booked(engine, cast, period, after_hours=after_hours)
    return {row[1].partition("/")[2]: row[2] for row in rows if row[0] == "storage"}


def test_what_stood_there_each_night_costs_its_volume_at_the_rate_and_is_borne_by_all(
    region: Engine, cast: Cast
) -> None:
    """At Aachen stand 300 tablets (3 l) and 10 seals (2.5 l) for thirty nights; cold vials have no rate there."""
    rate(region, cast)
    period = opened(region, cast, **MONTH)
    assert stored(region, cast, period, after_hours=24) == {}, "the period is not over"
    assert stored(region, cast, period) == {"D-DE/ambient/pool": 30 * 550}
    assert stored(region, cast, period) == {}, "once"
    do(region, operations.calculate, acting(cast["buyer"], after_hours=OVER), number=period)
    with reading(region) as session:
        charges = queries.charges(session, period)
    assert sum(one.amount_minor for one in charges) == 30 * 550
    assert len(charges) == 5


def test_a_period_from_midnight_to_midnight_has_its_last_night(region: Engine, cast: Cast) -> None:
    rate(region, cast)
    night = NOW.replace(hour=22)
    week = {"starts_at": night, "ends_at": night + timedelta(days=7), "name": "seven nights"}
    assert stored(region, cast, opened(region, cast, **week)) == {"D-DE/ambient/pool": 7 * 550}


def test_what_left_on_a_day_costs_nothing_from_that_night_on_and_what_is_on_its_way_stands_nowhere(
    region: Engine, cast: Cast
) -> None:
    rate(region, cast)
    logistics = acting(cast["logistics"], after_hours=24 * 10)
    sent = send_out(region, logistics, lot="T-NEW", quantity=100)
    do(region, transfers.dispatch, logistics, numbers=[sent.id])
    assert stored(region, cast, opened(region, cast, **MONTH)) == {"D-DE/ambient/pool": 10 * 550 + 20 * 450}


def test_a_member_bears_what_its_own_stock_costs_and_the_parts_add_up_to_the_cent(region: Engine, cast: Cast) -> None:
    rate(region, cast, milli_per_m3_day=EURO_A_LITRE // 7)
    given = {"to_owner": "BE-1", "quantity": 110, "price_minor": 0, "reason": "its own reserve"}
    where = account(region, "T-NEW", "D-DE")
    made = do(region, owners.propose, acting(cast["logistics"]), account=where, **given)
    do(region, owners.confirm, acting(cast["committee"]), number=made.id)
    period = opened(region, cast, **MONTH)
    parts = stored(region, cast, period)
    own, pooled = 30 * 110 / 7, 30 * (190 + 250) / 7
    assert parts == {"D-DE/ambient/BE-1": round(own), "D-DE/ambient/pool": round(pooled)}
    do(region, operations.calculate, acting(cast["buyer"], after_hours=OVER), number=period)
    with reading(region) as session:
        charges = queries.charges(session, period)
        alone = [one for one in queries.events(session, period) if one.borne_by]
    assert sum(one.amount_minor for one in charges) == sum(parts.values())
    assert [(one.borne_by, one.amount_minor) for one in alone] == [("BE-1", round(own))]


def test_a_new_rate_counts_from_its_day_and_one_for_days_past_books_the_difference(region: Engine, cast: Cast) -> None:
    rate(region, cast)
    rate(region, cast, effective_from=date(2020, 4, 9), milli_per_m3_day=2 * EURO_A_LITRE)
    period = opened(region, cast, **MONTH)
    assert stored(region, cast, period) == {"D-DE/ambient/pool": 10 * 550 + 20 * 1100}
    rate(region, cast, effective_from=date(2020, 4, 9), milli_per_m3_day=0, source="the host waived it")
    assert stored(region, cast, period) == {"D-DE/ambient/pool": -20 * 1100}
    with reading(region) as session:
        first, second = queries.events(session, period)
    assert second.corrects == first.id


def test_a_rate_without_a_source_a_class_or_a_site_is_refused_and_so_is_who_may_not(region: Engine, cast: Cast) -> None:
    for wrong in ({"source": " "}, {"storage_class": "cellar"}, {"milli_per_m3_day": -1}):
        with pytest.raises(Invalid):
            rate(region, cast, **wrong)
    with pytest.raises(Missing):
        rate(region, cast, by="buyer")


def optioned(engine: Engine, cast: Cast, slot: str, **more: Any) -> int:
    """An order of 20 packs by option, approved: its fee is fifty euros."""
    manner = Manner(kind="option", fee_minor=5000)
    lines = [LineDraft("TAB", 20, 10, 600, "missing")]
    given = {"contract": "UC-1", "slot": slot, "deliver_to": "D-BE", "lines": lines, "manner": manner, **more}
    number = do(engine, orders.propose, acting(cast["buyer"]), **given).id or 0
    do(engine, orders.approve, acting(cast["committee"]), number=number)
    return number


def test_an_option_costs_its_fee_once_an_order_exercises_it_and_nothing_if_the_order_is_cancelled(
    region: Engine, cast: Cast
) -> None:
    window = {"opens": NOW.date(), "closes": NOW.date() + timedelta(days=9)}
    bought: dict[str, Any] = {"quantity": 600, "days": 3, "price_permille": 1200, "fee_minor": 5000}
    do(region, terms.add_option, acting(cast["buyer"]), contract="UC-1", item="TAB", **bought, **window)
    period = opened(region, cast, **MONTH)
    assert booked(region, cast, period) == [], "an option that nobody exercised costs nothing"
    kept, dropped = optioned(region, cast, "one"), optioned(region, cast, "two")
    fees = [("option", f"option:{number}", 5000, "", None) for number in (kept, dropped)]
    assert booked(region, cast, period) == fees
    do(region, steps.cancel, acting(cast["committee"], after_hours=1), number=dropped, reason="not needed after all")
    ((_, reference, amount, _, corrects),) = booked(region, cast, period)
    assert (reference, amount, corrects) == (f"option:{dropped}", -5000, 2)
    do(region, operations.calculate, acting(cast["buyer"], after_hours=OVER), number=period)
    with reading(region) as session:
        assert sum(one.amount_minor for one in queries.charges(session, period)) == 5000


def test_over_http_the_committee_sets_rates_and_everybody_reads_them(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    for name, role in (("chair", "committee"), ("purse", "buyer")):
        given: dict[str, Any] = {"title": name, "password": "pass-word-1", "grants": [Grant(role)]}
        do(region, governance.add_account, acting(governance.founder()), name=name, **given)
    body = {"site": "D-DE", "storage_class": "cold", "effective_from": "2020-04-01", "milli_per_m3_day": 900}
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.auth = ("purse", "pass-word-1")
        assert client.post("/api/v1/storage-rates", json={**body, "source": "tariff"}).status_code == 403
        client.auth = ("chair", "pass-word-1")
        assert client.post("/api/v1/storage-rates", json=body).status_code == 422, "no source"
        assert client.post("/api/v1/storage-rates", json={**body, "source": "tariff"}).status_code == 201
        assert client.post("/api/v1/storage-rates", json={**body, "source": "t", "site": "X"}).status_code == 404
        rows = client.get("/api/v1/storage-rates").json()
    assert [(one["site_code"], one["milli_per_m3_day"], one["source"]) for one in rows] == [("D-DE", 900, "tariff")]
