"""A plan as evidence: one's own city's fill beside the others."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from stockpile.allocation.rules import permille
from stockpile.web import crisis_charts as charts
from stockpile.web.committee_reading import Case
from stockpile.web.crisis_reading import PlanView, Share
from stockpile.web.crisis_rules import method_name, rule_name, state_name
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import text
from stockpile.web.speech import instant, number, percent, say


class PlanFills:
    """The plan in a few facts, every municipality's fill as one line, and the items of one's own city."""

    def __init__(self, found: Case, view: PlanView) -> None:
        self._found, self._view = found, view
        reached = {code: fill.median_permille for code, fill in view.by_member.items()}
        self._fills = {code: fill for code, fill in reached.items() if fill is not None}
        text("h2", say("Your city beside the others"))
        self._facts()
        if not view.by_member:
            text("p", say("This plan serves no request."))
            return
        names = {code: found.members[code].name for code in self._order()}
        self._choice = ui.select(names, value=next(iter(names)), with_input=True, label=say("Municipality"))
        self._choice.props("outlined dense options-dense").classes("wide")
        self._choice.on_value_change(self._chosen)
        self._shown = ui.element("div").classes("found").props("aria-live=polite")
        self._show(self._choice.value)

    def _facts(self) -> None:
        plan, zone = self._view.plan, self._found.region.time_zone
        facts = ", ".join((state_name(plan.state), method_name(plan.method), instant(plan.planned_at, zone)))
        text("p", say("Plan {number}: {facts}", number=str(plan.id), facts=facts)).classes("headline")
        text("p", say("Rule: {rule}", rule=rule_name(plan.rule)))
        proven = say("An independent check proved that this plan keeps the rule.")
        text("p", proven if plan.fair or plan.kept else say("It is NOT proven that this plan keeps its rule."))
        packs, depots = sum(line.packs for line in self._view.lines), {line.site for line in self._view.lines}
        told = say("{packs} packs leave {depots} depots.", packs=number(packs), depots=number(len(depots)))
        text("p", told)

    def _order(self) -> list[str]:
        """One's own municipalities first, the least filled in front; then all others by name."""
        asked = self._view.by_member
        own = sorted(
            (one for one in self._found.own if one in asked), key=lambda code: (self._fills.get(code, 0), code)
        )
        others = sorted((one for one in asked if one not in own), key=lambda code: self._found.members[code].name)
        return [*own, *others]

    def _chosen(self, event: ValueChangeEventArguments[str | None]) -> None:
        if event.value:
            self._show(event.value)

    def _show(self, member: str) -> None:
        self._shown.clear()
        name = self._found.members[member].name
        with self._shown:
            text("p", self._summary(member, name))
            rule = rule_name(self._view.plan.rule)
            charts.sorted_fills({rule: self._fills}, member, lambda code: self._found.members[code].name)
            columns = [
                ("item", say("Item")),
                ("got", say("Got")),
                ("validated", say("Validated")),
                ("fill", say("Fill")),
                ("median", say("Median of all")),
                ("lowest", say("Lowest of all")),
            ]
            rows = [self._row(one) for (code, _), one in self._view.shares.items() if code == member]
            rows.sort(key=lambda row: row["fill"])
            title = say("{name}, item by item", name=name)
            framed_table(
                columns, rows, percents=("fill", "median", "lowest"), numbers=("got", "validated"), title=title
            ).classes("beside")
            if rows:
                worst = f"/crisis/why?plan={self._view.plan.id}&member={member}&item={rows[0]['key']}"
                ui.link(say("Why did {name} get that much?", name=name), worst).classes("own-page")

    def _summary(self, member: str, name: str) -> str:
        mine = self._fills.get(member)
        ordered = sorted(self._fills.values())
        if mine is None:
            return say("No lawful stock can reach {name} in time.", name=name)
        return say(
            "{name}: {mine} of what it was found to need (median over its items). Of {n} municipalities {better} are "
            "filled better; the least filled has {lowest}, the middle one {median}.",
            name=name,
            mine=percent(mine),
            n=number(len(ordered)),
            better=number(sum(1 for one in ordered if one > mine)),
            lowest=percent(ordered[0]),
            median=percent(ordered[len(ordered) // 2]),
        )

    def _row(self, share: Share) -> dict[str, Any]:
        item = self._view.items[share.item]
        of_all = next(fill for fill in self._view.by_item if fill.key == share.item)
        return {
            "key": share.item,
            "item": f"{item.code} {item.name}",
            "got": share.got,
            "validated": share.validated,
            "fill": permille(share.got, share.validated),
            "median": of_all.median_permille,
            "lowest": of_all.lowest_permille,
        }
