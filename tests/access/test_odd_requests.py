"""Odd methods, paths and headers on every route: told in words, never a fault, and never without the headers.

What a client may send is HTTP's and not ours: methods that a route has not, paths that only look like one, headers
that say nothing or too much. Each of them is a way in that somebody tries first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from stockpile.app import build
from stockpile.settings import Settings
from tests.access import story
from tests.access.doors import Doors
from tests.access.table import ROUTES
from tests.access.test_every_route import Stage, counted, stage
from tests.access.test_shield import WANTED
from tests.laws.inside import Answer, Inside, inside

__all__ = ["stage"]

SHARE = 1 if os.environ.get("STOCKPILE_ODD") else 3
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "G\u00cbT",
)
PATHS = (
    "{}/",
    "/{}",
    "{}/..",
    "{}/%2e%2e/me",
    "{}%00",
    "{}%ff%fe",
    "{};a=1",
    "{}.json",
    "{}/%2f",
    "{}?",
    "{}\\",
    "{}%0d%0aX-A: 1",
)
QUERIES = (
    {"after": "1e9"},
    {"limit": "-1"},
    {"limit": "\u0663"},
    {"": ""},
    {"a[b]": "1"},
    {"after": "\x00"},
    {"x" * 9000: "1"},
)
HEADERS: tuple[dict[str, str], ...] = (
    {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer \xff\xfe"},
    {"Authorization": "Bearer " + "a" * 60_000}, {"Authorization": "Basic"}, {"Authorization": "Basic !!!!"},
    {"Authorization": "Basic bm9jb2xvbg=="}, {"Authorization": "Basic //8="}, {"Authorization": "Digest username=x"},
    {"Accept": "text/;q=\xff"}, {"Accept-Language": "xx;q=zz,*;q="}, {"Accept-Encoding": "\x01"},
    {"Range": "bytes=9-1"}, {"If-Modified-Since": "yesterday"}, {"If-None-Match": '"'}, {"Host": ""},
    {"Cookie": "=; ;;a=\x01; session=a.b.c"}, {"Host": "elsewhere.example"}, {"Origin": "null"},
    {"X-Forwarded-For": "'; DROP TABLE lot; --"}, {"Traceparent": "00-zz"}, {"Transfer-Encoding": "chunked"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Content-Type": "application/json; charset=utf-16"}, {"Content-Type": "multipart/form-data"},
    {"Content-Type": "\xff"}, {"Idempotency-Key": ""}, {"Idempotency-Key": "\xff" * 300}, {"Upgrade": "websocket"},
    {"Expect": "100-continue"},
)  # fmt: skip
INSIDES = (b"Traceback", b'File "', b"sqlalchemy", b"stockpile/")


@pytest.fixture(scope="module")
def doors(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The service on a copy of the stage."""
    found = stage.doors(tmp_path_factory.mktemp("odd"))
    yield found
    found.engine.dispose()


@pytest.fixture(scope="module")
def service(doors: Doors) -> Iterator[Inside]:
    """The same service, asked without a client that would mend what is odd."""
    with inside(doors.app) as found:
        yield found


def called(stage: Stage) -> list[tuple[str, str]]:
    """Every route with the numbers of what is there in its path."""
    known = {name: str(value) for name, value in stage.numbers.items() if isinstance(value, int | str)}
    found = []
    for method, path in ROUTES:
        if method == "MOUNT":
            continue
        parts = [known.get(part[1:-1], "1") if part.startswith("{") else part for part in path.split("/")]
        found.append((method, "/".join(parts)))
    return found


def judged(answer: Answer) -> list[str]:
    """What is wrong with an answer."""
    said = f"{answer.method} {answer.path[:200]!r}: {answer.status_code}"
    found = [] if answer.status_code < 500 else [f"{said} {answer.content[:300]!r}"]
    own = {"referrer-policy": "same-origin"} if answer.path.startswith("/public") else {}
    lacking = [name for name, told in WANTED.items() if answer.headers.get(name) not in (told, own.get(name, told))]
    lacking += [] if "content-security-policy" in answer.headers else ["content-security-policy"]
    found += [f"{said} lacks {lacking}"] if lacking else []
    error = answer.status_code >= 400 and answer.path.startswith("/api/")
    found += [
        f"{said} shows its inside: {answer.content[:300]!r}" for one in INSIDES if error and one in answer.content
    ]
    elsewhere = answer.content == b"Invalid host header"
    if error and answer.content and not elsewhere and answer.headers.get("content-type") != "application/problem+json":
        found.append(f"{said} tells {answer.headers.get('content-type')}: {answer.content[:100]!r}")
    return found


def test_a_method_that_a_route_has_not_is_refused_in_words_and_changes_nothing(
    stage: Stage, doors: Doors, service: Inside
) -> None:
    before, wrong = counted(doors.engine), list[str]()
    own = {"Authorization": f"Bearer {doors.tokens[story.ONE]}"}
    paths = sorted({path for _, path in called(stage)})
    having = {path: {method for method, other in called(stage) if other == path} for path in paths}
    for at, path in enumerate(paths):
        for method in METHODS[at % SHARE :: SHARE]:
            if method not in having[path]:
                wrong += judged(service.request(method, path, headers=own))
    assert not wrong, "\n".join(wrong[:20])
    assert counted(doors.engine) == before


def test_a_path_or_query_that_only_looks_like_a_route_is_refused_in_words(
    stage: Stage, doors: Doors, service: Inside
) -> None:
    wrong = list[str]()
    own = {"Authorization": f"Bearer {doors.tokens[story.ONE]}"}
    for at, path in enumerate(path for method, path in called(stage) if method == "GET"):
        for odd in PATHS[at % SHARE :: SHARE]:
            wrong += judged(service.request("GET", odd.format(path), headers=own))
        for query in QUERIES[at % SHARE :: SHARE]:
            wrong += judged(service.request("GET", path, headers=own, params=query))
    assert not wrong, "\n".join(wrong[:20])


def test_odd_headers_are_refused_in_words_or_passed_over(stage: Stage, doors: Doors, service: Inside) -> None:
    wrong = list[str]()
    own = {"Authorization": f"Bearer {doors.tokens[story.ONE]}"}
    for at, (method, path) in enumerate(called(stage)):
        if path.endswith(("/tokens/current", "/sign-ins/1", "/second-factor/end")):
            continue
        for headers in HEADERS[at % SHARE**2 :: SHARE**2]:
            answer = service.request(method, path, headers=own | headers, content=b"" if method == "GET" else b"{}")
            wrong += [f"{headers}: {one}"[:500] for one in judged(answer)]
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("way", ["general", "quick"])
def test_a_fault_of_ours_carries_the_headers_and_does_not_show_its_inside(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, status: int
) -> None:
    away = OperationalError("SELECT the inside", {}, Exception("the inside of the database"))
    failure = away if status == 503 else ValueError("the inside of the service")

    def broken() -> None:
        raise failure

    async def breaks(*_given: object) -> None:
        raise failure

    app = build(doors.engine, Settings(home=tmp_path), scheduled=False)
    app.add_api_route("/api/v1/broken", broken)
    monkeypatch.setattr("stockpile.inventory.grouping.Group.post", breaks)
    own = {"Authorization": f"Bearer {doors.tokens[story.ONE]}", "Content-Type": "application/json"}
    body = b'{"kind": "adjust", "site": "D-DE", "lines": [{"lot_id": 1, "quantity": 1}], "reason": "found"}'
    with inside(app) as service:
        if way == "quick":
            # Who was let in a moment ago is known from then on.
            assert service.request("GET", "/api/v1/me", headers=own).status_code == 200
            answer = service.request("POST", "/api/v1/movements", headers=own, content=body)
        else:
            answer = service.request("GET", "/api/v1/broken", headers=own)
    assert answer.status_code == status, answer
    assert b"inside" not in answer.content
    assert [one for one in judged(answer) if " lacks " in one or " tells " in one or " shows " in one] == []


@pytest.mark.parametrize(
    ("asked", "body", "status"),
    [
        ("POST /disposals", b'{"lot_id": 1, "quantity": 1, "reason": "broken", "site": "NOWHERE"}', 404),
        ("POST /audit/heads/18446744073709551616/witnesses", b'{"member": "BE-1"}', 422),
        ("GET /audit/entries/18446744073709551616/proof", b"", 422),
    ],
)
def test_what_generated_requests_once_broke_is_told_in_words(
    doors: Doors, service: Inside, asked: str, body: bytes, status: int
) -> None:
    method, _, path = asked.partition(" ")
    own = {"Authorization": f"Bearer {doors.tokens[story.ONE]}", "Content-Type": "application/json"}
    answer = service.request(method, f"/api/v1{path}", headers=own, content=body)
    assert (answer.status_code, judged(answer)) == (status, []), answer
