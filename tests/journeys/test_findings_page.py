"""A finding between an auditor and the office that answers, in two real browsers, until it is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from stockpile.db import reading, transact
from stockpile.governance.tables import Token
from stockpile.transparency.findings import operations, queries
from tests.conftest import Cast, acting
from tests.inventory.stockroom import do
from tests.journeys.looked_at import PHONE, PHONE_WIDTH, come_in, in_both_schemes, needs_axe, opened, violations, width
from tests.journeys.served import DOCK, NAME, PASSWORD, Served, marked, serving, small_region

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page

Timed = Callable[[str, int], AbstractContextManager[None]]
FOUND = {
    "severity": "high",
    "criterion": "counts every thirty days",
    "evidence": ["count 2"],
    "cause": "nobody was asked to",
    "recommendation": "count it this week",
}
BUYER = "buyer"
DAYS = ("2030-05-01", "2030-05-08")


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small region with an auditor's three findings: one for logistics, one for buyers, one that is a draft."""
    served = Served(tmp_path_factory.mktemp("findings"), sqlite_template)
    transact(served.engine, small_region)
    cast = Cast(served.engine, password=PASSWORD)
    auditor, _ = cast["auditor"], cast[BUYER]
    for title, office in (("Counts are late", "Logistics, depot D-BE"), ("Prices are not compared", "buyer")):
        made = do(served.engine, operations.write, acting(auditor), title=title, office=office, **FOUND)
        do(served.engine, operations.step, acting(auditor), number=made.id, name="issue", text="please answer")
    do(served.engine, operations.write, acting(auditor), title="A thought", office="logistics", **FOUND)
    yield from serving(served)


def at(room: Served, path: str) -> str:
    """An address of this installation."""
    return f"http://127.0.0.1:{room.port}{path}"


def said(page: Page, words: str, button: str) -> None:
    """Say something to the finding that is unfolded, and wait until it is kept."""
    page.get_by_label("What you say to it").locator("visible=true").fill(words)
    page.get_by_role("button", name=button).locator("visible=true").click()
    page.locator(".thread").get_by_text(words).locator("visible=true").wait_for()


@marked
def test_an_office_answers_is_asked_again_and_the_auditor_closes(browser: Browser, room: Served, timed: Timed) -> None:
    office, auditor = opened(browser, room, name=DOCK), opened(browser, room, name="auditor")
    office.get_by_role("link", name="Findings").click()
    office.get_by_role("heading", name="1 finding is addressed to you").wait_for()
    assert "A thought" not in office.inner_text("main"), "a draft is the auditor's alone"
    office.get_by_role("button", name="Answer it").locator("visible=true").click()
    office.locator(".refusal").get_by_text("What you say to it: nothing is written here yet").wait_for()
    with timed("answer an auditor's finding", 180):
        office.get_by_label("Done by").locator("visible=true").fill(DAYS[0])
        said(office, "one counter was ill; we count on Friday", "Answer it")
    auditor.reload()
    auditor.get_by_text("Finding 1, high: Counts are late. answered; the auditor looks at it").click()
    auditor.get_by_text("one counter was ill; we count on Friday").wait_for()
    said(auditor, "and who counts when one is ill again?", "Ask again")
    office.reload()
    office.get_by_text("and who counts when one is ill again?").wait_for()
    office.get_by_label("Done by").locator("visible=true").fill(DAYS[1])
    said(office, "the second shift counts then", "Answer it")
    for name, words, page in (
        ("Agree with the answer", "that will do", auditor),
        ("Begin to put it right", "the second shift is told", office),
        ("Verify that it is put right", "seen in count 9", auditor),
        ("Close it", "nothing is left", auditor),
    ):
        page.reload()
        if page is auditor:
            page.get_by_text("Finding 1, high").click()
        said(page, words, name)
    office.reload()
    office.get_by_role("heading", name="0 findings are addressed to you").wait_for()
    office.get_by_text("Finding 1, high: Counts are late. closed").click()
    assert office.locator(".thread").locator("visible=true").locator("li").count() == 9
    with reading(room.engine) as session:
        kept = queries.finding(session, 1)
        steps = [one.step for one in queries.thread(session, 1)]
    assert (kept.state, str(kept.action_due)) == ("closed", DAYS[1])
    assert steps == ["write", "issue", "answer", "ask_again", "answer", "agree", "begin", "verify", "close"]
    office.context.close()
    auditor.context.close()


@marked
def test_what_is_typed_to_one_finding_stays_while_another_is_answered(browser: Browser, room: Served) -> None:
    page = opened(browser, room, name="auditor")
    page.get_by_text("Finding 2, high").click()
    page.get_by_text("Finding 3, high").click()
    box = page.locator(".finding").filter(has_text="A thought")
    other = page.locator(".finding").filter(has_text="Prices are not compared")
    box.get_by_label("What you say to it").fill("half a sentence")
    assert other.get_by_label("What you say to it").count() == 0, "the auditor waits for the office"
    page.get_by_text("File a finding").click()
    page.get_by_role("button", name="File it as a draft").click()
    page.locator(".refusal").first.wait_for()
    assert box.get_by_label("What you say to it").input_value() == "half a sentence"
    page.context.close()


@marked
def test_what_was_typed_outlives_the_sign_in_and_is_sent_after_the_next_one(browser: Browser, room: Served) -> None:
    page = opened(browser, room, name=BUYER)
    page.goto(at(room, "/findings"))
    page.get_by_label("What you say to it").locator("visible=true").fill("we compare them every quarter")
    page.get_by_label("Done by").locator("visible=true").fill(DAYS[0])
    transact(room.engine, lambda session: session.exec(update(Token).values(revoked=True)))
    page.get_by_role("button", name="Answer it").locator("visible=true").click()
    page.get_by_role("heading", name="Your sign-in has ended").wait_for()
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Sign in again").click()
    come_in(opening.value, room, name=BUYER)
    page.get_by_role("button", name="Back to what I typed").click()
    page.get_by_role("button", name="Answer it").locator("visible=true").click()
    page.locator(".thread").get_by_text("we compare them every quarter").wait_for()
    page.context.close()


@marked
def test_the_back_button_asks_before_typed_words_are_left_behind(browser: Browser, room: Served) -> None:
    page = opened(browser, room, name="auditor")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_text("Finding 3, high").click()
    box = page.locator(".finding").filter(has_text="A thought").get_by_label("What you say to it")
    box.press_sequentially("half a sentence")
    page.evaluate("history.back()")
    page.wait_for_timeout(1500)
    assert (asked, box.input_value()) == (["beforeunload"], "half a sentence")
    box.fill("")
    page.evaluate("history.back()")
    page.wait_for_timeout(1500)
    assert asked == ["beforeunload"], "nothing is asked where nothing waits to be sent"
    page.context.close()


@marked
def test_who_answers_no_findings_is_told_whose_screen_it_is(browser: Browser, room: Served) -> None:
    page = opened(browser, room, name="auditor")
    page.goto(at(room, "/findings"))
    page.get_by_role("heading", name="This screen is not for your account").wait_for()
    page.context.close()


@needs_axe
@marked
@in_both_schemes
def test_axe_finds_nothing_on_the_findings_and_they_fit_a_phone(browser: Browser, room: Served, scheme: str) -> None:
    page = opened(browser, room, name=NAME, viewport=PHONE, color_scheme=scheme)
    page.goto(at(room, "/findings"))
    page.get_by_role("heading", name="Addressed to other offices").wait_for()
    page.get_by_text("Finding 2, high").click()
    page.wait_for_timeout(300)
    found = violations(page)
    assert (found, width(page) <= PHONE_WIDTH) == ({}, True)
    page.context.close()
