"""Lists that are told whole are paged too; sign-ins in any script; a surge is declared once."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from unittest import mock

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event
from sqlalchemy.exc import IntegrityError

from stockpile.actor import Grant
from stockpile.allocation import operations as allocation
from stockpile.app import build
from stockpile.db import breaks, reading, transact
from stockpile.governance import operations as governance
from stockpile.governance.rules import EVERYONE
from stockpile.governance.tables import Member
from stockpile.jobs import operations as jobs
from stockpile.reorder import operations as reorder
from stockpile.settings import Settings
from tests.allocation.surge_room import at_hand, everybody, planned, share_out, surge
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import ON_SQLITE, do, send_out
from tests.laws.parallel import at_once, kinds

PASSWORD = "пароль-für-жёлтый-Schlüssel"


@pytest.fixture
def client(region: Engine) -> Iterator[TestClient]:
    """Somebody of every role whose password is in Cyrillic and German."""
    given = {
        "name": "everyone",
        "title": "all",
        "password": PASSWORD,
        "grants": [Grant(role) for role in sorted(EVERYONE)],
    }
    do(region, governance.add_account, acting(governance.founder()), **given)
    with TestClient(build(region, Settings(), scheduled=False)) as client:
        client.headers["Authorization"] = _basic(f"everyone:{PASSWORD}".encode())
        yield client


def _basic(raw: bytes) -> str:
    return "Basic " + base64.b64encode(raw).decode()


def test_a_password_in_any_script_signs_in(client: TestClient) -> None:
    assert client.get("/api/v1/me").json()["name"] == "everyone"


@ON_SQLITE
@pytest.mark.parametrize(
    "given",
    [
        _basic(b"\xff\xfe:\xff"),
        _basic("everyone:пароль".encode("cp1251")),
        _basic("жёлтый:x".encode()),
        _basic(b"no colon"),
        "Basic ???",
        "Basic \xe9\xe9",
        "Basic",
        "Basic =",
    ],
)
def test_credentials_that_cannot_be_read_are_refused_without_a_fault(client: TestClient, given: str) -> None:
    answer = client.get("/api/v1/me", headers={"Authorization": given.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.status_code == 401, answer.text
    assert "charset" in answer.headers["WWW-Authenticate"]


def walked(client: TestClient, path: str, limit: int) -> list[object]:
    """All rows of a list, page by page, as its Link headers lead."""
    rows: list[object] = []
    following = f"/api/v1/{path}{'&' if '?' in path else '?'}limit={limit}"
    while following:
        answer = client.get(following)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()) <= limit
        rows += answer.json()
        following = answer.links.get("next", {}).get("url", "")
    return rows


def test_lists_that_are_told_whole_are_paged_without_gap_or_repeat(
    region: Engine, cast: Cast, client: TestClient
) -> None:
    share_out(region, cast, *everybody())
    planned(region, cast, surge_id=1, by="coordinator2")
    do(region, allocation.close_surge, acting(cast["coordinator"]), number=1, reason="over")
    surge(region, cast)
    for number in range(3):
        send_out(region, acting(cast["committee"]), lot="T-NEW", quantity=10, source=f"plan:{number}")
    with mock.patch.object(reorder, "run_limited", at_hand):
        for days in range(2):
            at = acting(cast["buyer"], NOW + timedelta(days=days))
            jobs.run(region, at, job="reorder", limit_seconds=30)
    seen = {}
    for path in ("sites", "surges", "plans", "transfers", "calloffs", "contracts", "caseload?member=NL-1", "runs"):
        whole = client.get(f"/api/v1/{path}")
        assert "link" not in whole.headers, path
        seen[path] = len(whole.json())
        for limit in (1, 2):
            assert walked(client, path, limit) == whole.json(), path
    assert min(seen.values()) >= 1, seen
    assert (seen["sites"], seen["surges"], seen["plans"], seen["transfers"], seen["runs"]) == (5, 2, 2, 3, 2)


@ON_SQLITE
def test_an_after_that_names_nothing_is_told(client: TestClient) -> None:
    for path in ("caseload?after=soon", "plans?after=x", "transfers?limit=0", "sites?limit=5001"):
        assert client.get(f"/api/v1/{path}").status_code == 422, path


def test_the_list_of_plans_does_not_read_their_files(region: Engine, cast: Cast, client: TestClient) -> None:
    share_out(region, cast, *everybody())
    said: list[str] = []
    event.listen(region, "before_cursor_execute", lambda *given: said.append(given[2]))
    [row] = client.get("/api/v1/plans").json()
    assert {"id", "fair", "findings"} <= set(row)
    assert {"problem", "answer"} & set(row) == set()
    assert [one for one in said if "plan.problem," in one or "plan.answer," in one] == []


def test_a_surge_is_declared_once_however_many_declare_it(region: Engine, cast: Cast) -> None:
    acts = [acting(cast[f"coordinator{number}"]) for number in range(4)]
    given = {"level": 2, "evidence": "e", "cover_days": 3, "review_by": NOW + timedelta(days=9)}
    outcomes = at_once(
        [lambda act=act: do(region, allocation.declare_surge, act, hazard="Flood ", **given) for act in acts]  # type: ignore[misc]
    )
    assert kinds(outcomes) == ["DeclaredAlready"] * 3 + ["done"]
    do(region, allocation.declare_surge, acts[0], hazard="heat", **given)
    do(region, allocation.close_surge, acts[0], number=1, reason="over")
    do(region, allocation.declare_surge, acts[0], hazard="flood", **given)


def test_only_the_named_constraint_counts_as_done_before(region: Engine) -> None:
    def again(session: object) -> None:
        session.add(Member(**{**_member(region), "parent": "x"}))  # type: ignore[attr-defined]

    with pytest.raises(IntegrityError) as failure:
        transact(region, again)
    name = "pk_member" if region.dialect.name == "postgresql" else ""
    assert breaks(failure.value, name, "member", ["code"])
    assert not breaks(failure.value, "uq_request_open", "request", ["member_code", "item_code", "point_of_use"])


def _member(engine: Engine) -> dict[str, object]:
    with reading(engine) as session:
        return session.get_one(Member, "NL-1").model_dump()
