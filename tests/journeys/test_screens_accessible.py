"""The crisis room for people who do not see it, use no mouse, or hold a phone: axe in a real browser, and widths."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.db import transact
from tests.allocation.surge_room import MEMBERS, ask, planned, submitted, surge
from tests.conftest import Cast
from tests.journeys.served import PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SIDES = 6
needs_axe = pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="no axe: pip install -e .[test]")


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with a plan that waits."""
    served = Served(tmp_path_factory.mktemp("accessible"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine)
    number = surge(served.engine, cast, cover_days=14)
    submitted(served.engine, cast, number, *(ask(member, "TAB", 1000) for member in MEMBERS))
    planned(served.engine, cast, number)
    yield from serving(served)


def opened(browser: Browser, room: Served, **looks: Any) -> Page:
    """A signed-in tab that looks like this."""
    context = browser.new_context(**looks)
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, room, password=PASSWORD)
    page.locator("path[data-municipality]").first.wait_for(state="attached")
    return page


@needs_axe
@marked
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_side_of_the_room(browser: Browser, room: Served, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, room, viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    found = {}
    for number in range(SIDES):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(500)
        violations = Axe().run(page, options=WCAG).response["violations"]
        found |= {f"{number} {one['id']}": one["nodes"][0]["html"] for one in violations}
    page.context.close()
    assert found == {}


@marked
@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, room: Served, language: str) -> None:
    page = opened(browser, room, viewport={"width": 390, "height": 844}, locale=language)
    for number in range(SIDES):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("document.documentElement.lang") == language
    page.context.close()


@marked
def test_the_sides_are_reached_with_the_keyboard_alone(browser: Browser, room: Served) -> None:
    page = opened(browser, room)
    page.locator(".sides").get_by_role("tab", selected=True).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Rules side by side").wait_for()
    page.context.close()
