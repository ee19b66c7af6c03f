"""Scheduled runs as people meet them: over HTTP and at the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.cli import app as commands
from stockpile.governance import operations as governance
from stockpile.governance.rules import EVERYONE
from stockpile.jobs.nightly import JOBS
from stockpile.settings import Settings
from tests.conftest import acting
from tests.inventory.stockroom import ON_SQLITE, do

pytestmark = ON_SQLITE
PASSWORD = "night and day"
CHANGE = {"enabled": True, "minute": 15, "hour": 4, "weekday": "sun", "time_zone": "", "reason": "orders on Mondays"}


@pytest.fixture
def client(region: Engine, tmp_path: Path) -> Iterator[TestClient]:
    """Somebody of every role."""
    given = {
        "name": "everyone",
        "title": "all",
        "password": PASSWORD,
        "grants": [Grant(role) for role in sorted(EVERYONE)],
    }
    do(region, governance.add_account, acting(governance.founder()), **given)
    with TestClient(build(region, Settings(home=tmp_path), scheduled=False)) as client:
        client.auth = ("everyone", PASSWORD)
        yield client


def test_every_job_is_listed_with_when_it_comes_next(client: TestClient) -> None:
    found = client.get("/api/v1/schedules").json()
    assert [row["job"] for row in found] == list(JOBS)
    assert all(row["enabled"] and row["next_due"] and row["set_by"] == "" for row in found)


def test_a_schedule_is_changed_once_per_key_and_bad_input_is_told_by_field(client: TestClient) -> None:
    headers = {"Idempotency-Key": "sunday"}
    for _ in range(2):
        answer = client.put("/api/v1/schedules/expiry", json=CHANGE, headers=headers)
        assert answer.status_code == 200, answer.text
    [changed] = [row for row in client.get("/api/v1/schedules").json() if row["job"] == "expiry"]
    assert (changed["when"], changed["set_by"]) == ("every sun at 04:15, Europe/Brussels", "everyone")
    for body, field in (
        ({**CHANGE, "minute": 60}, "minute"),
        ({**CHANGE, "hour": None}, "weekday"),
        ({**CHANGE, "weekday": "sunday"}, "weekday"),
        ({**CHANGE, "time_zone": "../etc/passwd"}, "time_zone"),
        ({**CHANGE, "often": True}, "often"),
    ):
        answer = client.put("/api/v1/schedules/expiry", json=body)
        assert answer.status_code == 422, answer.text
        assert field in answer.text
    assert client.put("/api/v1/schedules/defrag", json=CHANGE).status_code == 404


def test_a_dry_run_changes_nothing_a_real_one_once_and_every_try_is_told(client: TestClient) -> None:
    assert client.post("/api/v1/runs/expiry?dry=true").json()["dry"] is True
    assert client.get("/api/v1/runs").json() == []
    assert [client.post("/api/v1/runs/expiry").json()["again"] for _ in range(2)] == [False, True]
    found = client.get("/api/v1/run-attempts?job=expiry").json()["rows"]
    assert [(row["state"], row["dry"]) for row in found] == [("done", False), ("done", True)]
    assert found[0]["outcome"]["lots"] >= 0
    assert found[0]["ended_at"] >= found[0]["started_at"]
    assert client.post("/api/v1/runs/defrag").status_code == 404


def test_the_command_line_runs_lists_and_schedules(region: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    address = region.url.render_as_string(hide_password=False)
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
    run = CliRunner().invoke
    dry = run(commands, ["run", "dates", "--dry-run"])
    assert "nothing was changed" in dry.output, dry.output
    assert "was done before" not in run(commands, ["run", "dates"]).output
    assert "was done before" in run(commands, ["run", "dates"]).output
    assert run(commands, ["run", "list"]).output.count("dates") == 2
    assert "every hour at minute 5" in run(commands, ["run", "schedule"]).output
    refused = run(commands, ["run", "schedule", "dates", "--at", "soon"])
    assert refused.exit_code != 0
    assert "is no time" in str(refused.exception)
