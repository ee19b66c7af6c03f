"""The spend calendar: what was ordered, what waits, and what the newest run plans, week by week."""

from __future__ import annotations

from typing import Final

from nicegui import ui

from stockpile.web.buying_reading import Spend, spend
from stockpile.web.desk import Desk, facts, figures
from stockpile.web.desk_charts import bars
from stockpile.web.parts import text
from stockpile.web.speech import day, money, number, say

MOST_WEEKS: Final = 52


class SpendPart:
    """Money by week, as a chart and in figures."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        with ui.element("section").classes("panel desk-stack"):
            text("h2", say("Spend calendar"))
            self._box = ui.element("div").classes("desk-stack")

    async def show(self) -> None:
        """Read and show it as it stands now."""
        desk = self._desk
        found = await desk.signed.read(lambda session: spend(session, at=desk.now, zone=desk.zone))
        self._box.clear()
        with self._box:
            facts(_facts(found, desk.region.currency))
            self._show_weeks(found, desk.region.currency)

    def _show_weeks(self, found: Spend, currency: str) -> None:
        weeks = sorted({*found.ordered, *found.waiting, *found.planned})[:MOST_WEEKS]
        if not weeks and not found.before:
            text("p", say("Nothing was ordered in the last weeks, nothing waits, and no run has planned anything."))
            return
        kinds = {
            say("Ordered"): found.ordered,
            say("Waits for approval"): found.waiting,
            say("Planned by the newest run"): found.planned,
        }
        stacks = {name: [by.get(week, 0) / 100 for week in weeks] for name, by in kinds.items()}
        spoken = say("Money by week: ordered, waiting for approval, planned")
        bars([day(week) for week in weeks], stacks, unit=currency, spoken=spoken)
        figures(
            (say("Week from"), *kinds),
            [(day(week), *(money(by.get(week, 0), currency) for by in kinds.values())) for week in weeks],
            title=say("The same in figures"),
        )
        if found.before:
            _show_smoothing(found, currency)


def _show_smoothing(found: Spend, currency: str) -> None:
    """The plan's weeks beside what they would cost if no budget spread them, as a chart and in figures."""
    text("h3", say("Before and after smoothing"))
    told = say(
        "Before: every item ordered alone, as late as it comes in time. After: as the run spreads it over the budget."
    )
    text("p", told).classes("quiet")
    weeks = sorted({*found.before, *found.after})[:MOST_WEEKS]
    kinds = {say("Before smoothing"): found.before, say("After smoothing"): found.after}
    beside = {name: [by.get(week, 0) / 100 for week in weeks] for name, by in kinds.items()}
    spoken = say("Money by week before and after smoothing")
    bars([day(week) for week in weeks], beside, unit=currency, spoken=spoken, beside=True)
    peaks = {name: max(by.values(), default=0) for name, by in kinds.items()}
    facts([(say("Dearest week, {name}", name=name), money(peak, currency)) for name, peak in peaks.items()])
    if sum(found.after.values()) < sum(found.before.values()):
        text("p", say("What the budget does not cover is left to later runs.")).classes("quiet")
    figures(
        (say("Week from"), *kinds),
        [(day(week), *(money(by.get(week, 0), currency) for by in kinds.values())) for week in weeks],
        title=say("Before and after smoothing, in figures"),
    )


def _facts(found: Spend, currency: str) -> list[tuple[str, str]]:
    rows = []
    if found.budget_minor is not None and found.review_days is not None:
        budget = say(
            "{budget} in {days} days", budget=money(found.budget_minor, currency), days=number(found.review_days)
        )
        rows.append((say("A run may propose"), budget))
    rows.append((say("Waits for approval"), money(sum(found.waiting.values()), currency)))
    if found.planned_on:
        told = say("{money} in the weeks ahead", money=money(sum(found.planned.values()), currency))
        rows.append((say("Planned by the run of {day}", day=found.planned_on), told))
    return rows
