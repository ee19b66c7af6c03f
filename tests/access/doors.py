"""The service, and people who stand before it: each with a sign-in of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.actor import Grant
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.settings import Settings
from tests.conftest import acting


class Doors:
    """The service over a region; a person is known by name and holds the grants they were engaged with."""

    def __init__(self, engine: Engine, home: Path, **settings: Any) -> None:
        self.engine = engine
        self.app: FastAPI = app.build(engine, Settings(home=home, **settings), scheduled=False)
        self.client = TestClient(self.app, raise_server_exceptions=False, follow_redirects=False)
        self.tokens: dict[str, str] = {}

    def engage(self, name: str, *grants: Grant, password: str = "") -> int:
        """A new account with a sign-in."""
        act = acting(governance.founder())
        account = transact(
            self.engine,
            lambda session: governance.add_account(
                session, act, name=name, title=name, password=password, grants=list(grants)
            ),
        )
        self.sign_in(name)
        assert account.id is not None
        return account.id

    def sign_in(self, name: str) -> str:
        """Another sign-in of this person, used from now on."""

        def issue(session: Any) -> str:
            account = queries.account_by_name(session, name)
            return governance.issue_token(session, account, real_now=datetime.now(UTC), hours=1)[0]

        self.tokens[name] = transact(self.engine, issue)
        return self.tokens[name]

    def call(self, name: str, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer to what this person asks for; '' is somebody who has not signed in."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"} if name else {}
        headers |= more.pop("headers", {})
        return self.client.request(method, f"/api/v1{path}", json=body, headers=headers, **more)
