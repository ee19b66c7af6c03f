"""Whether the service is well is told by doing what it is for, on a session of its own, and taking it back."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, func, text
from sqlmodel import select

from stockpile.app import build
from stockpile.db import reading
from stockpile.inventory.stops import operations as stops
from stockpile.inventory.tables import Movement, Posting
from stockpile.journal import JournalEntry
from stockpile.settings import Settings
from stockpile.upkeep import logs, probing
from tests.conftest import Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, faults, take_in

TOKEN = "for the tests only"


@pytest.fixture
def served(region: Engine, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The small region served, with a delivery in it; every probe is a new one."""
    monkeypatch.setattr(probing, "FRESH_SECONDS", -1)
    take_in(region, acting(cast["logistics"]), lot="PROBED", quantity=5)
    with TestClient(build(region, Settings(home=tmp_path), scheduled=False), raise_server_exceptions=False) as client:
        yield client


def rows(engine: Engine) -> list[int]:
    """How many postings, movements and journal entries there are."""
    with reading(engine) as session:
        tables: list[Any] = [Posting, Movement, JournalEntry]
        return [session.exec(select(func.count()).select_from(table)).one() for table in tables]


def test_ready_posts_a_probe_and_leaves_nothing(served: TestClient, region: Engine) -> None:
    before = rows(region)
    answer = served.get("/ready")
    assert (answer.status_code, answer.json()["probe"]) == (200, "posted and taken back")
    assert rows(region) == before
    assert faults(region) == []
    assert served.get("/health").json() == {"status": "ok"}


def test_every_probe_opens_a_new_session(served: TestClient) -> None:
    opened: list[object] = []
    prober = served.app.state.prober  # type: ignore[attr-defined]
    event.listen(prober._engine, "connect", lambda connection, _record: opened.append(connection))
    for _ in range(3):
        assert served.get("/ready").status_code == 200
    assert len(opened) == 3


@ON_SQLITE
@pytest.mark.parametrize("lost", ["movement", "journal_entry", "balance"])
def test_a_service_that_reads_and_cannot_post_is_not_ready(served: TestClient, region: Engine, lost: str) -> None:
    with region.begin() as connection:
        refuse = "BEFORE UPDATE" if lost == "balance" else "BEFORE INSERT"
        connection.execute(text(f"CREATE TRIGGER refused {refuse} ON {lost} BEGIN SELECT RAISE(ABORT, 'no'); END"))
    answer = served.get("/ready")
    assert (answer.status_code, answer.json()["title"], answer.headers["Retry-After"]) == (503, "not ready", "2")
    assert served.get("/health").status_code == 200


def test_a_stopped_ledger_is_ready_for_readers_and_says_so(served: TestClient, region: Engine, cast: Cast) -> None:
    do(region, stops.stop, acting(cast["committee"]), lot_id=None, site=None, found="the books are looked into")
    assert served.get("/ready").json()["probe"] == "the ledger refuses what is stopped"


@ON_SQLITE
def test_metrics_tell_what_stands_and_name_routes_not_paths(served: TestClient, region: Engine, cast: Cast) -> None:
    do(region, stops.stop, acting(cast["committee"]), lot_id=None, site="D-DE", found="a burst pipe")
    served.get("/health")
    served.get("/api/v1/lots/7/nonsense-from-outside")
    told = served.get("/metrics").text
    assert "\nstockpile_stops 1\n" in told
    assert 'stockpile_requests_total{method="GET",route="/health",status="200"} 1' in told
    assert "nonsense" not in told
    assert told.count("# TYPE stockpile_request_seconds histogram") == 1


@ON_SQLITE
def test_metrics_are_not_told_to_others(region: Engine, tmp_path: Path) -> None:
    def status(settings: Settings, client: str, **headers: str) -> int:
        app = build(region, settings, scheduled=False)
        with TestClient(app, client=(client, 1), headers=headers) as asking:
            return asking.get("/metrics").status_code

    plain, guarded = Settings(home=tmp_path), Settings(home=tmp_path, metrics_token=TOKEN)
    assert status(plain, "127.0.0.1") == 200
    assert status(plain, "10.0.0.9") == 403
    assert status(plain, "127.0.0.1", **{"X-Forwarded-For": "10.0.0.9"}) == 403
    assert status(guarded, "127.0.0.1") == 403
    assert status(guarded, "10.0.0.9", Authorization=f"Bearer {TOKEN}") == 200
    assert status(guarded, "10.0.0.9", Authorization="Bearer wrong") == 403


@ON_SQLITE
def test_a_request_has_a_number_in_its_answer_and_in_every_line_of_its_log(served: TestClient) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.AsJson())
    logs.access.addHandler(handler)
    logs.access.setLevel(logging.INFO)
    try:
        given = served.get("/api/v1/items", headers={"X-Request-Id": "scanner-7-0001"})
        forged = served.get("/api/v1/items", headers={"X-Request-Id": 'x"}\\n{"level":"info'})
    finally:
        logs.access.removeHandler(handler)
    assert given.headers["X-Request-Id"] == "scanner-7-0001"
    assert len(forged.headers["X-Request-Id"]) == 32
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["request"] for line in lines] == [given.headers["X-Request-Id"], forged.headers["X-Request-Id"]]
    assert (lines[0]["route"], lines[0]["status"], lines[0]["method"]) == ("/api/v1/items", 401, "GET")
    assert (lines[0]["level"], lines[0]["message"], lines[0]["address"]) == ("warning", "refused", "testclient")


@ON_SQLITE
def test_a_database_that_is_away_is_told_as_such_and_as_unknown(served: TestClient, region: Engine) -> None:
    path = Path(str(region.url.database))
    region.dispose()
    for part in path.parent.glob(f"{path.name}*"):
        part.unlink()
    path.mkdir()
    answer = served.get("/api/v1/items", headers={"Authorization": "Bearer none"})
    assert (answer.status_code, answer.json()["title"]) == (503, "database away")
    assert "same Idempotency-Key" in answer.json()["detail"]
    assert served.get("/ready").status_code == 503
