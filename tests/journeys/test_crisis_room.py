"""A decision in the crisis room, side by side: rules compared, a what-if, a need set, a plan approved, papers printed.

Each journey's time is recorded beside the budget that domain.md gives it; it is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session, select

from stockpile.actor import Grant
from stockpile.allocation.tables import Plan, Request
from stockpile.db import reading, transact
from stockpile.governance import operations as governance
from stockpile.governance import queries as accounts
from tests.allocation.surge_room import MEMBERS, ask, planned, submitted, surge
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do
from tests.journeys.served import NAME, PASSWORD, Served, marked, serving, sign_in, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Page

SECOND = "second-look"
Timed = Callable[[str, int], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region in a surge: five municipalities ask, the coordinator on duty computes, a committee may look."""
    served = Served(tmp_path_factory.mktemp("room"), sqlite_template)
    transact(served.engine, small_region)
    do(
        served.engine,
        governance.add_account,
        acting(governance.founder()),
        name=SECOND,
        title=SECOND,
        password=PASSWORD,
        grants=[Grant("committee")],
    )
    cast = Cast(served.engine)
    number = surge(served.engine, cast, cover_days=14)
    submitted(served.engine, cast, number, *(ask(member, "TAB", 1000) for member in MEMBERS))
    planned(served.engine, cast, number)
    yield from serving(served)


def side(page: Page, name: str) -> None:
    """Bring a side of the room to the front."""
    page.locator("path[data-municipality]").first.wait_for(state="attached")
    page.get_by_role("tab", name=name, exact=True).click()


def choose(page: Page, field: str, option: str) -> None:
    """Choose an option by its words, with the keyboard."""
    page.get_by_label(field, exact=True).last.click()
    page.get_by_role("option", name=option).first.click()


@marked
def test_three_rules_are_compared_before_one_is_chosen(page: Page, room: Served, timed: Timed) -> None:
    sign_in(page, room)
    with timed("compare three rules", 60):
        side(page, "Compare rules")
        page.get_by_role("button", name="Compare", exact=True).click()
        page.locator(".computed").wait_for()
    heads = page.locator(".measures thead th").all_inner_texts()
    assert heads[1:] == ["Worst supplied first", "Same part of the need", "Same per inhabitant"]
    measures = page.locator(".measures tbody th").all_inner_texts()
    assert {"Lowest fill", "Transport cost", "Packs left that expire within 30 days"} <= set(measures)
    assert page.locator(".chart svg path").count() > 2
    assert page.locator("td.cell-name").count() == len(MEMBERS)


@marked
def test_one_rule_alone_is_no_comparison_and_the_page_says_so(page: Page, room: Served) -> None:
    sign_in(page, room)
    side(page, "Compare rules")
    page.locator(".choose-rules").get_by_role("button", name=re.compile("Remove|cancel")).or_(
        page.locator(".choose-rules .q-chip__icon--remove")
    ).first.click()
    page.locator(".choose-rules .q-chip__icon--remove").first.click()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Choose two or three rules.").wait_for()


@marked
def test_a_lost_depot_is_tried_in_place_and_seen_on_the_map(page: Page, room: Served, timed: Timed) -> None:
    sign_in(page, room)
    with timed("what if a depot is lost", 10):
        side(page, "What if")
        page.get_by_role("button", name="Try it").click()
        page.locator(".computed:visible").wait_for()
    told = page.locator(".side:visible .headline").inner_text()
    assert re.search(r"\d+ shares? grows?, \d+ shares? shrinks?\.", told)
    changed = page.locator('path[data-band="lose"], path[data-band="gain"]').count()
    rows = page.locator("td.cell-change").count()
    assert bool(changed) == bool(rows)


@marked
def test_more_stock_is_tried_and_part_of_a_pack_is_refused_in_words(page: Page, room: Served, timed: Timed) -> None:
    sign_in(page, room)
    side(page, "What if")
    choose(page, "What happens", "More stock arrives")
    page.get_by_label("Base units more").fill("7")
    page.get_by_role("button", name="Try it").click()
    page.locator(".refusal", has_text="whole packs").wait_for()
    with timed("what if 500 units more come", 10):
        page.get_by_label("Base units more").fill("500")
        page.get_by_role("button", name="Try it").click()
        page.locator(".computed:visible").wait_for()


@marked
def test_the_answer_to_why_has_a_page_of_its_own_in_the_reader_s_language(
    page: Page, room: Served, timed: Timed
) -> None:
    sign_in(page, room)
    with timed("why did we get less", 60):
        page.locator('path[data-municipality="DE-1"]').dispatch_event("click")
        page.locator(".item-button", has_text="Tablets").click()
        page.get_by_role("link", name=re.compile("page of its own")).click()
        page.locator(".piece.why").wait_for()
    shown = page.locator("main").inner_text()
    assert "There was not enough. You and" in shown
    for heading in ("Who decided", "Who got a larger share, and why", "What would change it", "How to appeal"):
        assert heading in shown
    page.goto(f"{page.url}&lang=nl")
    assert "Er was niet genoeg. U en" in page.locator("main").inner_text()
    assert page.locator("html").get_attribute("lang") == "nl"


@marked
def test_a_wrong_address_of_an_answer_says_what_is_wrong(page: Page, room: Served) -> None:
    sign_in(page, room)
    page.locator("path[data-municipality]").first.wait_for(state="attached")
    response = page.goto(f"http://127.0.0.1:{room.port}/crisis/why?plan=1&member=NOBODY&item=TAB")
    assert response is not None
    assert response.status == 404
    assert "has no request" in page.locator("[role=alert]").inner_text()


def test_papers_and_answers_are_for_the_signed_in_alone(room: Served) -> None:
    for path in (
        "/crisis/why?plan=1&member=DE-1&item=TAB",
        "/crisis/pick-lists?plan=1",
        "/crisis/dispatch-notes?plan=1",
    ):
        response, body = room.get(path)
        assert (response.status, response.headers["location"], body) == (307, "/login", b"")


@marked
def test_a_need_is_set_by_hand_with_its_reason(page: Page, room: Served, timed: Timed) -> None:
    sign_in(page, room)
    side(page, "Requests")
    page.get_by_text("Open requests", exact=True).wait_for()
    with timed("set a need by hand", 60):
        page.get_by_role("checkbox", name=re.compile("^Choose")).first.click()
        page.get_by_label("Needed, in whole packs", exact=False).fill("10")
        page.get_by_role("button", name="Set the need").click()
        assert "needs a reason" in page.locator(".refusal").inner_text()
        page.get_by_label("Reason", exact=True).fill("the ward closed")
        page.get_by_role("button", name="Set the need").click()
        page.get_by_text("10 are validated now").wait_for()
    with reading(room.engine) as session:
        revised = [row for row in session.exec(select(Request)) if row.validation_reason == "the ward closed"]
    assert [row.validated for row in revised] == [10]


@marked
def test_the_map_shows_the_region_at_another_instant(page: Page, room: Served) -> None:
    sign_in(page, room)
    side(page, "Surge and stock")
    page.locator(".side:visible .chart svg").wait_for()
    now = page.locator(".side:visible .clock").inner_text()
    page.locator(".q-slider__track-container").last.press("ArrowLeft")
    page.wait_for_function("now => document.querySelector('.side:not(.hidden) .clock').innerText !== now", arg=now)


@marked
def test_closed_ways_are_told_in_words_and_drawn(page: Page, room: Served) -> None:
    sign_in(page, room)
    side(page, "Surge and stock")
    page.get_by_role("heading", name="Closed ways").wait_for()
    page.get_by_text("Every depot has an open lane to").or_(page.get_by_text("✗")).first.wait_for()
    side(page, "What if")
    choose(page, "What happens", "A lane is closed")
    choose(page, "Depot", "Depot Eupen")
    choose(page, "Municipality", "Aubel")
    page.get_by_role("button", name="Try it").click()
    page.locator(".computed:visible").wait_for()
    assert page.locator("path.closed-way").count() == 1
    assert page.locator('.way-cross[title="closed: Depot Eupen → Aubel"]').count() == 1


@marked
def test_the_coordinator_may_not_approve_and_another_person_s_approval_gives_the_papers(
    page: Page, room: Served, timed: Timed
) -> None:
    sign_in(page, room, name=NAME)
    side(page, "Decide and dispatch")
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_role("button", name="Approve now").click()
    assert "someone whose role is: committee" in page.locator(".refusal").inner_text()
    page.get_by_role("button", name="Compute a plan of the open requests").click()
    page.get_by_text("Done.", exact=True).wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    sign_in(page, room, name=SECOND)
    page.get_by_role("link", name="Crisis room").click()
    with timed("approve and open the dispatch notes", 180):
        side(page, "Decide and dispatch")
        page.get_by_role("button", name="Approve", exact=True).click()
        page.get_by_role("button", name="Approve now").click()
        page.get_by_text("Done.", exact=True).wait_for()
        page.get_by_role("link", name=re.compile("Dispatch notes")).click()
        page.locator(".sheet").first.wait_for()
    assert "do not pick" not in page.locator("main").inner_text()
    assert page.locator(".sheet tbody tr").count() > 0
    with reading(room.engine) as session:
        assert approvers(session) == [SECOND]


def approvers(session: Session) -> list[str]:
    """Who approved the plans that are approved."""
    names = {account.id: account.name for account in accounts.accounts(session)}
    return [names[plan.approved_by] for plan in session.exec(select(Plan)) if plan.approved_by is not None]
