"""The crisis room for people who do not see it, use no mouse, or hold a phone: axe in a real browser, and widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.db import transact
from tests.allocation.surge_room import MEMBERS, ask, planned, submitted, surge
from tests.conftest import Cast
from tests.journeys import looked_at
from tests.journeys.looked_at import (
    DESK,
    PHONE,
    PHONE_WIDTH,
    in_both_schemes,
    in_every_language,
    needs_axe,
    violations,
    width,
)
from tests.journeys.served import NAME, Served, marked, serving, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIDES = 6


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
    page = looked_at.opened(browser, room, name=NAME, **looks)
    page.locator("path[data-municipality]").first.wait_for(state="attached")
    return page


@needs_axe
@marked
@in_both_schemes
def test_axe_finds_nothing_on_any_side_of_the_room(browser: Browser, room: Served, scheme: str) -> None:
    page = opened(browser, room, viewport=DESK, color_scheme=scheme)
    found = {}
    for number in range(SIDES):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(500)
        found |= {f"{number} {rule}": html for rule, html in violations(page).items()}
    page.context.close()
    assert found == {}


@marked
@in_every_language
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, room: Served, language: str) -> None:
    page = opened(browser, room, viewport=PHONE, locale=language)
    for number in range(SIDES):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(300)
        assert width(page) <= PHONE_WIDTH
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
