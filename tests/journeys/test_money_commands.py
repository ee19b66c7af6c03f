"""Settlement, storage rates, baselines and remedial actions at the command line, by the API's own routes."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from stockpile.actor import Grant
from stockpile.cli import app
from stockpile.governance import operations as governance
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.settlement.test_recorded_costs import carried, delivered
from tests.transparency.public_room import set_clock

PASSWORD = "a bookkeeper's long password"
APRIL = ("--starts", "2020-03-30T00:00:00Z", "--ends", "2020-04-29T00:00:00Z")
BEFORE = ("--starts", "2019-01-01", "--ends", "2019-12-31")
pytestmark = ON_SQLITE


@pytest.fixture
def till(region: Engine, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts named for their roles, beside those of the cast; the clock shows a month later."""
    for role in ("buyer", "coordinator", "committee", "auditor"):
        given = {"name": f"my-{role}", "title": role, "password": PASSWORD, "grants": [Grant(role)]}
        do(region, governance.add_account, acting(governance.founder()), **given)
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    monkeypatch.setenv("STOCKPILE_PASSWORD", PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")


def typed(role: str, *words: str) -> Result:
    """What comes of a command of somebody."""
    return CliRunner().invoke(app, [words[0], "--account", f"my-{role}", *words[1:]])


def does(role: str, *words: str) -> str:
    """What a command prints that must succeed."""
    ran = typed(role, *words)
    assert ran.exit_code == 0, ran.output
    return ran.stdout


def refused(role: str, *words: str) -> str:
    """Why a command is refused."""
    ran = typed(role, *words)
    assert ran.exit_code == 1, ran.output
    return ran.stderr


@pytest.mark.usefixtures("till")
def test_a_period_is_opened_booked_from_the_records_divided_and_closed_by_two_people(
    region: Engine, cast: Cast
) -> None:
    delivered(region, cast)
    carried(region, cast)
    set_clock(region, hours=24 * 31)
    rate = ("settle", "rate", "D-DE", "cold", "1000000", "--from", "2020-03-01", "--source", "assumed")
    assert "may not figure.set" in refused("buyer", *rate)
    assert "source: assumed" in does("committee", *rate)
    assert does("auditor", "settle", "rates").splitlines()[1].split()[:4] == ["D-DE", "cold", "2020-03-01", "1000000"]
    assert "state: open" in does("buyer", "settle", "open", "April", *APRIL)
    assert "booked: 3" in does("buyer", "settle", "book-recorded", "1")
    assert "booked: 0" in does("buyer", "settle", "book-recorded", "1")
    van = ("--kind", "other", "--at", "2020-04-02T00:00:00Z", "--paid-by", "NL-1", "--reference", "bill 7")
    assert "amount_minor: 1001" in does("buyer", "settle", "book", "1", "1001", *van, "--reason", "a van")
    assert "below it only" in refused("buyer", "settle", "book", "1", "-5", *van, "--reason", "wrong")
    assert "state: calculated" in does("buyer", "settle", "calculate", "1")
    assert "may not settlement.close" in refused("buyer", "settle", "close", "1", "--reason", "done")
    assert "state: closed" in does("committee", "settle", "close", "1", "--reason", "agreed")
    shown = json.loads(does("auditor", "settle", "--json", "show", "1"))
    assert sum(shown["nets"].values()) == 0
    assert {one["kind"] for one in shown["costs"]} == {"purchase", "transport", "storage", "other"}
    told = does("auditor", "settle", "statement", "1", "NL-1")
    assert "paid_minor: 1001" in told
    assert "what was sent, at the price of its way" in told


@pytest.mark.usefixtures("till")
def test_baselines_are_noted_with_their_source_and_stand_beside_what_is_now(region: Engine) -> None:
    noted = ("figures", "baseline", "fill_rate", "6", "10", *BEFORE, "--source")
    assert "baseline: 1" in does("auditor", *noted, "yearbook, page 7")
    assert "may not baseline.set" in refused("buyer", *noted, "yearbook")
    assert "a baseline is kept of" in refused(
        "auditor", "figures", "baseline", "hhi", "1", "2", *BEFORE, "--source", "x"
    )
    told = does("buyer", "figures", "headlines")
    assert [line.split()[0] for line in told.splitlines()[1:4]] == ["cycle_time", "lcc", "fill_rate"]
    assert "yearbook, page 7" in told


@pytest.mark.usefixtures("till")
def test_a_remedial_action_is_opened_and_closed_by_another(region: Engine) -> None:
    opened = ("figures", "remedy", "fill_rate", "NL-1 gets less", "--owner", "logistics", "--due", "2020-05-01")
    assert "remedy: 1" in does("auditor", *opened)
    assert "NL-1 gets less" in does("buyer", "figures", "remedies")
    assert "another person" in refused("auditor", "figures", "close", "1", "mended")
    assert "state: closed" in does("committee", "figures", "close", "1", "mended")
