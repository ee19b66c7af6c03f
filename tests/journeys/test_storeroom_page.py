"""A shift in the storeroom: one field for scans and searches, the keyboard alone, and a connection that breaks."""

from __future__ import annotations

import hashlib
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, col, select

from stockpile.db import reading, transact
from stockpile.inventory import transfers
from stockpile.inventory.handover import queries as handover
from stockpile.inventory.tables import Lot, Movement
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do, send_out
from tests.journeys.served import DOCK, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Page

GTIN = "09529999990013"
DEPOT = "D-BE"
PHOTO = b"what a camera gave"
Timed = Callable[[str, int], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def dock(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with a transfer to Vaals that is to be picked, and one that is on its way there."""
    served = Served(tmp_path_factory.mktemp("dock"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine)
    chosen = {"origin": DEPOT, "lot": "T-NEW"}
    for number, quantity in enumerate((30, 40)):
        van = send_out(served.engine, acting(cast["committee"]), source=f"plan:{number}", quantity=quantity, **chosen)
    do(served.engine, transfers.dispatch, acting(cast["logistics"]), numbers=[van.id])
    yield from serving(served)


def at_the_dock(page: Page, served: Served, *, site: str = DEPOT) -> None:
    """Sign in as logistics and stand at the depot, or another site."""
    sign_in(page, served, name=DOCK)
    page.wait_for_url("**/storeroom")
    page.select_option("#site", site)
    name = page.locator(f"#site option[value={site}]").inner_text()
    page.get_by_role("heading", name=f"To do at {name}").wait_for()
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
def test_a_scan_is_received_with_the_keyboard_alone(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock)
    with timed("receive a pallet by its scan", 15):
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
    with timed("a further scan is known", 5):
        scan(page, f"(01){GTIN}(17)220630(10)KEYS2")
        page.get_by_text("KEYS2", exact=True).wait_for()


@marked
def test_what_is_wrong_with_a_scan_is_named(page: Page, dock: Served) -> None:
    at_the_dock(page, dock)
    scan(page, "(01)09529999990014(17)220630(10)BAD")
    page.locator("#told.alarm", has_text="check digit").wait_for()


@marked
def test_a_name_finds_the_item_and_what_stands_here(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock)
    with timed("find an item and what to do at this depot", 30):
        scan(page, "tabl")
        page.get_by_text("Can be promised in the region").wait_for()
        assert page.locator(".choices li").count() > 0
        page.keyboard.press("Escape")
        page.get_by_role("heading", name=re.compile("To do at")).wait_for()


@marked
def test_what_expires_soon_stands_one_press_away(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock)
    with timed("what expires soon, and what to do about it", 30):
        page.get_by_role("button", name="What expires soon, and what to do about it").click()
        page.get_by_role("heading", name=re.compile("Expires soon at")).wait_for()


@marked
def test_what_leaves_is_picked_by_its_list_first_expiring_first(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock)
    with timed("pick list, first expiring first", 10):
        page.get_by_role("button", name="Send to Hospital Vaals").click()
        page.get_by_role("heading", name="Send transfer 1 to Hospital Vaals").wait_for()
        assert page.locator("tbody tr td").all_inner_texts() == [
            "beside the shelves",
            "Tablets",
            "T-NEW",
            "2021-06-30",
            "30 tablet",
        ]
    page.get_by_role("button", name="Picked: it stands ready").click()
    page.get_by_text("Done: Picked: transfer 1").wait_for()


@marked
def test_what_came_damaged_is_taken_in_with_a_photograph(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock, site="H-NL")
    with timed("discrepancy with a photograph", 60):
        page.get_by_role("button", name="Take in from Depot Eupen").click()
        page.get_by_role("button", name="Something is missing").click()
        page.get_by_label("Tablets, lot T-NEW: good").fill("35")
        page.get_by_label("damaged", exact=True).fill("4")
        page.get_by_label("What is wrong").fill("one box was torn open")
        page.get_by_label("Photograph").set_input_files({"name": "box.jpg", "mimeType": "image/jpeg", "buffer": PHOTO})
        page.get_by_role("button", name="Record", exact=True).click()
        page.get_by_text("Done: Taken in: transfer 2").wait_for()
    with reading(dock.engine) as session:
        proof, found = handover.proof(session, 2), handover.discrepancies(session, 2)
    assert proof is not None
    assert (proof.signed_by, proof.evidence) == (DOCK, f"sha256:{hashlib.sha256(PHOTO).hexdigest()} box.jpg")
    told = [(one.kind, one.quantity, one.note) for one in found]
    assert told == [("short", 1, "one box was torn open"), ("damaged", 4, "one box was torn open")]


@marked
def test_what_to_count_next_is_counted_blind_with_the_keyboard_alone(page: Page, dock: Served, timed: Timed) -> None:
    at_the_dock(page, dock)
    with timed("count what is due, one item", 30):
        page.get_by_role("button", name="What to count next", exact=False).click()
        page.get_by_role("heading", name=re.compile("What to count next at")).wait_for()
        first = page.locator(".choices li").first
        assert "class " in first.inner_text()
        assert "never counted" in first.inner_text()
        assert not re.search(r"\d+ (tablet|vial|piece)", first.inner_text()), "whoever counts does not see the book"
        item = first.locator(".choice").inner_text().split()[0]
        page.keyboard.type("1")
        page.keyboard.press("Enter")
        field, done = page.get_by_label(re.compile("^Counted")), page.get_by_text("Every line is counted")
        field.or_(done).wait_for()
        while not done.count():
            assert page.locator("dd", has_text=item).count() == 1, "no other item is asked for"
            field.fill("7")
            page.keyboard.press("Enter")
            page.wait_for_timeout(500)
            field.or_(done).wait_for()


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
