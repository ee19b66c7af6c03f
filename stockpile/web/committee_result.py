"""How a vote counts now or ended, who voted how and why, and counting it again."""

from __future__ import annotations

from nicegui import ui

from stockpile.db import reading
from stockpile.governance.committee import queries, rules
from stockpile.governance.committee.queries import Recount
from stockpile.governance.committee.rules import Count
from stockpile.web.committee_reading import Case
from stockpile.web.committee_words import CAPACITIES, CHOICES, STATES, named
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import instant, number, percent, say
from stockpile.web.working import Working


def result(signed: SignedIn, found: Case) -> None:
    """The count, the votes with their reasons, and the button that counts again; nothing before the vote is open."""
    if found.count is None:
        return
    with ui.element("section").classes("panel"):
        heading = say("How it counts now") if found.proposal.state in rules.VOTED_ON else say("The result")
        text("h2", heading)
        text("p", named(STATES, found.proposal.state)).classes("headline")
        bars(found.count)
        votes(found)
        if found.proposal.outcome:
            Recounting(signed, found.number)


def bars(count: Count) -> None:
    """What is counted, each against what it takes."""
    with ui.element("ul").classes("bars"):
        _bar(say("Municipalities for it"), count.members_for, count.members_needed, count.members)
        _bar(say("Inhabitants behind them"), count.population_for, count.population_needed, count.population)
        _bar(say("Municipalities that voted"), count.voted, count.quorum, count.members)
    against = say("{n} municipalities against it.", n=number(count.members_against))
    text("p", against)
    if count.silent:
        text("p", say("{n} did not answer, which counts as agreement here.", n=number(count.silent)))


def _bar(name: str, value: int, needed: int, whole: int) -> None:
    enough = say("enough") if value >= needed else say("not enough")
    with ui.element("li"):
        told = say("{n} of {whole}, {needed} needed", n=number(value), whole=number(whole), needed=number(needed))
        text("span", f"{name}: {told} ({enough})")
        with ui.element("div").classes("bar").props("aria-hidden=true"):
            ui.element("div").classes("bar-value").style(f"width: {part(value, whole)}%")
            ui.element("div").classes("bar-needed").style(f"left: {part(needed, whole)}%")


def part(value: int, whole: int) -> int:
    """Percent of a whole, 0 of nothing.

    >>> part(1, 4), part(0, 0)
    (25, 0)
    """
    return 100 * value // whole if whole else 0


def votes(found: Case) -> None:
    """Who voted how, in what capacity, and why."""
    if not found.votes:
        text("p", say("Nobody has voted yet.")).classes("quiet")
        return
    columns = [
        ("member", say("Municipality")),
        ("choice", say("Vote")),
        ("people", say("Inhabitants")),
        ("reason", say("Reason")),
        ("who", say("Given by")),
        ("when", say("When")),
    ]
    rows = [
        {
            "key": one.id,
            "member": found.members[one.member_code].name,
            "choice": named(CHOICES, one.choice),
            "people": one.weight,
            "reason": one.reason,
            "who": f"{found.names[one.account_id]} ({named(CAPACITIES, one.capacity)})",
            "when": instant(one.cast_at, found.region.time_zone),
        }
        for one in found.votes
    ]
    framed_table(columns, rows, numbers=("people",), title=say("Votes"))


class Recounting:
    """Counting a result again from rule, weights and votes, against the journal: anybody who reads here may."""

    def __init__(self, signed: SignedIn, number_: int) -> None:
        self._signed, self._number = signed, number_
        button(say("Count it again"), self._again)
        self._working = Working(signed)
        self._verdict = ui.element("div").props("role=status")

    async def _again(self) -> None:
        found = await self._working.run(lambda watch: self._recount())
        if found is None:
            return
        self._verdict.clear()
        with self._verdict:
            recounted(found)

    def _recount(self) -> Recount:
        with reading(self._signed.engine) as session:
            return queries.recount(session, self._number)


def recounted(verdict: Recount) -> None:
    """What counting again gave, in words."""
    again = verdict.again
    if verdict.differences:
        text("p", say("Counted again: it does NOT hold.")).classes("verdict wrong")
        for one in verdict.differences:
            text("p", one).props("lang=en")
        return
    text("p", say("Counted again: the same result.")).classes("verdict right")
    people = 1000 * again["population_for"] // again["population"] if again["population"] else 0
    told = say(
        "{state}: {members_for} of {members} municipalities for it, with {people} of the inhabitants. Rule, weights "
        "and {votes} votes are those in the journal.",
        state=named(STATES, verdict.state),
        members_for=number(again["members_for"]),
        members=number(again["members"]),
        people=percent(people),
        votes=number(len(verdict.votes)),
    )
    text("p", told)
