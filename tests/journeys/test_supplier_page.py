"""A supplier's own page: orders acknowledged, outlook, scorecard, damages disputed; and nothing of its rivals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.actor import Grant
from stockpile.contracts import operations as orders
from stockpile.contracts import queries
from stockpile.contracts.calloffs import operations as steps
from stockpile.contracts.calloffs.operations import Wanted
from stockpile.contracts.damages import operations as damages
from stockpile.contracts.damages import queries as claims
from stockpile.db import reading, transact
from stockpile.demand.forecasting import operations as forecasting
from stockpile.demand.forecasting.operations import Past
from stockpile.governance import operations as governance
from stockpile.jobs import operations as jobs
from tests.conftest import Cast, acting
from tests.contracts.buying import DUE, accepted, approved
from tests.contracts.test_terms import amended
from tests.inventory.stockroom import do
from tests.journeys.looked_at import WCAG, needs_axe
from tests.journeys.served import PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TABLETS, SEALS = "tablet-maker", "seal-maker"
SIDES = ("Orders", "What to expect", "How you have delivered", "Damages")
RIVAL_OF_TABLETS = ("Supplier two", "SUP-2", "UC-2", "PUMP")
RIVAL_OF_SEALS = ("Supplier one", "SUP-1", "UC-1", "Claim 1")
Timed = Callable[[str, int], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two suppliers: one with an order to acknowledge and a claim against it, the other with an outlook."""
    served = Served(tmp_path_factory.mktemp("suppliers"), sqlite_template)
    transact(served.engine, small_region)
    engine, cast = served.engine, Cast(served.engine)
    for name, code in ((TABLETS, "SUP-1"), (SEALS, "SUP-2")):
        given: dict[str, Any] = {"name": name, "title": name, "password": PASSWORD}
        do(
            engine,
            governance.add_account,
            acting(governance.founder()),
            **given,
            grants=[Grant("supplier", member=code)],
        )
    amended(engine, cast, damages_rate_permille=300, damages_cap_permille=500)
    late = accepted(engine, cast, at=DUE + timedelta(days=3), slot="late")
    do(engine, damages.claim, acting(cast["buyer"]), number=late)
    for number in (approved(engine, cast, slot="new"), _seals(served, cast)):
        do(engine, steps.send, acting(cast["buyer"]), number=number)
    months = [date(2017 + number // 12, number % 12 + 1, 1) for number in range(36)]
    rows = [Past("PUMP", month, 300 + 50 * (number % 3)) for number, month in enumerate(months)]
    do(engine, forecasting.load_history, acting(cast["buyer"]), rows=rows, source="cards")
    jobs.run(engine, acting(cast["buyer"]), job="forecast", limit_seconds=60)
    yield from serving(served)


def _seals(served: Served, cast: Cast) -> int:
    given = {"contract": "UC-2", "slot": "seals", "deliver_to": "D-BE", "wanted": [Wanted("PUMP", 30, "maintenance")]}
    number = do(served.engine, steps.draft, acting(cast["buyer"]), **given).id or 0
    do(served.engine, orders.approve, acting(cast["committee"]), number=number)
    return number


def everything(page: Page) -> str:
    """All that the page says, side after side."""
    said = ""
    for side in SIDES:
        page.get_by_role("tab", name=side, exact=True).click()
        page.wait_for_timeout(500)
        said += page.content()
    return said


@marked
def test_an_order_is_acknowledged_within_seconds(page: Page, room: Served, timed: Timed) -> None:
    sign_in(page, room, name=TABLETS)
    page.wait_for_url("**/supplier")
    with timed("acknowledge an order", 30):
        page.get_by_text("1 order to acknowledge").wait_for()
        page.get_by_role("button", name="Acknowledge order 2").click()
        page.get_by_text("Order 2 is acknowledged.").wait_for()
    page.get_by_text("0 orders to acknowledge").wait_for()
    with reading(room.engine) as session:
        assert queries.calloff(session, 2).state == "acknowledged"


@marked
def test_damages_are_disputed_with_a_reason_and_another_person_decides(page: Page, room: Served) -> None:
    sign_in(page, room, name=TABLETS)
    page.get_by_role("tab", name="Damages").click()
    page.get_by_role("heading", name="Claim 1 on order 1: claimed").wait_for()
    page.get_by_role("button", name="Dispute claim 1").click()
    assert "needs a reason" in page.locator(".refusal").inner_text()
    page.get_by_label("Why the claim is wrong").fill("the border was closed")
    page.get_by_role("button", name="Dispute claim 1").click()
    page.get_by_role("heading", name="Claim 1 on order 1: disputed").wait_for()
    with reading(room.engine) as session:
        assert claims.claim(session, 1).contest_reason == "the border was closed"


@marked
def test_the_outlook_has_bands_and_the_own_scorecard_its_parts(page: Page, room: Served) -> None:
    sign_in(page, room, name=SEALS)
    page.get_by_role("tab", name="What to expect").click()
    page.locator(".desk-side:visible .chart svg").wait_for()
    rows = page.locator(".desk-side:visible .desk-figures tbody th").all_inner_texts()
    assert rows == ["2020-Q2", "2020-Q3", "2020-Q4", "2021-Q1"]
    page.get_by_role("tab", name="How you have delivered").click()
    page.get_by_text("In full and on time").wait_for()


@marked
@pytest.mark.parametrize(("name", "rivals"), [(TABLETS, RIVAL_OF_TABLETS), (SEALS, RIVAL_OF_SEALS)])
def test_a_supplier_sees_nothing_of_its_rivals(page: Page, room: Served, name: str, rivals: tuple[str, ...]) -> None:
    sign_in(page, room, name=name)
    page.wait_for_url("**/supplier")
    page.get_by_role("tab", name="Orders", exact=True).wait_for()
    said = everything(page)
    assert [one for one in rivals if one in said] == []
    other = {"SUP-1": "SUP-2", "SUP-2": "SUP-1"}["SUP-1" if name == TABLETS else "SUP-2"]
    page.goto(f"http://127.0.0.1:{room.port}/supplier?supplier={other}")
    page.get_by_role("tab", name="Orders", exact=True).wait_for()
    assert [one for one in rivals if one in everything(page)] == []


@marked
@pytest.mark.parametrize("path", ["/", "/storeroom", "/buying", "/crisis/pick-lists?plan=1"])
def test_the_region_s_own_pages_are_closed_to_suppliers(page: Page, room: Served, path: str) -> None:
    sign_in(page, room, name=SEALS)
    page.wait_for_url("**/supplier")
    page.goto(f"http://127.0.0.1:{room.port}{path}")
    page.wait_for_url("**/supplier")
    assert page.get_by_role("link", name="Storeroom").count() == 0


@marked
def test_a_buyer_looks_at_one_supplier_by_its_code_and_a_storekeeper_may_not(page: Page, room: Served) -> None:
    sign_in(page, room, name="dock")
    page.wait_for_url("**/storeroom")
    page.goto(f"http://127.0.0.1:{room.port}/supplier?supplier=SUP-1")
    assert "Ask someone whose role is" in page.locator("[role=alert].refusal").inner_text()
    page.goto(f"http://127.0.0.1:{room.port}/supplier")
    page.get_by_role("heading", name="This is the page of suppliers").wait_for()


@needs_axe
@marked
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_supplier_s_page(browser: Browser, room: Served, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    page, found = context.new_page(), dict[str, str]()
    for name in (TABLETS, SEALS):
        context.clear_cookies()
        sign_in(page, room, name=name)
        for side in SIDES:
            page.get_by_role("tab", name=side, exact=True).click()
            page.wait_for_timeout(700)
            violations = Axe().run(page, options=WCAG).response["violations"]
            found |= {f"{name} {side} {one['id']}": one["nodes"][0]["html"] for one in violations}
    context.close()
    assert found == {}


@marked
@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_on_a_phone_no_side_of_the_supplier_s_page_is_too_wide(browser: Browser, room: Served, language: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale=language)
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, room, name=SEALS)
    page.locator(".sides .q-tab").first.wait_for()
    for number in range(len(SIDES)):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, SIDES[number]
    context.close()
