"""Where the stock of each item goes if nothing more is ordered: a chart with its band, and all items in a table."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from nicegui import ui
from nicegui.events import TableSelectionEventArguments
from sqlmodel import Session

from stockpile.demand.forecasting.rules import FEWEST_PERIODS
from stockpile.demand.scenarios import queries as scenarios
from stockpile.demand.scenarios import rules
from stockpile.demand.scenarios.queries import Curve
from stockpile.reorder import projecting
from stockpile.reorder import queries as reorder
from stockpile.reorder.projecting import Projection
from stockpile.reorder.queries import NoPolicy, Standing
from stockpile.web.acting import refusal_words
from stockpile.web.crisis_tables import one_to_choose, plain_table
from stockpile.web.desk import Desk, facts, figures
from stockpile.web.desk_charts import Ahead, stock_ahead
from stockpile.web.parts import refused, text
from stockpile.web.speech import N_, amount, day, number, say

DAYS: Final = 182
STEP_DAYS: Final = 28
NONE: Final = ""
FOUR_WEEKS: Final = 28
COURSES: Final = N_(
    "The surge as the nightly run plans for it: {n} courses, each as likely, with {low} to {high} admissions in the "
    "next four weeks. The band reaches from the course that needs least of the item to the one that needs most."
)
STEADY: Final = N_(
    "The surge as the nightly run plans for it: it neither grows nor falls, with {high} admissions in the next four "
    "weeks. The band reaches from a surge that ends once an order can have come to one that goes on."
)
NO_BAND: Final = N_(
    "There is none: no surge uses this item, and a forecast needs {n} months or weeks of its use, of which fewer are "
    "known. The nightly run counts on {use} a day, as the catalogue has it."
)
BANDS: Final = {
    projecting.UNKNOWN: "",
    projecting.LEARNED: N_("Band: use as high and as low as in 1 of 20 cases"),
    projecting.SURGE: N_("Band: the courses that the surge may take"),
    projecting.BOTH: N_("Band: the courses that the surge may take, and use as in 1 of 20 cases"),
}


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
                refused(refusal_words(refusal))
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
        ahead = Ahead(
            days, found.expected, found.lowest, found.highest, found.scenario, name, one.reserve, say(BANDS[found.band])
        )
        with self._facts:
            facts(_facts(one, found))
        with self._chart:
            stock_ahead(ahead, one.item.base_unit)
        with self._figures:
            _table(ahead, found, one.item.base_unit)

    def _show_all(self, order: list[str], shown: dict[str, Projection]) -> None:
        columns = [
            ("code", say("Item")),
            ("usable", say("On hand")),
            ("coming", say("On its way")),
            ("reserve", say("To be kept in reserve")),
            ("use", say("Use a day")),
            ("short", say("Below the reserve from")),
            ("early", say("With the highest use of the band from")),
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
    return [
        (say("On hand"), amount(one.usable, unit)),
        (say("On its way"), amount(sum(units for _, units in position.inbound), unit)),
        (say("To be kept in reserve"), amount(one.reserve, unit)),
        (say("Below the reserve from"), _from(found.short_on)),
        (say("With the highest use of the band from"), _from(found.short_early)),
        (say("Band"), _band(one, found)),
    ]


def _from(short: date | None) -> str:
    return day(short) if short else say("not in half a year")


def _band(one: Standing, found: Projection) -> str:
    """What the band comes from, with the figures that the nightly run plans with."""
    told = []
    if found.band in (projecting.SURGE, projecting.BOTH):
        asked = [course.until(FOUR_WEEKS) // 1000 for course in one.courses]
        figures_ = {"n": number(len(asked)), "low": number(min(asked)), "high": number(max(asked))}
        told.append(say(COURSES if len(asked) > 1 else STEADY, **figures_))
    if one.learned is not None:
        told.append(say("A forecast learned from {n} periods gives the band.", n=number(one.learned.periods_seen)))
    use = amount(-(-one.position.use.later // 1000), one.item.base_unit)
    return " ".join(told) or say(NO_BAND, n=number(FEWEST_PERIODS), use=use)


def _row(one: Standing, found: Projection) -> dict[str, Any]:
    return {
        "key": one.item.code,
        "member": one.item.code,
        "code": f"{one.item.code} {one.item.name}",
        "usable": one.usable,
        "coming": sum(units for _, units in one.position.inbound),
        "reserve": one.reserve,
        "use": amount(-(-one.position.use.now // 1000), one.item.base_unit),
        "short": _from(found.short_on),
        "early": _from(found.short_early),
    }


def _table(ahead: Ahead, found: Projection, unit: str) -> None:
    """What the chart says, every fourth week."""
    named = [(say("Expected stock"), ahead.expected), (say("Stock with higher use"), ahead.lowest)]
    named += [(say("Stock with lower use"), ahead.highest), (ahead.scenario_name, ahead.scenario)]
    named += [(say("Use until then"), found.use), (say("At most"), found.use_most), (say("At least"), found.use_least)]
    known = [(name, values) for name, values in named if values]
    at = range(STEP_DAYS - 1, len(ahead.days), STEP_DAYS)
    figures(
        (say("On"), *(name for name, _ in known)),
        [(day(ahead.days[n]), *(amount(values[n], unit) for _, values in known)) for n in at],
        title=say("The same in figures"),
    )
