"""What was promised of buying and storing together, before and after: each figure beside what members told."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app, journal
from stockpile.actor import Act, Grant
from stockpile.contracts.procurement import awarding
from stockpile.db import reading
from stockpile.governance import operations as governance
from stockpile.governance.rules import Missing
from stockpile.inventory import operations as stock
from stockpile.inventory import transfers
from stockpile.settings import Settings
from stockpile.settlement import operations as settlement
from stockpile.settlement.rules import Mix
from stockpile.transparency.kpis import operations, queries
from stockpile.transparency.kpis.rules import Period
from tests.conftest import NOW, Cast, acting
from tests.contracts.tendering import OPEN, at, notified
from tests.inventory.stockroom import do, send_out
from tests.transparency.public_room import published

WEEK = Period(date(2020, 3, 28), date(2020, 4, 5))
LAST_YEAR = {"starts": date(2019, 1, 1), "ends": date(2019, 12, 31)}


def note(engine: Engine, act: Act, **more: Any) -> Any:
    """A baseline of the fill rate: six of ten."""
    plain: dict[str, Any] = {"kpi": "fill_rate", "numerator": 6, "denominator": 10, "source": "yearbook, page 7"}
    return do(engine, operations.set_baseline, act, **(plain | LAST_YEAR | more))


def compared(engine: Engine) -> dict[str, dict[str, Any]]:
    """The headline figures."""
    with reading(engine) as session:
        return {row["kpi"]: row for row in queries.before_and_after(session, at=NOW)}


def test_without_a_baseline_there_is_nothing_to_compare(region: Engine, cast: Cast) -> None:
    published(region, cast)
    found = compared(region)
    assert list(found) == ["cycle_time", "lcc", "fill_rate"]
    assert (found["fill_rate"]["before"], found["fill_rate"]["kept"], found["fill_rate"]["told_by"]) == (None, None, 0)
    assert found["fill_rate"]["after"] is not None


def test_what_members_tell_is_added_up_and_the_newest_note_of_each_counts(region: Engine, cast: Cast) -> None:
    published(region, cast)
    act = acting(cast["auditor"])
    note(region, act, member="NL-1", numerator=1)
    note(region, act, member="NL-1", numerator=3)
    note(region, act, member="BE-1", numerator=30, denominator=90)
    row = compared(region)["fill_rate"]
    assert (row["before_numerator"], row["before_denominator"], row["told_by"]) == (33, 100, 2)
    assert row["before"] == 33.0
    assert row["change_percent"] == round((row["after"] - 33) * 100 / 33, 1)
    assert row["kept"] == (row["after"] > 33)


def test_one_note_of_the_whole_region_stands_for_all(region: Engine, cast: Cast) -> None:
    published(region, cast)
    note(region, acting(cast["auditor"]), member="NL-1")
    note(region, acting(cast["auditor"]), numerator=1, denominator=100)
    row = compared(region)["fill_rate"]
    assert (row["before"], row["told_by"], row["kept"]) == (1.0, None, True)


def test_the_time_from_need_to_contract_is_that_of_tenders_signed(region: Engine, cast: Cast) -> None:
    number = notified(region, cast)
    later = OPEN + timedelta(days=90)
    do(region, awarding.award, at(cast["committee"], later), number=number)
    do(region, awarding.sign, at(cast["committee"], later), number=number, supplier="SUP-2")
    with reading(region) as session:
        found = queries.figure(session, "cycle_time", Period(later.date(), later.date()))
        before_it = queries.figure(session, "cycle_time", Period(NOW.date(), NOW.date()))
    assert (found["value"], found["denominator"]) == ((later - NOW).days, 1)
    assert before_it["value"] is None


def test_a_pack_costs_over_its_life_what_was_settled_for_it(region: Engine, cast: Cast) -> None:
    """EUR 12 and 8 for four packs that were used are EUR 5 a pack; what was lent or is of another kind is no part."""
    use_tablets(region, cast, quantity=40)
    span = {"starts_at": NOW - timedelta(days=30), "ends_at": NOW + timedelta(days=1), "name": "March 2020"}
    mix = Mix(0, 0, 0)
    period = do(region, settlement.open_period, acting(cast["coordinator"]), cost_key="population", mix=mix, **span).id
    said = {"incurred_at": NOW, "paid_by": "NL-1", "reference": "invoice 7", "reason": "as invoiced"}
    for kind, amount in (("purchase", 1200), ("transport", 800), ("other", 9999)):
        do(region, settlement.book, acting(cast["buyer"]), period=period, kind=kind, amount_minor=amount, **said)
    with reading(region) as session:
        found = queries.figure(session, "lcc", WEEK)
        of_one = queries.figure(session, "lcc", Period(WEEK.starts, WEEK.ends, member="NL-1"))
        year = queries.figure(session, "lcc_discounted", Period(date(2019, 3, 31), date(2020, 3, 30)))
    assert (found["numerator"], found["denominator"], found["value"]) == (2000, 4, 500.0)
    assert of_one["value"] is None, "costs are not booked by member"
    assert (year["numerator"], year["denominator"], year["value"]) == (11537.5, 4, 2884.375), "119.99 / 1.04, all kinds"
    assert [row["minor"] for row in year["rows"]] == [9614, 1154, 769], "other, purchase, transport"


def use_tablets(engine: Engine, cast: Cast, *, quantity: int) -> None:
    """Tablets go to the hospital of Vaals, and are used there."""
    logistics = acting(cast["logistics"])
    made = send_out(engine, logistics, lot="T-NEW", quantity=quantity)
    do(engine, transfers.dispatch, logistics, numbers=[made.id])
    do(engine, transfers.receive_whole, logistics, numbers=[made.id])
    do(engine, stock.issue, logistics, site="H-NL", uses=[stock.Use("NL-1", "TAB", quantity)], key="used")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"kpi": "hhi"}, "kpi: a baseline is kept of cycle_time, lcc, fill_rate"),
        ({"ends": date(2020, 3, 30)}, "ends: a baseline is of a time that is over"),
        ({"starts": date(2020, 1, 1)}, "ends: a baseline is of a time that is over"),
        ({"denominator": 0}, "denominator: above zero"),
        ({"source": " "}, "source: say where these numbers are written"),
        ({"member": "XX-9"}, "XX-9"),
    ],
)
def test_a_baseline_that_makes_no_sense_is_refused(region: Engine, cast: Cast, more: dict[str, Any], said: str) -> None:
    with pytest.raises(Exception, match=said):
        note(region, acting(cast["auditor"]), **more)
    assert compared(region)["fill_rate"]["told_by"] == 0


def test_a_baseline_is_in_the_journal_and_noted_by_those_who_may(region: Engine, cast: Cast) -> None:
    with pytest.raises(Missing):
        note(region, acting(cast["buyer"]))
    note(region, acting(cast["auditor"]))
    with reading(region) as session:
        (entry,) = journal.entries(session, action="baseline.set")
    assert (entry.subject, entry.reason) == ("kpi:fill_rate", "yearbook, page 7")
    assert json.loads(entry.payload)["denominator"] == 10


def test_from_outside_the_public_reads_the_comparison_and_staff_its_sources(
    region: Engine, cast: Cast, tmp_path: Path
) -> None:
    published(region, cast)
    given: dict[str, Any] = {"name": "books", "title": "Audit", "password": "pass-word-1", "grants": [Grant("auditor")]}
    do(region, governance.add_account, acting(governance.founder()), **given)
    body = {"kpi": "fill_rate", "starts": "2019-01-01", "ends": "2019-12-31", "numerator": 6, "denominator": 10}
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False), raise_server_exceptions=False) as one:
        bare = one.post("/api/v1/baselines", json=body, auth=("books", "pass-word-1"))
        assert bare.status_code == 422
        made = one.post("/api/v1/baselines", json={**body, "source": "yearbook"}, auth=("books", "pass-word-1"))
        assert made.status_code == 201, made.text
        staff = one.get("/api/v1/headlines", auth=("books", "pass-word-1")).json()
        assert [row["source"] for row in staff["sources"]] == ["yearbook"]
        assert one.get("/api/v1/headlines").status_code == 401
        told = one.get("/public/data/before-and-after.json").json()["rows"]
        page = one.get("/public/data/before-and-after")
    row = next(row for row in told if row["kpi"] == "fill_rate")
    assert (row["before"], row["before_numerator"], row["before_denominator"]) == (60.0, 6, 10)
    assert "source" not in row
    assert page.status_code == 200
    assert "a more reliable service" in page.text
