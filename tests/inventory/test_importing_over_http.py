"""A file sent over HTTP: accepted with a number, run beside the service, told row by row; and taken up again."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.app import build
from stockpile.db import reading, transact
from stockpile.inventory.importing import operations, queries, rules
from stockpile.inventory.importing.reading import CSV_TYPES, XLSX_TYPE
from stockpile.inventory.importing.running import Hand, Runner, Stopped, run
from stockpile.settings import Settings
from tests.conftest import NOW, Cast, acting
from tests.inventory.importroom import HEADER, clock, csv, lost, receipt, sent, told
from tests.inventory.stockroom import ON_SQLITE, faults, shelves
from tests.journeys.test_http_journey import PASSWORD, engage

CSV = CSV_TYPES[0]


class Dock:
    """Somebody at the dock who sends files."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self._tokens: dict[str, str] = {}

    def headers(self, name: str, **more: str) -> dict[str, str]:
        """What this person signs in with."""
        if name not in self._tokens:
            self._tokens[name] = self.client.post("/api/v1/tokens", auth=(name, PASSWORD)).json()["token"]
        return {"Authorization": f"Bearer {self._tokens[name]}", **more}

    def send(self, content: bytes, *, kind: str = CSV, key: str = "", dry_run: bool = False) -> Any:
        """The answer to this file."""
        more = {"Content-Type": kind} | ({"Idempotency-Key": key} if key else {})
        path = f"/api/v1/imports?name=april.csv&dry_run={str(dry_run).lower()}"
        return self.client.post(path, content=content, headers=self.headers("logistics", **more))

    def state(self, number: int, name: str = "logistics") -> Any:
        """How far an import is."""
        return self.client.get(f"/api/v1/imports/{number}", headers=self.headers(name))

    def ended(self, number: int) -> Any:
        """What an import says when it is at its end."""
        for _ in range(400):
            found = self.state(number).json()
            if found["state"] not in (rules.WAITING, rules.RUNNING):
                return found
            time.sleep(0.02)
        raise AssertionError(f"import {number} does not end: {found}")


@pytest.fixture
def dock(region: Engine) -> Iterator[Dock]:
    """The small region served, with the runner of imports."""
    engage(region)
    with TestClient(build(region, Settings(), scheduled=False), raise_server_exceptions=False) as client:
        yield Dock(client)


def test_a_file_is_accepted_with_a_number_and_run_to_its_end(dock: Dock, region: Engine) -> None:
    answer = dock.send(csv(receipt("N-1", 25), receipt("N-2", 5)))
    assert answer.status_code == 202, answer.text
    assert answer.json()["csv"] == ","
    end = dock.ended(answer.json()["import"])
    assert (end["state"], end["rows_read"], end["rows_posted"], end["percent"]) == ("done", 2, 2, 100)
    assert end["findings"] == []
    assert shelves(region, "N-1")["N-1", "D-DE", "pool", "available"] == 25
    assert faults(region) == []


def test_semicolons_and_a_byte_order_mark_are_taken_and_told(dock: Dock) -> None:
    content = b"\xef\xbb\xbf" + csv(receipt("N-1", 25)).replace(b",", b";")
    answer = dock.send(content)
    assert (answer.status_code, answer.json()["csv"]) == (202, ";")
    assert dock.ended(answer.json()["import"])["state"] == "done"


def test_a_dry_run_tells_row_column_value_and_reason(dock: Dock, region: Engine) -> None:
    number = dock.send(csv(receipt("N-1", "2,5".replace(",", "."))), dry_run=True).json()["import"]
    end = dock.ended(number)
    assert (end["state"], end["dry_run"], end["findings_total"]) == ("refused", True, 1)
    reason = "is not a whole number: write digits alone, with no comma, point or exponent"
    assert end["findings"] == [{"row": 2, "column": "quantity", "value": "2.5", "reason": reason}]
    paged = dock.client.get(f"/api/v1/imports/{number}/findings", headers=dock.headers("logistics")).json()
    assert [one["row"] for one in paged["rows"]] == [2]


def test_the_same_key_sends_a_file_once(dock: Dock, region: Engine) -> None:
    content = csv(receipt("N-1", 25))
    first, again = dock.send(content, key="april"), dock.send(content, key="april")
    assert first.json() == again.json()
    assert dock.ended(first.json()["import"])["state"] == "done"
    assert dock.send(csv(receipt("N-1", 26)), key="april").status_code == 422
    listed = dock.client.get("/api/v1/imports", headers=dock.headers("logistics")).json()
    assert len(listed["rows"]) == 1
    assert shelves(region, "N-1")["N-1", "D-DE", "pool", "available"] == 25


def test_a_form_with_a_file_is_taken_too(dock: Dock) -> None:
    files = {"file": ("may.csv", io.BytesIO(csv(receipt("N-1"))), CSV)}
    answer = dock.client.post("/api/v1/imports", files=files, headers=dock.headers("logistics"))
    assert answer.status_code == 202, answer.text
    assert dock.ended(answer.json()["import"])["name"] == "may.csv"


def test_the_templates_can_be_filled_in_and_sent(dock: Dock) -> None:
    headers = dock.headers("logistics")
    empty = dock.client.get("/api/v1/imports/template.csv", headers=headers).content
    assert empty.decode().strip() == HEADER
    assert dock.ended(dock.send(empty + receipt("N-1").encode()).json()["import"])["state"] == "done"
    book = dock.client.get("/api/v1/imports/template.xlsx", headers=headers).content
    answer = dock.send(book, kind=XLSX_TYPE)
    assert answer.status_code == 202
    assert dock.ended(answer.json()["import"])["outcome"] == "1 finding: nothing was posted"
    explained = dock.client.get("/api/v1/imports/columns", headers=headers).json()
    assert list(explained) == HEADER.split(",")


def test_an_import_is_seen_by_who_sent_it_and_by_who_verifies(dock: Dock) -> None:
    number = dock.send(csv(receipt("N-1"))).json()["import"]
    dock.ended(number)
    assert dock.state(number, "auditor").status_code == 200
    assert dock.state(number, "buyer").status_code == 404
    assert dock.state(number + 1).status_code == 404


def test_who_may_record_nothing_is_refused_at_once(dock: Dock) -> None:
    headers = dock.headers("buyer", **{"Content-Type": CSV})
    assert dock.client.post("/api/v1/imports", content=csv(receipt("N-1")), headers=headers).status_code == 403


@ON_SQLITE
def test_what_is_json_by_another_name_is_judged_as_json(dock: Dock) -> None:
    """FastAPI reads any type that ends in +json: none of them is a way around."""
    body = b'{"site": "D-DE", "site": "D-BE", "lines": []}'
    for kind in ("application/vnd.api+json", "application/json; charset=utf-8", "text/csv+json"):
        headers = dock.headers("logistics", **{"Content-Type": kind})
        answer = dock.client.post("/api/v1/receipts", content=body, headers=headers)
        assert (answer.status_code, "given twice" in answer.text) == (400, True), kind


@ON_SQLITE
def test_json_is_no_file_and_a_file_is_no_json(dock: Dock) -> None:
    assert dock.send(b"{}", kind="application/json").status_code == 422
    headers = dock.headers("logistics", **{"Content-Type": CSV})
    for path in ("/movements", "/receipts", "/adjustments"):
        answer = dock.client.post(f"/api/v1{path}", content=csv(receipt("N-1")), headers=headers)
        assert answer.status_code == 422, path


def test_an_import_left_by_a_killed_process_is_taken_up_again(region: Engine, cast: Cast) -> None:
    """The claim of a process that gives no sign of life any more stands in nobody's way."""
    number = sent(region, acting(cast["logistics"]), csv(receipt("N-1", 7)))
    long_ago = NOW - operations.SILENCE - timedelta(seconds=1)
    assert transact(region, lambda session: operations.claim(session, number, runner="killed", at=long_ago))
    assert Runner(region, clock).drain() == 1
    assert told(region, number) == ("done", [])
    assert shelves(region, "N-1") == {("N-1", "D-DE", "pool", "available"): 7}


def test_whoever_lost_an_import_to_another_posts_nothing_of_it(region: Engine, cast: Cast) -> None:
    """A runner that was silent for too long comes back to life in the middle of its work."""
    act = acting(cast["logistics"])
    number = sent(region, act, csv(receipt("N-1", 7)))
    transact(region, lambda session: operations.claim(session, number, runner="first", at=NOW))
    late = NOW + operations.SILENCE + timedelta(seconds=1)
    assert transact(region, lambda session: operations.claim(session, number, runner="second", at=late))
    with pytest.raises(operations.TakenOver):
        run(Hand(region, number, "first", clock))
    assert shelves(region, "N-1") == {}
    assert run(Hand(region, number, "second", clock)) == "done"
    assert shelves(region, "N-1") == {("N-1", "D-DE", "pool", "available"): 7}
    assert faults(region) == []


def test_a_process_that_ends_puts_its_import_back_with_nothing_half_written(region: Engine, cast: Cast) -> None:
    number = sent(region, acting(cast["logistics"]), csv(*[receipt(f"N-{n}", 7) for n in range(50)]))
    transact(region, lambda session: operations.claim(session, number, runner="mine", at=NOW))
    hand = Hand(region, number, "mine", clock)

    def at_posting(step: Any) -> None:
        if step.rows_posted:
            hand.stopping.set()

    hand._tell = at_posting
    with pytest.raises(Stopped):
        run(hand)
    transact(region, lambda session: operations.put_back(session, number, runner="mine"))
    assert shelves(region, "N-1") == {}
    assert Runner(region, clock).drain() == 1
    assert told(region, number) == ("done", [])
    assert faults(region) == []


def test_a_file_that_ends_its_process_three_times_is_not_begun_again(region: Engine, cast: Cast) -> None:
    number = sent(region, acting(cast["logistics"]), csv(receipt("N-1", 7)))
    for attempt in range(3):
        at = NOW - (4 - attempt) * (operations.SILENCE + timedelta(seconds=1))
        assert transact(region, lambda session, at=at: operations.claim(session, number, runner="killed", at=at))  # type: ignore[misc]
    assert Runner(region, clock).drain() == 1
    assert told(region, number)[0] == "failed"
    assert shelves(region, "N-1") == {}


def test_once_it_is_at_its_end_the_file_itself_is_gone_and_its_digest_stays(region: Engine, cast: Cast) -> None:
    number = sent(region, acting(cast["logistics"]), csv(receipt("N-1", 7)))
    Runner(region, clock).drain()

    def look(session: Session) -> tuple[str, bool]:
        with pytest.raises(AssertionError):
            queries.content(session, number)
        found = queries.import_of(session, number)
        return found.sha256, found.size_bytes > 0

    with reading(region) as session:
        digest, sized = look(session)
    assert len(digest) == 64
    assert sized


def test_of_many_faults_the_first_thousand_are_kept_and_all_are_counted(region: Engine, cast: Cast) -> None:
    number = sent(region, acting(cast["logistics"]), csv(*[lost("GHOST", 1) for _ in range(1500)]))
    Runner(region, clock).drain()
    state, found = told(region, number)
    assert (state, len(found), found[0]) == ("refused", 1000, (2, "lot", "no lot GHOST of TAB is on record"))
    with reading(region) as session:
        assert queries.import_of(session, number).findings_total == 1500
