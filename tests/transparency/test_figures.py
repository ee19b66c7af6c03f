"""Figures are queries that anyone runs again; the fairness panel sees what went wrong in 2020."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.governance import operations as governance
from stockpile.governance.rules import Missing, OwnWork
from stockpile.settings import Settings
from stockpile.transparency import opendata
from stockpile.transparency.kpis import listing, operations, queries, rules
from stockpile.transparency.kpis.rules import Found, Kpi, Period
from stockpile.transparency.publishing.datasets import DATASETS
from stockpile.transparency.redaction import fairness
from stockpile.transparency.redaction import rules as redaction
from tests.allocation.surge_room import results
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.transparency.public_room import LATER, published

GOLDEN = Path(__file__).parents[2] / "fixtures" / "instances" / "sharing_rules.json"
WEEK = Period(date(2020, 3, 28), date(2020, 4, 5))


def test_the_panel_flags_the_final_push_of_2020_forty_to_one() -> None:
    case = json.loads(GOLDEN.read_text(encoding="utf-8"))["sns_final_push_2020"]
    sent = case["units_each"]
    shares = [fairness.Share(state, people, sent, sent) for state, people in case["pop_2010"].items()]
    panel = fairness.panel(shares)
    assert panel.alert
    assert {one.member: round(fairness.per_1000(one), 2) for one in shares} == {"VT": 193.21, "TX": 4.81}
    assert panel.ratio == Fraction(25145561, 625741)
    assert round(float(panel.ratio), 1) == 40.2
    assert (panel.most_per_head, panel.least_per_head) == (shares[0], shares[1])


def test_equal_shares_per_head_raise_no_alert_and_who_got_nothing_is_counted() -> None:
    panel = fairness.panel([fairness.Share("A", 100, 10, 5), fairness.Share("B", 200, 20, 10)])
    assert (panel.alert, panel.ratio, panel.nothing, panel.lowest_fill_permille) == (False, 1, 0, 500)
    left = fairness.panel([fairness.Share("A", 100, 10, 5), fairness.Share("B", 200, 20, 0)])
    assert (left.ratio, left.nothing, left.lowest_fill_permille) == (None, 1, 0)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"a": 4, "b": 9, "c": 30}, {"a": None, "b": None, "c": 30}),
        ({"a": 4, "b": 3, "c": 30}, {"a": None, "b": None, "c": 30}),
        ({"a": 0, "b": 9}, {"a": 0, "b": 9}),
        ({"a": 5}, {"a": 5}),
    ],
)
def test_small_counts_are_left_out_and_one_more_where_the_sum_would_tell(counts: Any, told: Any) -> None:
    assert redaction.few(counts, total_told=True) == told


def figure(engine: Engine, code: str, period: Period = WEEK) -> dict[str, Any]:
    with reading(engine) as session:
        return queries.figure(session, code, period)


def test_fill_rate_is_given_over_needed_item_by_item(region: Engine, cast: Cast) -> None:
    plan = published(region, cast)
    full = [row for row in results(region, plan).values() if row.reachable]
    found = figure(region, "fill_rate")
    assert (found["numerator"], found["denominator"]) == (sum(r.got for r in full), sum(r.validated for r in full))
    assert sum(row["given"] for row in found["rows"]) == found["numerator"]
    one = figure(region, "fill_rate", Period(WEEK.starts, WEEK.ends, member="NL-1", item="TAB"))
    mine = results(region, plan)["NL-1", "TAB"]
    assert (one["numerator"], one["denominator"]) == (mine.got, mine.validated)


def test_a_figure_of_another_period_or_level_is_empty(region: Engine, cast: Cast) -> None:
    published(region, cast)
    for period in (Period(date(2019, 1, 1), date(2019, 2, 1)), Period(WEEK.starts, WEEK.ends, level=4)):
        assert figure(region, "fill_rate", period)["value"] is None
    assert figure(region, "fill_rate", Period(WEEK.starts, WEEK.ends, level=2))["value"] is not None


def test_every_figure_runs_twice_alike_and_says_what_it_is_made_of(region: Engine, cast: Cast) -> None:
    published(region, cast)
    with reading(region) as one, reading(region) as other:
        for code, kpi in listing.BY_CODE.items():
            first, second = (queries.figure(session, code, WEEK) for session in (one, other))
            assert first == second, code
            assert first["numerator_is"], code
            assert first["denominator_is"], code
            if first["value"] is not None:
                assert rules.value(kpi, Found(first["numerator"], first["denominator"])) == first["value"], code


def test_known_figures_of_the_small_surge(region: Engine, cast: Cast) -> None:
    published(region, cast)
    for code in ("explanation_coverage", "fair_plans", "decided_48h"):
        assert figure(region, code)["value"] == 100.0, code
    assert figure(region, "override_rate")["value"] == 0.0
    assert figure(region, "request_to_decision")["value"] == 0.0


def test_a_figure_that_cannot_be_told_says_why(region: Engine) -> None:
    with reading(region) as session:
        with pytest.raises(queries.NoSuchFigure, match="there is no figure"):
            queries.kpi("happiness")
        rows = {row["kpi"]: row for row in queries.figures(session, at=NOW)}
    assert (rows["joint_share"]["value"], rows["joint_share"]["note"]) == (None, rules.UNKNOWN_OUTSIDE)
    assert (rows["sme_share"]["value"], rows["sme_share"]["note"]) == (None, rules.UNKNOWN_SIZE)
    assert set(rows) == {kpi.code for kpi in listing.KPIS}
    assert {kpi.code for kpi in listing.KPIS} == set(queries.FIGURES)


def test_percent_days_and_nothing() -> None:
    assert rules.value(Kpi("x", "", "", "", rules.DAYS), Found(9, 2)) == 4.5
    assert rules.value(Kpi("x", "", "", ""), Found(0, 0)) is None


def test_five_members_are_too_few_for_three_groups_of_peers(region: Engine, cast: Cast) -> None:
    published(region, cast)
    with reading(region) as session:
        assert queries.benchmark(session) == []


def test_the_interval_of_the_median_covers_it_with_95_per_cent() -> None:
    assert rules.median_interval(list(range(1, 21))) == (6, 15), "order statistics 6 and 15 of 20"
    assert rules.median_interval([1, 2, 3, 4, 5]) == (1, 5)


def remedy(engine: Engine, cast: Cast, **more: Any) -> Any:
    given = {"kpi": "fill_rate", "disparity": "half", "owner": "coordinator", "due": date(2020, 6, 1), "member": "NL-1"}
    return do(engine, operations.open_remedy, acting(cast["committee"], after_hours=LATER), **(given | more))


def test_a_disparity_becomes_an_action_with_an_owner_and_its_baseline(region: Engine, cast: Cast) -> None:
    published(region, cast)
    row = remedy(region, cast)
    with reading(region) as session:
        (told,) = queries.remedies(session)
    assert (told["owner"], told["state"], told["municipality"]) == ("coordinator", "open", "NL-1")
    assert told["before"]["value"] is not None
    closing = {"number": row.id, "outcome": "a lane was opened"}
    with pytest.raises(OwnWork):
        do(region, operations.close_remedy, acting(cast["committee"], after_hours=LATER), **closing)
    do(region, operations.close_remedy, acting(cast["auditor"], after_hours=LATER), **closing)
    with pytest.raises(operations.RemedyClosed):
        do(region, operations.close_remedy, acting(cast["auditor"], after_hours=LATER), **closing)


@pytest.mark.parametrize(
    ("more", "said"),
    [({"owner": "somebody"}, "owner: an office"), ({"due": date(2020, 3, 1)}, "due: a day to come")],
)
def test_an_action_without_an_office_or_a_day_to_come_is_refused(
    region: Engine, cast: Cast, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        remedy(region, cast, **more)
    with pytest.raises(Missing):
        do(
            region, operations.open_remedy, acting(cast["buyer"]),
            kpi="fill_rate", disparity="x", owner="buyer", due=date(2021, 1, 1),
        )  # fmt: skip


@pytest.fixture
def client(region: Engine, cast: Cast, tmp_path: Path) -> Iterator[TestClient]:
    """A visitor after a published surge, and an administrator who keeps contacts."""
    act = acting(governance.founder())
    given = {"name": "admin-1", "title": "a", "password": "pass-word-1", "grants": [Grant("administrator")]}
    do(region, governance.add_account, act, **given)
    published(region, cast)
    with TestClient(app.build(region, Settings(home=tmp_path), scheduled=False)) as made:
        yield made


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_every_table_is_valid_by_its_own_schema_and_the_csv_says_the_same(client: TestClient, name: str) -> None:
    schema = client.get(f"/public/data/{name}.schema.json").json()
    table = client.get(f"/public/data/{name}.json").json()
    Draft202012Validator.check_schema(schema)
    assert [error.message for error in Draft202012Validator(schema).iter_errors(table)] == []
    lines = client.get(f"/public/data/{name}.csv").text.splitlines()
    assert lines[0] == ",".join(column.name for column in DATASETS[name].columns)
    assert len(lines) == len(table["rows"]) + 1


def test_a_cell_that_a_spreadsheet_would_run_is_marked_as_text() -> None:
    one = opendata.Dataset("x", "", "", "", (opendata.Column("a", "string", ""), opendata.Column("b", "integer", "")))
    assert opendata.as_csv(one, [{"a": "=1+1", "b": -5}]).splitlines()[1] == "'=1+1,-5"


@pytest.mark.parametrize(
    ("query", "status"),
    [("starts=2020-03-28&ends=2020-04-05", 200), ("starts=soon", 422), ("level=9", 422), ("member=XX", 404),
     ("starts=2020-05-01&ends=2020-04-01", 422), ("colour=red", 422), ("item=TAB&member=NL-1&level=", 200)],
)  # fmt: skip
def test_a_figure_is_run_again_over_http_for_any_period(client: TestClient, query: str, status: int) -> None:
    assert client.get(f"/public/kpis/fill_rate.json?{query}").status_code == status
    assert client.get(f"/public/kpis/fill_rate?{query}").status_code == status


@pytest.mark.parametrize("code", ["days_of_cover", "near_expiry_share", "stock_out_rate"])
def test_stock_of_a_single_item_or_municipality_is_no_public_figure(client: TestClient, code: str) -> None:
    assert client.get(f"/public/kpis/{code}.json").status_code == 200
    assert client.get(f"/public/kpis/{code}.json?item=TAB").status_code == 422
    assert client.get(f"/public/kpis/{code}.json?member=NL-1").status_code == 422


def test_contacts_are_kept_outside_the_journal_and_erased_on_request(client: TestClient, region: Engine) -> None:
    auth, body = ("admin-1", "pass-word-1"), {"subject": "member:NL-1", "name": "Duty desk", "phone": "112233"}
    made = client.post("/api/v1/contacts", json=body, auth=auth)
    assert made.status_code == 201
    assert "Duty desk" not in made.text
    assert client.get("/api/v1/contacts", auth=auth).json()[0]["phone"] == "112233"
    number = made.json()["contact"]
    assert client.post(f"/api/v1/contacts/{number}/erasure", json={"why": "left"}, auth=auth).status_code == 200
    assert client.get("/api/v1/contacts", auth=auth).json() == []
    assert client.post("/api/v1/contacts", json=body | {"patient": "x"}, auth=auth).status_code == 422
    assert client.get("/public/data/decisions.json").text.count("Duty desk") == 0


def test_the_published_files_are_served_byte_for_byte_with_their_hashes(client: TestClient) -> None:
    (row,) = client.get("/public/data/publications.json").json()["rows"]
    for kind in ("problem", "plan"):
        content = client.get(row[f"{kind}_file"]).content
        assert hashlib.sha256(content).hexdigest() == row[f"{kind}_sha256"]
    assert row["fair"] is True
    assert NOW + timedelta(hours=LATER) > NOW
