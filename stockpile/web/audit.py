"""The auditor's desk: every decision to look into, the journal's signed head, and samples that anybody draws alike."""

from __future__ import annotations

from pathlib import Path

from fastapi.responses import RedirectResponse
from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from sqlalchemy import Engine

from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.queries import NoRegion
from stockpile.governance.rules import Missing
from stockpile.web import audit_reading as reading
from stockpile.web import committee_reading, frame
from stockpile.web.audit_decision import decision_looked_into
from stockpile.web.audit_journal import JournalPart, SamplePart
from stockpile.web.audit_plan import plan_looked_into
from stockpile.web.audit_reading import DECISION, KINDS, PLAN, Decided, Desk
from stockpile.web.committee import entered, no_region, number_in, told_why_not
from stockpile.web.committee_words import STATES, named
from stockpile.web.crisis_rules import rule_name, state_name
from stockpile.web.parts import button, text
from stockpile.web.places import AUDIT
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, instant, ngettext, number, say

A_PAGE = 15
EVERYTHING = ""
NAMES = {EVERYTHING: N_("Plans and decisions"), PLAN: N_("Plans"), DECISION: N_("Decisions of the committee")}


async def audit_page(engine: Engine, home: Path) -> RedirectResponse | None:
    """The desk of whoever is signed in and may verify; everyone else goes to the form, or is told whose it is."""
    signed, again = await entered(engine, AUDIT)
    if signed is None:
        return again
    try:
        found = await signed.read(lambda session: reading.desk(session, signed.act(session)))
    except NoRegion:
        no_region(signed)
        return None
    except Missing as refusal:
        await told_why_not(signed, refusal)
        return None
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit"):
        _DecisionsPart(found)
        JournalPart(signed, found, home)
        SamplePart(signed, found)
    return None


async def looked_into(engine: Engine, kind: str, asked: str, *, limit_seconds: float) -> RedirectResponse | None:
    """One plan or decision of the committee, with all that it came of."""
    signed, again = await entered(engine, f"{AUDIT}/{kind}/{asked}")
    if signed is None:
        return again
    try:
        await (_plan if kind == PLAN else _decision)(signed, number_in(asked), limit_seconds)
    except NoRegion:
        no_region(signed)
    except Missing as refusal:
        await told_why_not(signed, refusal)
    except NotFound:
        region, act = await signed.read(lambda session: (governance.region(session), signed.act(session)))
        frame.header(signed, region, act.at)
        title = say("There is no plan {number}") if kind == PLAN else say("There is no proposal {number}")
        frame.empty(title.replace("{number}", asked[:40]), say("Look in the list of decisions: /audit"))
    return None


async def _plan(signed: SignedIn, number_: int, limit_seconds: float) -> None:
    found = await signed.read(lambda session: reading.plan_case(session, signed.act(session), number_))
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit"):
        ui.link(say("All decisions"), AUDIT).classes("back")
        plan_looked_into(signed, found, limit_seconds)


async def _decision(signed: SignedIn, number_: int, limit_seconds: float) -> None:
    entries = await signed.read(lambda session: reading.entries_of(session, signed.act(session), f"decision:{number_}"))
    found = await signed.read(lambda session: committee_reading.case(session, signed.act(session), number_))
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit"):
        ui.link(say("All decisions"), AUDIT).classes("back")
        decision_looked_into(signed, found, entries)


class _DecisionsPart:
    """Every decision, newest first, searched by words and looked through page by page."""

    def __init__(self, found: Desk) -> None:
        self._desk, self._page, self._words, self._kind = found, 0, "", EVERYTHING
        with ui.element("section").classes("panel"):
            text("h2", say("Pick a decision"))
            with ui.element("div").classes("asking"):
                search = ui.input(say("Search: number, words, state, account"), on_change=self._searched)
                search.props("outlined dense clearable debounce=200").classes("choose-rules")
                kinds = {kind: say(NAMES[kind]) for kind in (EVERYTHING, *KINDS)}
                ui.select(kinds, value=EVERYTHING, label=say("Kind"), on_change=self._narrowed).props("outlined dense")
            self._count = text("p", "").classes("quiet").props("role=status")
            self._listed = ui.element("div")
            with ui.element("div").classes("asking"):
                self._newer = button(say("Newer"), lambda: self._turn(-1))
                self._older = button(say("Older"), lambda: self._turn(1))
        self._show()

    def _searched(self, event: ValueChangeEventArguments[str | None]) -> None:
        self._words, self._page = event.value or "", 0
        self._show()

    def _narrowed(self, event: ValueChangeEventArguments[str]) -> None:
        self._kind, self._page = event.value, 0
        self._show()

    def _turn(self, pages: int) -> None:
        self._page += pages
        self._show()

    def _show(self) -> None:
        found = [
            one for one in self._desk.decisions if self._kind in (EVERYTHING, one.kind) and one.matches(self._words)
        ]
        first = self._page * A_PAGE
        shown = found[first : first + A_PAGE]
        self._newer.set_visibility(self._page > 0)
        self._older.set_visibility(first + A_PAGE < len(found))
        self._count.text = self._counted(len(found), first, len(shown))
        self._listed.clear()
        with self._listed, ui.element("ul").classes("rows"):
            for one in shown:
                with ui.element("li"):
                    ui.link(_title(one), one.path)
                    text("span", self._told(one)).classes("quiet")

    def _counted(self, found: int, first: int, shown: int) -> str:
        if not self._desk.decisions:
            return say("No plan was computed and nothing was proposed yet.")
        if not found:
            return say("Nothing has these words. Take one away, or choose another kind.")
        if shown == found:
            return ngettext("{n} decision", "{n} decisions", found)
        return say("{first} to {last} of {n}", first=number(first + 1), last=number(first + shown), n=number(found))

    def _told(self, one: Decided) -> str:
        state = state_name(one.state) if one.kind == PLAN else named(STATES, one.state)
        return ", ".join((instant(one.at, self._desk.region.time_zone), state, one.by))


def _title(one: Decided) -> str:
    if one.kind == PLAN:
        return say("Plan {number}: {facts}", number=str(one.number), facts=rule_name(one.what))
    return say("Decision {number}: {title}", number=str(one.number), title=one.what)
