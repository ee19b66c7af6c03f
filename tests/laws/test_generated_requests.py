"""Requests made from our own OpenAPI document, on every route: no fault, no answer it does not tell, books that stay.

Schemathesis makes some that fit the document; each is sent, and sent again with one thing in it changed, many times.
The values of fields that name things are those of real things half of the time, so that requests get past the door.
STOCKPILE_GENERATED sets how many are made per route, STOCKPILE_CHANGED how often each is changed,
STOCKPILE_GENERATED_SEED makes others, STOCKPILE_GENERATED_ON=postgresql asks a server, STOCKPILE_GENERATED_TOLD names
a folder for what was answered: `make campaign ARGS="--requests 1000000"` sets them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import GenerationMode
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Grant
from stockpile.app import build
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.governance.rules import ROLES, SCHEDULER, SUPPLIER
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.settings import Settings
from tests.conftest import SMALL_REGION, acting, cloned
from tests.inventory.stockroom import faults
from tests.laws.inside import Answer, Inside, inside

PASSWORD = "for the tests only"
EXAMPLES = int(os.environ.get("STOCKPILE_GENERATED", "2"))
CHANGES = int(os.environ.get("STOCKPILE_CHANGED", "10"))
SEED = int(os.environ.get("STOCKPILE_GENERATED_SEED", "0"))
DATABASE = os.environ.get("STOCKPILE_GENERATED_ON", "sqlite")
TOLD = os.environ.get("STOCKPILE_GENERATED_TOLD", "")
HOSTILE: tuple[Any, ...] = (
    None, True, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**400, "", " ", "0", "\x00", "\ud800", "\u202e",
    "a" * 70_000,
    "'; DROP TABLE lot; --", "=1+1", "../../etc", "1e400", "2020-02-30", "2020-03-30", "0001-01-01T00:00:00Z",
    "2020-03-30T08:00:00Z", "9999-12-31T23:59:59+14:00", "NaN", "१२", "²", [], {}, [[]], [None], {"a": {"b": []}},
)  # fmt: skip
SLOW = ("/plans", "/runs/", "/tokens", "/accounts", "/verification", "/labels", "/symbols", "/imports")
REAL: dict[str, list[Any]] = {
    "site": ["D-DE", "D-BE", "H-NL"],
    "origin": ["D-DE", "D-BE"],
    "destination": ["H-NL", "H-DE"],
    "item": ["TAB", "VIAL", "PUMP"],
    "code": ["TAB", "D-DE"],
    "member": ["DE-1", "BE-1", "NL-1"],
    "owner": ["pool", "DE-1"],
    "lot_id": [1, 2, 3],
    "number": [1, 2],
    "lot": ["OLD", "A1"],
    "status": ["available", "quarantine"],
    "quantity": [1, 10],
    "kind": ["receive", "adjust", "issue"],
}
_spec: dict[str, Any] = build(open_engine("sqlite://"), Settings(), scheduled=False).openapi()
_schema = schemathesis.openapi.from_dict(_spec)
OPERATIONS = {one.ok().label: one.ok() for one in _schema.get_all_operations()}


@pytest.fixture(scope="module")
def kept_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an empty migrated database."""
    if DATABASE == "postgresql":
        server, name = request.getfixturevalue("postgres_address"), f"generated_{uuid4().hex}"
        return cloned(server, request.getfixturevalue("postgres_template"), name)
    path = tmp_path_factory.mktemp("generated") / "stockpile.db"
    shutil.copy(request.getfixturevalue("sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def engine(kept_in: str) -> Iterator[Engine]:
    """One small region with an account of every role, for all these requests."""
    opened, act = open_engine(kept_in), acting(governance.founder())

    def load(session: Session) -> None:
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))
        governance.add_scheduler(session, act)
        for role in ROLES:
            if role != SCHEDULER:
                given = {
                    "name": role,
                    "title": role,
                    "password": PASSWORD,
                    "grants": [Grant(role, member="SUP-1" if role == SUPPLIER else None)],
                }
                governance.add_account(session, act, **given)

    transact(opened, load)
    yield opened
    found = faults(opened)
    opened.dispose()
    assert found == [], "the books are not right after all these requests"


class Asking:
    """Sends what is made, as somebody, and judges what is answered."""

    def __init__(self, service: Inside) -> None:
        self.service, self.statuses = service, Counter[int]()
        self._roles = [role for role in ROLES if role != SCHEDULER]
        self._tokens = {role: service.sign_in(role, PASSWORD) for role in self._roles}
        self._validators: dict[tuple[str, str, str], Any] = {}

    def send(self, case: Any, chance: random.Random) -> None:
        """Send one made request and judge its answer; then send it changed, many times."""
        has_body = case.media_type == "application/json" and not isinstance(case.body, schemathesis.core.NotSet)
        made = {
            "path": _real(dict(case.path_parameters or {}), chance),
            "query": _real(dict(case.query or {}), chance),
            "body": _real(case.body, chance) if has_body else None,
        }
        self._send(case, made, chance)
        for _ in range(0 if any(part in case.operation.label for part in SLOW) else CHANGES):
            self._send(case, {**made, **_changed(made, chance)}, chance)

    def _send(self, case: Any, made: dict[str, Any], chance: random.Random) -> None:
        path = case.path
        for name, value in made["path"].items():
            path = path.replace("{" + name + "}", quote(str(value)[:500], safe="", errors="replace") or "%20")
        headers = {"Authorization": f"Bearer {self._tokens[chance.choice(self._roles)]}"}
        given: dict[str, Any] = {"headers": headers}
        if made["query"]:
            given["params"] = {name: _text(value) for name, value in made["query"].items()}
        if made["body"] is not None:
            headers["Content-Type"] = "application/json"
            given["content"] = json.dumps(made["body"], default=str).encode()
        answer = self.service.request(case.method, path, **given)
        self.statuses[answer.status_code] += 1
        self.judge(case, answer)

    def judge(self, case: Any, answer: Answer) -> None:
        """No fault; a status, a kind of content and a body that the document tells."""

        def said() -> str:
            return f"{answer.method} {answer.path} {answer.sent[:500]!r}: {answer.status_code}"

        assert answer.status_code < 500, f"{said()} {answer.content[:500]!r}"
        if answer.status_code in (404, 405) and case.path.count("/") != answer.path.count("/"):
            return
        told = case.operation.definition.raw["responses"]
        status = str(answer.status_code) if str(answer.status_code) in told else "default"
        assert status in told, f"{said()} is not in the OpenAPI document"
        kind = answer.headers.get("content-type", "").partition(";")[0]
        contents = told[status].get("content", {})
        if answer.content and contents:
            assert kind in contents, f"{said()}: {kind}, the document tells {list(contents)}"
            if kind.endswith("json"):
                found = self._validator((case.operation.label, status, kind), contents[kind]).iter_errors(answer.json())
                assert [f"{said()}: {one.message}" for one in found] == []

    def _validator(self, of: tuple[str, str, str], content: dict[str, Any]) -> Any:
        """What judges bodies of this kind: made once, for making it takes longer than judging."""
        if of not in self._validators:
            schema = {**content.get("schema", {}), "components": _spec["components"]}
            self._validators[of] = jsonschema_rs.validator_for(schema)
        return self._validators[of]


def _text(value: Any) -> str:
    return str(value)[:5000].encode("utf-8", "replace").decode()


def _changed(made: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """One of the parts with one thing in it changed to something hostile, left out, or given too much."""
    part = chance.choice([name for name in ("path", "query", "body") if made[name]] or ["body"])
    return {part: _one_changed(made[part], chance, keep=part != "body")}


def _one_changed(value: Any, chance: random.Random, *, keep: bool = False) -> Any:
    if isinstance(value, dict) and value and (keep or chance.random() < 0.9):
        name, way = chance.choice(list(value)), chance.random()
        if way < 0.1 and not keep:
            return {key: inner for key, inner in value.items() if key != name}
        if way < 0.15 and not keep:
            return {**value, "more": chance.choice(HOSTILE)}
        return {**value, name: _one_changed(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], _one_changed(value[at], chance), *value[at + 1 :]]
    return chance.choice(HOSTILE)


def _real(made: Any, chance: random.Random) -> Any:
    """What was made, with the names of real things in it half of the time."""
    if isinstance(made, dict):
        return {
            name: chance.choice(REAL[name]) if name in REAL and chance.random() < 0.5 else _real(inner, chance)
            for name, inner in made.items()
        }
    return [_real(one, chance) for one in made] if isinstance(made, list) else made


@pytest.fixture(scope="module")
def asking(engine: Engine) -> Iterator[Asking]:
    """The region served, with everybody signed in."""
    app = build(engine, Settings(plan_limit_seconds=1), scheduled=False)
    with inside(app) as service:
        asking = Asking(service)
        yield asking
    if TOLD:
        (Path(TOLD) / uuid4().hex).write_text(json.dumps(asking.statuses))


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_made_request_is_a_fault_or_answered_otherwise_than_told(asking: Asking, label: str) -> None:
    made_of(asking, label)


def made_of(asking: Asking, label: str) -> None:
    """Send what can be made of the operation's own description."""
    made = OPERATIONS[label].as_strategy(generation_mode=GenerationMode.POSITIVE)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=not SEED,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=made, seed=st.integers(0, 2**32))
    def ask(case: Any, seed: int) -> None:
        asking.send(case, random.Random(seed))

    (seeded(SEED)(ask) if SEED else ask)()


def test_after_thousands_of_made_requests_the_books_are_right(asking: Asking, engine: Engine) -> None:
    for label in OPERATIONS:  # other processes may have asked the rest of them
        if sum(asking.statuses.values()) > 1000 and asking.statuses[200] + asking.statuses[201] > 100:
            break
        made_of(asking, label)
    assert sum(asking.statuses.values()) > 1000, asking.statuses
    assert asking.statuses[200] + asking.statuses[201] > 100, asking.statuses
    assert faults(engine) == []
