"""A coordinator's night: signing in, seeing who got what, reading why, in a real browser and without the internet."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from stockpile.allocation import approval
from stockpile.db import transact
from stockpile.governance.tables import Token
from tests.allocation.surge_room import MEMBERS, ask, planned, submitted, surge
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do
from tests.journeys.looked_at import PHONE
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def crisis(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region in a surge: five municipalities asked for tablets, and the committee approved a plan."""
    served = Served(tmp_path_factory.mktemp("crisis"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine)
    number = surge(served.engine, cast, cover_days=14)
    submitted(served.engine, cast, number, *(ask(member, "TAB", 1000) for member in MEMBERS))
    plan = planned(served.engine, cast, number)
    do(served.engine, approval.approve, acting(cast["committee"]), plan_number=plan.id)
    yield from serving(served)


@pytest.fixture(scope="module")
def untouched(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region before any surge."""
    served = Served(tmp_path_factory.mktemp("untouched"), sqlite_template)
    transact(served.engine, small_region)
    yield from serving(served)


def asked_by(page: Page) -> list[str]:
    """Collects the address of everything that the page asks for from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    page.on("websocket", lambda opened: found.append(opened.url))
    return found


def municipality(code: str) -> str:
    """Where a municipality's mark is on the map."""
    return f'path[data-municipality="{code}"]'


def test_whoever_is_not_signed_in_is_sent_to_the_form_and_sees_no_figures(crisis: Served) -> None:
    response, body = crisis.get("/")
    assert (response.status, response.headers["location"], body) == (307, "/login", b"")
    assert crisis.get("/login")[0].status == 200


def test_the_key_of_the_cookies_and_the_sign_ins_are_for_the_operator_alone(crisis: Served) -> None:
    crisis.get("/login")
    assert stat.S_IMODE((crisis.home / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((crisis.home / "sessions").stat().st_mode) == 0o700
    assert not (crisis.home / ".nicegui").exists()


def test_the_screens_leave_unknown_paths_of_the_api_to_the_api(crisis: Served) -> None:
    response, _ = crisis.get("/api/v1/nothing")
    assert (response.status, response.headers["content-type"]) == (404, "application/problem+json")


@marked
def test_a_coordinator_reads_why_a_municipality_got_less_and_nothing_leaves_the_computer(
    page: Page, crisis: Served
) -> None:
    asked = asked_by(page)
    sign_in(page, crisis)
    page.get_by_text("SIMULATED", exact=True).wait_for()
    page.locator(municipality("DE-1")).wait_for()
    assert page.locator("path[data-municipality]").count() == len(MEMBERS)
    assert page.locator(".lines tbody tr").count() > 0

    page.locator(municipality("DE-1")).dispatch_event("click")
    page.locator(".item-button", has_text="Tablets").click()
    why = page.locator(".why-sentence").inner_text()
    assert re.search(r"one pack more for you would leave\s+another with a share no larger than yours is now", why)
    assert "approved by committee" in page.locator(".answer").inner_text()
    assert set(page.locator(".lines td.cell-member_name").all_inner_texts()) == {"Aachen"}

    addresses = {address.split("/")[2] for address in asked if not address.startswith("data:")}
    assert addresses == {f"127.0.0.1:{crisis.port}"}


@marked
def test_with_the_keyboard_alone_a_municipality_is_chosen_by_typing_its_name(page: Page, crisis: Served) -> None:
    sign_in(page, crisis)
    field = page.get_by_label("Municipality", exact=True)
    field.click()
    field.fill("Vaa")
    page.get_by_role("option", name="Vaals (NL)").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Vaals").wait_for()


@marked
def test_on_a_phone_the_form_offers_other_languages_and_the_pages_stand_behind_a_button(
    browser: Browser, crisis: Served
) -> None:
    context = browser.new_context(viewport=PHONE, locale="nl")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{crisis.port}/login?next=/recalls")
    page.get_by_label("Wachtwoord", exact=True).wait_for()
    page.get_by_role("link", name="English").click()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Name").fill(NAME)
    page.keyboard.press("Enter")
    page.wait_for_url("**/recalls")
    page.get_by_role("button", name="Menu").wait_for()
    assert page.get_by_role("link", name="Crisis room").count() == 0
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Crisis room").click()
    page.locator(municipality("NL-1")).wait_for()
    context.close()


@marked
def test_a_wrong_password_is_told_plainly(page: Page, crisis: Served) -> None:
    sign_in(page, crisis, password="something else")
    page.get_by_text("Name and password do not match an account").wait_for()
    assert page.url.endswith("/login")
    told = [json.loads(line) for line in (crisis.home / "serve.log").read_text().splitlines() if line.startswith("{")]
    refused = [one for one in told if (one["message"], one.get("route")) == ("refused", "/login")]
    assert [(one["status"], one["address"]) for one in refused] == [(401, "127.0.0.1")]
    assert "something else" not in str(told), "what was typed stands in no log"


@marked
def test_once_a_sign_in_is_revoked_the_open_page_tells_nothing_more(page: Page, crisis: Served) -> None:
    sign_in(page, crisis)
    page.locator(municipality("NL-1")).wait_for()
    transact(crisis.engine, lambda session: session.exec(update(Token).values(revoked=True)))
    page.locator(municipality("NL-1")).dispatch_event("click")
    page.locator(".item-button", has_text="Tablets").click()
    page.wait_for_url("**/login")
    page.goto(f"http://127.0.0.1:{crisis.port}/")
    page.wait_for_url("**/login")


@marked
def test_before_the_first_plan_the_page_says_what_to_do(page: Page, untouched: Served) -> None:
    sign_in(page, untouched)
    page.get_by_role("heading", name="There is no plan yet").wait_for()
    page.get_by_role("heading", name="Declare and ask").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
