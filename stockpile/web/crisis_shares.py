"""Who gets what of a plan and why: the items of a municipality beside the map, and the plan in tables."""

from __future__ import annotations

from nicegui import ui

from stockpile.governance.operations import SignInRefused
from stockpile.web import crisis_reading as reading
from stockpile.web.crisis_map import Dot
from stockpile.web.crisis_reading import Answer
from stockpile.web.crisis_room import ALL, Room
from stockpile.web.crisis_tables import LinesTable, fill_rows, fills_table
from stockpile.web.crisis_why import answered, items_of, least_filled
from stockpile.web.parts import text
from stockpile.web.sign_in import leave
from stockpile.web.speech import ngettext, say


class SharesPart:
    """The first view: beside the map why a municipality got what it got, below it the plan's lines and fills."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._dots: list[Dot] = []
        with ui.element("section").classes("panel why-panel"):
            text("h2", say("Why did we get less?"))
            self._items = ui.element("div")
            self._answer = ui.element("div").props("aria-live=polite")
        with ui.element("section").classes("panel tables-panel"):
            self._add_tables()

    def _add_tables(self) -> None:
        with ui.tabs().props("no-caps dense align=left") as tabs:
            lines, fills = ui.tab("lines", label=say("Plan lines")), ui.tab("fills", label=say("Fill per item"))
        with ui.tab_panels(tabs, value=lines, animated=False).props("keep-alive").classes("transparent"):
            with ui.tab_panel(lines):
                self._shown = text("p", "").classes("quiet")
                self._lines = LinesTable(self._room.opening)
            with ui.tab_panel(fills):
                text("p", say("In base units; fills over the municipalities that stock can reach.")).classes("quiet")
                self._fills = fills_table()

    def give(self, dots: list[Dot]) -> None:
        """What the map shows now, for the list of the least filled."""
        self._dots = dots

    async def show(self) -> None:
        """Show what is chosen now."""
        self._fills.rows = fill_rows(self._room.view, self._room.item)
        self._show_lines()
        self._show_items()
        await self._show_answer()

    def _show_lines(self) -> None:
        room = self._room
        lines = [
            line for line in room.view.lines if room.item in (ALL, line.item) and room.member in (ALL, line.member)
        ]
        whose = room.name(room.member) if room.member else say("all municipalities")
        what = room.item or say("all items")
        count = ngettext("{n} line", "{n} lines", len(lines))
        self._shown.text = say("{count} for {whose}, {what}.", count=count, whose=whose, what=what)
        self._lines.show(lines)

    def _show_items(self) -> None:
        room = self._room
        self._items.clear()
        with self._items:
            if room.member:
                text("h3", room.name(room.member))
                items_of(room.view, room.member, room.item, room.pick_item)
            else:
                least_filled(self._dots, room.pick_member)
        ui.run_javascript("window.showChosenItem?.()")

    async def _show_answer(self) -> None:
        """Read and show the answer for what is chosen; a later choice made meanwhile wins."""
        asked = self._asked()
        plan, member, item = asked
        found = None
        if (member, item) in self._room.view.shares:
            try:
                found = await self._room.signed.read(
                    lambda s: reading.answer(s, plan=plan, member=member, item=item, at=self._room.now)
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
                answered(self._room, found)
            else:
                text("p", self._what_to_choose()).classes("quiet")

    def _asked(self) -> tuple[int, str, str]:
        return self._room.plan, self._room.member, self._room.item

    def _what_to_choose(self) -> str:
        room = self._room
        if not room.member:
            return say("Choose a municipality: click on the map, or type its name above.")
        name = room.name(room.member)
        if room.member not in {member for member, _ in room.view.shares}:
            return say("{name} can ask with POST /api/v1/requests; the next plan will share stock with it.", name=name)
        if room.item:
            return say(
                "{name} did not ask for {item} in this plan. Choose one of its items above.", name=name, item=room.item
            )
        return say("Choose one of {name}'s items above for the whole answer.", name=name)
