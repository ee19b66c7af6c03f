"""The committee's room in a real browser: from the inbox to the vote on a phone, ratifying, stepping back, recounts.

Each journey's time is recorded beside the budget that domain.md gives it; it is not judged here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stockpile.db import reading
from stockpile.governance.committee import queries
from tests.journeys.committee_room import EMERGENCY, FLOOR, POLICY, REJECTED, RIGHTS, Room
from tests.journeys.looked_at import (
    DESK,
    PHONE,
    PHONE_WIDTH,
    come_in,
    in_both_schemes,
    in_every_language,
    needs_axe,
    opened,
    violations,
    width,
)
from tests.journeys.served import marked, serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

Timed = Callable[[str, int], AbstractContextManager[None]]
EVERY = (EMERGENCY, FLOOR, POLICY, RIGHTS, REJECTED)


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The small region's committee with much before it, served."""
    made = Room(tmp_path_factory.mktemp("committee"), sqlite_template)
    for _ in serving(made.served):
        yield made


def at(room: Room, title: str) -> str:
    """Where a proposal is."""
    return f"http://127.0.0.1:{room.served.port}/committee/{room.numbers[title]}"


def voted(room: Room, title: str) -> dict[str, str]:
    """By member what was voted on a proposal."""
    with reading(room.served.engine) as session:
        return {one.member_code: one.choice for one in queries.votes(session, room.numbers[title])}


def choose(page: Page, choice: str, reason: str) -> None:
    """Choose, give a reason, and ask for the second look."""
    page.get_by_role("radio", name=re.compile(f"^{choice}")).click()
    page.get_by_label("Reason, in public").fill(reason)
    page.get_by_role("button", name="Look at it once more").click()


@marked
def test_on_a_phone_a_seat_goes_from_its_inbox_over_the_evidence_to_its_vote(
    browser: Browser, room: Room, timed: Timed
) -> None:
    with timed("inbox, evidence and vote on a phone", 180):
        page = opened(browser, room.served, name="seat-nl", viewport=PHONE)
        assert page.url.endswith("/committee")
        page.get_by_role("heading", name="4 proposals wait for your vote").wait_for()
        page.get_by_role("link", name=FLOOR).click()
        page.get_by_text("The reserve stays as it is.").wait_for()
        assert "report 7 of the coordination" in page.locator(".committee").inner_text()
        page.get_by_role("link", name="To the vote").click()
        choose(page, "Vote for it", "the weekend is long")
        sure = page.locator(".sure")
        sure.get_by_text("You vote FOR this:").wait_for()
        assert FLOOR in sure.inner_text()
        assert voted(room, FLOOR) == {}, "nothing is sent before the second look"
        page.get_by_role("button", name="Yes, this is our vote").click()
        page.get_by_text("Done: it is written down").wait_for()
    assert voted(room, FLOOR) == {"NL-1": "for"}
    assert "Your vote is given (seat)" in page.locator(".vote").inner_text()
    page.goto(f"http://127.0.0.1:{room.served.port}/committee")
    page.get_by_role("heading", name="3 proposals wait for your vote").wait_for()
    page.context.close()


@marked
def test_an_emergency_is_ratified_with_one_s_own_city_beside_the_others(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="seat-de")
    page.get_by_text("Emergency: done already, to be ratified").wait_for()
    with timed("ratify an emergency", 180):
        page.get_by_role("link", name=EMERGENCY).click()
        page.get_by_text(re.compile(r"of what it was found to need \(median")).wait_for()
        assert "DE" not in page.locator(".beside td.cell-item").first.inner_text()
        assert page.locator(".chart svg path").count() > 1
        assert "goes to settlement" in page.locator(".committee").inner_text()
        choose(page, "Ratify it", "the dam broke, and all got the same part")
        page.get_by_role("button", name="Yes, this is our vote").click()
        page.get_by_text("Done: it is written down").wait_for()
    assert voted(room, EMERGENCY) == {"DE-1": "for", "DE-2": "for"}


@marked
def test_a_seat_steps_back_for_one_of_its_cities_and_the_count_says_so(page: Page, room: Room) -> None:
    come_in(page, room.served, name="seat-be")
    page.goto(at(room, RIGHTS))
    page.get_by_text("What changes in who decides what").wait_for()
    assert "two people" in page.locator(".committee").inner_text()
    page.get_by_label("Only for (empty: for all)").click()
    page.get_by_role("option", name="Eupen").click()
    page.keyboard.press("Escape")
    choose(page, "Step back", "its hospital buys from the pool")
    sure = page.locator(".sure")
    sure.get_by_text("For Eupen.").wait_for()
    page.get_by_role("button", name="Yes, this is our vote").click()
    page.get_by_text("Done: it is written down").wait_for()
    with reading(room.served.engine) as session:
        recused = [one.member_code for one in queries.electors(session, room.numbers[RIGHTS]) if one.recused]
    assert recused == ["BE-2"]
    assert "of 4" in page.locator(".bars").inner_text()


@marked
def test_without_a_choice_or_a_reason_nothing_is_sent_and_the_page_says_what_is_missing(page: Page, room: Room) -> None:
    come_in(page, room.served, name="seat-be")
    page.goto(at(room, POLICY))
    page.get_by_role("button", name="Look at it once more").click()
    page.get_by_text("Choose one of the four first.").wait_for()
    page.get_by_role("radio", name="Abstain").click()
    page.get_by_role("button", name="Look at it once more").click()
    page.get_by_text("Give the reason").wait_for()
    choose(page, "Abstain", "no\N{ZERO WIDTH SPACE} view")
    page.get_by_role("button", name="Yes, this is our vote").click()
    page.get_by_text(re.compile("Reason, in public: .*cannot be seen")).wait_for()
    assert voted(room, POLICY) == {}


@marked
def test_a_vote_that_was_given_meanwhile_is_refused_in_words(browser: Browser, room: Room) -> None:
    pages = [opened(browser, room.served, name="seat-de", viewport=DESK) for _ in range(2)]
    for page in pages:
        page.goto(at(room, RIGHTS))
        choose(page, "Vote against it", "the committee itself decides on reserves")
        page.get_by_role("button", name="Yes, this is our vote").wait_for()
    pages[0].get_by_role("button", name="Yes, this is our vote").click()
    pages[0].get_by_text("Done: it is written down").wait_for()
    pages[1].get_by_role("button", name="Yes, this is our vote").click()
    pages[1].locator(".refusal").get_by_text(re.compile("its vote is given|there is no vote on it now")).wait_for()
    for page in pages:
        page.context.close()


@marked
def test_another_rule_is_tried_on_the_latest_surge_before_anybody_votes(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="seat-be")
    page.goto(at(room, POLICY))
    page.get_by_text("simpler to explain to our councils").wait_for()
    with timed("a proposed rule beside the one in force", 60):
        page.get_by_role("button", name="Compare on the latest surge").click()
        page.locator(".computed").wait_for()
    heads = page.locator(".measures thead th").all_inner_texts()
    assert sorted(heads[1:]) == ["Same per inhabitant", "Worst supplied first"]
    page.get_by_text("Marked: Eupen").wait_for()


@marked
def test_another_rule_is_tried_on_the_plans_of_past_surges(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="seat-be")
    page.goto(at(room, POLICY))
    with timed("back-test of a proposed rule on past surges", 60):
        page.get_by_role("button", name=re.compile("Back-test on 1 plan of past surges")).click()
        page.get_by_role("heading", name="Back-test on past surges").wait_for()
    told = page.locator(".found .headline").inner_text()
    assert re.fullmatch(r"\d municipalit(y gains|ies gain), \d loses?, \d stays? as (it is|they are)\.", told), told
    assert "surge 2 (open), plan 2 of Mon 30 Mar 2020" in page.locator(".found").inner_text()
    assert page.locator(".found tbody").last.locator("tr").count() == 3, "each municipality that asked"


@marked
def test_a_result_is_counted_again_by_anybody_who_reads_it(page: Page, room: Room) -> None:
    come_in(page, room.served, name="coordinator")
    page.goto(at(room, REJECTED))
    assert "Your account has no seat" in page.locator(".vote").inner_text() or "is over" in page.inner_text(".vote")
    page.get_by_role("button", name="Count it again").click()
    page.get_by_text("Counted again: the same result.").wait_for()


@marked
def test_what_stands_and_who_decides_what_is_in_the_room(page: Page, room: Room) -> None:
    come_in(page, room.served, name="seat-be")
    page.get_by_role("heading", name="Standing decisions").wait_for()
    shown = page.locator(".committee").inner_text()
    assert "Version 1, in force since" in shown
    assert "Nothing is approved beforehand." in shown
    assert "nobody against" in shown or page.get_by_role("button", name="Next page").count() > 0


@marked
def test_an_address_of_no_proposal_says_so_and_shows_the_way_back(page: Page, room: Room) -> None:
    come_in(page, room.served, name="seat-be")
    for address in ("999", "abc", "9" * 40):
        page.goto(f"http://127.0.0.1:{room.served.port}/committee/{address}")
        page.get_by_role("heading", name="There is no proposal").wait_for()


@marked
def test_a_guest_such_as_a_supplier_comes_to_its_own_page(page: Page, room: Room) -> None:
    room.cast["supplier"]
    come_in(page, room.served, name="supplier")
    for address in ("/committee", f"/committee/{room.numbers[FLOOR]}", "/audit"):
        page.goto(f"http://127.0.0.1:{room.served.port}{address}")
        page.wait_for_url("**/supplier")


@marked
def test_who_is_not_signed_in_comes_to_the_proposal_after_the_form(page: Page, room: Room) -> None:
    page.goto(at(room, FLOOR))
    page.wait_for_url(lambda url: "/login" in url)
    page.get_by_label("Name").fill("seat-be")
    page.get_by_label("Password", exact=True).fill("for the tests only")
    page.keyboard.press("Enter")
    page.wait_for_url(at(room, FLOOR))
    page.get_by_role("heading", name=FLOOR).wait_for()


@marked
@pytest.mark.parametrize(
    ("name", "first", "ways"),
    [
        ("seat-nl", "/committee", ["Crisis room", "Storeroom", "Committee", "Audit", "Public pages"]),
        ("auditor", "/audit", ["Crisis room", "Committee", "Audit", "Public pages"]),
        ("coordinator", "/", ["Crisis room", "Storeroom", "Committee", "Public pages"]),
        ("dock", "/storeroom", ["Crisis room", "Storeroom", "Committee", "Public pages"]),
    ],
)
def test_signing_in_leads_to_one_s_first_screen_and_from_there_to_those_one_may_open(
    browser: Browser, room: Room, name: str, first: str, ways: list[str]
) -> None:
    room.cast["auditor"]
    page = opened(browser, room.served, name=name, viewport=DESK)
    page.wait_for_url(f"http://127.0.0.1:{room.served.port}{first}")
    bar = page.get_by_role("navigation", name="Pages")
    bar.get_by_role("link", name="Public pages").wait_for()
    assert [one for one in bar.get_by_role("link").all_inner_texts() if one in {*ways, "Audit"}] == ways
    assert bar.locator("[aria-current=page]").count() == 1
    page.context.close()


@needs_axe
@marked
@in_both_schemes
def test_axe_finds_nothing_in_the_room(browser: Browser, room: Room, scheme: str) -> None:
    page = opened(browser, room.served, name="seat-be", viewport=DESK, color_scheme=scheme)
    page.get_by_role("heading", name="Standing decisions").wait_for()
    found = violations(page)
    for title in EVERY:
        page.goto(at(room, title))
        page.get_by_role("heading", name="Evidence pack").wait_for()
        page.wait_for_timeout(500)
        found |= {f"{title} {rule}": html for rule, html in violations(page).items()}
    page.context.close()
    assert found == {}


@marked
@in_every_language
def test_on_a_phone_nothing_of_the_room_is_wider_than_the_screen(browser: Browser, room: Room, language: str) -> None:
    page = opened(browser, room.served, name="seat-be", viewport=PHONE, locale=language)
    page.locator(".committee").wait_for()
    assert width(page) <= PHONE_WIDTH
    for title in EVERY:
        page.goto(at(room, title))
        page.locator(".deciding").wait_for()
        page.wait_for_timeout(300)
        assert width(page) <= PHONE_WIDTH, title
    assert page.evaluate("document.documentElement.lang") == language
    page.context.close()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until that has the focus."""
    for _ in range(12):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("never reached with Tab")


@marked
def test_the_vote_is_reached_and_given_with_the_keyboard_alone(page: Page, room: Room) -> None:
    come_in(page, room.served, name="seat-be")
    page.goto(at(room, FLOOR))
    page.get_by_role("radio", name="Vote for it").focus()
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("Reason, in public"))
    page.keyboard.type("agreed")
    tab_to(page, page.get_by_role("button", name="Look at it once more"))
    page.keyboard.press("Enter")
    page.get_by_text("You vote FOR this:").wait_for()
    tab_to(page, page.get_by_role("button", name="Yes, this is our vote"))
    page.keyboard.press("Enter")
    page.get_by_text("Done: it is written down").wait_for()
    assert voted(room, FLOOR)["BE-1"] == "for"
