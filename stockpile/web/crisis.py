"""The crisis page: who gets what of one plan, on a map and in tables, and why somebody got less."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from fastapi.responses import RedirectResponse
from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from sqlalchemy import Engine

from stockpile.governance.operations import SignInRefused
from stockpile.governance.queries import NoRegion
from stockpile.web import crisis_reading as reading
from stockpile.web import frame
from stockpile.web.crisis_map import CrisisMap, Dot, dots, legend
from stockpile.web.crisis_reading import Answer, Opening, PlanView
from stockpile.web.crisis_tables import LinesTable, fill_rows, fills_table
from stockpile.web.crisis_why import answered, items_of, least_filled
from stockpile.web.parts import counted, text
from stockpile.web.sign_in import SignedIn, leave, signed_in

ALL: Final = ""
"""Value of a choice that chooses nothing in particular."""


async def crisis_page(engine: Engine) -> RedirectResponse | None:
    """The page for whoever is signed in; everyone else goes to the form."""
    signed = await signed_in(engine)
    if signed is None:
        return RedirectResponse("/login")
    real_now = datetime.now(UTC)
    try:
        opening = await signed.read(lambda session: reading.opening(session, real_now=real_now))
    except NoRegion:
        _no_region(signed, real_now)
        return None
    frame.header(signed, opening.region, opening.now)
    if not opening.plans:
        _no_plan(opening)
        return None
    number = next(iter(opening.plans))
    CrisisPage(signed, opening, await signed.read(lambda session: reading.plan_view(session, number)))
    return None


def _no_region(signed: SignedIn, real_now: datetime) -> None:
    frame.header(signed, None, real_now)
    frame.empty(
        "No region is loaded yet",
        "To look around with simulated stock, run on this installation's command line: stockpile demo",
        "To load your own region from its CSV files: stockpile import region DIR",
    )


def _no_plan(opening: Opening) -> None:
    declare = "A coordinator declares a surge with its evidence: POST /api/v1/surges"
    steps = ["Municipalities ask for what they need: POST /api/v1/requests"]
    steps += [f"The coordinator computes a plan: POST /api/v1/surges/{n}/plans" for n in opening.open_surges]
    if not opening.open_surges:
        steps = [declare, *steps, "The coordinator computes a plan: POST /api/v1/surges/{number}/plans"]
    frame.empty("There is no plan yet", *steps)


class CrisisPage:
    """One coordinator's view: a plan, an item (or all) and a municipality (or none), and what follows from them."""

    def __init__(self, signed: SignedIn, opening: Opening, view: PlanView) -> None:
        self._signed, self._opening, self._view = signed, opening, view
        self._item, self._member = ALL, ALL
        self._dots: list[Dot] = []
        with ui.element("div").classes("crisis") as self._main:
            self._add_choices()
            self._add_map()
            self._add_why()
            self._add_tables()
        self._show_plan()
        self._show_found(None)

    def _add_choices(self) -> None:
        plans = self._opening.plans
        with ui.element("section").classes("choices").props("aria-label=Choices"):
            self._plan_choice = ui.select(plans, label="Plan", value=self._view.plan.id, on_change=self._plan_chosen)
            self._plan_choice.props("outlined dense options-dense").classes("choose-plan")
            self._item_choice = ui.select({}, label="Item", with_input=True, on_change=self._item_chosen)
            self._item_choice.props("outlined dense options-dense").classes("choose-item")
            members = {ALL: "No municipality chosen"} | {
                code: f"{member.name} ({member.country})"
                for code, member in sorted(self._opening.members.items(), key=lambda pair: pair[1].name)
            }
            self._member_choice = ui.select(
                members, label="Municipality", value=ALL, with_input=True, on_change=self._member_chosen
            )
            self._member_choice.props("outlined dense options-dense").classes("choose-member")

    def _add_map(self) -> None:
        with ui.element("section").classes("panel map-panel"):
            self._map = CrisisMap(self._opening, self._pick_member)
            self._legend = ui.element("div").classes("legend")

    def _add_why(self) -> None:
        with ui.element("section").classes("panel why-panel"):
            text("h2", "Why did we get less?")
            self._items = ui.element("div")
            self._answer = ui.element("div").props("aria-live=polite")

    def _add_tables(self) -> None:
        with ui.element("section").classes("panel tables-panel"):
            with ui.tabs().props("no-caps dense align=left") as tabs:
                lines, fills = ui.tab("lines", label="Plan lines"), ui.tab("fills", label="Fill per item")
            with ui.tab_panels(tabs, value=lines, animated=False).props("keep-alive").classes("transparent"):
                with ui.tab_panel(lines):
                    self._shown = text("p", "").classes("quiet")
                    self._lines = LinesTable(self._opening)
                with ui.tab_panel(fills):
                    text("p", "In base units; fills over the municipalities that stock can reach.").classes("quiet")
                    self._fills = fills_table()

    def _show_plan(self) -> None:
        """Show the plan that was just read; keeps the item where the plan has it."""
        self._item = self._item if self._item in self._view.items else ALL
        items = {ALL: f"All items ({len(self._view.items)})"}
        items |= {code: f"{code} {item.name}" for code, item in self._view.items.items()}
        self._item_choice.set_options(items, value=self._item)
        self._show_item()

    def _show_item(self) -> None:
        self._legend.clear()
        with self._legend:
            legend(all_items=self._item == ALL)
        self._dots = dots(self._opening, self._view, self._item)
        self._map.show(self._dots, self._member)
        self._fills.rows = fill_rows(self._view, self._item)
        self._show_lines()
        self._show_items()

    def _show_lines(self) -> None:
        lines = [
            line for line in self._view.lines if self._item in (ALL, line.item) and self._member in (ALL, line.member)
        ]
        whose = self._opening.members[self._member].name if self._member else "all municipalities"
        what = self._item or "all items"
        self._shown.text = f"{counted(len(lines), 'line', 'lines')} for {whose}, {what}."
        self._lines.show(lines)

    def _show_items(self) -> None:
        self._items.clear()
        with self._items:
            if self._member:
                text("h3", self._opening.members[self._member].name)
                items_of(self._view, self._member, self._item, self._item_choice.set_value)
            else:
                least_filled(self._dots, self._pick_member)
        ui.run_javascript("window.showChosenItem?.()")

    async def _show_answer(self) -> None:
        """Read and show the answer for what is chosen; a later choice made meanwhile wins."""
        asked = self._asked()
        plan, member, item = asked
        found = None
        if (member, item) in self._view.shares:
            try:
                found = await self._signed.read(
                    lambda s: reading.answer(s, plan=plan, member=member, item=item, at=self._opening.now)
                )
            except SignInRefused:
                leave()
                return
        if asked == self._asked():
            self._show_found(found)

    def _show_found(self, found: Answer | None) -> None:
        self._answer.clear()
        with self._answer:
            if found is not None:
                answered(self._opening, self._view, found)
            else:
                text("p", self._what_to_choose()).classes("quiet")

    def _asked(self) -> tuple[int, str, str]:
        assert self._view.plan.id is not None, "a plan that was read has its number"
        return self._view.plan.id, self._member, self._item

    def _what_to_choose(self) -> str:
        if not self._member:
            return "Choose a municipality: click on the map, or type its name above."
        name = self._opening.members[self._member].name
        if self._member not in {member for member, _ in self._view.shares}:
            return f"{name} can ask with POST /api/v1/requests; the next plan will share stock with it."
        if self._item:
            return f"{name} did not ask for {self._item} in this plan. Choose one of its items above."
        return f"Choose one of {name}'s items above for the whole answer."

    async def _plan_chosen(self, event: ValueChangeEventArguments[int]) -> None:
        """Read another plan; what is shown meanwhile is faint, and a later choice wins."""
        self._main.classes("busy")
        try:
            view = await self._signed.read(lambda session: reading.plan_view(session, event.value))
        except SignInRefused:
            leave()
            return
        if self._plan_choice.value != event.value:
            return
        self._view = view
        self._main.classes(remove="busy")
        self._show_plan()
        await self._show_answer()

    async def _item_chosen(self, event: ValueChangeEventArguments[str | None]) -> None:
        chosen = event.value or ALL
        if chosen != self._item:
            self._item = chosen
            self._show_item()
            await self._show_answer()

    async def _member_chosen(self, event: ValueChangeEventArguments[str | None]) -> None:
        self._member = event.value or ALL
        self._map.choose(self._member)
        self._show_lines()
        self._show_items()
        await self._show_answer()

    def _pick_member(self, code: str) -> None:
        if code in self._opening.members:
            self._member_choice.value = code
