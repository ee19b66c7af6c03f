"""The auditor's desk in a real browser: a decision found, looked into and recomputed; the journal verified; samples.

Each journey's time is recorded beside the budget that domain.md gives it; it is not judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from stockpile.db import reading
from stockpile.governance.committee.gate import Effect
from stockpile.transparency.findings import queries as findings
from stockpile.transparency.replay import queries as replaying
from tests.journeys.committee_room import EMERGENCY, REJECTED, Room
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
    from playwright.sync_api import Browser, Page, WebSocketRoute

FOUND = {
    "What was found": "The reserve was not counted",
    "Against which rule or promise": "counts every thirty days",
    "Evidence: references": "plan:1; count:2",
    "Cause": "nobody was asked to",
    "Recommendation": "count it this week",
    "Which office answers": "logistics",
}
Timed = Callable[[str, int], AbstractContextManager[None]]
MORE = 12


@pytest.fixture(scope="module")
def room(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """The small region with its plans and decisions and a dozen drafts more, served."""
    made = Room(tmp_path_factory.mktemp("audit"), sqlite_template)
    made.cast["auditor"]
    for number in range(MORE):
        made.chamber.proposed(Effect("floor.set", "item:INJ", {"quantity": number}), title=f"Reserve of {number}")
    for _ in serving(made.served):
        yield made


def at(room: Room, path: str = "") -> str:
    """An address of the auditor's screens."""
    return f"http://127.0.0.1:{room.served.port}/audit{path}"


def pages_of(room: Room) -> list[str]:
    """A page of each kind."""
    return [
        "",
        f"/plans/{room.plans[-1]}",
        f"/decisions/{room.numbers[REJECTED]}",
        f"/decisions/{room.numbers[EMERGENCY]}",
    ]


@marked
def test_a_plan_is_found_looked_into_and_recomputed_byte_for_byte(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="auditor")
    page.wait_for_url(at(room))
    plan = room.plans[-1]
    with timed("pick a decision, see its ground, recompute it", 120):
        page.get_by_label("Search").fill(f"{plan} leximin approved")
        page.get_by_text("1 decision", exact=True).wait_for()
        page.get_by_role("link", name=f"Plan {plan}:").click()
        page.get_by_role("heading", name="The stock at that second").wait_for()
        page.get_by_text("The plan counted every lot as the ledger had it").wait_for()
        page.get_by_role("button", name="Recompute").click()
        page.get_by_text("The same, byte for byte.").wait_for()
    shown = page.locator(".audit").inner_text()
    with reading(room.served.engine) as session:
        digest = replaying.allocation.plan(session, plan).answer_digest
    assert f"Computed again: SHA-256 {digest}" in shown
    assert EMERGENCY in shown
    assert "plan.compute" in shown
    page.get_by_role("checkbox", name="Also with all names hidden").click()
    page.get_by_role("button", name="Recompute").click()
    page.get_by_text("With all names hidden the fills are the same").wait_for()


@marked
def test_a_plan_that_was_changed_in_the_books_is_said_not_to_be_the_same(page: Page, room: Room) -> None:
    plan = room.plans[0]
    with room.served.engine.begin() as connection:
        kept = connection.execute(text("SELECT answer FROM plan WHERE id = :n"), {"n": plan}).scalar_one()
        changed = json.dumps(json.loads(kept), indent=1)
        connection.execute(text("UPDATE plan SET answer = :a WHERE id = :n"), {"a": changed, "n": plan})
    come_in(page, room.served, name="auditor")
    page.goto(at(room, f"/plans/{plan}"))
    page.get_by_role("button", name="Recompute").click()
    page.get_by_text("NOT the same.").wait_for()
    page.get_by_text("not byte for byte the plan that was stored").wait_for()
    with room.served.engine.begin() as connection:
        connection.execute(text("UPDATE plan SET answer = :a WHERE id = :n"), {"a": kept, "n": plan})


@marked
def test_a_decision_of_the_committee_is_looked_into_and_counted_again(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="auditor")
    with timed("look into a decision and count it again", 120):
        page.get_by_label("Search").fill("all tablets rejected")
        page.get_by_text("1 decision", exact=True).wait_for()
        page.get_by_role("link", name=REJECTED).click()
        page.get_by_role("heading", name="Who had a vote, as frozen when it was opened").wait_for()
        page.get_by_role("button", name="Count it again").click()
        page.get_by_text("Counted again: the same result.").wait_for()
    shown = page.locator(".audit").inner_text()
    assert "decision.open" in shown
    assert "Voted under decision rights, version 1" in shown


@marked
def test_the_list_is_paged_narrowed_and_says_when_nothing_is_found(page: Page, room: Room) -> None:
    come_in(page, room.served, name="auditor")
    page.get_by_text("1 to 15 of 19").wait_for()
    page.get_by_role("button", name="Older").click()
    page.get_by_text("16 to 19 of 19").wait_for()
    page.get_by_role("button", name="Newer").click()
    page.get_by_label("Search").fill("plan of nobody")
    page.get_by_text("Nothing has these words.").wait_for()
    page.get_by_label("Search").fill("reserve of 1")
    page.get_by_text("1 decision", exact=True).wait_for()


@marked
def test_the_journal_s_head_is_shown_and_the_whole_journal_verified(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="auditor")
    page.get_by_role("heading", name="The journal", exact=True).wait_for()
    page.get_by_text("The newest signed head covers").wait_for()
    with timed("verify the journal", 120):
        page.get_by_role("button", name="Verify the journal").click()
        page.get_by_text("The journal is what it was.").wait_for()
    page.get_by_text("The signed head", exact=True).click()
    assert "stockpile/" in page.locator(".checkpoint").inner_text()


@marked
def test_a_sample_shows_its_seed_and_is_the_one_that_the_api_draws(page: Page, room: Room) -> None:
    come_in(page, room.served, name="auditor")
    page.get_by_label("Seed").fill("lottery 7 of 1 April")
    page.get_by_label("How many").fill("4")
    page.get_by_label("Only this action").fill("decision.propose")
    page.get_by_role("button", name="Draw").click()
    page.get_by_text("Seed: lottery 7 of 1 April").wait_for()
    page.get_by_text("4 entries drawn").wait_for()
    shown = page.locator("td.cell-entry").all_inner_texts()
    with reading(room.served.engine) as session:
        drawn = replaying.sample(session, seed="lottery 7 of 1 April", size=4, action="decision.propose")
    assert shown == [str(one.entry) for one in drawn]
    assert "GET /api/v1/audit/sample?seed=lottery+7+of+1+April&size=4&action=decision.propose" in page.inner_text(
        "main"
    )
    page.get_by_label("Seed").fill("")
    page.get_by_role("button", name="Draw").click()
    page.locator(".refusal").get_by_text("Seed: nothing is written here yet").wait_for()


@marked
def test_what_is_typed_and_pressed_before_the_line_is_up_arrives_in_that_order(page: Page, room: Room) -> None:
    come_in(page, room.served, name="auditor")
    page.get_by_role("heading", name="The journal", exact=True).wait_for()
    slow: list[WebSocketRoute] = []
    page.route_web_socket(re.compile("socket.io"), lambda route: slow.append(route))  # noqa: PLW0108 - Playwright marks it
    page.goto(at(room))
    for word in range(8):
        page.get_by_label("Seed").fill(f"lottery {word}")
        page.get_by_label("Only this action").fill("decision.propose" if word == 7 else f"nothing {word}")
    page.get_by_label("How many").fill("4")
    page.get_by_role("button", name="Draw").click()
    assert not page.evaluate("window.did_handshake")
    slow[0].connect_to_server()
    page.get_by_text("4 entries drawn").wait_for()
    assert "Seed: lottery 7" in page.locator(".audit").inner_text()


@marked
def test_a_finding_is_filed_with_its_evidence_and_put_to_its_office(page: Page, room: Room, timed: Timed) -> None:
    come_in(page, room.served, name="auditor")
    page.goto(at(room))
    page.get_by_text("Nothing was found yet.").wait_for()
    page.get_by_text("File a finding").click()
    page.get_by_role("button", name="File it as a draft").click()
    page.locator(".refusal").wait_for()
    assert "What was found: nothing" in page.locator(".refusal").inner_text(), "the field that is missing is named"
    with timed("file a finding", 180):
        for label, typed in FOUND.items():
            page.get_by_label(label).fill(typed)
        page.get_by_role("button", name="File it as a draft").click()
        page.get_by_text("The finding is filed as a draft.").wait_for()
    page.get_by_text("Finding 1, medium: The reserve was not counted. draft").wait_for()
    page.get_by_label("What you say to it").fill("please answer")
    page.get_by_role("button", name="Put it to the office").click()
    page.get_by_text("waits for the office's answer").wait_for()
    with reading(room.served.engine) as session:
        [kept] = findings.findings(session)
    assert (kept.state, json.loads(kept.evidence)) == ("management_response", ["plan:1", "count:2"])


@marked
def test_who_may_not_verify_is_told_whose_screen_it_is(page: Page, room: Room) -> None:
    come_in(page, room.served, name="coordinator")
    page.wait_for_url(at(room).removesuffix("audit"))
    for address in pages_of(room):
        page.goto(at(room, address))
        page.get_by_role("heading", name="This screen is not for your account").wait_for()
        assert "administrator, auditor, committee" in page.locator(".empty").inner_text()


@marked
def test_an_address_of_nothing_says_so(page: Page, room: Room) -> None:
    come_in(page, room.served, name="auditor")
    for address, told in (("/plans/999", "There is no plan 999"), ("/decisions/x", "There is no proposal x")):
        page.goto(at(room, address))
        page.get_by_role("heading", name=told).wait_for()


@needs_axe
@marked
@in_both_schemes
def test_axe_finds_nothing_on_the_auditor_s_screens(browser: Browser, room: Room, scheme: str) -> None:
    page = opened(browser, room.served, name="auditor", viewport=DESK, color_scheme=scheme)
    found = {}
    for address in pages_of(room):
        page.goto(at(room, address))
        page.locator(".audit").wait_for()
        page.wait_for_timeout(500)
        found |= {f"{address} {rule}": html for rule, html in violations(page).items()}
    page.context.close()
    assert found == {}


@marked
@in_every_language
def test_on_a_phone_nothing_of_the_audit_is_wider_than_the_screen(browser: Browser, room: Room, language: str) -> None:
    page = opened(browser, room.served, name="auditor", viewport=PHONE, locale=language)
    for address in pages_of(room):
        page.goto(at(room, address))
        page.locator(".audit").wait_for()
        page.wait_for_timeout(300)
        assert width(page) <= PHONE_WIDTH, address
    assert page.evaluate("document.documentElement.lang") == language
    page.context.close()
