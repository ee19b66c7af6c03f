"""The quick way in and the general way answer the same to the same bytes, hostile ones included."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from stockpile.app import build
from stockpile.settings import Settings
from tests.conftest import Cast
from tests.inventory.stockroom import ON_SQLITE, faults
from tests.laws.test_group_over_http import Scanner

MOVEMENTS, ADJUSTMENTS = "/api/v1/movements", "/api/v1/adjustments"
LINE = {"lot_id": 1, "quantity": 1, "owner": "pool", "status": "available"}
GOOD: dict[str, Any] = {"kind": "adjust", "site": "D-DE", "lines": [LINE], "reason": "counted"}
PLAIN = json.dumps(GOOD).encode()


@pytest.fixture
def scanner(region: Engine, cast: Cast) -> Iterator[Scanner]:
    """A scanner at work."""
    with TestClient(build(region, Settings(), scheduled=False), raise_server_exceptions=False) as client:
        found = Scanner(client, region, cast)
        plenty = GOOD | {"kind": "receive", "lines": [LINE | {"quantity": 10**6}]}
        assert (
            client.post(MOVEMENTS, json=plenty, headers={"Authorization": f"Bearer {found.token}"}).status_code == 201
        )
        yield found


def sent(scanner: Scanner, path: str, body: bytes, headers: dict[str, str], *, quickly: bool) -> tuple[Any, ...]:
    """What is told: status, kind of content, marks, and the answer but for the number of a posting."""
    state: Any = scanner.client.app.state  # type: ignore[attr-defined]
    if quickly:
        assert scanner.post(1).status_code == 201, "who is let in now"
        assert state.let_in
    else:
        state.let_in = {}
    given_headers = {"Authorization": f"Bearer {scanner.token}", "Content-Type": "application/json"} | headers
    answer = scanner.client.post(path, content=body, headers=given_headers)
    told = answer.json() if "json" in answer.headers["content-type"] else answer.text
    if "posting" in told and answer.status_code == 201:
        told["posting"] = "a number"
    shown = ("content-type", "stockpile-simulated", "idempotency-replayed", "www-authenticate")
    return answer.status_code, told, [answer.headers.get(name) for name in shown]


def assert_alike(scanner: Scanner, path: str, body: bytes, **headers: str) -> int:
    """Both ways tell the same; which status that is."""
    general = sent(scanner, path, body, headers, quickly=False)
    assert sent(scanner, path, body, headers, quickly=True) == general
    status: int = general[0]
    return status


@ON_SQLITE
def test_an_ordinary_scan_takes_the_quick_way_and_an_odd_one_does_not(
    scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert scanner.post(1).status_code == 201
    taken: list[str] = []
    way: Any = scanner.client.app._way.app  # type: ignore[attr-defined]
    general = way._general

    async def noted(scope: Any, receive: Any, send: Any) -> None:
        taken.append(scope["path"])
        await general(scope, receive, send)

    monkeypatch.setattr(way, "_general", noted)
    assert scanner.post(1, key="quick").status_code == 201
    assert taken == []
    assert scanner.post("1").status_code == 422  # type: ignore[arg-type]
    assert taken == [MOVEMENTS]


HOSTILE: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("half of it", PLAIN[:-1]),
    ("something behind it", PLAIN + b"{}"),
    ("a key twice", PLAIN[:-1] + b', "site": "D-BE"}'),
    ("a key twice in a line", PLAIN.replace(b'"lot_id": 1', b'"lot_id": 1, "lot_id": 2')),
    ("a byte order mark", b"\xef\xbb\xbf" + PLAIN),
    ("UTF-16", PLAIN.decode().encode("utf-16")),
    ("Latin-1", PLAIN.replace(b"counted", b"gez\xe4hlt")),
    ("half a character, spelled", PLAIN.replace(b"counted", rb"\ud800")),
    ("half a character, raw", PLAIN.replace(b"counted", b"\xed\xa0\x80")),
    ("a zero character", PLAIN.replace(b"counted", rb"a\u0000b")),
    ("a line break", PLAIN.replace(b"counted", rb"a\nb")),
    ("a raw line break", PLAIN.replace(b"counted", b"a\nb")),
    ("a turn of direction", PLAIN.replace(b"counted", rb"a\u202eb")),
    ("an open accent", PLAIN.replace(b"counted", rb"e\u0301")),
    ("a fraction", PLAIN.replace(b'"quantity": 1', b'"quantity": 1.0')),
    ("an exponent", PLAIN.replace(b'"quantity": 1', b'"quantity": 1e0')),
    ("not a number", PLAIN.replace(b'"quantity": 1', b'"quantity": NaN')),
    ("endless", PLAIN.replace(b'"quantity": 1', b'"quantity": -Infinity')),
    ("true", PLAIN.replace(b'"quantity": 1', b'"quantity": true')),
    ("too much", PLAIN.replace(b'"quantity": 1', b'"quantity": 1000000000001')),
    ("5,000 digits", PLAIN.replace(b'"quantity": 1', b'"quantity": ' + b"9" * 5000)),
    ("a lot of no kind", PLAIN.replace(b'"lot_id": 1', b'"lot_id": 0')),
    ("deep", PLAIN.replace(b'"counted"', b"[" * 40 + b"]" * 40)),
    ("deeper than the stack", b"[" * 100_000),
    ("a list", b"[" + PLAIN + b"]"),
    ("no lines", json.dumps(GOOD | {"lines": []}).encode()),
    ("too many lines", json.dumps(GOOD | {"lines": [LINE] * 1001}).encode()),
    ("a kind with a line break behind it", PLAIN.replace(b'"adjust"', rb'"adjust\n"')),
    ("a long reason", PLAIN.replace(b"counted", b"x" * 2001)),
]


@ON_SQLITE
def test_hostile_bodies_are_told_the_same_on_both_ways(scanner: Scanner) -> None:
    for what, body in HOSTILE:
        accepted = {201} if what == "an open accent" else {400, 422}
        assert assert_alike(scanner, MOVEMENTS, body) in accepted, what
    assert faults(scanner.engine) == []


ODD: list[tuple[str, dict[str, str], int]] = [
    ("nothing odd", {}, 201),
    ("a foreign page", {"Origin": "https://elsewhere.example"}, 403),
    ("a foreign page, as the browser says", {"Sec-Fetch-Site": "cross-site"}, 403),
    ("our own page", {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}, 201),
    ("another host", {"Host": "elsewhere.example"}, 400),
    ("a host with a port", {"Host": "localhost:8000"}, 201),
    ("a charset", {"Content-Type": "application/json; charset=utf-8"}, 201),
    ("no JSON", {"Content-Type": "text/plain"}, 422),
    ("a key with a blank", {"Idempotency-Key": "a b"}, 422),
    ("a long key", {"Idempotency-Key": "x" * 201}, 422),
    ("a scheme in small letters", {"Authorization": "bearer nobody"}, 401),
    ("an unknown token", {"Authorization": "Bearer nobody"}, 401),
    ("a cookie", {"Cookie": "a=b"}, 201),
]


@ON_SQLITE
def test_odd_headers_are_told_the_same_on_both_ways(scanner: Scanner) -> None:
    for what, headers, status in ODD:
        assert assert_alike(scanner, MOVEMENTS, PLAIN, **headers) == status, what


@ON_SQLITE
def test_a_correction_takes_the_quick_way_like_a_record(scanner: Scanner) -> None:
    body = {"lot_id": scanner.lot, "site": "D-DE", "change": -1, "reason": "broken"}
    assert assert_alike(scanner, ADJUSTMENTS, json.dumps(body).encode()) == 201
    assert assert_alike(scanner, ADJUSTMENTS, json.dumps(body | {"change": 0}).encode()) == 422
    assert assert_alike(scanner, ADJUSTMENTS, PLAIN) == 422


@ON_SQLITE
def test_a_reply_kept_on_one_way_is_given_again_on_the_other(scanner: Scanner) -> None:
    for first, second in ((True, False), (False, True)):
        headers = {"Idempotency-Key": f"kept-{first}"}
        fresh = sent(scanner, MOVEMENTS, PLAIN, headers, quickly=first)
        again = sent(scanner, MOVEMENTS, PLAIN, headers, quickly=second)
        assert (fresh[:2], again[2][2]) == (again[:2], "true")
        other = sent(scanner, MOVEMENTS, PLAIN.replace(b"counted", b"other"), headers, quickly=second)
        assert (other[0], other[1]["type"]) == (422, "urn:stockpile:problem:idempotency_key_reused")


@ON_SQLITE
def test_a_question_behind_the_path_is_told_the_same_on_both_ways(scanner: Scanner) -> None:
    for query, status in (("?dry_run=true", 422), ("?", 201)):
        assert assert_alike(scanner, MOVEMENTS + query, PLAIN) == status, query


@ON_SQLITE
def test_serials_and_late_entries_are_told_the_same_on_both_ways(scanner: Scanner) -> None:
    for more in ({"effective_at": "2020-01-01T00:00:00Z"}, {"effective_at": "2999-01-01T00:00:00Z"}):
        assert assert_alike(scanner, MOVEMENTS, json.dumps(GOOD | more).encode()) in {409, 422}, more
    for instant, status in ((None, 201), ("yesterday", 422), ("2020-01-01T00:00:00", 422)):
        assert assert_alike(scanner, MOVEMENTS, json.dumps(GOOD | {"effective_at": instant}).encode()) == status
    for serials in (["A1"], ["A1", "A1"]):
        lines = [LINE | {"serials": serials}]
        assert assert_alike(scanner, MOVEMENTS, json.dumps(GOOD | {"lines": lines}).encode()) == 409


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5), st.just([]), st.just({})
)
NAMES = st.sampled_from(["kind", "site", "lines", "reason", "lot_id", "quantity", "owner", "status", "more", "lot_id "])
KINDS = st.sampled_from(["adjust", "receive", "issue", "set_aside", "release", ""])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good body of which something was changed: a value, a name, the spelling, or some of its bytes."""
    line = LINE | draw(st.dictionaries(NAMES, VALUES, max_size=1)) | {"lot_id": draw(st.integers(0, 2))}
    body = GOOD | {"kind": draw(KINDS), "lines": [line] * draw(st.integers(0, 2))}
    body |= draw(st.dictionaries(NAMES, VALUES, max_size=1))
    raw = json.dumps(body, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    cut = draw(st.integers(0, len(raw)))
    return raw[:cut] + draw(st.one_of(st.just(b""), st.binary(max_size=3))) + raw[cut + draw(st.integers(0, 1)) :]


@ON_SQLITE
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(PLAIN)
@given(bodies())
def test_whatever_comes_is_told_the_same_on_both_ways(scanner: Scanner, body: bytes) -> None:
    assert assert_alike(scanner, MOVEMENTS, body) in {201, 400, 403, 404, 409, 422}
