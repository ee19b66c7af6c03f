"""Where the stock of each item goes if nothing more is ordered: a chart with its band, and all items in a table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from nicegui import ui
from nicegui.events import TableSelectionEventArguments
from sqlmodel import Session

from stockpile.demand.scenarios import queries as scenarios
from stockpile.demand.scenarios import rules
from stockpile.demand.scenarios.queries import Curve
from stockpile.reorder import projecting
from stockpile.reorder import queries as reorder
from stockpile.reorder.projecting import Projection
from stockpile.reorder.queries import NoPolicy, Standing
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.desk import Desk, facts, figures
from stockpile.web.desk_charts import Ahead, stock_ahead
from stockpile.web.parts import text
from stockpile.web.speech import amount, day, number, say

DAYS: Final = 182
STEP_DAYS: Final = 28
NONE: Final = ""


class StockPart:
    """The chart of one item under a scenario, and the table of all items, the first to fall short in front."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._standings: dict[str, Standing] = {}
        self._curves: dict[str, Curve] = {}
        self._item = NONE
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Stock ahead"))
            text("p", say("If nothing more is ordered than what is on its way.")).classes("quiet")
            with ui.element("div").classes("asking"):
                self._choice = ui.select({}, label=say("Item"), with_input=True, on_change=self._item_chosen)
                self._choice.props("outlined dense options-dense").classes("choose-item")
                self._supposed = ui.select({}, label=say("Scenario"), on_change=self._show_item)
                self._supposed.props("outlined dense options-dense").classes("choose-item")
            self._facts = ui.element("div")
            self._chart = ui.element("div")
            self._figures = ui.element("div")
        with ui.element("section").classes("panel"):
            self._all = ui.element("div")

    async def show(self) -> None:
        """Read how every item stands now, and show the one that falls short first."""
        try:
            await self._desk.signed.read(self._read)
        except NoPolicy as refusal:
            self._facts.clear()
            with self._facts:
                text("p", refusal.message).classes("refusal").props("lang=en")
            return
        shown = {one: self._project(one) for one in self._standings}
        far = self._desk.now.date() + timedelta(days=10 * DAYS)
        order = sorted(shown, key=lambda one: (shown[one].short_on or far, one))
        self._offer(order)
        self._show_all(order, shown)
        self._show_item()

    def _read(self, session: Session) -> bool:
        self._standings = {one.item.code: one for one in reorder.standings(session, at=self._desk.now)}
        kept = [one.name for one in scenarios.scenarios(session) if one.kind != rules.YEARS]
        self._curves = {name: scenarios.curve(session, name) for name in kept}
        return True

    def _project(self, item: str, scenario: str = NONE) -> Projection:
        return projecting.project(self._standings[item], days=DAYS, curve=self._curves.get(scenario))

    def _offer(self, order: list[str]) -> None:
        names = {code: f"{code} {self._standings[code].item.name}" for code in order}
        self._item = self._item if self._item in names else next(iter(names), NONE)
        self._choice.set_options(names, value=self._item)
        supposed = {NONE: say("No scenario")} | {name: name for name in self._curves}
        value = self._supposed.value if self._supposed.value in supposed else NONE
        self._supposed.set_options(supposed, value=value)
        self._supposed.set_visibility(bool(self._curves))

    def _item_chosen(self) -> None:
        if self._choice.value and self._choice.value != self._item:
            self._item = str(self._choice.value)
            self._show_item()

    def _show_item(self) -> None:
        for box in (self._facts, self._chart, self._figures):
            box.clear()
        if self._item not in self._standings:
            return
        one, scenario = self._standings[self._item], str(self._supposed.value or NONE)
        found = self._project(self._item, scenario)
        days = [one.today + timedelta(days=n + 1) for n in range(DAYS)]
        name = say("Scenario {name}", name=scenario)
        ahead = Ahead(days, found.expected, found.lowest, found.highest, found.scenario, name, one.reserve)
        with self._facts:
            facts(_facts(one, found))
        with self._chart:
            stock_ahead(ahead, one.item.base_unit)
        with self._figures:
            _table(ahead, one.item.base_unit)

    def _show_all(self, order: list[str], shown: dict[str, Projection]) -> None:
        columns = [
            ("code", say("Item")),
            ("usable", say("On hand")),
            ("coming", say("On its way")),
            ("reserve", say("To be kept in reserve")),
            ("use", say("Use a day")),
            ("short", say("Below the reserve from")),
        ]
        rows = [_row(self._standings[code], shown[code]) for code in order]
        self._all.clear()
        with self._all:
            title = say("All items, the first to fall short in front")
            table = plain_table(columns, rows, numbers=("usable", "coming", "reserve"), title=title)
            one_to_choose(table, self._picked)

    def _picked(self, event: TableSelectionEventArguments) -> None:
        if event.selection:
            self._choice.value = event.selection[0]["key"]


def _facts(one: Standing, found: Projection) -> list[tuple[str, str]]:
    unit, position = one.item.base_unit, one.position
    learned = one.learned
    how = (
        say("A forecast learned from {n} periods gives the band.", n=number(learned.periods_seen))
        if learned
        else say("Too little use is known for a forecast: there is no band.")
    )
    return [
        (say("On hand"), amount(one.usable, unit)),
        (say("On its way"), amount(sum(units for _, units in position.inbound), unit)),
        (say("To be kept in reserve"), amount(one.reserve, unit)),
        (say("Below the reserve from"), day(found.short_on) if found.short_on else say("not in half a year")),
        (say("Band"), how),
    ]


def _row(one: Standing, found: Projection) -> dict[str, Any]:
    return {
        "key": one.item.code,
        "member": one.item.code,
        "code": f"{one.item.code} {one.item.name}",
        "usable": one.usable,
        "coming": sum(units for _, units in one.position.inbound),
        "reserve": one.reserve,
        "use": amount(-(-one.position.use.now // 1000), one.item.base_unit),
        "short": day(found.short_on) if found.short_on else say("not in half a year"),
    }


def _table(ahead: Ahead, unit: str) -> None:
    """What the chart says, every fourth week."""
    named = [(say("Expected stock"), ahead.expected), (say("Stock with higher use"), ahead.lowest)]
    named += [(say("Stock with lower use"), ahead.highest), (ahead.scenario_name, ahead.scenario)]
    known = [(name, values) for name, values in named if values]
    at = range(STEP_DAYS - 1, len(ahead.days), STEP_DAYS)
    figures(
        (say("On"), *(name for name, _ in known)),
        [(day(ahead.days[n]), *(amount(values[n], unit) for _, values in known)) for n in at],
        title=say("The same in figures"),
    )
