"""Two processes of the API and one of the screens behind nginx on one PostgreSQL: one is killed under load."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Account
from tests.conftest import Cast, acting
from tests.inventory.stockroom import faults, take_in
from tests.journeys.served import marked, sign_in
from tests.replicas.behind import NGINX, Behind, configured

CLIENTS, SECONDS = 6, 8.0
NAME, PASSWORD = "night-shift", "for the tests only"
ON_POSTGRESQL = pytest.mark.parametrize("address", ["postgresql"], indirect=True)
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx: apt-get install nginx-light")


@pytest.fixture
def behind(region: Engine, cast: Cast, tmp_path: Path) -> Iterator[Behind]:
    def add(session: Session) -> None:
        grants = [Grant("coordinator")]
        given = {"name": NAME, "title": NAME, "password": PASSWORD, "grants": grants}
        governance.add_account(session, acting(governance.founder()), **given)

    transact(region, add)
    made = Behind(tmp_path, region.url.render_as_string(hide_password=False))
    yield made
    made.close()


class Poster(threading.Thread):
    """Posts one unit after the other through nginx, each under its key until it is answered."""

    def __init__(self, port: int, token: str, lot: int, number: int, end: threading.Event) -> None:
        super().__init__(daemon=True)
        self._port, self._token, self._lot, self._number, self._end = port, token, lot, number, end
        self.acknowledged: list[str] = []
        self.odd: list[tuple[int, str]] = []
        self.repeated = 0

    def run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        turn = 0
        while not self._end.is_set():
            turn += 1
            key = f"poster-{self._number}/{turn}"
            for attempt in range(100):
                status, told = self._sent(connection, key)
                if status == 201:
                    self.acknowledged.append(key)
                    self.repeated += attempt > 0
                    break
                if status not in (0, 502, 503, 504):
                    self.odd.append((status, told))
                    return
                time.sleep(0.05)
        connection.close()

    def _sent(self, connection: HTTPConnection, key: str) -> tuple[int, str]:
        lines = [{"lot_id": self._lot, "quantity": 1}]
        body = json.dumps({"kind": "adjust", "site": "D-DE", "lines": lines, "reason": key})
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/api/v1/movements", body, headers | {"Idempotency-Key": key})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, HTTPException):
            connection.close()
            return 0, ""


def _token(engine: Engine, number: int) -> str:
    def issued(session: Session) -> str:
        return governance.issue_token(session, session.get_one(Account, number), real_now=datetime.now(UTC), hours=1)[0]

    return transact(engine, issued)


@ON_POSTGRESQL
def test_a_replica_killed_under_load_loses_no_acknowledged_posting(behind: Behind, region: Engine, cast: Cast) -> None:
    token, end = _token(region, cast["logistics"].id), threading.Event()
    lots = [take_in(region, acting(cast["logistics"]), lot=f"LOAD-{n}", quantity=10) for n in range(CLIENTS)]
    posters = [Poster(behind.port, token, lot, number, end) for number, lot in enumerate(lots)]
    for poster in posters:
        poster.start()
    time.sleep(SECONDS / 3)
    behind.processes[behind.api[0]].kill()
    behind.processes[behind.api[0]].wait()
    killed_at = [len(poster.acknowledged) for poster in posters]
    time.sleep(SECONDS / 3)
    behind.start(behind.api[0], "api")
    time.sleep(SECONDS / 3)
    end.set()
    for poster in posters:
        poster.join(30)
    acknowledged = [key for poster in posters for key in poster.acknowledged]
    assert [poster.odd for poster in posters] == [[]] * CLIENTS
    assert all(len(p.acknowledged) > before + 5 for p, before in zip(posters, killed_at, strict=True)), "they went on"
    with region.connect() as connection:
        rows = connection.execute(
            text("SELECT reason, count(*) FROM posting WHERE kind = 'adjustment' GROUP BY reason")
        )
        stored: dict[str, int] = {reason: count for reason, count in rows}
    assert {key for key in acknowledged if stored.get(key) != 1} == set()
    assert {key: count for key, count in stored.items() if count != 1} == {}
    assert faults(region) == []


@marked
@ON_POSTGRESQL
def test_screens_stay_signed_in_while_a_replica_is_killed_and_after_they_begin_anew(
    behind: Behind, browser_page: Any
) -> None:
    sign_in(browser_page, behind, name=NAME, password=PASSWORD)
    browser_page.wait_for_url(lambda url: "login" not in url)
    names = {cookie["name"] for cookie in browser_page.context.cookies()}
    assert "stockpile_browser" in names, "nginx knows the browser again"
    behind.processes[behind.api[1]].kill()
    behind.processes[behind.screens].kill()
    behind.processes[behind.screens].wait()
    behind.start(behind.screens, "screens")
    behind._await(behind.screens)
    time.sleep(2.5)
    browser_page.goto(f"http://127.0.0.1:{behind.port}/committee")
    browser_page.get_by_text("Sign out").first.wait_for()
    assert "login" not in browser_page.url


@pytest.fixture
def browser_page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from tests.journeys.served import CHROMIUM, QUIET

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=QUIET.split())
        yield browser.new_page()
        browser.close()


@ON_POSTGRESQL
def test_each_path_goes_to_the_part_that_serves_it(behind: Behind) -> None:
    assert behind.get("/ready")[0] == 200
    assert behind.get("/api/v1/items")[0] == 401
    assert behind.get("/public")[0] == 200
    assert behind.get("/metrics")[0] == 404
    assert "Stockpile: sign in" in behind.get("/login")[1]
    assert behind.get("/login", port=behind.api[0])[0] == 404


def test_the_configuration_is_what_nginx_takes(tmp_path: Path) -> None:
    assert NGINX is not None
    whole = configured(tmp_path, port=18443, api=[18001, 18002], screens=18011)
    done = subprocess.run(
        [NGINX, "-t", "-p", str(tmp_path), "-c", str(whole)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
