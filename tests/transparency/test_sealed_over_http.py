"""Heads and proofs over HTTP: the public part needs no account, and says nothing but hashes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance import queries as governance_queries
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations
from tests.conftest import NOW, acting


@pytest.fixture
def client(region: Engine, tmp_path: Path) -> TestClient:
    """The service on the small region, its journal sealed, with an auditor and a requester of one member."""
    for name, grant in (("auditor", Grant("auditor")), ("requester", Grant("requester", member="BE-1"))):
        transact(
            region,
            lambda session, name=name, grant=grant: governance.add_account(  # type: ignore[misc]
                session, acting(governance.founder()), name=name, title=name, password="pass-word-1", grants=[grant]
            ),
        )
    settings = Settings(home=tmp_path / "home")
    with reading(region) as session:
        assert governance_queries.region(session).name
        signer = operations.signer_of(session, settings.home)
    operations.seal(region, signer, at=NOW)
    return TestClient(app.build(region, settings, scheduled=False))


def test_anyone_checks_the_whole_journal_with_what_is_public(client: TestClient, tmp_path: Path) -> None:
    for name in ("key", "checkpoint", "leaves", "verifier.py"):
        answer = client.get(f"/public/journal/{name}")
        assert answer.status_code == 200
        (tmp_path / name).write_bytes(answer.content)
    ran = subprocess.run(
        [sys.executable, "-I", "verifier.py", "key", "leaves", "leaves", "checkpoint"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout[:14]) == (0, "proven: leaves"), ran.stderr


def test_an_entry_with_its_proof_is_for_auditors(client: TestClient) -> None:
    for name, status in (("auditor", 200), ("requester", 403)):
        answer = client.get("/api/v1/audit/entries/1/proof", auth=(name, "pass-word-1"))
        assert answer.status_code == status
    assert client.get("/api/v1/audit/entries/1/proof").status_code == 401
    assert client.get("/api/v1/audit/entries/999999/proof", auth=("auditor", "pass-word-1")).status_code == 404


def test_a_member_takes_a_head_and_everyone_sees_that_it_did(client: TestClient) -> None:
    auth = ("requester", "pass-word-1")
    size = client.get("/api/v1/audit/heads", auth=auth).json()[0]["size"]
    for again in (False, True):
        taken = client.post(f"/api/v1/audit/heads/{size}/witnesses", json={"member": "BE-1"}, auth=auth)
        assert taken.json() == {"size": size, "member": "BE-1", "again": again}
    assert client.get("/api/v1/audit/heads", auth=auth).json()[0]["taken_by"] == ["BE-1"]
    other = client.post(f"/api/v1/audit/heads/{size}/witnesses", json={"member": "NL-1"}, auth=auth)
    assert other.status_code == 403


def test_a_head_that_is_not_there_is_said_so(client: TestClient) -> None:
    for path in ("checkpoint?size=999999", "consistency?old=999999", "leaves?size=999999"):
        answer = client.get(f"/public/journal/{path}")
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (404, "unknown_head")
