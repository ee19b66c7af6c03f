"""Signing in to the screens with the code of one's device, and that the browser keeps to the headers without a word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.governance.keys import operations, rules
from stockpile.governance.keys.vault import vault
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region, served."""
    served = Served(tmp_path_factory.mktemp("factor"), sqlite_template)
    transact(served.engine, small_region)
    yield from serving(served)


def device(served: Served) -> bytes:
    """A device of the night shift that has shown a code once, a while ago: its secret."""

    def confirm(session: Session) -> bytes:
        account, now = queries.account_by_name(session, NAME), datetime.now(UTC)
        act = Act(queries.actor_of(session, account), now, now)
        sealed = vault(served.home)
        secret = operations.begin_factor(session, act, sealed)
        token, _ = governance.issue_token(session, account, real_now=now, hours=1)
        session.flush()
        code, digest = rules.code_at(secret, int(time.time()) // 30 - 1), governance.token_digest(token)
        operations.prove_factor(session, act, sealed, code=code, token=digest)
        return secret

    return transact(served.engine, confirm)


def approving(served: Served) -> list[bool]:
    """Of each sign-in of the night shift whether it may approve, the newest last."""
    with reading(served.engine) as session:
        rows = session.connection().exec_driver_sql(
            "SELECT proven_until FROM token t JOIN account a ON a.id = t.account_id WHERE a.name = ?"
            " ORDER BY t.created_at",
            (NAME,),
        )
        return [row[0] is not None for row in rows]


@marked
def test_with_the_code_of_the_device_a_sign_in_may_approve_and_a_wrong_code_signs_nobody_in(
    room: Served, page: Page
) -> None:
    secret = device(room)
    page.goto(f"http://127.0.0.1:{room.port}/login")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    shown = rules.code_at(secret, int(time.time()) // 30)
    page.get_by_label("Code of your device").fill("000000" if shown != "000000" else "000001")
    page.keyboard.press("Enter")
    page.get_by_text("This is not the code of your device now.").wait_for()
    assert approving(room) == [True], "no sign-in was given"
    page.get_by_label("Code of your device").fill(rules.code_at(secret, int(time.time()) // 30 + 1))
    page.keyboard.press("Enter")
    page.wait_for_url(f"http://127.0.0.1:{room.port}/")
    assert approving(room) == [True, True]


@marked
def test_without_a_code_one_signs_in_but_approves_nothing(room: Served, page: Page) -> None:
    before = approving(room)
    sign_in(page, room)
    page.wait_for_url(f"http://127.0.0.1:{room.port}/")
    assert approving(room) == [*before, False]


@marked
def test_the_screens_ask_nothing_that_their_headers_forbid(room: Served, page: Page) -> None:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda failure: said.append(str(failure)))
    page.on("requestfailed", lambda request: said.append(f"{request.url} {request.failure}"))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("/", 3)[2]))
    sign_in(page, room)
    page.wait_for_url(f"http://127.0.0.1:{room.port}/")
    page.get_by_role("heading").first.wait_for()
    for path in ("/storeroom", "/public", "/public/data"):
        answer = page.goto(f"http://127.0.0.1:{room.port}{path}")
        assert answer is not None
        assert answer.status == 200, path
        page.wait_for_load_state("networkidle")
    refused = [line for line in said if "Content Security Policy" in line or "blocked" in line.lower()]
    assert refused == []
    assert asked == {f"127.0.0.1:{room.port}"}, "nothing is asked of anybody else"
