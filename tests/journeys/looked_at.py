"""A screen as people meet it who do not see it, or hold a phone: axe in a real browser, looks, and widths."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from tests.journeys.served import PASSWORD, Served, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WCAG = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
DESK, PHONE = {"width": 1400, "height": 900}, {"width": 390, "height": 844}
PHONE_WIDTH = 390
needs_axe = pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="no axe: pip install -e .[test]")
in_both_schemes = pytest.mark.parametrize("scheme", ["light", "dark"])
in_every_language = pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])


def opened(browser: Browser, served: Served, *, name: str, **looks: Any) -> Page:
    """A signed-in tab that looks like this (what a browser's context takes), on that account's first screen."""
    context = browser.new_context(**looks)
    context.set_default_timeout(30_000)
    page = context.new_page()
    come_in(page, served, name=name)
    return page


def come_in(page: Page, served: Served, *, name: str) -> None:
    """Sign in, and wait for the account's first screen."""
    sign_in(page, served, name=name, password=PASSWORD)
    page.wait_for_url(lambda url: "/login" not in url)


def violations(page: Page) -> dict[str, str]:
    """What axe finds against WCAG 2.2 AA on the page as it stands: by rule the first element."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options=WCAG).response["violations"]
    return {one["id"]: one["nodes"][0]["html"] for one in found}


def width(page: Page) -> int:
    """How wide the page is, in pixels of the browser."""
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    return wide
