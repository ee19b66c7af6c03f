"""The storeroom at the command line: by the API's own routes, rights and words."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.cli import app
from stockpile.db import reading
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.settings import Settings
from tests.conftest import acting
from tests.inventory.stockroom import ON_SQLITE, do, faults, lot_id, send_out, shelves

PASSWORD = "a storekeeper's long password"
pytestmark = ON_SQLITE


class Till:
    """Types commands as somebody; what is printed, or why it was refused."""

    def __init__(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STOCKPILE_DATABASE_URL", address)
        monkeypatch.setenv("STOCKPILE_PASSWORD", PASSWORD)
        monkeypatch.setenv("COLUMNS", "200")
        self.more: list[str] = []

    def type(self, name: str, *words: str) -> Result:
        """Type the words of a command under `stockpile store`."""
        return CliRunner().invoke(app, ["store", "--account", name, *self.more, *words])

    def does(self, name: str, *words: str) -> str:
        """What a command that must succeed prints."""
        ran = self.type(name, *words)
        assert ran.exit_code == 0, ran.output
        return ran.stdout

    def refused(self, name: str, *words: str) -> str:
        """Why a command that must be refused is."""
        ran = self.type(name, *words)
        assert (ran.exit_code, ran.stdout) == (1, ""), ran.output
        return ran.stderr


@pytest.fixture
def till(region: Engine, address: str, monkeypatch: pytest.MonkeyPatch) -> Till:
    """A command line on the small region, with accounts named for their roles."""
    for role in ("logistics", "pharmacist", "committee", "coordinator", "requester"):
        for name in (role, f"{role}2"):
            given = {"name": name, "title": name, "password": PASSWORD, "grants": [Grant(role)]}
            do(region, governance.add_account, acting(governance.founder()), **given)
    return Till(address, monkeypatch)


def test_goods_are_received_listed_corrected_and_traced(region: Engine, till: Till) -> None:
    assert till.does("logistics", "receive", "D-DE", "--line", "TAB,N-1,2021-06-30,100,5").startswith("posting: ")
    table = till.does("logistics", "stock", "--item", "TAB")
    assert table.splitlines()[0].split() == ["lot_id", "item", "lot", "expiry", "site", "owner", "status", "quantity"]
    assert "quarantine" in table
    till.does("logistics", "adjust", "TAB/N-1", "D-DE", "-3", "--reason", "broken")
    till.does("logistics", "aside", "TAB/N-1", "D-DE", "10", "--reason", "wet")
    till.does("pharmacist", "release", "TAB/N-1", "D-DE", "10", "--reason", "dry again")
    assert shelves(region, "N-1")["N-1", "D-DE", "pool", "available"] == 92
    assert "received: 100" in till.does("logistics", "trace", "TAB/N-1")
    assert faults(region) == []


def test_a_refusal_is_told_in_the_services_words_and_ends_with_one(region: Engine, till: Till) -> None:
    too_much = ("adjust", "TAB/T-NEW", "D-DE", "-999", "--reason", "lost")
    assert "D-DE has 300 of TAB lot T-NEW available (pool), 999 asked" in till.refused("logistics", *too_much)
    assert "may not stock.adjust" in till.refused("requester", *too_much)
    assert "there is no lot TAB/NONE" in till.refused("logistics", "trace", "TAB/NONE")
    assert "do not match an account" in till.refused("nobody", "stock")
    bad = till.refused("logistics", "receive", "D-DE", "--line", "TAB,N-1,soon,100")
    assert "lines.0.expiry" in bad
    assert till.refused("logistics", "receive", "D-DE", "--line", "1,2,3,4,5,6,7")
    assert shelves(region, "N-1") == {}


def test_one_key_has_one_effect_however_often_it_is_typed(region: Engine, till: Till) -> None:
    words = ("receive", "D-DE", "--line", "TAB,N-1,2021-06-30,10", "--key", "note-7")
    assert till.does("logistics", *words) == till.does("logistics", *words)
    assert shelves(region, "N-1")["N-1", "D-DE", "pool", "available"] == 10


def test_a_transfer_is_picked_sent_and_delivered(region: Engine, till: Till) -> None:
    with reading(region) as session:
        actor = queries.actor_of(session, queries.account_by_name(session, "committee"))
    sent = str(send_out(region, acting(actor), lot="T-NEW", quantity=30).id)
    other = str(send_out(region, acting(actor), lot="T-NEW", quantity=20, source="plan:other").id)
    assert "approved" in till.does("logistics", "transfers", "--state", "approved")
    assert "20" in till.does("coordinator", "cancel", other, "--reason", "not needed")
    till.does("logistics", "pick", sent)
    assert "put it back first" in till.refused("coordinator", "cancel", sent, "--reason", "no")
    till.does("logistics", "dispatch", sent)
    assert "dispatched" in till.does("logistics", "transfer", sent)
    line = 1
    till.does("logistics", "deliver", sent, "--line", f"{line},25,3")
    till.does("logistics2", "resolve", sent, "--found", f"{line},1", "--reason", "one was found")
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "NL-1", "available"] == 26
    till.does("logistics", "issue", "H-NL", "--use", "NL-1,TAB,6")
    assert shelves(region, "T-NEW")["T-NEW", "H-NL", "NL-1", "available"] == 20


def test_a_count_a_hold_a_recall_and_a_disposal_go_through_two_people(region: Engine, till: Till) -> None:
    till.does("logistics", "count", "open", "D-DE", "--reason", "monthly")
    assert "T-NEW" in till.does("logistics", "count", "sheet", "1")
    till.does("logistics", "count", "enter", "1", "TAB/T-NEW", "299")
    assert "opened count 1" in till.refused("logistics", "count", "approve", "1", "--reason", "ok")
    till.does("committee", "count", "approve", "1", "--reason", "one broken")
    assert "on_hold: true" in till.does("logistics", "hold", "TAB/T-NEW", "--reason", "leak")
    till.does("pharmacist", "unhold", "TAB/T-NEW", "--reason", "tight")
    deadline = ("--deadline", "2020-04-02T08:00:00Z")
    till.does("pharmacist", "recall", "open", "R-1", "TAB", "T-OLD", "--class", "1", "--reason", "glass", *deadline)
    assert "R-1" in till.does("logistics", "recall", "list")
    till.does("logistics", "dispose", "TAB/T-OLD", "D-BE", "200", "--reason", "recalled")
    till.does("pharmacist", "witness", "1", "--certificate", "burnt")
    assert ("T-OLD", "D-BE", "pool", "quarantine") not in shelves(region)
    assert "expires" not in till.does("logistics", "expiring", "--within-days", "30")


def test_labels_promises_and_the_past_are_at_hand(region: Engine, till: Till, tmp_path: Path) -> None:
    label = tmp_path / "label.svg"
    till.does("logistics", "label", str(lot_id(region, "T-NEW")), "--out", str(label))
    assert label.read_text(encoding="utf-8").startswith("<svg")
    assert "on_hand: 600" in till.does("logistics", "promise", "TAB")
    assert till.does("logistics", "stock", "--at", "2020-03-29T08:00:00Z").strip() == "nothing"
    till.does("committee", "close-period", "--before", "2020-03-29T08:00:00Z")
    assert "2020-03-29" in till.does("logistics", "periods")
    assert "(01)" in till.does("logistics", "scan", "(01)09529999990013(17)210630(10)T-NEW", "--site", "D-BE")


def test_every_other_route_is_called_by_its_name(till: Till) -> None:
    def call(*words: str) -> Result:
        return CliRunner().invoke(app, ["call", "--account", "committee", *words])

    floor = call("PUT", "items/TAB/floor", "effective_from=2020-04-01", "quantity:=50")
    assert json.loads(floor.stdout) == {"item": "TAB", "effective_from": "2020-04-01", "quantity": 50}
    found = json.loads(call("GET", "lots", "item=TAB", "limit=1").stdout)
    assert (len(found["rows"]), found["next"]) == (1, found["rows"][0]["id"])
    assert call("GET", "no/such/route").exit_code == 1
    assert call("PUT", "items/TAB/floor", "quantity").exit_code == 1
    assert till


@pytest.fixture
def served(region: Engine) -> Iterator[str]:
    """The address of a server on the small region."""
    config = uvicorn.Config(build(region, Settings(), scheduled=False), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=30)


def test_a_server_is_asked_in_the_same_words(till: Till, served: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKPILE_DATABASE_URL", "sqlite:////nowhere/at/all.db")
    till.more = ["--url", served, "--json"]
    assert {row["lot"] for row in json.loads(till.does("logistics", "stock", "--item", "TAB"))["rows"]} == {
        "T-OLD",
        "T-NEW",
    }
    assert "999 asked" in till.refused("logistics", "adjust", "TAB/T-NEW", "D-DE", "-999", "--reason", "lost")
    till.more = ["--url", "http://127.0.0.1:9"]
    assert "no service answers" in till.refused("logistics", "stock")


def test_what_happened_earlier_is_entered_with_its_instant(region: Engine, till: Till) -> None:
    saturday = ("--at", "2020-03-28T08:00:00Z")
    till.does("logistics", "receive", "D-DE", "--line", "TAB,N-1,2021-06-30,100", *saturday)
    earlier = ("--at", "2020-03-28T07:59:59Z")
    told = till.refused("logistics", "adjust", "TAB/N-1", "D-DE", "-1", "--reason", "lost", *earlier)
    assert "there were 0 on 2020-03-28 07:59 UTC" in told
    till.does("logistics", "adjust", "TAB/N-1", "D-DE", "-1", "--reason", "lost", *saturday)
    for at, why in (
        ("2020-03-23T07:59:59Z", "more than 168 hours"),
        ("2020-03-30T09:00:00Z", "lies ahead"),
        ("2020-03-28T08:00:00", "with a time zone"),
        ("yesterday", "with a time zone"),
    ):
        words = ("receive", "D-DE", "--line", "TAB,N-2,2021-06-30,1", "--at", at)
        assert why in till.refused("logistics", *words), at
    till.more = ["--json"]
    rows = json.loads(till.does("logistics", "stock", *saturday))["rows"]
    assert [(row["lot"], row["quantity"]) for row in rows] == [("N-1", 99)]
    till.does("committee", "close-period", "--before", "2020-03-29T00:00:00Z")
    words = ("receive", "D-DE", "--line", "TAB,N-2,2021-06-30,1", "--at", "2020-03-28T23:00:00Z")
    assert "is closed and stays as it is" in till.refused("logistics", *words)
    assert faults(region) == []
