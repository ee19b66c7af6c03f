"""A tender over HTTP and at the command line: from the plan to the contract, and hostile bodies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.governance import operations as governance
from stockpile.settings import Settings
from tests.conftest import Cast, acting
from tests.contracts.tendering import notified
from tests.contracts.test_buying_from_outside import typed
from tests.inventory.stockroom import ON_SQLITE, do
from tests.journeys.test_http_journey import PASSWORD, People
from tests.transparency.public_room import set_clock

pytestmark = ON_SQLITE
GRANTS = {
    "buyer": Grant("buyer"),
    "committee": Grant("committee"),
    "pharmacist": Grant("pharmacist"),
    "auditor": Grant("auditor"),
    "requester": Grant("requester", member="BE-1"),
    "one": Grant("supplier", member="SUP-1"),
    "two": Grant("supplier", member="SUP-2"),
}
DAY = 24
NEED: dict[str, Any] = {
    "code": "JP-20",
    "title": "Tablets",
    "need": "cover of the next winter",
    "country": "BE",
    "starts": "2020-06-01",
    "ends": "2022-05-31",
    "lead_time_days": 9,
}
LOT = {"lot": "A", "title": "Tablets", "maximum_minor": 900_000, "goods": [{"item": "TAB", "packs": 100}]}
RUBRIC = {
    "criteria": [
        {"criterion": "price", "title": "Price", "weight": 60, "kind": "price"},
        {"criterion": "supply", "title": "Security of supply", "weight": 40, "kind": "judged"},
    ]
}
TIERS = [{"from_packs": 1000, "pack_price_minor": 1}]
BIDS = {"one": ("SUP-1", 400), "two": ("SUP-2", 500)}


@pytest.fixture
def signed(region: Engine) -> Engine:
    """The small region with an account per person of GRANTS."""
    for name, grant in GRANTS.items():
        given = {"name": name, "title": f"office of the {name}", "password": PASSWORD, "grants": [grant]}
        do(region, governance.add_account, acting(governance.founder()), **given)
    return region


@pytest.fixture
def people(signed: Engine) -> Iterator[People]:
    """The region served."""
    with TestClient(build(signed, Settings(), scheduled=False), raise_server_exceptions=False) as client:
        yield People(client)


def put(people: People, name: str, path: str, body: Any) -> Any:
    """The response to what this person puts."""
    return people.client.put(f"/api/v1{path}", json=body, auth=(name, PASSWORD))


def brought_to_bids(people: People) -> None:
    """Tender 1, published until 20 April, with a bid of each supplier."""
    assert people.post("buyer", "/tenders", NEED, key="plan").status_code == 201
    assert people.post("buyer", "/tenders", NEED, key="plan").json()["id"] == 1
    text = {"text": "tablets of 5 mg", "rationale": "first version", "annexes": {"NL": "Dutch labels"}}
    assert people.post("buyer", "/tenders/1/specification", text).json()["version"] == 1
    assert people.post("buyer", "/tenders/1/lots", LOT).status_code == 201
    share = {"reserved_minor": 300_000, "reason": "council of 1 March"}
    assert put(people, "requester", "/tenders/1/lots/A/members/BE-2", share).status_code == 403
    assert put(people, "requester", "/tenders/1/lots/A/members/BE-1", share).json()["choice"] == "in"
    assert put(people, "buyer", "/tenders/1/criteria", RUBRIC).status_code == 200
    opened = people.post("buyer", "/tenders/1/publish", {"closes": "2020-04-20T10:00:00Z"})
    assert opened.json()["state"] == "tendered"
    for name, (supplier, price) in BIDS.items():
        bid = {
            "lot": "A",
            "supplier": supplier,
            "text": "offer",
            "prices": [{"item": "TAB", "pack_price_minor": price, "tiers": TIERS}],
        }
        assert people.post(name, "/tenders/1/bids", bid).status_code == 201


def test_a_tender_goes_from_the_plan_to_a_contract_under_which_is_ordered(people: People, signed: Engine) -> None:
    brought_to_bids(people)
    sealed = people.client.get("/api/v1/tenders/1/bids", auth=("buyer", PASSWORD))
    assert (sealed.status_code, sealed.json()["type"]) == (409, "urn:stockpile:problem:bids_sealed")
    set_clock(signed, hours=22 * DAY)
    for name in ("buyer", "pharmacist", "committee"):
        said = {"interested": False, "text": "none"}
        assert people.post(name, "/tenders/1/interests", said).status_code == 201
    bids = people.get("auditor", "/tenders/1/bids")
    assert [row["tiers"] for row in bids] == [{"TAB": [[1000, 1]]}] * 2
    for bid, mark in ((1, 30), (2, 100)):
        given = {"criterion": "supply", "mark": mark, "reason": "two plants in two countries"}
        made = people.post("pharmacist", f"/tenders/1/bids/{bid}/scores", given)
        assert (made.status_code, made.json()["office"]) == (201, "office of the pharmacist")
    assert people.post("buyer", "/tenders/1/evaluate").json()["state"] == "evaluated"
    assert people.post("committee", "/tenders/1/notify").json()["standstill_until"] == "2020-05-04"
    found = people.get("auditor", "/tenders/1/recount")
    assert [(row["supplier"], row["points"]) for row in found["again"]] == [("SUP-2", "88"), ("SUP-1", "72")]
    objection = people.post("one", "/tenders/1/objections", {"supplier": "SUP-1", "text": "our plants were missed"})
    assert objection.status_code == 201
    set_clock(signed, hours=40 * DAY)
    assert people.post("committee", "/tenders/1/award").json()["type"] == "urn:stockpile:problem:standstill"
    dismissed = {"upheld": False, "reason": "they were seen, and counted"}
    assert people.post("auditor", "/tenders/1/interests", {"interested": False, "text": "none"}).status_code == 201
    assert people.post("auditor", "/tenders/1/objections/1/decision", dismissed).json()["upheld"] is False
    assert people.post("committee", "/tenders/1/award").json()["state"] == "awarded"
    assert people.get("auditor", "/tenders/1/contracts/SUP-2")["payload"]["ceiling_minor"] == 900_000
    assert people.post("committee", "/tenders/1/contracts/SUP-2").json()["code"] == "JP-20-SUP-2"
    assert people.get("auditor", "/tenders/1")["state"] == "signed"
    terms = people.get("buyer", "/contracts/JP-20-SUP-2/terms?on=2020-06-02")
    assert [row["from_packs"] for row in terms["prices"]] == [1, 1000]
    assert [row["reserved_minor"] for row in terms["members"]] == [300_000]
    assert people.get("buyer", "/contracts/JP-20-SUP-2/emissions")["per_unit_mg"] is None


HOSTILE: dict[str, tuple[str, Any]] = {
    "a country that is none": ("/tenders", NEED | {"code": "X", "country": "XX"}),
    "a code with a slash": ("/tenders", NEED | {"code": "a/b"}),
    "an end before the start": ("/tenders", NEED | {"code": "X", "ends": "2020-05-01"}),
    "a code used before": ("/tenders", NEED),
    "an annex of a country without members": (
        "/tenders/1/specification",
        {"text": "t", "rationale": "r", "annexes": {"FR": "x"}},
    ),
    "a lot of an unknown item": ("/tenders/1/lots", LOT | {"lot": "B", "goods": [{"item": "NO", "packs": 1}]}),
    "an item twice": ("/tenders/1/lots", LOT | {"lot": "B", "goods": LOT["goods"] * 2}),  # type: ignore[operator]
    "no packs": ("/tenders/1/lots", LOT | {"lot": "B", "goods": [{"item": "TAB", "packs": 0}]}),
    "an unknown tender": ("/tenders/99/publish", {"closes": "2020-05-20T10:00:00Z"}),
    "a closing without zone": ("/tenders/1/publish", {"closes": "2020-05-20T10:00:00"}),
    "a bid before publication": (
        "/tenders/1/bids",
        {"lot": "A", "supplier": "SUP-1", "text": "t", "prices": [{"item": "TAB", "pack_price_minor": 1}]},
    ),
    "a tier from one pack on": (
        "/tenders/1/bids",
        {
            "lot": "A",
            "supplier": "SUP-1",
            "text": "t",
            "prices": [{"item": "TAB", "pack_price_minor": 1, "tiers": [{"from_packs": 1, "pack_price_minor": 1}]}],
        },
    ),
    "a mark beyond a hundred": ("/tenders/1/bids/1/scores", {"criterion": "supply", "mark": 101, "reason": "r"}),
    "an evaluation of nothing": ("/tenders/1/evaluate", None),
    "a field too many": ("/tenders", NEED | {"code": "X", "winner": "SUP-1"}),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_tender_is_refused_in_words(people: People, name: str) -> None:
    people.post("buyer", "/tenders", NEED)
    path, body = HOSTILE[name]
    answer = people.post("buyer", path, body)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["detail"]


def test_weights_that_do_not_add_up_are_refused_with_their_sum(people: People) -> None:
    people.post("buyer", "/tenders", NEED)
    short = {"criteria": RUBRIC["criteria"][:1]}
    answer = put(people, "buyer", "/tenders/1/criteria", short)
    assert (answer.status_code, "add up to 60, not to 100" in answer.json()["detail"]) == (422, True)


def test_a_supplier_does_not_read_tenders_and_bids_for_no_other(people: People) -> None:
    brought_to_bids(people)
    assert people.client.get("/api/v1/tenders/1/bids", auth=("one", PASSWORD)).status_code == 403
    other = {"lot": "A", "supplier": "SUP-2", "text": "t", "prices": [{"item": "TAB", "pack_price_minor": 1}]}
    assert people.post("one", "/tenders/1/bids", other).status_code == 403


def test_the_award_is_recounted_and_a_window_planned_at_the_command_line(
    region: Engine, cast: Cast, address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notified(region, cast)
    for name in ("cli-auditor", "cli-buyer"):
        given = {"name": name, "title": name, "password": PASSWORD, "grants": [Grant(name[4:])]}
        do(region, governance.add_account, acting(governance.founder()), **given)

    def said(account: str, *words: str, code: int = 0) -> str:
        answer = typed(address, monkeypatch, account, "tender", *words)
        assert answer.exit_code == code, answer.output
        return answer.output

    told = said("cli-auditor", "recount", "1")
    assert "SUP-2" in told
    assert "the award is right" in told
    file = tmp_path / "need.json"
    file.write_text(json.dumps(NEED | {"code": "JP-21"}), encoding="utf-8")
    assert "state: planned" in said("cli-buyer", "plan", str(file))
    window = ("--starts", "2020-06-10", "--ends", "2020-06-11", "--units", "4", "--reason", "yearly")
    assert "equipment: pump 3" in said("cli-buyer", "plan-window", "PUMP", "H-BE", "--equipment", "pump 3", *window)
    with region.begin() as connection:
        connection.execute(text("UPDATE tender_score SET mark = 0 WHERE bid_id = 2"))
    assert "counted rank" in said("cli-auditor", "recount", "1", code=1)
