"""The quick way in honours keys, ended sign-ins, scopes and the second factor exactly as the general way does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, update
from starlette.datastructures import State

from stockpile.actor import Actor, Grant
from stockpile.db import transact
from stockpile.governance.caller import Caller, recent_caller
from stockpile.governance.operations import SignInRefused, token_digest
from stockpile.governance.tables import AccountGrant, Token
from tests.access.doors import Doors
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import lot_id, take_in

PROBLEM = "urn:stockpile:problem:"


class Dock:
    """A scanner that records at D-DE; `quickly` tells whether the last record took the quick way."""

    def __init__(self, doors: Doors, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        self.doors = doors
        take_in(doors.engine, acting(cast["logistics"]), lot="SCAN", quantity=20)
        self.lot, self.general = lot_id(doors.engine, "SCAN"), 0
        doors.engage("clerk", Grant("logistics", site="D-DE"))
        way: Any = doors.app._way.app  # type: ignore[attr-defined]
        onward = way._general

        async def noted(scope: Any, receive: Any, send: Any) -> None:
            self.general += scope["type"] == "http" and scope["path"].endswith("/movements")
            await onward(scope, receive, send)

        monkeypatch.setattr(way, "_general", noted)

    def record(self, name: str = "clerk", kind: str = "adjust") -> tuple[int, str, bool]:
        """Status, kind of problem and whether it went the quick way."""
        before = self.general
        line = {"lot_id": self.lot, "quantity": 1}
        body = {"kind": kind, "site": "D-DE", "lines": [line], "reason": "counted"}
        answer = self.doors.call(name, "POST", "/movements", body)
        told = answer.json().get("type", "").removeprefix(PROBLEM)
        return answer.status_code, told, self.general == before

    def both_ways(self, name: str = "clerk", kind: str = "adjust") -> tuple[int, str]:
        """What a caller who is known of late is told, which must be what a caller who comes anew is told."""
        status, told, quick = self.record(name, kind)
        assert quick, "a caller let in some seconds ago takes the quick way"
        self.doors.app.state.let_in = {}
        assert self.record(name, kind) == (status, told, False)
        return status, told


@pytest.fixture
def dock(region: Engine, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dock]:
    """The dock, with a clerk who has just recorded something."""
    doors = Doors(region, tmp_path)
    with TestClient(doors.app, raise_server_exceptions=False) as client:
        doors.client = client
        found = Dock(doors, cast, monkeypatch)
        assert found.record() == (201, "", False)
        yield found


def key_of(dock: Dock, *rights: str) -> str:
    """A key of the clerk's, known as `key`; gives the name it is ended by."""
    made = dock.doors.call("clerk", "POST", "/keys", {"label": "scanner", "rights": list(rights)})
    dock.doors.tokens["key"] = made.json()["key"]
    return str(made.json()["id"])


def test_a_key_with_the_right_records_quickly(dock: Dock) -> None:
    key_of(dock, "stock.adjust")
    assert dock.record("key") == (201, "", False)
    assert dock.record("key") == (201, "", True)


def test_a_key_narrowed_to_something_else_is_refused_on_both_ways(dock: Dock) -> None:
    key_of(dock, "stock.adjust")
    assert dock.record("key")[0] == 201
    assert dock.both_ways("key", "receive") == (403, "right_missing")


def test_a_key_that_was_ended_records_nothing_more_not_even_within_the_seconds_it_was_known(dock: Dock) -> None:
    shown = key_of(dock, "stock.adjust")
    assert dock.record("key")[0] == 201
    assert dock.doors.call("clerk", "DELETE", f"/sign-ins/{shown}").status_code == 204
    assert dock.both_ways("key") == (401, "sign_in_refused")


def test_a_sign_in_that_was_ended_elsewhere_records_nothing_more(dock: Dock) -> None:
    dock.doors.engage("chief", Grant("administrator"))
    [mine] = dock.doors.call("chief", "GET", "/sign-ins?account=clerk").json()
    assert dock.doors.call("chief", "DELETE", f"/sign-ins/{mine['id']}").status_code == 204
    assert dock.both_ways() == (401, "sign_in_refused")


def changed(dock: Dock, statement: Any) -> None:
    """Change what stands about the clerk, as time or an administrator would."""

    def change(session: Session) -> None:
        session.connection().execute(statement)

    transact(dock.doors.engine, change)


def test_a_key_whose_day_has_come_records_nothing_more(dock: Dock) -> None:
    key_of(dock, "stock.adjust")
    assert dock.record("key")[0] == 201
    past = datetime.now(UTC) - timedelta(seconds=1)
    changed(dock, update(Token).where(col(Token.label) == "scanner").values(expires_at=past))
    assert dock.both_ways("key") == (401, "sign_in_refused")


def test_a_role_that_was_lent_and_is_over_records_nothing_more(dock: Dock) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    changed(dock, update(AccountGrant).where(col(AccountGrant.site_code) == "D-DE").values(ends_at=past))
    status, told, quick = dock.record()
    assert (status, told, quick) == (403, "right_missing", True)
    dock.doors.app.state.let_in = {}
    assert dock.record() == (403, "right_missing", False)


def test_a_record_that_approves_asks_for_the_second_factor_on_both_ways(
    dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No kind that is recorded at scan speed approves today; the day one does, the code is asked for."""
    monkeypatch.setattr("stockpile.governance.rules.approves", lambda right: right == "stock.adjust")
    assert dock.record() == (201, "", True)
    dock.doors.engage("chief", Grant("administrator"))
    assert dock.doors.call("chief", "PUT", "/second-factor", {"demanded": True}).status_code == 200
    assert dock.both_ways() == (403, "second_factor_missing")


def test_a_quick_record_asks_the_database_no_more_often_than_before(dock: Dock) -> None:
    """Keys, scopes, lent roles and codes are in the one question that was asked anyway: who holds this token."""
    if dock.doors.engine.dialect.name == "postgresql":
        pytest.skip("there the questions of a group go in one message, which is not seen here")
    asked: list[str] = []
    event.listen(dock.doors.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    assert dock.record() == (201, "", True)
    holding = [one for one in asked if "JOIN token" in one]
    assert len(holding) == 1
    assert [one for one in asked if "second_factor" in one or "account_grant" in one] == holding


ENDED, AWAY = SignInRefused("the sign-in has ended"), OperationalError("SELECT", None, Exception("it went away"))


@pytest.mark.parametrize(
    ("failure", "looks_for_all", "failed"), [(None, 1, 0), (ENDED, 1, 8), (AWAY, 2, 1)], ids=["good", "ended", "away"]
)
def test_of_those_who_come_at_once_with_one_token_one_is_looked_up(
    monkeypatch: pytest.MonkeyPatch, failure: Exception | None, looks_for_all: int, failed: int
) -> None:
    looks, all_are_there = [], threading.Event()
    found = Caller(
        create_engine("sqlite://"), Actor(7, "clerk", (Grant("logistics"),)), NOW, 5, token_digest("a token")
    )

    def look(*given: Any) -> Caller:
        looks.append(given)
        all_are_there.wait()
        if failure is not None and len(looks) == 1:
            raise failure
        return found

    async def all_at_once(request: Any) -> list[Any]:
        async def release() -> None:
            all_are_there.set()

        given = HTTPAuthorizationCredentials(scheme="Bearer", credentials="a token")
        coming = [recent_caller(request, given, None) for _ in range(8)]
        *told, _ = await asyncio.gather(*coming, release(), return_exceptions=True)
        return told

    monkeypatch.setattr("stockpile.governance.caller.caller", look)
    state = State()
    told = asyncio.run(all_at_once(SimpleNamespace(app=SimpleNamespace(state=state))))
    assert [getattr(one, "actor", one) for one in told] == [failure] * failed + [found.actor] * (8 - failed)
    assert (len(looks), state.looking) == (looks_for_all, {})
    assert hasattr(state, "let_in") == (failed < 8), "who was refused is looked up again"
