"""The public pages in a browser without scripts, on a desk and on a phone, in light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.region import loading
from stockpile.region.reading import read
from tests.conftest import SMALL_REGION, Cast, acting
from tests.journeys.served import CHROMIUM, QUIET, Served, serving
from tests.transparency.public_room import published

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no /usr/bin/chromium: apt-get install chromium"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="no playwright: pip install -e .[test]"),
]
Timed = Callable[[str, int], AbstractContextManager[None]]
PAGES = ("", "/data", "/data/fairness", "/data/kpis", "/municipalities/NL-1", "/plans/1", "/contracts/UC-1",
         "/kpis/min_fill", "/verify", "/policy", "/impact", "/grievances")  # fmt: skip


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region after a surge that is published."""
    made = Served(tmp_path_factory.mktemp("public"), sqlite_template)

    def load(session: Any) -> None:
        act = acting(governance.founder())
        loading.installation_account(session)
        loading.load(session, act, read(SMALL_REGION))
        governance.add_scheduler(session, act)

    transact(made.engine, load)
    published(made.engine, Cast(made.engine))
    yield from serving(made)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, quiet and offline."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=str(CHROMIUM), args=QUIET.split())
        yield opened
        opened.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "light")])
def test_every_page_fits_the_screen_and_asks_nothing_of_outside(
    served: Served, browser: Browser, width: int, scheme: Any
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    for path in PAGES:
        page.goto(f"http://127.0.0.1:{served.port}/public{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path
    assert {url.split("/")[2] for url in asked} == {f"127.0.0.1:{served.port}"}
    context.close()


def test_a_citizen_finds_who_got_what_and_complains_without_scripts(
    served: Served, browser: Browser, timed: Timed
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    with timed("who got what and why, without a sign-in", 60):
        page.goto(f"http://127.0.0.1:{served.port}/public")
        page.get_by_label("Name or code").fill("Vaals")
        page.get_by_role("button", name="Show").click()
        assert page.locator("h1").inner_text() == "Vaals (NL)"
        assert "There was not enough for all" in page.locator("main").inner_text()
    with timed("a grievance, and its state by its token", 180):
        page.get_by_role("link", name="Complain about an allocation").click()
        assert page.get_by_label("Code of the municipality").input_value() == "NL-1"
        page.get_by_label("What happened?").fill("We got less than others.")
        page.get_by_role("button", name="Send").click()
        token = page.locator("code.token").inner_text()
        page.goto(f"http://127.0.0.1:{served.port}/public/grievances")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Show").click()
        assert "acknowledge: due" in page.locator("main").inner_text()
    context.close()


def test_a_journalist_has_the_prices_as_a_file_in_two_clicks(served: Served, browser: Browser, timed: Timed) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{served.port}/public")
    with timed("a table of open data as a file, in two clicks", 60):
        page.get_by_role("link", name="All data").click()
        with page.expect_download() as download:
            page.locator("a[href='/public/data/prices.csv']").click()
    assert "," in download.value.path().read_text(encoding="utf-8-sig").splitlines()[0]
    context.close()
