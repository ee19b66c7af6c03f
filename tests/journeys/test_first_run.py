"""From an empty database to the first receipt in a browser: files, faults named, accounts, goods received."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from stockpile.actor import Grant
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance.tables import Member, Region
from stockpile.inventory.importing import template
from stockpile.inventory.tables import Lot, Movement
from stockpile.region import loading
from tests.conftest import SMALL_REGION, acting
from tests.journeys.looked_at import PHONE, PHONE_WIDTH, needs_axe, violations, width
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page

SETTER, STOREKEEPER = "set-up", "first-shift"
GTIN = "09529999990013"
NEXT_YEAR = datetime.now(UTC).year + 1
LOTS = {tuple(row.split(",")[:2]) for row in (SMALL_REGION / "lots.csv").read_text("utf-8").splitlines()[1:]}
"""Item and number of every lot; some lie at two depots."""


def of_today(name: str) -> str:
    """A file of the small region whose days lie far ahead, as no simulated clock stands still here."""
    content = (SMALL_REGION / f"{name}.csv").read_text("utf-8")
    for year in range(2020, 2025) if name in ("lots", "contracts") else ():
        content = content.replace(f",{year}-", f",{year - 2020 + NEXT_YEAR}-")
    return content


@pytest.fixture
def empty(sqlite_template: Path, tmp_path: Path) -> Iterator[Served]:
    """An installation with nothing in it but its administrator, and somebody who sets nothing up."""
    served = Served(tmp_path, sqlite_template)

    def first(session: Session) -> None:
        act = acting(governance.founder())
        loading.installation_account(session)
        for name, role in ((SETTER, "administrator"), (NAME, "coordinator")):
            governance.add_account(session, act, name=name, title=name, password=PASSWORD, grants=[Grant(role)])

    transact(served.engine, first)
    yield from serving(served)


FILE: FilePayload = {
    "name": "members.csv",
    "mimeType": "text/csv",
    "buffer": (SMALL_REGION / "members.csv").read_bytes(),
}


def stored(served: Served) -> tuple[bool, int, int]:
    """Whether there is a region, and how many members and lots there are."""
    with reading(served.engine) as session:
        members, lots = session.exec(select(Member)).all(), session.exec(select(Lot)).all()
        return session.get(Region, 1) is not None, len(members), len(lots)


def send(page: Page, step: str, files: dict[str, str | bytes]) -> None:
    """Choose these files at the step's button."""
    panel = page.locator(".step").filter(has=page.get_by_role("heading", name=re.compile(step)))
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Send files").click()
    held: list[FilePayload] = [
        {"name": name, "mimeType": "text/csv", "buffer": content if isinstance(content, bytes) else content.encode()}
        for name, content in files.items()
    ]
    chooser.value.set_files(held)
    for name in files:
        page.get_by_text(f"sent as {name}").first.wait_for()


def set_up(page: Page, served: Served) -> None:
    """Send everything, with one fault first, and load it."""
    page.get_by_label("Name of the region").fill("Borderland")
    page.get_by_role("button", name="Keep").click()
    page.get_by_text("It is described.").wait_for()
    places = {f"{name}.csv": of_today(name) for name in ("sites", "lanes")}
    send(page, "Members, sites", {"members.csv": of_today("members").replace("19000", "many"), **places})
    page.get_by_role("row", name=re.compile("3 population 'many' is not a whole number")).wait_for()
    book = {name: [tuple(row.split(",")) for row in of_today(name).splitlines()] for name in ("items", "licences")}
    send(page, "Items", {"goods.xlsx": template.workbook(book)})
    assert page.get_by_role("button", name="Load the region").is_disabled()
    assert stored(served) == (False, 0, 0)
    send(page, "Members, sites", {"members.csv": of_today("members")})
    page.get_by_role("row", name=re.compile("population")).wait_for(state="detached")
    send(page, "Stock", {"lots.csv": of_today("lots")})
    contracts = ("suppliers", "contracts", "contract_lines", "price_tiers", "policy")
    send(page, "Contracts", {f"{name}.csv": of_today(name) for name in contracts})
    assert stored(served) == (False, 0, 0)
    page.get_by_role("button", name="Load the region").click()
    page.get_by_text("The region is loaded.").wait_for()


def first_receipt(page: Page, served: Served) -> list[int]:
    """The first shift signs in and receives forty tablets by a scan; what the ledger took of the lot."""
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    sign_in(page, served, name=STOREKEEPER)
    page.wait_for_url("**/storeroom")
    page.select_option("#site", "D-BE")
    page.locator("#scan").fill(f"(01){GTIN}(17){(NEXT_YEAR + 2) % 100}0630(10)FIRST")
    page.keyboard.press("Enter")
    page.get_by_text("FIRST", exact=True).wait_for()
    page.keyboard.type("1")
    page.keyboard.press("Enter")
    page.get_by_label(re.compile("Arrived in all")).fill("40")
    page.keyboard.press("Enter")
    page.get_by_text("Done: Receive 40").wait_for()
    with reading(served.engine) as session:
        query = select(Movement).join(Lot, col(Lot.id) == col(Movement.lot_id)).where(Lot.code == "FIRST")
        return [move.quantity for move in session.exec(query)]


@marked
def test_an_administrator_leads_an_empty_installation_to_its_first_receipt(
    page: Page, empty: Served, timed: Callable[[str, int], AbstractContextManager[None]]
) -> None:
    with timed("newcomer: empty installation to first receipt", 600):
        sign_in(page, empty, name=SETTER)
        page.wait_for_url("**/first-run")
        set_up(page, empty)
        assert stored(empty) == (True, 5, len(LOTS))
        page.get_by_label("Name to sign in with").fill(STOREKEEPER)
        page.get_by_label("First password").fill("short")
        page.get_by_role("button", name="Add the account").click()
        page.get_by_text("a password needs at least 8 characters").wait_for()
        page.get_by_label("First password").fill(PASSWORD)
        page.get_by_role("button", name="Add the account").click()
        page.get_by_text(f"The account {STOREKEEPER} is there.").wait_for()
        assert first_receipt(page, empty) == [40]


@marked
def test_who_does_not_set_up_is_told_who_does(page: Page, empty: Served) -> None:
    sign_in(page, empty)
    page.get_by_text("Ask an administrator to sign in here").wait_for()
    for path in ("/storeroom", "/buying", "/committee", "/audit"):
        page.goto(f"http://127.0.0.1:{empty.port}{path}")
        page.get_by_text("No region is loaded yet").wait_for()
    page.goto(f"http://127.0.0.1:{empty.port}/first-run")
    page.get_by_text("Ask someone whose role is: administrator").wait_for()


@marked
def test_the_demonstration_is_one_click_away_and_can_be_cancelled(page: Page, empty: Served) -> None:
    sign_in(page, empty, name=SETTER)
    page.wait_for_url("**/first-run")
    page.get_by_role("button", name="Load the demonstration").click()
    page.get_by_text(re.compile(r"\d+ s: loaded")).wait_for(timeout=90_000)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("It ended before it was told whole").wait_for()
    assert stored(empty) == (False, 0, 0), "the region is loaded whole or not at all"


@marked
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE account_grant SET role = 'coordinator'", "Ask someone whose role is: administrator"),
        ("UPDATE token SET revoked = true", "Your sign-in has ended"),
    ],
)
def test_who_may_no_longer_set_up_begins_and_sends_nothing_on_a_page_that_is_still_open(
    page: Page, empty: Served, change: str, told: str
) -> None:
    sign_in(page, empty, name=SETTER)
    page.wait_for_url("**/first-run")
    page.get_by_role("button", name="Load the demonstration").wait_for()
    with empty.engine.begin() as connection:
        connection.execute(text(change))
    page.get_by_role("button", name="Load the demonstration").click()
    page.get_by_text(told).first.wait_for()
    page.get_by_text(re.compile(r"\d+ s: ")).wait_for(state="hidden")
    assert stored(empty) == (False, 0, 0)


@marked
@needs_axe
def test_the_set_up_is_accessible_and_fits_a_phone(browser: Browser, empty: Served) -> None:
    page = browser.new_context(viewport=PHONE).new_page()
    sign_in(page, empty, name=SETTER)
    page.wait_for_url("**/first-run")
    page.get_by_role("button", name="Load the demonstration").wait_for()
    send(page, "Stock", {"lots.csv": of_today("lots").replace("200", "x")})
    page.get_by_role("row", name=re.compile("quantity")).first.wait_for()
    assert violations(page) == {}
    assert width(page) <= PHONE_WIDTH
    page.context.close()


@marked
def test_a_fault_of_ours_is_said_where_it_was_met_and_the_page_goes_on(page: Page, empty: Served) -> None:
    """What is sent meets a table that is away; once it is back, the same page takes it."""
    sign_in(page, empty, name=SETTER)
    page.wait_for_url("**/first-run")
    panel = page.locator(".step").filter(has=page.get_by_role("heading", name=re.compile("Members, sites")))
    panel.get_by_role("button", name="Send files").wait_for()
    with empty.engine.begin() as connection:
        connection.execute(text("ALTER TABLE region_draft RENAME TO away"))
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Send files").click()
    chooser.value.set_files([FILE])
    page.get_by_text("This met a fault of ours, which is written down").wait_for()
    with empty.engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO region_draft"))
    with page.expect_file_chooser() as chooser:
        panel.get_by_role("button", name="Send files").click()
    chooser.value.set_files([FILE])
    page.get_by_text("sent as").first.wait_for()
