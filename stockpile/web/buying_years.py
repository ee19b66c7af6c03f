"""Budgets of years to come: runs of years with their assumptions, what their use costs beside the money there is."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from nicegui import ui
from sqlmodel import Session

from stockpile.actor import Act
from stockpile.demand.scenarios import operations
from stockpile.demand.scenarios.rules import Course
from stockpile.governance.rules import RIGHTS
from stockpile.web.acting import Done, fresh_key, given_text, once, wrong
from stockpile.web.buying_reading import YearsAhead, years_ahead
from stockpile.web.desk import Desk, figures
from stockpile.web.desk_charts import bars
from stockpile.web.parts import button, text
from stockpile.web.speech import N_, money, percent, say
from stockpile.web.working import Working

NAME, ASSUMPTIONS = N_("Name of the run of years"), N_("What is supposed, and why")
FIRST, YEARS, SHOCK_YEAR = N_("First year"), N_("Number of years"), N_("Year of the cut or gain")
PEOPLE, OLD = N_("Inhabitants, change in % a year"), N_("Old people, % of all")
AGEING, FACTOR = N_("Old people, change in % a year"), N_("Use of an old person, % of another's")
PRICES, BUDGET = N_("Prices, change in % a year"), N_("Budget, change in % a year")
SHOCK: Final = N_("Cut or gain of the budget at once, in %")
IN_YEARS: Final = {FIRST: (2000, 2200), YEARS: (1, 50)}
"""Whole numbers, and what the service takes for them."""
IN_PERCENT: Final[dict[str, tuple[str, int, int, int]]] = {
    PEOPLE: ("population_permille", 0, -100, 100),
    OLD: ("old_permille", 0, 0, 100),
    AGEING: ("old_change_permille", 0, -100, 100),
    FACTOR: ("old_factor_permille", 100, 1, 10_000),
    PRICES: ("price_permille", 0, -100, 100),
    BUDGET: ("budget_permille", 0, -100, 100),
}
"""Percentages by label: the course's own name, what stands there at first, and from where to where it may go."""


class YearsPart:
    """The runs of years that are kept, one of them year by year, and a form to work out another."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._key = desk, fresh_key()
        self._found = YearsAhead({}, None)
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Years ahead"))
            text("p", say("What use would cost in years to come, beside the money there would be.")).classes("quiet")
            self._choice = ui.select({}, label=say("Run of years"), on_change=self._draw)
            self._choice.props("outlined dense options-dense").classes("choose-item")
            self._box = ui.element("div").classes("desk-stack")
        if RIGHTS["scenario.keep"] & desk.signed.roles:
            self._form()

    async def show(self) -> None:
        """Read the runs as they stand now, and show the one that is chosen, at first the newest."""
        self._found = await self._desk.signed.read(years_ahead)
        names = list(self._found.runs)
        chosen = self._choice.value if self._choice.value in names else next(iter(names), None)
        self._choice.set_options(names, value=chosen)
        self._choice.set_visibility(bool(names))
        self._draw()

    def _draw(self) -> None:
        self._box.clear()
        run = self._found.runs.get(str(self._choice.value))
        with self._box:
            if run is None:
                text("p", say("No run of years is kept yet. Suppose one below: it is worked out and kept."))
                return
            text("p", say("Supposed: {assumptions}", assumptions=run.assumptions))
            text("p", self._base()).classes("quiet")
            kinds = {say("What use costs"): run.costs, say("Budget"): run.budgets}
            shown = {name: [self._plain(one) for one in by] for name, by in kinds.items()}
            spoken = say("What use costs in each year, and the budget of that year")
            labels = [str(one.year) for one in run.years]
            bars(labels, shown, unit=self._unit(), spoken=spoken, beside=True)
            self._year_by_year(run.years)

    def _year_by_year(self, years: list[Any]) -> None:
        heads = (say("Year"), say("Use"), say("Prices"), say("What use costs"), say("Budget"), say("Missing"))
        rows = []
        for one in years:
            missing = max(0, one.cost_permille - one.budget_permille)
            told = (percent(one.use_permille), percent(one.price_permille))
            worth = (self._worth(one.cost_permille), self._worth(one.budget_permille), self._worth(missing))
            rows.append((str(one.year), *told, *worth, percent(one.affordable_permille)))
        figures((*heads, say("Of the use it buys")), rows, title=say("Year by year"))

    def _base(self) -> str:
        """What 100 % stands for."""
        if self._found.year_minor is None:
            return say("100 % is the first year: its money buys its use.")
        today = money(self._found.year_minor, self._desk.region.currency)
        return say("100 % is the first year: its money, {money}, buys its use.", money=today)

    def _minor(self, permille: int) -> int:
        return (self._found.year_minor or 0) * permille // 1000

    def _worth(self, permille: int) -> str:
        known = self._found.year_minor is not None
        return money(self._minor(permille), self._desk.region.currency) if known else percent(permille)

    def _plain(self, permille: int) -> float:
        return permille / 10 if self._found.year_minor is None else self._minor(permille) / 100

    def _unit(self) -> str:
        return "%" if self._found.year_minor is None else self._desk.region.currency

    def _form(self) -> None:
        self._fields: dict[str, ui.number] = {}
        now = self._desk.now.year
        with ui.element("section").classes("panel desk-stack"):
            text("h3", say("Suppose other years"))
            with ui.element("div").classes("asking request-form"):
                self._name = ui.input(say(NAME)).props("outlined dense")
                self._assumptions = ui.input(say(ASSUMPTIONS)).props("outlined dense").classes("wide")
                for label, value in ((FIRST, now), (YEARS, 5)):
                    self._add(label, value, IN_YEARS[label])
                for label, (_, value, low, high) in IN_PERCENT.items():
                    self._add(label, value, (low, high))
                self._add(SHOCK, 0, (-100, 100))
                self._add(SHOCK_YEAR, now + 1, IN_YEARS[FIRST])
                button(say("Work it out and keep it"), self._keep, main=True)
            self._working = Working(self._desk.signed, ends=False)
            self._done = text("p", "").props("role=status").classes("done")

    def _add(self, label: str, value: int, between: tuple[int, int]) -> None:
        made = ui.number(say(label), value=value, min=between[0], max=between[1])
        self._fields[label] = made.props("outlined dense step=any")

    async def _keep(self) -> None:
        typed = {label: one.value for label, one in self._fields.items()}
        words = (str(self._name.value or ""), str(self._assumptions.value or ""))
        done = await self._working.run(lambda watch: self._kept(*words, typed))
        self._done.text = ""
        if done is None:
            return
        self._key = fresh_key()
        if done.refusal:
            self._working.refuse(done.refusal)
            return
        name = str(done.body["name"])
        self._name.value = ""
        await self.show()
        self._choice.value = name
        self._done.text = say("Kept: {name}", name=name)

    def _kept(self, name: str, assumptions: str, typed: dict[str, float | None]) -> Done:
        given = {"name": given_text(NAME, name), "assumptions": given_text(ASSUMPTIONS, assumptions)}
        course = _course(typed)

        def work(session: Session, act: Act) -> Any:
            return operations.keep_years(session, act, **given, course=course)

        return once(self._desk.signed, "/api/v1/scenarios/years", given | asdict(course), work, key=self._key)


def _course(typed: dict[str, float | None]) -> Course:
    """What was typed as a course; refuses what is out of range, naming the field."""
    shock = _permille(SHOCK, typed[SHOCK], (-100, 100))
    shocks = ((_whole(SHOCK_YEAR, typed[SHOCK_YEAR], IN_YEARS[FIRST]), shock),) if shock else ()
    changes = {own: _permille(label, typed[label], (low, high)) for label, (own, _, low, high) in IN_PERCENT.items()}
    first, years = (_whole(label, typed[label], between) for label, between in IN_YEARS.items())
    return Course(first_year=first, years=years, **changes, shocks=shocks)


def _permille(label: str, typed: float | None, between: tuple[int, int]) -> int:
    """A percentage with at most one decimal, in thousandths.

    >>> _permille("Prices", 2.5, (-100, 100))
    25
    """
    return _whole(label, None if typed is None else Decimal(str(typed)) * 10, (between[0] * 10, between[1] * 10), 10)


def _whole(label: str, typed: float | Decimal | None, between: tuple[int, int], per: int = 1) -> int:
    low, high = between
    if typed is None or not low <= typed <= high or typed != int(typed):
        message = N_("{field}: a number from {low} to {high}, with one decimal at most")
        if per == 1:
            message = N_("{field}: a whole number from {low} to {high}")
        raise wrong(message, field=label, low=low // per, high=high // per)
    return int(typed)
