"""Recording at scan speed over HTTP: the quick way in gives what the general way gives, and lets nobody else in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.settings import Settings
from tests.conftest import Cast, acting
from tests.inventory.stockroom import faults, lot_id, shelves, take_in

PASSWORD = "for the tests only"


class Scanner:
    """A scanner that is signed in, at a storeroom with 20 of lot SCAN at D-DE."""

    def __init__(self, client: TestClient, engine: Engine, cast: Cast) -> None:
        self.client, self.engine = client, engine
        act = acting(cast["logistics"])
        take_in(engine, act, lot="SCAN", quantity=20)
        self.lot = lot_id(engine, "SCAN")
        self.token = self.sign_in("clerk", Grant("logistics"))

    def sign_in(self, name: str, grant: Grant) -> str:
        """The token of a new account."""
        act = acting(governance.founder())
        given: dict[str, Any] = {"name": name, "title": name, "password": PASSWORD, "grants": [grant]}
        transact(self.engine, lambda session: governance.add_account(session, act, **given))
        answer = self.client.post("/api/v1/tokens", auth=(name, PASSWORD))
        token: str = answer.json()["token"]
        return token

    def post(self, quantity: int = -1, *, key: str = "", token: str = "", **changed: Any) -> Any:
        """Record a movement of the lot."""
        line = {"lot_id": self.lot, "quantity": quantity} | changed.pop("line", {})
        body = {"kind": "adjust", "site": "D-DE", "lines": [line], "reason": "counted"} | changed
        headers = {"Authorization": f"Bearer {token or self.token}"} | ({"Idempotency-Key": key} if key else {})
        return self.client.post("/api/v1/movements", json=body, headers=headers)

    def left(self) -> dict[str, int]:
        """What stands of the lot, by site, owner and status."""
        return {" ".join(shelf[1:]): quantity for shelf, quantity in shelves(self.engine, "SCAN").items()}


@pytest.fixture
def scanner(region: Engine, cast: Cast) -> Iterator[Scanner]:
    """A scanner at work."""
    app = build(region, Settings(), scheduled=False)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Scanner(client, region, cast)


def test_the_first_scan_and_the_next_which_takes_the_quick_way_are_answered_alike(scanner: Scanner) -> None:
    general, quick = scanner.post(key="a"), scanner.post(key="b")
    assert (general.status_code, quick.status_code) == (201, 201)
    assert quick.json()["posting"] > general.json()["posting"]
    again = scanner.post(key="a")
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, general.json(), "true")
    assert scanner.left() == {"D-DE pool available": 18}


FAULTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("more than there is", {"quantity": -50}, 409, "not_enough_stock"),
    ("an unknown site", {"site": "NOWHERE"}, 404, "unknown_site"),
    ("an unknown lot", {"line": {"lot_id": 999_999}}, 404, "unknown_lot"),
    ("an unknown owner", {"line": {"owner": "XX-9"}}, 404, "unknown_member"),
    ("no reason", {"reason": " "}, 422, "invalid"),
    ("nothing", {"quantity": 0}, 422, "invalid"),
    ("an unknown kind", {"kind": "release"}, 422, "invalid"),
    ("a field too many", {"colour": "red"}, 422, "invalid"),
    ("text for a number", {"line": {"quantity": "1"}}, 422, "invalid"),
    ("a receipt at a point of use", {"kind": "receive", "site": "H-DE", "quantity": 1}, 422, "invalid"),
    ("a receipt for a member", {"kind": "receive", "quantity": 1, "line": {"owner": "DE-1"}}, 422, "invalid"),
    ("a receipt of less than nothing", {"kind": "receive", "quantity": -1}, 422, "invalid"),
    ("an issue of the pool's", {"kind": "issue", "quantity": 1}, 422, "invalid"),
    ("quarantine set aside", {"kind": "set_aside", "quantity": 1, "line": {"status": "quarantine"}}, 422, "invalid"),
]


def test_what_is_wrong_is_refused_alike_on_both_ways_and_moves_nothing(scanner: Scanner) -> None:
    before = scanner.left()
    for what, given, status, code in FAULTS:
        scanner.client.app.state.let_in = {}  # type: ignore[attr-defined]
        general = scanner.post(**given)
        quick = scanner.post(**given)
        assert (general.status_code, general.json()["type"]) == (status, f"urn:stockpile:problem:{code}"), what
        assert quick.json() == general.json(), what
    assert scanner.left() == before
    assert faults(scanner.engine) == []


def test_each_kind_moves_what_it_says(scanner: Scanner) -> None:
    assert scanner.post(5, kind="receive", reason="").status_code == 201
    assert scanner.post(3, kind="set_aside").status_code == 201
    assert scanner.post(4, line={"owner": "DE-1"}, site="H-DE").status_code == 201
    assert scanner.post(1, kind="issue", line={"owner": "DE-1"}, site="H-DE", reason="").status_code == 201
    assert scanner.left() == {"D-DE pool available": 22, "D-DE pool quarantine": 3, "H-DE DE-1 available": 3}
    assert faults(scanner.engine) == []


def test_a_lot_on_hold_is_not_issued_but_can_be_written_off(scanner: Scanner) -> None:
    line = {"owner": "DE-1"}
    assert scanner.post(5, line=line, site="H-DE").status_code == 201
    given = {"json": {"reason": "odd"}, "headers": {"Authorization": f"Bearer {scanner.token}"}}
    assert scanner.client.post(f"/api/v1/lots/{scanner.lot}/hold", **given).status_code == 200
    refused = scanner.post(1, kind="issue", line=line, site="H-DE")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:stockpile:problem:lot_not_usable")
    assert scanner.post(-5, line=line, site="H-DE").status_code == 201


def test_an_expired_lot_is_not_received(scanner: Scanner, cast: Cast) -> None:
    take_in(scanner.engine, acting(cast["logistics"]), lot="LAST", quantity=9, expiry=date(2020, 3, 30))
    later = acting(governance.founder(), after_hours=48)
    transact(scanner.engine, lambda session: governance.set_clock(session, later))
    refused = scanner.post(1, kind="receive", line={"lot_id": lot_id(scanner.engine, "LAST")})
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:stockpile:problem:expired")


def test_who_signed_out_a_moment_ago_is_refused_though_the_token_was_let_in(scanner: Scanner) -> None:
    assert scanner.post().status_code == 201
    transact(scanner.engine, lambda session: governance.revoke_token(session, scanner.token))
    assert scanner.post().status_code == 401
    assert scanner.left() == {"D-DE pool available": 19}


def test_nobody_without_the_right_records_on_either_way(scanner: Scanner) -> None:
    auditor = scanner.sign_in("reader", Grant("auditor"))
    assert [scanner.post(token=auditor).status_code for _ in range(2)] == [403, 403]
    assert scanner.post(token="made up").status_code == 401
    assert scanner.client.post("/api/v1/movements", json={}).status_code == 401


def test_twenty_scanners_at_once_take_exactly_what_is_there(scanner: Scanner) -> None:
    scanner.post(5)
    with ThreadPoolExecutor(20) as hands:
        answers = list(hands.map(lambda number: scanner.post(key=f"scan {number % 35}".replace(" ", "-")), range(70)))
    granted = {answer.json()["posting"] for answer in answers if answer.status_code == 201}
    assert len(granted) == 25
    assert {answer.status_code for answer in answers} == {201, 409}
    assert scanner.left() == {}
    assert faults(scanner.engine) == []
