"""A browser for the journeys: Debian's Chromium, and a new tab for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.journeys.served import CHROMIUM, QUIET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, told not to talk to anyone by itself."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*QUIET.split(), "--no-first-run"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A tab of a browser that is new to the installation."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def timed(record_property: Callable[[str, object], None]) -> Callable[[str, int], AbstractContextManager[None]]:
    """Records how long a journey took beside its budget in seconds (domain.md, section 2), in the tests' report."""

    @contextmanager
    def measured(journey: str, budget_seconds: int) -> Iterator[None]:
        began = time.monotonic()
        yield
        record_property(journey, f"{time.monotonic() - began:.2f} s of {budget_seconds} s")

    return measured
