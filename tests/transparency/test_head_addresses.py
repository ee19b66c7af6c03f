"""Addresses that signed heads are sent to: which are refused, and how they are kept over HTTP and typed as commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from typer.testing import CliRunner

from stockpile import app
from stockpile.cli import app as commands
from stockpile.db import reading
from stockpile.errors import Invalid
from stockpile.jobs import schedule
from stockpile.settings import Settings
from stockpile.transparency.sealing import operations as sealing
from stockpile.transparency.sending import rules
from tests.conftest import NOW, Cast
from tests.inventory.stockroom import ON_SQLITE
from tests.transparency.witness import witness

WHY = "the council wants its own copy"
PASSWORD = "pass-word-1"
REFUSED = [
    "http://audit.example/heads",
    "ftp://audit.example/heads",
    "https://",
    "https://audit.example:0/",
    "https://audit.example:99999/",
    "https://name:word@audit.example/",
    "https://@audit.example/",
    "https://audit.example/#part",
    "https://audit.example\\@10.0.0.1/",
    "https://audit example/",
    "https://aud\u0131t.example/",
    "https://[::1",
    "https://127.0.0.1/",
    "https://localhost/",
    "https://heads.localhost/",
    "https://10.1.2.3/",
    "https://169.254.169.254/latest/meta-data",
    "https://192.168.0.10/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://0.0.0.0/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://127.1/",
    "https://100.64.0.1/",
    "https://224.0.0.1/",
    "https://-x.example/",
    f"https://audit.example/{'a' * 500}",
]


@pytest.mark.parametrize("url", REFUSED)
def test_an_address_that_is_no_public_one_over_https_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.read_address(url, this_machine=False)
    assert refusal.value.facts["field"] == "url"


def test_http_is_for_this_machine_alone_even_where_it_is_allowed() -> None:
    assert rules.read_address("http://localhost:8080/", this_machine=True).port == 8080
    for url in ("http://audit.example/", "http://93.184.216.34/", "http://10.0.0.1/", "https://10.0.0.1/"):
        with pytest.raises(Invalid):
            rules.read_address(url, this_machine=True)


def test_over_http_addresses_are_registered_listed_ended_and_their_log_read(region: Engine, tmp_path: Path) -> None:
    cast = Cast(region, password=PASSWORD)
    auth, other = (cast["auditor"].name, PASSWORD), (cast["buyer"].name, PASSWORD)
    settings = Settings(home=tmp_path, heads_to_this_machine=True)
    with witness() as taker, TestClient(app.build(region, settings, scheduled=False)) as client:
        body = {"url": taker.url, "recipient": "the audit office", "reason": WHY}
        made = client.post("/api/v1/audit/addresses", json=body, auth=auth)
        assert (made.status_code, made.json()["number"]) == (201, 1)
        inside = client.post("/api/v1/audit/addresses", json={**body, "url": "https://10.0.0.1/"}, auth=auth)
        assert (inside.status_code, inside.json()["facts"]["field"]) == (422, "url")
        sealed(region, tmp_path)
        taker.status = 500
        schedule.send(region, True)
        [listed] = client.get("/api/v1/audit/addresses", auth=auth).json()
        assert (listed["state"], listed["failures"], listed["host"], listed["url"]) == (
            "failing", 1, "127.0.0.1", taker.url
        )  # fmt: skip
        assert client.get("/api/v1/audit/addresses", auth=other).json()[0]["url"] is None
        metrics = client.get("/metrics", headers={"host": "127.0.0.1"}).text
        assert "\nstockpile_head_addresses 1\n" in metrics
        assert "\nstockpile_head_addresses_failing 1\n" in metrics
        taker.status = 200
        asked = client.post("/api/v1/audit/addresses/1/sending", json={"reason": "it works again"}, auth=auth)
        assert asked.json() == {"number": 1, "state": "asked"}
        schedule.send(region, True)
        log = client.get("/api/v1/audit/addresses/1/deliveries", auth=auth).json()
        assert [(one["accepted"], one["status"], one["answer"]) for one in log] == [
            (True, 200, "kept"), (False, 500, "kept")
        ]  # fmt: skip
        assert client.post("/api/v1/audit/addresses/1/end", json={"reason": "moved"}, auth=auth).status_code == 200
        again = client.post("/api/v1/audit/addresses/1/sending", json={"reason": "x"}, auth=auth)
        assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (409, "head_address_ended")
        assert client.get("/api/v1/audit/addresses/9/deliveries", auth=auth).status_code == 404


def sealed(engine: Engine, home: Path) -> int:
    """Seal what has happened; the size of the head."""
    with reading(engine) as session:
        signer = sealing.signer_of(session, home)
    return sealing.seal(engine, signer, at=NOW)


@ON_SQLITE
def test_addresses_are_kept_with_commands(region: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    auditor = Cast(region, password=PASSWORD)["auditor"].name
    for name, value in (
        ("DATABASE_URL", region.url.render_as_string(hide_password=False)), ("HOME", str(tmp_path)),
        ("HEADS_TO_THIS_MACHINE", "true"), ("ACCOUNT", auditor), ("PASSWORD", PASSWORD),
    ):  # fmt: skip
        monkeypatch.setenv(f"STOCKPILE_{name}", value)
    monkeypatch.setenv("COLUMNS", "250")

    def typed(*words: str, code: int = 0) -> str:
        ran = CliRunner().invoke(commands, ["audit", *words])
        assert ran.exit_code == code, ran.output
        return ran.output

    with witness() as taker:
        typed("addresses", "add", taker.url, "the audit office", "--reason", WHY)
        typed("seal")
        taker.status, taker.words = 500, b"out of order"
        assert "address 1 did not take the head: out of order" in typed("send", code=1)
        assert "failing" in typed("addresses", "list")
        typed("addresses", "send", "1", "--reason", "it works again")
        taker.status, taker.words = 200, b"kept"
        assert "sent: 1 of 1 heads were taken" in typed("send")
        log = typed("addresses", "deliveries", "1")
        assert ("kept" in log, "out of order" in log) == (True, True)
        typed("addresses", "end", "1", "--reason", "moved")
        assert "ended" in typed("addresses", "list")
    refused = typed("addresses", "add", "https://10.0.0.1/", "inside", "--reason", WHY, code=1)
    assert "is not a public address" in refused
