"""Two or three sharing rules side by side before one is chosen: fills, measures of fairness, cost, what expires."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from statistics import median
from typing import Final

from nicegui import ui

from stockpile.allocation.alternatives import planning
from stockpile.allocation.alternatives.rules import Compared, PairOutcome, RuleOutcome
from stockpile.allocation.planning import Watch
from stockpile.allocation.rules import permille
from stockpile.web import crisis_charts as charts
from stockpile.web.crisis_room import Room
from stockpile.web.crisis_rules import choices, rule_name
from stockpile.web.crisis_tables import plain_table
from stockpile.web.parts import button, text, told
from stockpile.web.speech import N_, money, number, percent, say
from stockpile.web.working import Working

FEWEST, MOST = 2, 3
FIRST_CHOICE: Final = ("leximin", "pro_rata_need", "per_capita")


def fills(rows: list[PairOutcome]) -> dict[str, dict[str, int]]:
    """By rule the fill of every municipality in thousandths: of one item, or the median over its items."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        for rule, got in row.got.items():
            found[rule][row.member].append(permille(got, row.validated))
    return {rule: {member: int(median(each)) for member, each in by.items()} for rule, by in found.items()}


class ComparePart:
    """The choice of rules, and what they would make of the plan's stock and needs."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._asked: tuple[object, ...] = ()
        with ui.element("section").classes("panel wide-panel"):
            text("h2", say("Rules side by side"))
            text("p", say("What two or three rules would make of this plan's stock and needs. Nothing is stored."))
            with ui.element("div").classes("asking"):
                self._rules = ui.select(
                    choices(), multiple=True, value=list(FIRST_CHOICE), label=say("Rules to compare")
                )
                self._rules.props(f"outlined dense options-dense use-chips max-values={MOST}").classes("choose-rules")
                button(say("Compare"), self._compare, main=True)
            self._working = Working(room.signed)
            self._found = ui.element("div").classes("found").props("aria-live=polite")

    async def show(self) -> None:
        """A comparison of another plan or item is no longer shown; nothing is computed before it is asked for."""
        if self._asked and self._asked[:2] != (self._room.plan, self._room.item):
            self._found.clear()
            self._asked = ()
        elif self._asked and self._asked[2] != self._room.member:
            await self._compare()

    async def _compare(self) -> None:
        chosen, room = list(self._rules.value), self._room
        if not FEWEST <= len(chosen) <= MOST:
            self._working.refuse(N_("Choose two or three rules."))
            return
        plan, item, member = room.plan, room.item, room.member

        def task(watch: Watch) -> Compared:
            return planning.compare(
                room.signed.engine,
                plan=plan,
                chosen=chosen,
                item=item or None,
                limit_seconds=room.limit_seconds,
                watch=watch,
            )

        found = await self._working.run(task)
        if found is not None and (plan, item) == (room.plan, room.item):
            self._asked = (plan, item, member)
            self._show(found)

    def _show(self, found: Compared) -> None:
        self._found.clear()
        by_rule = fills(found.members)
        with self._found:
            text("h3", self._title())
            charts.sorted_fills(
                {rule_name(rule): by for rule, by in by_rule.items()}, self._room.member, self._room.name
            )
            text("p", say("Each line holds every municipality, the least filled at the left.")).classes("quiet")
            measures(found)
            for one in found.rules:
                with ui.element("p").classes("quiet"):
                    text("strong", f"{rule_name(one.rule)} ({one.rule.partition('/')[0]}): ")
                    told("span", one.words)
            self._members(found, by_rule)
            seconds = number(Decimal(str(round(found.seconds, 1))))
            text("p", say("Computed in {seconds} s.", seconds=seconds)).classes("quiet computed")

    def _title(self) -> str:
        if self._room.item:
            goods = self._room.view.items[self._room.item]
            return say("Fill of every municipality with {item}", item=f"{goods.code} {goods.name}")
        return say("Fill of every municipality: the median over its items")

    def _members(self, found: Compared, by_rule: dict[str, dict[str, int]]) -> None:
        names = {row.member: row.name for row in found.members}
        columns = [("name", say("Municipality"))] + [(rule, rule_name(rule)) for rule in by_rule]
        rows = [
            {"key": member, "name": name} | {rule: by[member] for rule, by in by_rule.items()}
            for member, name in sorted(names.items(), key=lambda pair: pair[1])
        ]
        plain_table(columns, rows, percents=tuple(by_rule), title=say("Fill by municipality"))


MEASURES: Final[tuple[tuple[Callable[[], str], Callable[[RuleOutcome, str], str]], ...]] = (
    (lambda: say("Lowest fill"), lambda one, _: percent(one.lowest_permille)),
    (lambda: say("Requests that get nothing"), lambda one, _: number(one.unserved)),
    (lambda: say("Unevenness (Gini; 0 % is all alike)"), lambda one, _: percent(one.gini_ppm // 1000)),
    (lambda: say("Evenness (Jain; 100 % is all alike)"), lambda one, _: percent(one.jain_ppm // 1000)),
    (
        lambda: say("Best over worst served per inhabitant"),
        lambda one, _: one.per_head_ratio or say("one gets nothing"),
    ),
    (lambda: say("Packs that leave the depots"), lambda one, _: number(one.packs)),
    (lambda: say("Transport cost"), lambda one, currency: money(one.cost_minor, currency)),
    (lambda: say("Packs left that expire within 30 days"), lambda one, _: number(one.expiring)),
)
"""What is measured, in words, and how it is written."""


def measures(found: Compared) -> None:
    """The measures of every rule as a table, and what they leave aside."""
    for sentence in found.without:
        told("p", sentence).classes("quiet")
    with ui.element("div").classes("scrolls").props("tabindex=0 role=region") as frame:
        frame.props["aria-label"] = say("Measures")
        with ui.element("table").classes("figures measures"):
            with ui.element("thead"), ui.element("tr"):
                text("th", say("Measure")).props("scope=col")
                for one in found.rules:
                    text("th", rule_name(one.rule)).props("scope=col")
            with ui.element("tbody"):
                for words, value in MEASURES:
                    with ui.element("tr"):
                        text("th", words()).props("scope=row")
                        for one in found.rules:
                            text("td", value(one, found.currency))
