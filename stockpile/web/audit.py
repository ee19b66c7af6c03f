"""The auditor's desk: every decision to look into, findings, the journal's signed head, and samples all draw alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.responses import RedirectResponse
from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from sqlalchemy import Engine
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.journal import JournalEntry
from stockpile.web import audit_reading as reading
from stockpile.web import committee_reading, frame
from stockpile.web.audit_decision import decision_looked_into
from stockpile.web.audit_findings import FindingsPart
from stockpile.web.audit_journal import JournalPart, SamplePart
from stockpile.web.audit_plan import plan_looked_into
from stockpile.web.audit_reading import DECISION, KINDS, PLAN, Decided, Desk, PlanCase
from stockpile.web.committee_reading import Case
from stockpile.web.committee_words import STATES, named
from stockpile.web.crisis_rules import rule_name, state_name
from stockpile.web.entering import number_in, screen
from stockpile.web.parts import button, text
from stockpile.web.places import AUDIT
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import N_, instant, ngettext, number, say

A_PAGE = 15
EVERYTHING = ""
NAMES = {EVERYTHING: N_("Plans and decisions"), PLAN: N_("Plans"), DECISION: N_("Decisions of the committee")}


async def audit_page(engine: Engine, home: Path) -> RedirectResponse | None:
    """The desk of whoever is signed in and may verify; everyone else goes to the form, or is told whose it is."""

    async def show(signed: SignedIn, found: Desk) -> None:
        frame.header(signed, found.region, found.now)
        with ui.element("main").classes("audit"):
            _DecisionsPart(found)
            findings = FindingsPart(signed, found)
            JournalPart(signed, found, home)
            SamplePart(signed, found)
        await findings.show()

    return await screen(engine, AUDIT, reading.desk, show)


async def looked_into(engine: Engine, kind: str, asked: str, *, limit_seconds: float) -> RedirectResponse | None:
    """One plan or decision of the committee, with all that it came of."""
    path, number_ = f"{AUDIT}/{kind}/{asked}", number_in(asked)

    def unknown() -> tuple[str, str]:
        title = say("There is no plan {number}") if kind == PLAN else say("There is no proposal {number}")
        return title.replace("{number}", asked[:40]), say("Look in the list of decisions: /audit")

    async def plan(signed: SignedIn, found: PlanCase) -> None:
        with _one(signed, found):
            plan_looked_into(signed, found, limit_seconds)

    async def decision(signed: SignedIn, found: tuple[list[JournalEntry], Case]) -> None:
        entries, case = found
        with _one(signed, case):
            decision_looked_into(signed, case, entries)

    def case(session: Session, act: Act) -> tuple[list[JournalEntry], Case]:
        entries = reading.entries_of(session, act, f"decision:{number_}")
        return entries, committee_reading.case(session, act, number_)

    if kind == DECISION:
        return await screen(engine, path, case, decision, unknown=unknown)
    return await screen(
        engine, path, lambda session, act: reading.plan_case(session, act, number_), plan, unknown=unknown
    )


@contextmanager
def _one(signed: SignedIn, found: PlanCase | Case) -> Iterator[None]:
    """The frame of what is looked into, with the way back."""
    frame.header(signed, found.region, found.now)
    with ui.element("main").classes("audit"):
        ui.link(say("All decisions"), AUDIT).classes("back")
        yield


class _DecisionsPart:
    """Every decision, newest first, searched by words and looked through page by page."""

    def __init__(self, found: Desk) -> None:
        self._desk, self._page, self._words, self._kind = found, 0, "", EVERYTHING
        self._rows: dict[str, ui.element] = {}
        with ui.element("section").classes("panel"):
            text("h2", say("Pick a decision"))
            with ui.element("div").classes("asking"):
                search = ui.input(say("Search: number, words, state, account"), on_change=self._searched)
                search.props("outlined dense clearable debounce=200").classes("choose-rules sought")
                kinds = {kind: say(NAMES[kind]) for kind in (EVERYTHING, *KINDS)}
                ui.select(kinds, value=EVERYTHING, label=say("Kind"), on_change=self._narrowed).props("outlined dense")
            self._count = text("p", "").classes("quiet").props("role=status")
            self._listed = ui.element("ul").classes("rows")
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
        self._list(shown)

    def _list(self, shown: list[Decided]) -> None:
        """The rows in their order; one that stays is not made anew, so that a click on it is not lost meanwhile."""
        for path in self._rows.keys() - {one.path for one in shown}:
            self._rows.pop(path).delete()
        for place, one in enumerate(shown):
            if one.path not in self._rows:
                with self._listed, ui.element("li") as row:
                    ui.link(_title(one), one.path)
                    text("span", self._told(one)).classes("quiet")
                self._rows[one.path] = row
            self._rows[one.path].move(target_index=place)

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
