"""A surge over HTTP by several people, on both databases; and what is refused at the door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.settings import Settings
from tests.conftest import acting

PASSWORD = "for the tests only"
NEED_BY = "2020-04-01T12:00:00Z"
PEOPLE = ("logistics", "coordinator", "coordinator2", "committee", "buyer", "auditor")


class People:
    """A client that signs in each person once and sends with their token."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self._tokens: dict[str, str] = {}

    def token(self, name: str) -> str:
        """The bearer token of this person."""
        if name not in self._tokens:
            answer = self.client.post("/api/v1/tokens", auth=(name, PASSWORD))
            assert answer.status_code == 201, answer.text
            self._tokens[name] = answer.json()["token"]
        return self._tokens[name]

    def get(self, name: str, path: str) -> Any:
        """What this person reads; must succeed."""
        answer = self.client.get(f"/api/v1{path}", headers=self._headers(name))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, name: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """The response to what this person sends."""
        headers = self._headers(name) | ({"Idempotency-Key": key} if key else {})
        return self.client.post(f"/api/v1{path}", json=body, headers=headers)

    def _headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(name)}"}


@pytest.fixture
def people(region: Engine) -> Iterator[People]:
    """The small region served, with one account per person."""
    engage(region)
    settings = Settings(plan_limit_seconds=60)
    with TestClient(build(region, settings, scheduled=False), raise_server_exceptions=False) as client:
        yield People(client)


def engage(engine: Engine) -> None:
    """Accounts with a password for everybody of PEOPLE, and a requester of one member only."""
    act = acting(governance.founder())

    def add(session: Any) -> None:
        for name in PEOPLE:
            grants = [Grant(name.rstrip("2"))]
            governance.add_account(session, act, name=name, title=name, password=PASSWORD, grants=grants)
        grants = [Grant("requester", member="BE-1")]
        governance.add_account(session, act, name="aubel", title="Aubel", password=PASSWORD, grants=grants)
        grants = [Grant("requester"), Grant("committee")]
        governance.add_account(session, act, name="both", title="Asks and decides", password=PASSWORD, grants=grants)

    transact(engine, add)


def declare(people: People) -> int:
    """A declared surge."""
    body = {"hazard": "epidemic", "level": 3, "evidence": "admissions doubled", "review_by": "2020-04-20T00:00:00Z"}
    answer = people.post("coordinator", "/surges", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def ask(people: People, surge: int, name: str = "coordinator", **changes: Any) -> Any:
    """A request of Aachen for tablets, changed where told."""
    one = {
        "member": "DE-1",
        "item": "TAB",
        "quantity": 200,
        "need_by": NEED_BY,
        "justification": "wards are filling",
        "own_stock": 0,
    }
    return people.post(name, "/requests", {"surge": surge, "requests": [one | changes]})


def test_a_surge_is_answered_from_request_to_receipt_by_several_people(people: People) -> None:
    surge = declare(people)
    asked = ask(people, surge)
    assert asked.status_code == 201
    assert asked.json()[0]["validated"] == 200
    assert "6" in asked.json()[0]["validation_reason"]
    unreachable = ask(people, surge, member="NL-1", item="VIAL", quantity=5)
    assert unreachable.json()[0]["state"] == "validated"
    plan = people.post("coordinator", f"/surges/{surge}/plans").json()
    assert plan["fair"]
    assert people.post("coordinator", f"/plans/{plan['id']}/approve").status_code == 403
    approved = people.post("committee", f"/plans/{plan['id']}/approve", key="yes-1")
    assert approved.status_code == 200, approved.text
    apart = people.get("auditor", f"/plans/{plan['id']}/results?reachable=false")["rows"]
    assert [row["reason_code"] for row in apart] == ["unreachable:not_licensed"]
    numbers = approved.json()["transfers"]
    assert people.post("logistics", "/dispatches", {"transfers": numbers}).status_code == 200
    for number in numbers:
        assert people.post("logistics", f"/transfers/{number}/receive", {}).json()["state"] == "received"
    why = people.get("auditor", f"/plans/{plan['id']}/why?member=DE-1&item=TAB")
    assert (why["got"], why["validated"]) == (200, 200)
    assert people.get("auditor", "/verification") == {"verified": True, "discrepancies": []}
    lines = people.get("auditor", f"/plans/{plan['id']}/lines")["rows"]
    assert all(line["reason"] for line in lines)


def test_the_same_key_has_its_effect_once_and_gives_the_same_reply(people: People) -> None:
    body = {"site": "D-BE", "lines": [{"item": "TAB", "lot": "N1", "expiry": "2022-01-01", "quantity": 50}]}
    first = people.post("logistics", "/receipts", body, key="dock-1")
    again = people.post("logistics", "/receipts", body, key="dock-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    body["lines"][0]["quantity"] = 60
    assert people.post("logistics", "/receipts", body, key="dock-1").status_code == 422
    rows = people.get("auditor", "/stock?item=TAB&limit=500")["rows"]
    assert sum(row["quantity"] for row in rows if row["lot"] == "N1") == 50


def test_nobody_approves_a_plan_that_serves_their_own_request(people: People) -> None:
    """`both` may ask and may approve, so that only whose request it is can be the reason."""
    surge = declare(people)
    assert ask(people, surge, name="both").status_code == 201
    plan = people.post("coordinator2", f"/surges/{surge}/plans").json()["id"]
    refused = people.post("both", f"/plans/{plan}/approve")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stockpile:problem:own_work")
    assert "made request" in refused.json()["detail"]
    assert people.get("auditor", f"/plans/{plan}")["state"] == "computed"
    assert people.post("committee", f"/plans/{plan}/approve").status_code == 200


def test_a_stale_plan_is_refused_and_computed_again(people: People) -> None:
    surge = declare(people)
    ask(people, surge)
    plan = people.post("coordinator", f"/surges/{surge}/plans").json()["id"]
    body = {"site": "D-DE", "lines": [{"item": "TAB", "lot": "N1", "expiry": "2022-01-01", "quantity": 50}]}
    people.post("logistics", "/receipts", body)
    refused = people.post("committee", f"/plans/{plan}/approve")
    assert refused.status_code == 409
    newest = refused.json()["facts"]["newest"]
    assert newest != plan
    assert people.post("committee", f"/plans/{newest}/approve").status_code == 200


def test_a_requester_asks_only_for_the_own_municipality(people: People) -> None:
    surge = declare(people)
    assert ask(people, surge, name="aubel", member="BE-1", quantity=10).status_code == 201
    assert ask(people, surge, name="aubel", member="BE-2", quantity=10).status_code == 403


def test_the_nightly_reorder_runs_once_per_slot_and_waits_for_another_person(people: People) -> None:
    surge = declare(people)
    ask(people, surge)
    plan = people.post("coordinator", f"/surges/{surge}/plans").json()["id"]
    people.post("committee", f"/plans/{plan}/approve")
    ran = people.post("buyer", "/runs/reorder").json()
    assert ran["outcome"]["calloffs"]
    assert people.post("buyer", "/runs/reorder").json()["again"]
    number = ran["outcome"]["calloffs"][0]
    assert people.post("buyer", f"/calloffs/{number}/approve").status_code == 409
    assert people.post("committee", f"/calloffs/{number}/approve").json()["state"] == "approved"
    line = people.get("logistics", f"/calloffs/{number}")["lines"][0]
    got = {
        "item": line["item_code"],
        "lot": "C1",
        "expiry": "2022-06-30",
        "quantity": line["quantity"],
        "calloff_line": line["id"],
    }
    assert people.post("logistics", "/receipts", {"site": "D-BE", "lines": [got]}).status_code == 201
    assert people.post("logistics", "/receipts", {"site": "D-BE", "lines": [got]}).status_code in (409, 422)


def test_lists_are_paged_without_gap_or_repeat(people: People) -> None:
    seen: list[int] = []
    after = 0
    while True:
        page = people.get("auditor", f"/movements?after={after}&limit=3")
        seen += [row["id"] for row in page["rows"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == sorted(set(seen))
    assert len(seen) == 6


def test_a_refusal_names_row_and_field(people: People) -> None:
    refused = ask(people, declare(people), quantity=13)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["facts"] == {"field": "quantity", "row": 1}
    assert "ask for 20" in refused.json()["detail"]


HOSTILE = (
    b'{"site": "D-BE", "lines": NaN}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": Infinity}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 1e400}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 1.0}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": true}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": "12"}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 0}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": -5}]}',
    b'{"site": "D-BE", "lines": [{"item": "T", "lot": "X", "expiry": "2022-01-01", "quantity": 9999999999999999999}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": '
    + b"9" * 5000
    + b"}]}",
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X\\u0000", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X\\ud800", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X\\u202e", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X\\n", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": 0, "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-02-30", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "20220101", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 5, "more": 1}]}',
    b'{"site": "D-BE", "site": "D-DE", "lines": []}',
    b'{"site": "D-BE", "lines": []}',
    b'{"site": "D-BE", "lines": "TAB"}',
    b'{"site": null, "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "NONE", "lot": "X", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "NOWHERE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2022-01-01", "quantity": 5}]}',
    b'{"site": "D-BE", "lines": [{"item": "TAB", "lot": "X", "expiry": "2019-01-01", "quantity": 5}]}',
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100 + b"1" + b"}" * 100,
    b"\xef\xbb\xbf{}",
    '{"site": "D-BE", "lines": []}'.encode("utf-16"),
    b"\xff\xfe\xfd",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b'{"site": "' + b"x" * 100_000 + b'", "lines": []}',
)


def test_no_hostile_body_fails_the_service_or_leaves_anything(people: People) -> None:
    before = people.get("auditor", "/stock?limit=500")
    headers = {"Authorization": f"Bearer {people.token('logistics')}", "Content-Type": "application/json"}
    for body in HOSTILE:
        answer = people.client.post("/api/v1/receipts", content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (body[:80], answer.status_code)
        problem = json.loads(answer.content)
        assert problem["detail"]
        assert "Traceback" not in answer.text
    assert people.get("auditor", "/stock?limit=500") == before


def test_hostile_names_cannot_sign_in_and_fail_nothing(people: People) -> None:
    for name in ("nobody", "", "x" * 10_000, "a\0b", "' OR 1=1 --"):
        answer = people.client.post("/api/v1/tokens", auth=(name, "wrong password"))
        assert answer.status_code == 401, name
        assert answer.json()["detail"] == people.client.post("/api/v1/tokens", auth=("nobody", "x")).json()["detail"]


def test_a_body_beyond_the_limit_is_refused(people: People) -> None:
    headers = {"Authorization": f"Bearer {people.token('logistics')}", "Content-Type": "application/json"}
    answer = people.client.post("/api/v1/receipts", content=b" " * (10 * 1024 * 1024 + 1), headers=headers)
    assert answer.status_code == 413


def test_hostile_paths_and_numbers_are_refused_without_a_fault(people: People) -> None:
    paths = (
        "/plans/99999999999999999999999",
        "/plans/x",
        "/plans/-1",
        "/requests?limit=0",
        "/requests?member=%00",
        "/items/%00",
        "/plans/1/why?member=%00&item=%E2%80%AE",
        "/movements?after=-1",
        "/movements?after=99999999999999999999999",
    )
    for path in paths:
        answer = people.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {people.token('auditor')}"})
        assert 400 <= answer.status_code < 500, (path, answer.status_code)


def test_without_signing_in_only_health_and_what_is_public_answer(people: People) -> None:
    app = people.client.app
    assert isinstance(app, FastAPI)
    calls = [(method, path) for path, methods in app.openapi()["paths"].items() for method in methods]
    hidden = [("get", "/docs"), ("get", "/api/v1/openapi.json")]
    assert len(calls) > 40
    answered = [
        (method, path)
        for method, path in calls + hidden
        if people.client.request(method.upper(), _filled(path), json=None).status_code != 401
    ]
    watched = [("get", "/health"), ("get", "/ready"), ("get", "/metrics")]
    assert [one for one in answered if not one[1].startswith("/public/")] == watched
    writing = {path for method, path in answered if path.startswith("/public/") and method != "get"}
    assert all(path.startswith("/public/grievances") for path in writing), writing


def test_the_only_routes_beside_the_listed_ones_are_the_documentation_and_its_files(people: People) -> None:
    app = people.client.app
    assert isinstance(app, FastAPI)
    plain = [route.path for route in app.routes if hasattr(route, "path")]
    assert plain == ["/api/v1/openapi.json", "/docs", "/docs-assets"]


def _filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def test_a_run_s_outcome_is_told_only_to_those_who_may_run_it(people: People) -> None:
    people.post("buyer", "/runs/reorder")
    assert people.post("logistics", "/runs/reorder").status_code == 403


def test_instants_beyond_all_sense_are_refused_and_not_echoed(people: People) -> None:
    surge = declare(people)
    for when in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "16/04/2020", "2020-04-16T12:00:00"):
        refused = ask(people, surge, need_by=when)
        assert refused.status_code == 422, when
        assert when not in refused.text


def test_a_form_of_another_site_can_do_nothing_with_the_browser_s_password(people: People) -> None:
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = people.client.post("/api/v1/runs/reorder", auth=("buyer", PASSWORD), headers=headers)
        assert answer.status_code == 403
    assert people.client.get("/health", headers={"Host": "elsewhere.example"}).status_code == 400


def test_the_same_key_gives_the_same_plan_though_nothing_is_left_to_share(people: People) -> None:
    surge = declare(people)
    ask(people, surge)
    first = people.post("coordinator", f"/surges/{surge}/plans", key="plan-1")
    people.post("committee", f"/plans/{first.json()['id']}/approve")
    again = people.post("coordinator", f"/surges/{surge}/plans", key="plan-1")
    assert (again.status_code, again.json()) == (201, first.json())


def test_nobody_makes_a_request_more_urgent_than_its_item_but_a_coordinator(people: People) -> None:
    surge = declare(people)
    refused = ask(people, surge, name="aubel", member="BE-1", quantity=10, priority=1)
    assert refused.status_code == 422
    assert refused.json()["facts"]["field"] == "priority"
    assert ask(people, surge, priority=1).status_code == 201


def test_an_ended_sign_in_is_refused(people: People) -> None:
    headers = {"Authorization": f"Bearer {people.token('auditor')}"}
    assert people.client.delete("/api/v1/tokens/current", headers=headers).status_code == 204
    assert people.client.get("/api/v1/me", headers=headers).status_code == 401


def test_every_answer_of_a_simulated_region_says_so(people: People) -> None:
    answer = people.client.get("/api/v1/region", auth=("auditor", PASSWORD))
    assert answer.headers["Stockpile-Simulated"] == "true"
    assert answer.json()["simulated"]


def test_the_documentation_asks_nothing_from_outside(people: People) -> None:
    page = people.client.get("/docs", auth=("auditor", PASSWORD)).text
    assert "//cdn" not in page
    assert "http://" not in page
    assert "https://" not in page
    schema = people.client.get("/api/v1/openapi.json", auth=("auditor", PASSWORD)).json()
    assert "/api/v1/plans/{number}/approve" in schema["paths"]
    assert "SIMULATED" in page
    assert "SIMULATED" in schema["info"]["title"]
