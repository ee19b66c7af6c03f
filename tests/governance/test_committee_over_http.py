"""The committee over HTTP and at the command line, on the real region: from the refusal to the decision carried out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session
from typer.testing import CliRunner

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.cli import app
from stockpile.db import open_engine, transact
from stockpile.governance import operations as accounts
from stockpile.governance import queries
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from tests.conftest import NOW

REAL = Path(__file__).parents[2] / "fixtures" / "region"
PASSWORD = "a member's long password"
FLOOR = {"effective_from": "2020-04-02", "quantity": 1000}
PLAIN = {"title": "t", "operation": "floor.set", "subject": "item:MED-001", "payload": {}, "evidence": ["e"]}


class Table:
    """Who sits at the table, by name, over HTTP."""

    def __init__(self, client: TestClient) -> None:
        self.client, self._tokens = client, dict[str, str]()

    def send(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The response to what somebody sends."""
        if name not in self._tokens:
            made = self.client.post("/api/v1/tokens", auth=(name, PASSWORD))
            assert made.status_code == 201, made.text
            self._tokens[name] = made.json()["token"]
        told = {"Authorization": f"Bearer {self._tokens[name]}", **headers}
        return self.client.request(method, f"/api/v1{path}", json=body, headers=told)

    def does(self, name: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """What is answered; it must succeed."""
        answer = self.send(name, method, path, body, **headers)
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def loaded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real region with an office, a chair, a coordinator, an auditor, and three holders of all its seats."""
    path = tmp_path_factory.mktemp("real") / "real.db"
    shutil.copy(sqlite_template, path)
    opened, rows = open_engine(f"sqlite:///{path}"), read(REAL)

    def load(session: Session) -> None:
        act = loading.act_of_loading(rows, real_now=NOW)
        loading.installation_account(session)
        loading.load(session, act, rows, caseload=False)
        accounts.add_scheduler(session, act)
        for name in ("administrator", "coordinator", "committee", "auditor"):
            given = {"name": name, "title": name, "password": PASSWORD, "grants": [Grant(name)]}
            accounts.add_account(session, act, **given)
        members = queries.members(session)
        for country in ("BE", "DE", "NL"):
            grants = [Grant("committee", member=one.code) for one in members.values() if one.country == country]
            accounts.add_account(session, act, name=country, title=country, password=PASSWORD, grants=grants)

    transact(opened, load)
    opened.dispose()
    return path


@pytest.fixture
def address(loaded: Path, tmp_path: Path) -> str:
    """A copy of it for one test."""
    shutil.copy(loaded, tmp_path / "real.db")
    return f"sqlite:///{tmp_path / 'real.db'}"


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    """An engine on it."""
    opened = open_engine(address)
    yield opened
    opened.dispose()


@pytest.fixture
def table(engine: Engine) -> Iterator[Table]:
    """The real region served."""
    with TestClient(build(engine, Settings(), scheduled=False)) as client:
        yield Table(client)


def seated(table: Table) -> None:
    """A seat for every member of the region, and the committee constituted."""
    rows = table.does("auditor", "GET", "/members?limit=500")["rows"]
    for country in ("BE", "DE", "NL"):
        members = [one["code"] for one in rows if one["country"] == country]
        body = {"account": country, "members": members, "reference": "letter of the association"}
        table.does("administrator", "POST", "/committee/seats", body)
    table.does("administrator", "POST", "/committee/constitution")


def test_a_refused_floor_becomes_a_decision_of_the_region_and_is_then_set(table: Table) -> None:
    early = table.send("administrator", "POST", "/committee/constitution")
    assert (early.status_code, early.json()["type"]) == (409, "urn:stockpile:problem:decision_state")
    assert table.does("auditor", "GET", "/committee/rights")["version"] == 0
    seated(table)
    refused = table.send("committee", "PUT", "/items/MED-001/floor", FLOOR)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:stockpile:problem:decision_required")
    facts = refused.json()["facts"]
    body = {name: facts[name] for name in ("operation", "subject", "payload")}
    body |= {"title": "Lower the floor of dexamethasone", "evidence": ["need of week 14"]}
    number = table.does("coordinator", "POST", "/committee/proposals", body)["id"]
    table.does("coordinator", "POST", f"/committee/proposals/{number}/table")
    table.does("committee", "POST", f"/committee/proposals/{number}/open", {})
    for country, choice, state in (("BE", "abstain", "open"), ("DE", "for", "open"), ("NL", "for", "adopted")):
        vote = {"choice": choice, "reason": "as our council decided"}
        answer = table.send(country, "POST", f"/committee/proposals/{number}/votes", vote)
        found = table.does("auditor", "GET", f"/committee/proposals/{number}")
        if found["state"] in ("adopted", "rejected"):
            break
        assert answer.status_code == 201
        assert found["state"] == state
    recount = table.does("auditor", "GET", f"/committee/proposals/{number}/recount")
    assert recount["differences"] == []
    assert recount["again"]["members"] == 203
    assert found["state"] == "rejected", "Germany and the Netherlands are less than 55 % of 203 municipalities"


def test_with_all_three_countries_the_floor_is_set_once(table: Table) -> None:
    seated(table)
    facts = table.send("committee", "PUT", "/items/MED-001/floor", FLOOR).json()["facts"]
    body = {name: facts[name] for name in ("operation", "subject", "payload")}
    number = table.does("coordinator", "POST", "/committee/proposals", body | {"title": "t", "evidence": ["e"]})["id"]
    table.does("coordinator", "POST", f"/committee/proposals/{number}/table")
    table.does("committee", "POST", f"/committee/proposals/{number}/open", {})
    states = []
    for country in ("BE", "NL", "DE"):
        vote = {"choice": "for", "reason": "we agree"}
        answer = table.send(country, "POST", f"/committee/proposals/{number}/votes", vote)
        states.append(answer.json()["decision"]["state"] if answer.status_code == 201 else answer.status_code)
    assert "adopted" in states
    other = table.send("committee", "PUT", "/items/MED-001/floor", FLOOR | {"quantity": 0}, Decision=str(number))
    assert (other.status_code, "another effect" in other.json()["detail"]) == (403, True)
    table.does("committee", "PUT", "/items/MED-001/floor", FLOOR, Decision=str(number))
    again = table.send("committee", "PUT", "/items/MED-001/floor", FLOOR, Decision=str(number))
    assert (again.status_code, "carried out already" in again.json()["detail"]) == (409, True)
    bad = table.send("committee", "PUT", "/items/MED-001/floor", FLOOR, Decision="none")
    assert bad.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/committee/proposals", PLAIN | {"operation": "x"}, 422),
        ("/committee/proposals", PLAIN | {"evidence": []}, 422),
        ("/committee/proposals", PLAIN | {"payload": []}, 422),
        ("/committee/proposals", PLAIN | {"interested": ["BE-1"]}, 404),
        ("/committee/proposals/9/votes", {"choice": "for", "reason": "r"}, 404),
        ("/committee/proposals/9/votes", {"choice": "perhaps", "reason": "r"}, 422),
        ("/committee/proposals/9/open", {}, 404),
        ("/committee/seats", {"account": "BE", "members": ["BE-1"], "reference": "r"}, 403),
    ],
)
def test_bad_input_is_refused_with_its_reason(table: Table, path: str, body: Any, status: int) -> None:
    answer = table.send("committee", "POST", path, body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_ten_wrong_passwords_make_a_name_wait_and_a_sign_in_that_holds_goes_on(table: Table) -> None:
    table.does("auditor", "GET", "/me")
    for _ in range(10):
        assert table.client.post("/api/v1/tokens", auth=("auditor", "wrong")).status_code == 401
    waits = table.client.post("/api/v1/tokens", auth=("auditor", PASSWORD))
    assert (waits.status_code, waits.json()["type"]) == (429, "urn:stockpile:problem:too_many_attempts")
    table.does("auditor", "GET", "/me")


def test_somebody_changes_their_password_and_signs_in_anew(table: Table) -> None:
    wrong = table.send("auditor", "PUT", "/me/password", {"old": "wrong", "new": "quite another one"})
    assert wrong.status_code == 401
    table.does("auditor", "PUT", "/me/password", {"old": PASSWORD, "new": "quite another one"})
    assert table.send("auditor", "GET", "/me").status_code == 401
    assert table.client.post("/api/v1/tokens", auth=("auditor", "quite another one")).status_code == 201


def test_the_administrator_switches_an_account_off(table: Table) -> None:
    table.does("auditor", "GET", "/me")
    assert table.send("committee", "POST", "/accounts/auditor/deactivate", {"reason": "left"}).status_code == 403
    table.does("administrator", "POST", "/accounts/auditor/deactivate", {"reason": "left"})
    assert table.send("auditor", "GET", "/me").status_code == 401


def test_a_decision_is_brought_about_at_the_command_line(
    table: Table, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seated(table)
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    monkeypatch.setenv("STOCKPILE_PASSWORD", PASSWORD)

    def typed(name: str, *words: str) -> Any:
        return CliRunner().invoke(app, ["committee", "--account", name, *words])

    effect = tmp_path / "effect.json"
    effect.write_text(table.send("committee", "PUT", "/items/MED-001/floor", FLOOR).text, encoding="utf-8")
    made = typed("coordinator", "propose", str(effect), "--title", "Lower the floor", "--evidence", "week 14")
    assert made.exit_code == 0, made.output
    assert "state: tabled" in made.stdout
    assert "state: open" in typed("committee", "open", "1").stdout
    typed("BE", "vote", "1", "for", "--reason", "we agree")
    typed("NL", "vote", "1", "for", "--reason", "we agree")
    typed("DE", "vote", "1", "for", "--reason", "we agree")
    counted = typed("auditor", "recount", "1")
    assert counted.exit_code == 0, counted.output
    assert "decision 1 is adopted" in counted.stdout
    assert "floor.set" in typed("auditor", "rights").stdout
    assert json.loads(typed("auditor", "--json", "show", "1").stdout)["state"] == "adopted"
    assert typed("auditor", "recount", "7").exit_code == 1


def test_a_cost_of_the_region_is_divided_to_the_cent_over_http(table: Table) -> None:
    span = {"name": "March 2020", "starts_at": "2020-03-01T00:00:00Z", "ends_at": "2020-03-30T00:00:00Z"}
    number = table.does("coordinator", "POST", "/settlements", span | {"cost_key": "population"})["id"]
    cost = {"kind": "transport", "incurred_at": "2020-03-20T00:00:00Z", "amount_minor": 1_000_001, "paid_by": "pool"}
    cost |= {"reference": "invoice 7", "reason": "three vans"}
    table.does("coordinator", "POST", f"/settlements/{number}/costs", cost)
    assert table.send("committee", "POST", f"/settlements/{number}/costs", cost).status_code == 403
    table.does("coordinator", "POST", f"/settlements/{number}/calculate")
    table.does("committee", "POST", f"/settlements/{number}/close", {"reason": "agreed"})
    found = table.does("auditor", "GET", f"/settlements/{number}")
    assert (len(found["nets"]), sum(found["nets"].values())) == (204, 0)
    assert found["nets"]["pool"] == -1_000_001
    statement = table.does("auditor", "GET", f"/settlements/{number}/statements/NL-GM0935")
    assert statement["net_minor"] == statement["charges"][0]["share_minor"] == found["nets"]["NL-GM0935"]
    assert table.send("coordinator", "POST", f"/settlements/{number}/costs", cost).status_code == 409
    assert table.does("auditor", "GET", "/reciprocity") == {"lent": [], "cases": []}
