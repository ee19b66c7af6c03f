"""People of the cast over HTTP: each calls with a token of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from stockpile import app
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Account
from stockpile.settings import Settings
from tests.conftest import Cast


class Desk:
    """The service over one region, and a token for whoever of the cast calls."""

    def __init__(self, engine: Engine, cast: Cast) -> None:
        self._engine, self._cast, self._tokens = engine, cast, dict[str, str]()
        self._client = TestClient(app.build(engine, Settings(), scheduled=False))

    def call(self, name: str, method: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer to what this person asks for."""
        headers = {"Authorization": f"Bearer {self._token(name)}"} | ({"Idempotency-Key": key} if key else {})
        return self._client.request(method, f"/api/v1{path}", json=body, headers=headers)

    def get(self, name: str, path: str) -> Any:
        """What this person reads; must succeed."""
        answer = self.call(name, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, name: str, path: str, body: Any = None, *, key: str = "") -> Any:
        """The answer to what this person sends."""
        return self.call(name, "POST", path, body, key=key)

    def _token(self, name: str) -> str:
        if name not in self._tokens:
            number, now = self._cast[name].id, datetime.now(UTC)
            self._tokens[name] = transact(
                self._engine,
                lambda session: governance.issue_token(
                    session, session.get_one(Account, number), real_now=now, hours=1
                )[0],
            )
        return self._tokens[name]
