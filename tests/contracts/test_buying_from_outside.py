"""Buying over HTTP and at the command line: what buyers, the committee and suppliers see, and hostile bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.cli import app
from stockpile.errors import Invalid
from stockpile.governance import operations as governance
from stockpile.settings import Settings
from tests.conftest import acting
from tests.inventory.stockroom import ON_SQLITE, do
from tests.journeys.test_http_journey import PASSWORD, People

pytestmark = ON_SQLITE
GRANTS = {
    "buyer": Grant("buyer"),
    "buyer2": Grant("buyer"),
    "committee": Grant("committee"),
    "logistics": Grant("logistics"),
    "one": Grant("supplier", member="SUP-1"),
    "two": Grant("supplier", member="SUP-2"),
}


@pytest.fixture
def signed(region: Engine) -> Engine:
    """The small region with an account per person of GRANTS."""
    for name, grant in GRANTS.items():
        given = {"name": name, "title": name, "password": PASSWORD, "grants": [grant]}
        do(region, governance.add_account, acting(governance.founder()), **given)
    return region


@pytest.fixture
def people(signed: Engine) -> Iterator[People]:
    """The region served."""
    with TestClient(build(signed, Settings(), scheduled=False), raise_server_exceptions=False) as client:
        yield People(client)


ORDER: dict[str, Any] = {
    "contract": "UC-1",
    "slot": "by hand",
    "deliver_to": "D-BE",
    "lines": [{"item": "TAB", "packs": 20, "reason": "the shelf is empty"}],
}


def test_an_order_is_sent_answered_by_its_supplier_delivered_invoiced_and_paid(people: People) -> None:
    placed = people.post("buyer", "/calloffs", ORDER, key="k1")
    assert placed.status_code == 201, placed.text
    assert people.post("buyer", "/calloffs", ORDER, key="k1").json() == placed.json()
    number = placed.json()["id"]
    assert people.post("buyer", f"/calloffs/{number}/approve").status_code == 409
    assert people.post("committee", f"/calloffs/{number}/approve").json()["state"] == "approved"
    assert people.post("buyer", f"/calloffs/{number}/send").json()["state"] == "sent"
    assert people.get("one", "/suppliers/SUP-1/calloffs")[0]["id"] == number
    assert people.post("two", f"/calloffs/{number}/acknowledge").status_code == 403
    assert people.post("one", f"/calloffs/{number}/acknowledge").json()["state"] == "acknowledged"
    when = {"comes_at": "2020-04-06T08:00:00Z"}
    assert people.post("one", f"/calloffs/{number}/confirm", when).json()["state"] == "confirmed"
    line = people.get("buyer", f"/calloffs/{number}")["lines"][0]["id"]
    came = {"item": "TAB", "lot": "N1", "expiry": "2022-01-01", "quantity": 200, "calloff_line": line}
    assert people.post("logistics", "/receipts", {"site": "D-BE", "lines": [came]}).status_code == 201
    assert people.post("logistics", f"/calloffs/{number}/accept", {}).json()["state"] == "accepted"
    asked = {"reference": "I-1", "lines": [{"line": line, "quantity": 200, "amount_minor": 10_000}]}
    bill = people.post("buyer", f"/calloffs/{number}/invoices", asked).json()
    assert bill["findings"] == ""
    assert people.post("buyer2", f"/invoices/{bill['id']}/approve", {}).json()["state"] == "approved"
    too_much = people.post("committee", f"/invoices/{bill['id']}/pay", {"amount_minor": 10_001})
    assert (too_much.status_code, too_much.json()["facts"]["clause"]) == (409, "O2")
    assert people.post("committee", f"/invoices/{bill['id']}/pay", {"amount_minor": 10_000}).json()["state"] == "paid"
    history = people.get("buyer", f"/calloffs/{number}/history")
    assert [row["quantity"] for row in history["deliveries"]] == [200]
    assert people.get("buyer", f"/calloffs/{number}/invoices")["owed_minor"] == 0


@pytest.mark.parametrize(
    "path",
    [
        "/contracts",
        "/calloffs",
        "/contracts/UC-1/terms",
        "/stock",
        "/suppliers/SUP-2/scorecard",
        "/suppliers/SUP-2/damages",
    ],
)
def test_a_supplier_sees_nothing_of_the_region_and_of_its_rivals(people: People, path: str) -> None:
    answer = people.client.get(f"/api/v1{path}", auth=("one", PASSWORD))
    assert answer.status_code == 403, answer.text


def test_a_supplier_sees_its_own_scorecard_and_lead_times(people: People) -> None:
    assert people.get("one", "/suppliers/SUP-1/scorecard")["lines_due"] == 0
    assert people.get("one", "/suppliers/SUP-1/lead-times")["lead_time"] is None
    assert people.get("one", "/suppliers/SUP-1/damages") == []


def test_an_account_of_a_supplier_names_its_supplier(region: Engine) -> None:
    given = {"name": "any", "title": "any", "password": PASSWORD, "grants": [Grant("supplier")]}
    with pytest.raises(Invalid, match="for one supplier"):
        do(region, governance.add_account, acting(governance.founder()), **given)


def test_terms_are_read_amended_and_adopted_over_http(people: People) -> None:
    body = {
        "effective_from": "2020-03-30",
        "rationale": "the market moved",
        "terms": {"lead_time_days": 5, "order_weekdays": "12345"},
        "prices": [{"item": "TAB", "from_packs": 1, "pack_price_minor": 510}],
    }
    made = people.post("buyer", "/contracts/UC-1/amendments", body)
    assert made.status_code == 201, made.text
    decision = {"adopt": True, "reason": "agreed"}
    path = f"/contracts/UC-1/amendments/{made.json()['version']}/decision"
    assert people.post("buyer", path, decision).status_code == 403
    assert people.post("committee", path, decision).status_code == 200
    found = people.get("logistics", "/contracts/UC-1/terms")
    assert (found["version"], found["terms"]["lead_time_days"], found["state"]) == (2, 5, "active")
    assert {"item": "TAB", "from_packs": 1, "pack_price_minor": 510} in found["prices"]
    assert people.get("logistics", "/contracts/UC-1/terms?on=2020-03-29")["version"] == 1


LOT = {"lot": "A", "title": "t", "maximum_minor": 1, "items": ["TAB"]}
OPTION = {"quantity": 1, "days": 1, "price_permille": 1000, "opens": "2020-04-02", "closes": "2020-04-01"}
AMEND = {"effective_from": "2020-04-01", "rationale": "r"}
HOSTILE: dict[str, tuple[str, Any]] = {
    "a field too many": ("/calloffs", ORDER | {"price": 1}),
    "no lines": ("/calloffs", ORDER | {"lines": []}),
    "packs as text": ("/calloffs", ORDER | {"lines": [{"item": "TAB", "packs": "20", "reason": "r"}]}),
    "packs below zero": ("/calloffs", ORDER | {"lines": [{"item": "TAB", "packs": -20, "reason": "r"}]}),
    "packs beyond counting": ("/calloffs", ORDER | {"lines": [{"item": "TAB", "packs": 10**13, "reason": "r"}]}),
    "an item twice": ("/calloffs", ORDER | {"lines": ORDER["lines"] * 2}),
    "an unknown item": ("/calloffs", ORDER | {"lines": [{"item": "NO", "packs": 20, "reason": "r"}]}),
    "an unknown site": ("/calloffs", ORDER | {"deliver_to": "NO"}),
    "an unknown contract": ("/calloffs", ORDER | {"contract": "NO"}),
    "an unknown member": ("/calloffs", ORDER | {"member": "NO"}),
    "an unknown lot item": ("/contracts/UC-1/lots", LOT | {"items": ["NO"]}),
    "an item twice in a lot": ("/contracts/UC-1/lots", LOT | {"items": ["TAB", "TAB"]}),
    "a lot of an unknown contract": ("/contracts/NO/lots", LOT),
    "shares of an unknown lot": ("/contracts/UC-1/lots/NO/members", {"shares": {"BE-1": 1}}),
    "a window that ends before it opens": ("/contracts/UC-1/items/TAB/option", OPTION),
    "an option on an unknown item": ("/contracts/UC-1/items/NO/option", OPTION),
    "an amendment of yesterday": ("/contracts/UC-1/amendments", AMEND | {"effective_from": "2020-03-29"}),
    "an empty term": ("/contracts/UC-1/amendments", AMEND | {"terms": {"ends": None}}),
    "a tier twice": (
        "/contracts/UC-1/amendments",
        AMEND | {"prices": [{"item": "TAB", "from_packs": 1, "pack_price_minor": 500}] * 2},
    ),
    "no first tier": (
        "/contracts/UC-1/amendments",
        AMEND | {"prices": [{"item": "TAB", "from_packs": 9, "pack_price_minor": 500}]},
    ),
    "a shortage of an unknown item": (
        "/shortages",
        {"item": "NO", "units": 1, "deliver_to": "D-BE", "slot": "s", "reason": "r"},
    ),
    "a day that is none": ("/indices/PPI/values", {"published_on": "2020-02-30", "value_milli": 1, "source": "s"}),
    "an unknown step": ("/contracts/UC-1/step", {"to": "eternal", "reason": "r"}),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_body_is_refused_in_words(people: People, name: str) -> None:
    path, body = HOSTILE[name]
    answer = people.post("buyer", path, body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["detail"]


def typed(address: str, monkeypatch: pytest.MonkeyPatch, account: str, *words: str) -> Result:
    """What the command line answers somebody."""
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    monkeypatch.setenv("STOCKPILE_PASSWORD", PASSWORD)
    return CliRunner().invoke(app, [words[0], "--account", account, *words[1:]])


def test_the_command_line_shows_a_contract_and_turns_an_order_down(
    signed: Engine, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = typed(address, monkeypatch, "buyer", "contract", "show", "UC-1")
    assert shown.exit_code == 0, shown.output
    assert "lead_time_days: 7" in shown.stdout
    words = ("calloff", "propose", "UC-1", "--slot", "s", "--deliver-to", "D-BE", "--line", "TAB,21,empty")
    refused = typed(address, monkeypatch, "buyer", *words)
    assert (refused.exit_code, "clause pack multiple" in refused.stderr) == (1, True)
    placed = typed(address, monkeypatch, "buyer", *words[:-1], "TAB,20,empty")
    assert placed.exit_code == 0, placed.output
    turned = typed(address, monkeypatch, "committee", "calloff", "reject", "1", "--reason", "too dear")
    assert "state: rejected" in turned.stdout, turned.output
    again = ("calloff", "propose", "UC-1", "--slot", "t", "--deliver-to", "D-BE", "--line", "TAB,20,empty")
    assert typed(address, monkeypatch, "buyer", *again).exit_code == 0
    assert typed(address, monkeypatch, "committee", "calloff", "approve", "2").exit_code == 0
    ended = typed(address, monkeypatch, "buyer", "calloff", "cancel", "2", "--reason", "not needed")
    assert "state: cancelled" in ended.stdout, ended.output


def test_the_command_line_tells_suppliers_their_score_and_proposes_for_a_shortage(
    signed: Engine, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = typed(address, monkeypatch, "one", "contract", "--json", "scorecard", "SUP-1")
    assert own.exit_code == 0, own.output
    assert json.loads(own.stdout)["supplier"] == "SUP-1"
    assert typed(address, monkeypatch, "one", "contract", "scorecard", "SUP-2").exit_code == 1
    words = ("TAB", "500", "--deliver-to", "D-BE", "--slot", "w14", "--reason", "unmet need")
    found = typed(address, monkeypatch, "buyer", "contract", "shortage", *words)
    assert "uncovered: 0" in found.stdout, found.output
    assert "earliest_arrival: 2020-04-06" in found.stdout
