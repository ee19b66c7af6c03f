"""The buyer's screen: what is proposed is accepted, changed or refused; stock ahead, money, contracts, runs by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from stockpile.actor import Grant
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries
from stockpile.db import reading, transact
from stockpile.demand.scenarios import queries as scenarios
from stockpile.governance import operations as governance
from stockpile.settlement import deriving
from stockpile.settlement import operations as settlement
from stockpile.settlement.rules import Mix
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do
from tests.journeys.looked_at import WCAG, needs_axe
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BUYER = "purchasing"
RATE: dict[str, Any] = {"site": "D-DE", "storage_class": "ambient", "effective_from": date(2020, 3, 30)}
RATE |= {"milli_per_m3_day": 500, "source": "assumed for the test"}
SPRING: dict[str, Any] = {"name": "spring", "starts_at": NOW - timedelta(days=30), "ends_at": NOW + timedelta(days=30)}
SPRING |= {"cost_key": "population", "mix": Mix(0, 0, 0)}
SIDES = ("Proposals", "Stock ahead", "Spend calendar", "Years ahead", "Contracts", "Suppliers", "Settlement")
SIDES += ("Scheduled runs",)
Timed = Callable[[str, int], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with three orders that wait."""
    served = Served(tmp_path_factory.mktemp("buying"), sqlite_template)
    transact(served.engine, small_region)
    given: dict[str, Any] = {"name": BUYER, "title": BUYER, "password": PASSWORD, "grants": [Grant("buyer")]}
    do(served.engine, governance.add_account, acting(governance.founder()), **given)
    cast = Cast(served.engine)
    for slot, packs in (("a", 40), ("b", 30), ("c", 20)):
        lines = [contracts.LineDraft("TAB", packs, 10, 500, f"the shelf is empty, {slot}")]
        order: dict[str, Any] = {"contract": "UC-1", "slot": slot, "deliver_to": "D-BE", "lines": lines}
        do(served.engine, contracts.propose, acting(cast["buyer2"]), **order)
    yield from serving(served)


def at_the_desk(page: Page, room: Served, side: str) -> None:
    """Sign in as the buyer, which leads here, and bring a side to the front."""
    sign_in(page, room, name=BUYER)
    page.wait_for_url("**/buying")
    page.get_by_role("tab", name=side, exact=True).click()


def states(room: Served) -> list[str]:
    """The states of all orders, the oldest first."""
    with reading(room.engine) as session:
        return [one.state for one in reversed(queries.calloffs(session))]


@marked
def test_proposals_are_accepted_changed_and_refused_with_their_reasons(page: Page, room: Served, timed: Timed) -> None:
    at_the_desk(page, room, "Proposals")
    page.get_by_role("heading", name="Order 1 at").wait_for()
    assert "the shelf is empty, a" in page.locator(".desk-figures").inner_text()
    with timed("accept a proposal", 30):
        page.get_by_role("button", name="Accept").click()
        page.get_by_text("Order 1 is approved").wait_for()
    page.get_by_role("heading", name="Order 2 at").wait_for()
    page.get_by_role("button", name="Refuse").click()
    assert "only with a reason" in page.locator(".refusal").inner_text()
    page.get_by_label("Reason for a change or refusal").fill("the ward closed")
    with timed("change a proposal", 60):
        page.get_by_label("Packs instead").fill("60")
        page.get_by_role("button", name="Change", exact=True).click()
        page.get_by_text("Order 4 stands in the place of 2").wait_for()
    page.get_by_role("button", name="Accept").click()
    assert "another person must approve it" in page.locator(".refusal").inner_text()
    page.get_by_role("checkbox", name="Choose 3").click()
    page.get_by_role("heading", name="Order 3 at").wait_for()
    page.get_by_label("Reason for a change or refusal").fill("enough comes already")
    page.get_by_role("button", name="Refuse").click()
    page.get_by_text("Order 3 is refused.").wait_for()
    assert states(room) == ["approved", "rejected", "rejected", "proposed"]


@marked
def test_stock_ahead_names_what_falls_short_first_and_says_it_in_figures_too(page: Page, room: Served) -> None:
    at_the_desk(page, room, "Stock ahead")
    page.locator(".desk-side:visible .chart svg").wait_for()
    shown = page.locator(".desk-side:visible .answer").inner_text()
    assert "Below the reserve from" in shown
    assert "The surge as the nightly run plans for it" in shown
    assert page.locator(".desk-side:visible .desk-figures tbody tr").count() == 6
    page.get_by_role("checkbox", name="Choose VIAL").click()
    page.locator(".desk-side:visible .chart svg text", has_text="vial").first.wait_for()


@marked
def test_a_run_is_tried_and_then_done_by_hand_and_its_log_is_kept(page: Page, room: Served, timed: Timed) -> None:
    at_the_desk(page, room, "Scheduled runs")
    page.get_by_text("Nothing has run yet").wait_for()
    with timed("reorder run by hand, tried and done", 60):
        page.get_by_role("button", name="Try it: nothing is changed").click()
        page.get_by_text("Tried for 2020-03-30").wait_for()
        page.get_by_role("button", name="Run it now").click()
        page.get_by_text("Done for 2020-03-30").wait_for()
    page.get_by_role("button", name="Run it now").click()
    page.get_by_text("was done before").wait_for()
    page.get_by_role("checkbox", name="Choose reorder proposals 2020-03-30").first.click()
    page.get_by_role("heading", name="Log of reorder proposals, 2020-03-30").wait_for()
    page.get_by_role("tab", name="Spend calendar").click()
    page.get_by_text("Planned by the run of 2020-03-30").wait_for()
    beside = page.get_by_role("region", name="Before and after smoothing, in figures").inner_text()
    assert "Mon 30 Mar 2020" in beside, "the run's own week is told too"


@marked
def test_a_settlement_tells_its_costs_by_kind_and_each_statement_to_the_cent(
    page: Page, room: Served, timed: Timed
) -> None:
    """What storing and an option cost stands beside the rest; before a period is opened, what the records cost."""
    at_the_desk(page, room, "Settlement")
    page.get_by_text("No period is opened yet").wait_for()
    do(room.engine, deriving.set_rate, acting(Cast(room.engine)["committee"]), **RATE)
    keeper = acting(Cast(room.engine)["coordinator2"])
    period = do(room.engine, settlement.open_period, keeper, **SPRING).id
    for kind, minor in (("option", 3000), ("storage", 2000)):
        cost: dict[str, Any] = {"kind": kind, "amount_minor": minor, "incurred_at": NOW, "paid_by": "pool"}
        cost |= {"reference": f"the bill of {kind}", "reason": "as agreed", "borne_by": "NL-1"}
        do(room.engine, settlement.book, keeper, period=period, **cost)
    do(room.engine, settlement.calculate, keeper, number=period)
    page.get_by_role("tab", name="Contracts", exact=True).click()
    with timed("a settlement statement with what is behind it", 120):
        page.get_by_role("tab", name="Settlement", exact=True).click()
        page.get_by_text("calculated: another person closes it").wait_for()
        kinds = page.get_by_role("region", name="Costs by kind").inner_text()
        assert [line.split("\t")[-1] for line in kinds.splitlines()[-3:]] == ["€20.00", "€30.00", "€50.00"]
        charges = page.get_by_role("region", name="2 costs that it bears a part of").inner_text()
        assert "the bill of option" in charges
        assert "€30.00" in charges
    assert "0.5" in page.get_by_role("region", name="What storing costs").inner_text()


@marked
def test_budgets_of_years_to_come_are_worked_out_and_kept_with_what_is_supposed(
    page: Page, room: Served, timed: Timed
) -> None:
    at_the_desk(page, room, "Years ahead")
    page.get_by_text("No run of years is kept yet").wait_for()
    with timed("budgets of years to come, with a cut", 120):
        page.get_by_label("Name of the run of years").fill("lean years")
        page.get_by_label("What is supposed, and why").fill("prices rise, the state pays less from 2021")
        page.get_by_label("Number of years").fill("3")
        page.get_by_label("Prices, change in % a year").fill("2.55")
        page.get_by_label("Cut or gain of the budget at once, in %").fill("-10")
        page.get_by_role("button", name="Work it out and keep it").click()
        page.locator(".refusal", has_text="Prices, change in % a year: a number from -100 to 100").wait_for()
        page.get_by_label("Prices, change in % a year").fill("2.5")
        page.get_by_role("button", name="Work it out and keep it").click()
        page.get_by_text("Kept: lean years").wait_for()
        shown = page.get_by_role("region", name="Year by year").inner_text().splitlines()
    page.get_by_text("Supposed: prices rise, the state pays less from 2021").wait_for()
    told = [line.replace("\N{NO-BREAK SPACE}", " ").split("\t") for line in shown if line.startswith("202")]
    assert [(row[0], row[1], row[2], row[6]) for row in told] == [
        ("2020", "100 %", "100 %", "100 %"),
        ("2021", "100 %", "102.5 %", "87.8 %"),
        ("2022", "100 %", "105 %", "85.7 %"),
    ]
    with reading(room.engine) as session:
        assert [one.name for one in scenarios.scenarios(session)] == ["lean years"]


@marked
def test_who_may_not_run_a_job_or_see_scorecards_is_told_who_may(page: Page, room: Served) -> None:
    sign_in(page, room, name="dock")
    page.wait_for_url("**/storeroom")
    page.goto(f"http://127.0.0.1:{room.port}/buying")
    page.get_by_role("tab", name="Suppliers").click()
    assert "Ask someone whose role is" in page.locator(".desk-side:visible .refusal").inner_text()
    page.get_by_role("tab", name="Scheduled runs").click()
    page.get_by_role("button", name="Run it now").click()
    page.locator(".desk-side:visible .refusal", has_text="buyer").wait_for()


@marked
def test_who_is_not_signed_in_comes_back_here_after_the_form(page: Page, room: Served) -> None:
    page.goto(f"http://127.0.0.1:{room.port}/buying")
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/buying")


@needs_axe
@marked
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_side_of_buying(browser: Browser, room: Served, scheme: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(30_000)
    page, found = context.new_page(), dict[str, str]()
    sign_in(page, room, name=BUYER)
    for side in SIDES:
        page.get_by_role("tab", name=side, exact=True).click()
        page.wait_for_timeout(1000)
        violations = Axe().run(page, options=WCAG).response["violations"]
        found |= {f"{side} {one['id']}": one["nodes"][0]["html"] for one in violations}
    context.close()
    assert found == {}


@marked
@pytest.mark.parametrize("language", ["en", "nl", "fr", "de"])
def test_on_a_phone_no_side_of_buying_is_wider_than_the_screen(browser: Browser, room: Served, language: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale=language)
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, room, name=BUYER)
    page.locator(".sides .q-tab").first.wait_for()
    for number in range(len(SIDES)):
        page.locator(".sides .q-tab").nth(number).click()
        page.wait_for_timeout(700)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, SIDES[number]
    assert page.evaluate("document.documentElement.lang") == language
    context.close()
