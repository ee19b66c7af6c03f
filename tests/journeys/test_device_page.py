"""A device for codes, set up, shown a code of and given up on the screen, and the way to it where a code is missing."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
import zxingcpp
from sqlmodel import Session

from stockpile.actor import Act, Grant
from stockpile.catalogue import symbols
from stockpile.db import transact
from stockpile.governance import operations as governance
from stockpile.governance.keys import operations, rules
from tests.conftest import NOW, acting
from tests.journeys.looked_at import needs_axe, violations
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page


SETTER = "set-up"


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region, where everybody shows a second factor at approvals."""
    served = Served(tmp_path_factory.mktemp("device"), sqlite_template)

    def made(session: Session) -> None:
        small_region(session)
        act: Act = acting(governance.founder(), NOW)
        grants = [Grant("administrator")]
        governance.add_account(session, act, name=SETTER, title=SETTER, password=PASSWORD, grants=grants)
        operations.demand_factor(session, act, demanded=True)

    transact(served.engine, made)
    yield from serving(served)


def code(key: str, *, later: int = 0) -> str:
    """What the device shows now, or so many steps of 30 seconds later."""
    return rules.code_at(base64.b32decode(key), int(time.time()) // rules.STEP_SECONDS + later)


def begun(page: Page, served: Served, name: str) -> str:
    """Sign in, open the device from the head of the page, begin one; the key that is shown."""
    sign_in(page, served, name=name)
    page.get_by_role("link", name="Device").click()
    page.get_by_role("button", name="Set up a device").click()
    page.get_by_role("img", name="Square to scan with the app").wait_for()
    return page.locator(".digest").inner_text().strip()


def typed(page: Page, digits: str, button: str) -> None:
    """Type six digits beside that button and press it."""
    form = page.locator("form").filter(has=page.get_by_role("button", name=button))
    form.get_by_label("Six digits").fill(digits)
    form.get_by_role("button", name=button).click()


@marked
@needs_axe
def test_a_device_is_set_up_shown_a_code_of_and_given_up(page: Page, room: Served) -> None:
    key = begun(page, room, NAME)
    assert violations(page) == {}
    wrong = "000000" if code(key) != "000000" else "000001"
    typed(page, wrong, "Confirm the device")
    page.get_by_text("This is not the code of your device now.").wait_for()
    typed(page, code(key, later=-1), "Confirm the device")
    page.get_by_text("This sign-in may approve until").wait_for()
    page.reload()
    page.get_by_text("Your device is set up.").wait_for()
    typed(page, code(key), "Show a code")
    page.get_by_text("This sign-in may approve until").wait_for()
    page.get_by_text("Give the device up").click()
    typed(page, code(key, later=1), "Give up with this code")
    page.get_by_text("The device is given up.").wait_for()
    page.get_by_role("button", name="Set up a device").wait_for()


@marked
def test_where_a_code_is_missing_the_way_to_it_is_one_click(page: Page, room: Served) -> None:
    sign_in(page, room, name=SETTER)
    page.get_by_role("link", name="Set-up").click()
    page.get_by_label("Name to sign in with").fill("somebody")
    page.get_by_label("First password").fill(PASSWORD)
    page.get_by_role("button", name="Add the account").click()
    page.get_by_text("To approve, show a code of your device first.").wait_for()
    page.get_by_role("link", name="Show a code, or set a device up").click()
    page.wait_for_url("**/device")
    page.get_by_role("button", name="Set up a device").wait_for()


def test_a_phone_reads_the_square_as_the_address_of_the_account() -> None:
    address = rules.device_address(b"12345678901234567890", name="night shift", issuer="Région Ouest")
    symbol = symbols.qr_code(address)
    assert symbol.width == symbol.height
    light = np.pad(np.where(np.array(symbol.modules), 0, 255).astype(np.uint8), 4, constant_values=255)
    [read] = zxingcpp.read_barcodes(np.kron(light, np.ones((6, 6), np.uint8)))
    assert read.text == address
