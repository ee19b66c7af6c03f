"""Every screen for people who do not see it, use no mouse, or hold a phone: axe in a real browser, and widths.

The screens are those of the table of places, each with an account whose screen it is: a new one cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.db import transact
from stockpile.governance.rules import COORDINATOR, RIGHTS, ROLES, SCHEDULER
from stockpile.web import places
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
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

SIDES = 7
UNFOLD = "for (const one of document.querySelectorAll('details')) one.open = true"
BEGINS = {path: role for role, path in places.FIRST.items()}
SCREENS = {
    **{
        one.path: BEGINS.get(one.path)
        or next(role for role in (COORDINATOR, *ROLES) if not one.right or role in RIGHTS[one.right])
        for one in places.PLACES
    },
    places.DEVICE: "requester",
    places.SUPPLIER_DESK: "supplier",
}
"""Every screen's address, and a role whose screen it is."""


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with a plan that waits, and somebody of every role."""
    served = Served(tmp_path_factory.mktemp("accessible"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine, password=PASSWORD)
    for role in ROLES:
        assert role == SCHEDULER or cast[role]
    number = surge(served.engine, cast, cover_days=14)
    submitted(served.engine, cast, number, *(ask(member, "TAB", 1000) for member in MEMBERS))
    planned(served.engine, cast, number)
    yield from serving(served)


def opened(browser: Browser, room: Served, **looks: Any) -> Page:
    """A signed-in tab that looks like this."""
    page = looked_at.opened(browser, room, name=NAME, **looks)
    page.locator("path[data-municipality]").first.wait_for(state="attached")
    return page


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


def sides_of(page: Page, address: str) -> Iterator[str]:
    """The screen at that address from each of its sides in turn, and theirs, everything unfolded: where we are."""
    page.goto(address)
    page.locator("main").first.wait_for()
    page.wait_for_timeout(500)
    sides = page.locator("[role=tablist]").first.locator("[role=tab]")
    for side in sides.all() or [None]:
        yield _turned(page, side)
        within = page.locator("[role=tablist]:visible").nth(1)
        for inner in within.locator("[role=tab]:not([aria-selected=true])").all():
            yield _turned(page, inner)


def _turned(page: Page, side: Locator | None) -> str:
    """Turn to a side, if there are any; its name."""
    if side is not None:
        side.click()
    page.evaluate(UNFOLD)
    page.wait_for_timeout(600)
    return f"{page.url} {side.inner_text() if side is not None else ''}"


def test_the_loop_over_the_screens_knows_every_place() -> None:
    assert {one.path for one in places.PLACES} < set(SCREENS)
    assert all(SCREENS[one.path] in RIGHTS[one.right] for one in places.PLACES if one.right)


@needs_axe
@marked
@in_both_schemes
@pytest.mark.parametrize("path", SCREENS)
def test_axe_finds_nothing_on_any_side_of_any_screen(browser: Browser, room: Served, path: str, scheme: str) -> None:
    page = looked_at.opened(browser, room, name=SCREENS[path], viewport=DESK, color_scheme=scheme)
    found = {}
    for where in sides_of(page, f"http://127.0.0.1:{room.port}{path}"):
        found |= {f"{where} {rule}": html for rule, html in violations(page).items()}
    page.context.close()
    assert found == {}


@marked
@pytest.mark.parametrize("path", SCREENS)
def test_on_a_phone_no_side_of_any_screen_is_wider_than_it(browser: Browser, room: Served, path: str) -> None:
    page = looked_at.opened(browser, room, name=SCREENS[path], viewport=PHONE, locale="de")
    wide = {}
    for where in sides_of(page, f"http://127.0.0.1:{room.port}{path}"):
        wide[where] = width(page)
    page.context.close()
    assert {where: pixels for where, pixels in wide.items() if pixels > PHONE_WIDTH} == {}
