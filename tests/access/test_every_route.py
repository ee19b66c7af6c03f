"""Every route and every screen, by every role, for what is one's own, another's, lent and nobody's.

`table` declares what each route asks; a route that it does not list fails here. The region of `story` has an object
of every kind, so that a refusal is for want of the right and not for want of an object.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from sqlalchemy import Engine, text
from sqlmodel import SQLModel

from stockpile.actor import Actor, Grant
from stockpile.db import open_engine, transact
from stockpile.governance import operations as governance
from stockpile.governance import rules
from stockpile.governance.rules import RIGHTS, ROLES
from stockpile.inventory.importing import template
from stockpile.jobs import nightly
from stockpile.region import loading
from stockpile.region.reading import read
from stockpile.transparency.findings.rules import STEPS
from tests.access import agreements, story
from tests.access.doors import Doors
from tests.access.table import ROUTES, SCREENS, whole
from tests.conftest import SMALL_REGION, acting

SIGNED_IN = ("signed", "own")
NOBODY = ("public", "machine")
RIGHT_MISSING = "urn:stockpile:problem:right_missing"
UNSEEN = {"stored_reply", "token", "second_factor", "sealed_entry", "tree_head", "tree_node"}
"""Tables that a refused or read-only request may write: its own reply, its own sign-in and device."""
NOTHING_THERE = {
    ("POST", "/api/v1/controlled/losses/{number}/report"),
    ("POST", "/api/v1/controlled/losses/{number}/close"),
    ("POST", "/api/v1/audit/heads/{size}/witnesses"),
    ("POST", "/api/v1/preemptions/{number}/approve"),
    ("POST", "/api/v1/sharing-policies/{number}/decision"),
    ("POST", "/api/v1/damages/{number}/contest"),
}
"""Routes whose object the story does not make: an unknown number may be told (404) before the right is asked for."""
Key = tuple[str, str]


class Stage:
    """The story's region, copied for each test."""

    def __init__(self, home: Path) -> None:
        self.home, self.numbers = home, dict[str, Any]()

    def doors(self, folder: Path) -> Doors:
        """The service on a copy of its own."""
        shutil.copy(self.home / "stockpile.db", folder / "stockpile.db")
        found = Doors(open_engine(f"sqlite:///{folder / 'stockpile.db'}"), folder, public_per_minute=100_000)
        for name in (story.ONE, story.TWO, story.THREE, "four"):
            found.sign_in(name)
        return found


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Stage:
    """The small region, with something of every kind in it."""
    found = Stage(tmp_path_factory.mktemp("stage"))
    shutil.copy(sqlite_template, found.home / "stockpile.db")
    engine = open_engine(f"sqlite:///{found.home / 'stockpile.db'}")
    act = acting(governance.founder())

    def load(session: Any) -> None:
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))
        governance.add_scheduler(session, act)

    transact(engine, load)
    found.numbers = story.tell(Doors(engine, found.home))
    with engine.connect() as connection:
        connection.connection.dbapi_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    engine.dispose()
    return found


@pytest.fixture(scope="module")
def still(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """The service on one copy of the stage for all requests that must change nothing."""
    found = stage.doors(tmp_path_factory.mktemp("still"))
    yield found
    found.engine.dispose()


@pytest.fixture
def doors(stage: Stage, tmp_path: Path) -> Iterator[Doors]:
    """The service on a copy of the stage."""
    found = stage.doors(tmp_path)
    yield found
    found.engine.dispose()


def routes(app: FastAPI) -> set[Key]:
    """Every route of the application by method and path, those that its documentation leaves out too."""
    told = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    plain = {
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute)
        for method in route.methods or ()
    }
    mounts = {("MOUNT", str(getattr(route, "path", ""))) for route in app.routes if type(route).__name__ == "Mount"}
    return told | plain | mounts


def test_every_route_is_listed_and_every_listed_route_exists(still: Doors) -> None:
    assert routes(still.app) == set(ROUTES), "tests/access/table.py says what every route asks"


def test_every_right_is_asked_by_a_route_or_known_to_be_asked_elsewhere() -> None:
    asked = {one for right, _ in ROUTES.values() for one in right.split("|")}
    elsewhere = {"read", "capacity.override", "clock.set", "region.import", "stock.witness"}
    by_steps = {"member.admit", "member.suspend", "member.release", "finding.accept"}
    by_jobs = {job.right for job in nightly.JOBS.values()}
    by_the_public = {"grievance.receive"}
    assert set(RIGHTS) - asked - elsewhere - by_steps - by_jobs - by_the_public == set()


def test_a_job_is_run_by_whoever_has_its_own_right_and_nobody_else(still: Doors) -> None:
    for role in ROLES:
        still.engage(f"runner {role}", story.granted(role))
    before, wrong = counted(still.engine), []
    for name, job in nightly.JOBS.items():
        for role in sorted(set(ROLES) - RIGHTS[job.right]):
            answer = still.call(f"runner {role}", "POST", f"/runs/{name}")
            if (answer.status_code, answer.json().get("type")) != (403, RIGHT_MISSING):
                wrong.append((name, role, answer.status_code))
    assert (wrong, counted(still.engine) == before) == ([], True)


@pytest.mark.parametrize(
    ("to", "right"), [("suspended", "member.suspend"), ("exited", "member.release"), ("signed", "member.note")]
)
def test_a_step_of_membership_asks_for_the_right_of_that_step(still: Doors, to: str, right: str) -> None:
    """Who may give notice may not suspend or release: the steps are of one route and of several rights."""
    still.engage(f"asks {to}", Grant("requester", member="BE-1"))
    answer = still.call(f"asks {to}", "POST", "/members/BE-1/steps", {"to": to, "reason": "x"})
    told = answer.json()
    assert answer.status_code in (403, 409)
    assert told["type"] != RIGHT_MISSING or told["facts"]["right"] == right


@pytest.mark.parametrize("step", ["issue", "answer", "ask_again", "agree", "begin", "verify", "close", "accept"])
def test_a_step_of_a_finding_asks_for_the_right_of_that_step(still: Doors, step: str) -> None:
    """Who wrote it may not answer it, who answers it may not close it: the steps are of one route, of three rights."""
    asked = STEPS[step].right
    lacking, holding = f"cannot {step}", f"can {step}"
    still.engage(lacking, *(story.granted(role) for role in sorted(set(ROLES) - RIGHTS[asked])))
    still.engage(holding, story.granted(sorted(RIGHTS[asked])[0]))
    body = {"step": step, "text": "for the test", "due": "2020-06-01"}
    told = still.call(lacking, "POST", "/findings/987654/steps", body).json()
    assert (told["type"], told["facts"]["right"]) == (RIGHT_MISSING, asked)
    assert still.call(holding, "POST", "/findings/987654/steps", body).status_code == 404


def send(doors: Doors, name: str, key: Key, numbers: dict[str, Any]) -> Any:
    """The answer to this person's sample request for a route."""
    method, path = key
    below = path.removeprefix("/api/v1")
    body = story.samples(numbers).get((method, below))
    filled = path.removesuffix(below) + story.filled(below)
    headers = {"Authorization": f"Bearer {doors.tokens[name]}"} if name else {}
    if below == "/imports" and method == "POST":
        headers |= {"Content-Type": "text/csv"}
        return doors.client.request(method, filled, content=b"kind,site\n", headers=headers)
    if below == "/contract-history" and method == "POST":
        sent: Any = {"data": {"source": "a bulletin"}, "files": {"file": ("x.json", b"{}")}}
        return doors.client.request(method, filled, headers=headers, **sent)
    return doors.client.request(method, filled, json=body, headers=headers)


def counted(engine: Engine) -> dict[str, str]:
    """What is in every table, in short."""
    with engine.connect() as connection:
        tables = [table for table in SQLModel.metadata.tables if table not in UNSEEN]
        asked = {table: f'SELECT count(*), group_concat(quote({_row(table)})) FROM "{table}"' for table in tables}
        return {table: str(connection.execute(text(statement)).all()) for table, statement in asked.items()}


def _row(table: str) -> str:
    return " || '|' || ".join(f'coalesce("{one.name}", 0)' for one in SQLModel.metadata.tables[table].columns)


def asked_of(key: Key, *kinds: str) -> bool:
    """Whether a route asks one of these kinds."""
    return ROUTES[key][0] in kinds


RIGHTED = sorted(key for key, (right, _) in ROUTES.items() if right not in (*NOBODY, *SIGNED_IN, "guest"))
CLOSED = sorted(key for key in ROUTES if not asked_of(key, *NOBODY))


def may(role: str, key: Key) -> bool:
    """Whether the table of rights gives this role what a route asks."""
    if asked_of(key, *NOBODY, "guest"):
        return True
    return role in RIGHTS["read"] if asked_of(key, *SIGNED_IN) else bool(roles_of(key) & {role})


def roles_of(key: Key) -> set[str]:
    """The roles that hold what a route with a right asks."""
    return {role for right in ROUTES[key][0].split("|") for role in RIGHTS[right]}


@pytest.mark.parametrize("role", ROLES)
def test_who_lacks_the_right_is_told_so_in_one_shape_and_changes_nothing(stage: Stage, still: Doors, role: str) -> None:
    still.engage(f"only {role}", story.granted(role))
    before, leaks = counted(still.engine), []
    for key in CLOSED:
        if may(role, key):
            continue
        answer = send(still, f"only {role}", key, stage.numbers)
        known = answer.status_code == 404 and key in NOTHING_THERE
        problem = answer.json() if "json" in answer.headers["content-type"] else {}
        named = set(problem.get("facts", {})) <= {"right", "member", "site"}
        if not (known or (answer.status_code == 403 and problem["type"] == RIGHT_MISSING and named)):
            leaks.append((key, answer.status_code, answer.text[:200]))
    assert not leaks, "\n".join(map(str, leaks))
    after = counted(still.engine)
    assert [table for table in after if after[table] != before[table]] == []


def test_who_holds_the_right_is_not_refused_for_want_of_it(stage: Stage, doors: Doors) -> None:
    wrong = []
    for role in ROLES:
        name = f"{role} at work"
        doors.engage(name, story.granted(role), password=agreements.PASSWORD)
        for key in sorted(ROUTES):
            if key[0] == "MOUNT" or not may(role, key):
                continue
            answer = send(doors, name, key, stage.numbers)
            if answer.status_code in (401, 500) or (answer.status_code == 403 and RIGHT_MISSING in answer.text):
                wrong.append((role, key, answer.status_code, answer.text[:200]))
            if key in ENDS_THE_SIGN_IN:
                doors.sign_in(name)
    assert not wrong, "\n".join(map(str, wrong))


def test_who_has_not_signed_in_gets_one_and_the_same_answer_everywhere(stage: Stage, still: Doors) -> None:
    before = counted(still.engine)
    answers = [send(still, "", key, stage.numbers) for key in CLOSED]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert counted(still.engine) == before
    for key in ROUTES:
        if asked_of(key, *NOBODY) and key[0] != "MOUNT":
            assert send(still, "", key, stage.numbers).status_code != 401, key
    [machine] = [key for key in ROUTES if asked_of(key, "machine")]
    assert still.client.get(machine[1], headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 403


def test_who_holds_no_role_gets_one_and_the_same_answer_everywhere(stage: Stage, still: Doors) -> None:
    still.engage("nobody")
    before = counted(still.engine)
    answers = [send(still, "nobody", key, stage.numbers) for key in CLOSED]
    assert {(answer.status_code, answer.json()["type"]) for answer in answers} == {(403, RIGHT_MISSING)}
    assert len({answer.text for answer in answers}) == 1
    assert counted(still.engine) == before


class Asked:
    """What `rules.allowed` is asked while requests run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[tuple[str, str | None, str | None]] = []
        original = rules.allowed

        def allowed(actor: Actor, right: str, *, member: str | None = None, site: str | None = None) -> bool:
            self.seen.append((right, member, site))
            return original(actor, right, member=member, site=site)

        monkeypatch.setattr(rules, "allowed", allowed)


NARROW = sorted(key for key in RIGHTED if ROUTES[key][1] in ("site", "member") and key not in NOTHING_THERE)
WIDE = sorted(key for key in RIGHTED if ROUTES[key][1] == "region" and key not in NOTHING_THERE)
OTHER = {"site": "H-BE", "member": "NL-1"}
ENDS_THE_SIGN_IN = {("DELETE", "/api/v1/tokens/current"), ("PUT", "/api/v1/me/password")}
PLACES = {
    ("POST", "/api/v1/proposals/{number}/confirm"): "D-BE",
    ("POST", "/api/v1/proposals/{number}/decline"): "D-BE",
}


def test_a_grant_for_one_place_does_not_reach_the_whole_region(stage: Stage, still: Doors) -> None:
    leaks = []
    for role in sorted({holder(key) for key in WIDE}):
        still.engage(f"{role} of a member", Grant(role, member="BE-1"))
        still.engage(f"{role} of a site", Grant(role, site="D-BE"))
    for key in WIDE:
        for narrow in ("member", "site"):
            answer = send(still, f"{holder(key)} of a {narrow}", key, stage.numbers)
            if (answer.status_code, answer.json().get("type")) != (403, RIGHT_MISSING):
                leaks.append((key, narrow, answer.status_code, answer.text[:200]))
    assert not leaks, "\n".join(map(str, leaks))


def holder(key: Key) -> str:
    """A role that holds the route's first right."""
    return sorted(RIGHTS[ROUTES[key][0].split("|")[0]])[-1]


def test_a_grant_reaches_what_is_its_own_and_what_was_lent_until_it_ends_and_nothing_else(
    stage: Stage, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, wrong = Asked(monkeypatch), []
    for number, key in enumerate(NARROW):
        reach, role, right = ROUTES[key][1], holder(key), ROUTES[key][0]
        stranger, owner = f"stranger {number}", f"owner {number}"
        asked.seen.clear()
        doors.engage(stranger, story.granted(role, **{reach: OTHER[reach]}))
        said = [("another's", True, send(doors, stranger, key, stage.numbers))]
        places = [site if reach == "site" else member for one, member, site in asked.seen if one in right.split("|")]
        place = PLACES.get(key) or next((one for one in places if one is not None), None)
        if place is None or place == OTHER[reach]:
            wrong.append((key, "asks for no place", said[0][2].text[:200]))
            continue
        lend(doors, stranger, role, reach, place, seconds=-1)
        said.append(("lent, and over", True, send(doors, stranger, key, stage.numbers)))
        lend(doors, stranger, role, reach, place, seconds=3600)
        said.append(("lent", False, send(doors, stranger, key, stage.numbers)))
        doors.engage(owner, Grant(role, **{reach: place}))
        said.append(("one's own", False, send(doors, owner, key, stage.numbers)))
        wrong += [(key, what, answer.text[:200]) for what, refused, answer in said if refused != _missing(answer)]
    assert not wrong, "\n".join(map(str, wrong))


def _missing(answer: Any) -> bool:
    return answer.status_code == 403 and RIGHT_MISSING in answer.text


def lend(doors: Doors, name: str, role: str, reach: str, place: str, *, seconds: int) -> None:
    """The role at a place for so many seconds from now."""
    given = {"name": name, "role": role, "place": place, "ends": f"{seconds:+d} seconds"}
    column = "site_code" if reach == "site" else "member_code"
    other = "member_code" if reach == "site" else "site_code"
    with doors.engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO account_grant (account_id, role, {column}, {other}, ends_at)"
                " SELECT id, :role, :place, '', strftime('%Y-%m-%d %H:%M:%f', 'now', :ends) FROM account"
                " WHERE name = :name"
                " ON CONFLICT (account_id, role, member_code, site_code) DO UPDATE SET ends_at = excluded.ends_at"
            ),
            given,
        )


def test_what_is_another_persons_own_is_unknown_in_the_words_for_what_never_was(doors: Doors) -> None:
    """Imports, sign-ins and lent roles: the number of another person's and one that does not exist look the same."""
    doors.engage("mine", Grant("logistics"))
    doors.engage("yours", Grant("logistics"))
    sent = doors.client.post(
        "/api/v1/imports?dry_run=true",
        content=template.as_csv().encode(),
        headers={"Authorization": f"Bearer {doors.tokens['yours']}", "Content-Type": "text/csv"},
    )
    assert sent.status_code == 202, sent.text
    for path in ("/imports/{}", "/imports/{}/findings"):
        said = [doors.call("mine", "GET", path.format(one)) for one in (1, 987654)]
        assert {answer.status_code for answer in said} == {404}
        assert len({answer.text.replace("987654", "1") for answer in said}) == 1
    assert whole("/imports") in {path for _, path in ROUTES}
    assert "/login" in SCREENS
