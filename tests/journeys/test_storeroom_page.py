"""A shift in the storeroom: one field for scans and searches, the keyboard alone, and a connection that breaks."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, col, select

from stockpile.db import reading, transact
from stockpile.inventory.tables import Lot, Movement
from tests.journeys.served import DOCK, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Page

GTIN = "09529999990013"
DEPOT = "D-BE"


@pytest.fixture(scope="module")
def dock(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region before any surge."""
    served = Served(tmp_path_factory.mktemp("dock"), sqlite_template)
    transact(served.engine, small_region)
    yield from serving(served)


def at_the_dock(page: Page, served: Served) -> None:
    """Sign in as logistics and stand at the depot."""
    sign_in(page, served, name=DOCK)
    page.wait_for_url("**/storeroom")
    page.select_option("#site", DEPOT)
    page.locator(".choices").wait_for()


def scan(page: Page, text: str) -> None:
    """What a scanner does: the text, then Enter."""
    page.locator("#scan").fill(text)
    page.keyboard.press("Enter")


def received(served: Served, lot: str) -> list[int]:
    """Quantities that were received of a lot, in the order in which the ledger took them."""

    def look(session: Session) -> list[int]:
        query = select(Movement).join(Lot, col(Lot.id) == col(Movement.lot_id)).where(Lot.code == lot)
        return [move.quantity for move in session.exec(query.order_by(col(Movement.id)))]

    with reading(served.engine) as session:
        return look(session)


def test_whoever_is_not_signed_in_sees_no_storeroom(dock: Served) -> None:
    response, body = dock.get("/storeroom")
    assert (response.status, response.headers["location"], body) == (307, "/login?next=/storeroom", b"")


@marked
def test_a_scan_is_received_with_the_keyboard_alone(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    scan(page, f"(01){GTIN}(17)220630(10)KEYS")
    page.get_by_text("KEYS", exact=True).wait_for()
    assert page.locator("dd", has_text="2022-06-30").count() == 1
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.get_by_label(re.compile("Arrived in all")).fill("40")
    page.keyboard.press("Enter")
    page.get_by_text("Done: Receive 40").wait_for()
    assert received(dock, "KEYS") == [40]
    assert page.evaluate("document.activeElement.id") == "scan"


@marked
def test_what_is_wrong_with_a_scan_is_named(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    scan(page, "(01)09529999990014(17)220630(10)BAD")
    page.locator("#told.alarm", has_text="check digit").wait_for()


@marked
def test_a_name_finds_the_item_and_what_stands_here(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    scan(page, "tabl")
    page.get_by_text("Can be promised in the region").wait_for()
    assert page.locator(".choices li").count() > 0
    page.keyboard.press("Escape")
    page.get_by_role("heading", name=re.compile("To do at")).wait_for()


@marked
def test_without_a_connection_entries_wait_and_go_out_in_order_once(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    page.context.set_offline(True)
    for packs in ("3", "2"):
        scan(page, f"(01){GTIN}(17)220630(10)AWAY")
        page.get_by_label("Packs received").fill(packs)
        page.keyboard.press("Enter")
    page.get_by_text("No connection: 2 recorded here").wait_for()
    assert received(dock, "AWAY") == []
    page.context.set_offline(False)
    page.get_by_text("Everything recorded here has been sent").wait_for(timeout=15_000)
    per_pack = 10
    assert received(dock, "AWAY") == [3 * per_pack, 2 * per_pack]


@marked
def test_a_reply_that_was_lost_does_not_double_the_entry(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    lost = iter([True])

    def lose_the_first_reply(route: object) -> None:
        from playwright.sync_api import Route

        assert isinstance(route, Route)
        answer = route.fetch()
        if next(lost, False):
            assert answer.status == 201
            route.abort("connectionreset")
        else:
            route.fulfill(response=answer)

    page.route("**/api/v1/receipts", lose_the_first_reply)
    scan(page, f"(01){GTIN}(17)220630(10)TWICE")
    page.get_by_text("TWICE", exact=True).wait_for()
    scan(page, "1")
    page.get_by_label(re.compile("Arrived in all")).fill("70")
    page.keyboard.press("Enter")
    page.get_by_text("Done: Receive 70").wait_for(timeout=15_000)
    assert received(dock, "TWICE") == [70]


@marked
def test_what_the_server_refuses_stays_in_sight_until_somebody_deals_with_it(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    scan(page, f"(01){GTIN}(17)220630(10)WRONG")
    page.get_by_text("WRONG", exact=True).wait_for()
    scan(page, "1")
    page.get_by_label("Expires").fill("2019-01-31")
    page.get_by_role("button", name="Record").click()
    page.locator(".was-refused", has_text="WRONG").wait_for()
    page.reload()
    page.locator(".was-refused", has_text="WRONG").wait_for()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Discard").click()
    page.locator(".was-refused").wait_for(state="detached")
    assert received(dock, "WRONG") == []


@marked
def test_entries_outlive_a_server_that_is_killed(
    page: Page, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    served = Served(tmp_path_factory.mktemp("killed"), sqlite_template)
    transact(served.engine, small_region)
    process = served.start()
    at_the_dock(page, served)
    process.send_signal(signal.SIGKILL)
    process.wait()
    scan(page, f"(01){GTIN}(17)220630(10)NIGHT")
    page.get_by_label("Packs received").fill("4")
    page.keyboard.press("Enter")
    page.get_by_text("No connection: 1 recorded here").wait_for()
    process = served.start()
    try:
        page.get_by_text("Everything recorded here has been sent").wait_for(timeout=20_000)
        assert received(served, "NIGHT") == [40]
    finally:
        process.terminate()
        process.wait(timeout=10)
        served.engine.dispose()
