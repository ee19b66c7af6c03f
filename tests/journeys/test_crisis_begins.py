"""A crisis begins on the screen: a surge declared, municipalities that ask by hand and by file, and the first plan.

Each journey's time is recorded beside the budget that domain.md gives it; it is not judged here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stockpile.allocation import queries
from stockpile.db import reading, transact
from tests.journeys.looked_at import come_in, opened
from tests.journeys.served import DOCK, NAME, Served, marked, serving, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Timed = Callable[[str, int], AbstractContextManager[None]]
FILE = (
    "member,item,quantity,own_stock,need_by,justification\n"
    "BE-1,TAB,100,0,2020-04-02,the ward is full\n"
    "DE-1,TAB,100,0,2020-04-02,the ward is full\n"
)


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region before any surge."""
    served = Served(tmp_path_factory.mktemp("begins"), sqlite_template)
    transact(served.engine, small_region)
    yield from serving(served)


def chosen(page: Page, label: str, typed: str) -> None:
    """Type into a list that can be searched and take the first that fits."""
    page.get_by_label(label, exact=True).click()
    page.get_by_label(label, exact=True).fill(typed)
    page.get_by_role("option").filter(has_text=typed).first.click()


def send(page: Page, content: str) -> None:
    """Send a file of requests."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Send a file of requests").click()
    chooser.value.set_files({"name": "requests.csv", "mimeType": "text/csv", "buffer": content.encode()})


@marked
def test_from_nothing_to_the_first_plan_on_the_screen_alone(page: Page, room: Served, timed: Timed) -> None:
    come_in(page, room, name=NAME)
    page.get_by_role("heading", name="There is no plan yet").wait_for()
    with timed("declare a surge", 60):
        page.get_by_label("What happens").fill("influenza")
        page.get_by_label("Evidence").fill("admissions doubled in a week")
        page.get_by_role("button", name="Declare it").click()
        page.get_by_role("heading", name="Surge 1: influenza, level 2").wait_for()
    with timed("ask for a municipality, with its need filled in", 120):
        chosen(page, "Municipality", "Vaals")
        chosen(page, "Item", "TAB")
        page.get_by_text("3 days of reported admissions use").wait_for()
        page.get_by_label("Why it is needed").fill("the ward is full")
        page.get_by_role("button", name="Ask", exact=True).click()
        page.get_by_text("Request 1:").wait_for()
    send(page, FILE.replace("100,0,2020-04-02", "many,0,soon", 1))
    page.locator(".refusal").get_by_text("row 2, quantity: many is no whole number of base units").wait_for()
    with timed("requests from a file", 120):
        send(page, FILE)
        page.get_by_text("2 requests are taken").wait_for()
    page.get_by_text("3 open requests").wait_for()
    with timed("the plan after the requests are in", 30):
        page.get_by_role("button", name="Compute a plan of the open requests").click()
        page.locator("path[data-municipality]").first.wait_for(state="attached")
    with reading(room.engine) as session:
        asked = queries.requests(session)
        [surge] = queries.surges(session)
        [plan] = queries.plans(session)
    assert [(one.member_code, one.item_code) for one in asked][:1] == [("NL-1", "TAB")]
    assert asked[0].validated == asked[0].quantity, "what was filled in is what is supported"
    assert (surge.hazard, surge.cover_days, plan.surge_id) == ("influenza", 3, surge.id)


@marked
def test_who_may_neither_declare_nor_ask_sees_how_it_begins(browser: Browser, room: Served) -> None:
    page = opened(browser, room, name=DOCK)
    page.goto(f"http://127.0.0.1:{room.port}/")
    page.locator("main main").wait_for()
    assert page.get_by_role("button", name="Declare it").count() == 0
    assert page.get_by_role("button", name="Ask", exact=True).count() == 0
    page.context.close()
