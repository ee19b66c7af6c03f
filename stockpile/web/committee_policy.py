"""A rule that is to be adopted, tried beside the one in force on the latest surge."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from nicegui import ui

from stockpile.allocation.alternatives import planning
from stockpile.allocation.alternatives.rules import Compared
from stockpile.allocation.planning import Watch
from stockpile.allocation.policies.rules import InForce, selectable
from stockpile.web import committee_backtest
from stockpile.web import crisis_charts as charts
from stockpile.web.committee_backtest import Trial
from stockpile.web.committee_reading import Case, Policy
from stockpile.web.crisis_compare import fills, measures
from stockpile.web.crisis_rules import rule_name
from stockpile.web.parts import button, text, told
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import ngettext, number, say
from stockpile.web.working import Working

LIMIT_SECONDS: Final = 120.0


class PolicyTrial:
    """What is proposed and what is in force, in words, and both on the newest plan of the latest surge."""

    def __init__(self, signed: SignedIn, found: Case, about: Policy) -> None:
        self._signed, self._found, self._about = signed, found, about
        text("h2", say("The rule that is proposed, beside the one in force"))
        with ui.element("dl").classes("answer"):
            self._rule(say("Proposed"), about.proposed)
            self._rule(say("In force"), about.in_force)
            self._line(say("For"), _scope(about))
            self._line(say("Why"), about.row.reason)
        self._working = Working(signed)
        self._shown = ui.element("div").classes("found").props("aria-live=polite")
        self._offer()

    def _rule(self, name: str, one: InForce) -> None:
        text("dt", name)
        with ui.element("dd"):
            text("strong", f"{one.label}: {rule_name(one.rule)}")
            told("p", one.words)

    def _line(self, name: str, content: str) -> None:
        text("dt", name)
        text("dd", content)

    def _chosen(self) -> list[str]:
        """The two rules by id, where the service can carry them out by themselves."""
        known = selectable()
        return [rule for rule in dict.fromkeys((self._about.proposed.rule, self._about.in_force.rule)) if rule in known]

    def _offer(self) -> None:
        with self._shown:
            if not self._about.plan:
                text("p", say("There was no surge with a plan yet on which the rules could be tried.")).classes("quiet")
            elif len(self._chosen()) < 2:
                text("p", say("Both share by the same rule; what differs stands in the effect, word for word, below."))
            else:
                told_ = say(
                    "Both rules are tried on the stock and needs of plan {plan}, the newest of the latest surge. Only "
                    "how they share is compared; nothing is stored.",
                    plan=str(self._about.plan),
                )
                text("p", told_).classes("quiet")
                button(say("Compare on the latest surge"), self._compare)
                if self._about.past:
                    n = len(self._about.past)
                    name = ngettext("Back-test on {n} plan of past surges", "Back-test on {n} plans of past surges", n)
                    button(name, self._back_test)

    async def _compare(self) -> None:
        chosen = self._chosen()

        def task(watch: Watch) -> Compared:
            return planning.compare(
                self._signed.engine, plan=self._about.plan, chosen=chosen, limit_seconds=LIMIT_SECONDS, watch=watch
            )

        found = await self._working.run(task)
        if found is not None:
            self._show(found)

    async def _back_test(self) -> None:
        chosen = self._chosen()

        def task(watch: Watch) -> list[Trial]:
            return committee_backtest.trials(
                self._signed.engine, self._about.past, chosen, limit_seconds=LIMIT_SECONDS, watch=watch
            )

        found = await self._working.run(task)
        if found is not None:
            self._shown.clear()
            own = self._least_filled(committee_backtest.overall(found))
            with self._shown:
                committee_backtest.show(found, chosen[0], chosen[1], own=own, name=self._name)

    def _show(self, found: Compared) -> None:
        self._shown.clear()
        by_rule = fills(found.members)
        own = self._least_filled(by_rule)
        with self._shown:
            text("h3", say("Fill of every municipality: the median over its items"))
            charts.sorted_fills({rule_name(rule): by for rule, by in by_rule.items()}, own, self._name)
            text("p", say("Each line holds every municipality, the least filled at the left.")).classes("quiet")
            if own:
                mark = say("Marked: {name}, the least filled of yours.", name=self._name(own))
                text("p", mark)
            measures(found)
            seconds = number(Decimal(str(round(found.seconds, 1))))
            text("p", say("Computed in {seconds} s.", seconds=seconds)).classes("quiet computed")

    def _name(self, member: str) -> str:
        return self._found.members[member].name

    def _least_filled(self, by_rule: dict[str, dict[str, int]]) -> str:
        """The municipality of one's own that the first rule fills least; empty where one speaks for none of them."""
        first = next(iter(by_rule.values()), {})
        own = [one for one in self._found.own if one in first]
        key: Callable[[str], int] = first.__getitem__
        return min(own, key=key) if own else ""


def _scope(about: Policy) -> str:
    row = about.row
    told_ = say("surge {number}", number=str(row.surge_id)) if row.surge_id else say("every surge")
    if row.item_class is None:
        return told_
    narrowed = say("items of class {n}", n=str(row.item_class))
    return f"{told_}, {narrowed}"
