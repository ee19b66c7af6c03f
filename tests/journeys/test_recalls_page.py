"""A recall in real browsers: the lot is scanned, stopped everywhere, what came back is recorded, and it is closed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stockpile.db import reading, transact
from stockpile.inventory.recalls import queries
from tests.conftest import Cast, acting
from tests.inventory.stockroom import send_out
from tests.journeys.looked_at import opened
from tests.journeys.served import DOCK, PASSWORD, Served, marked, serving, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Timed = Callable[[str, int], AbstractContextManager[None]]
LABEL = "(01)09529999990013(17)210630(10)T-NEW"


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with forty tablets of a lot reserved for Vaals, and a pharmacist."""
    served = Served(tmp_path_factory.mktemp("recalls"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine, password=PASSWORD)
    assert cast["pharmacist"]
    send_out(served.engine, acting(cast["committee"]), lot="T-NEW", quantity=40, source="plan:0")
    yield from serving(served)


def at_recalls(browser: Browser, room: Served, name: str) -> Page:
    """A signed-in tab on the recalls."""
    page = opened(browser, room, name=name)
    page.goto(f"http://127.0.0.1:{room.port}/recalls")
    page.get_by_role("heading", name="Closed recalls").wait_for()
    return page


@marked
def test_a_lot_is_recalled_what_came_back_is_recorded_and_the_recall_is_closed(
    browser: Browser, room: Served, timed: Timed
) -> None:
    dock = at_recalls(browser, room, DOCK)
    with timed("recall: every lot and who has it", 60):
        dock.get_by_label("Scan a label").fill(LABEL)
        dock.keyboard.press("Enter")
        dock.get_by_text("It reaches 3 sites.").wait_for()
        shelves = dock.get_by_role("table", name="Where it stands")
        assert {"Depot Eupen (D-BE)", "Depot Aachen (D-DE)"} <= set(shelves.locator("td").all_inner_texts())
        moved = dock.get_by_role("table", name="Reservations and shipments")
        moved.get_by_text("reserved for transfer 1").wait_for()
        dock.get_by_role("button", name="Recall everywhere").click()
        dock.locator(".refusal").get_by_text("nothing is written here yet").wait_for()
        dock.get_by_label("The authority's").fill("FAGG 2020-17")
        dock.get_by_label("Answer until").fill("2020-04-30")
        dock.get_by_label("Why it is recalled").fill("glass in the tablets")
        dock.get_by_role("button", name="Recall everywhere").click()
        dock.get_by_text("Recall 1 is open").wait_for()
    case = dock.locator(".finding")
    case.get_by_text("taken off transfer 1").wait_for()
    case.get_by_text("100\N{NO-BREAK SPACE}%: 400 of 400 tablet received").wait_for()
    pharmacist = at_recalls(browser, room, "pharmacist")
    theirs = pharmacist.locator(".finding")
    for name, back in (("Vaals", "4"), ("Aachen", "0")):
        mine = case.get_by_label("Municipality")
        mine.click()
        mine.fill(name)
        dock.locator(".q-menu .q-item").filter(has_text=re.compile(f"^{name}$")).click()
        case.get_by_label(re.compile("^Came back")).fill(back)
        case.get_by_role("button", name="Record what came back").click()
        case.get_by_role("row", name=re.compile(f"{name} yes {back} tablet")).wait_for()
    pharmacist.reload()
    theirs.get_by_label("Why it may be closed").fill("all of it stands in quarantine")
    theirs.get_by_role("button", name="Close the recall").click()
    pharmacist.get_by_role("heading", name="0 recalls are open").wait_for()
    with reading(room.engine) as session:
        found, told = queries.recall(session, 1), queries.answers(session, 1)
    assert (found.state, {one.member_code: one.set_apart for one in told}) == ("closed", {"NL-1": 4, "DE-1": 0})
    dock.context.close()
    pharmacist.context.close()
