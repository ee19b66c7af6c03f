"""A decision of the committee looked into: the effect, the frozen rule and electorate, votes, journal, a recount."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from stockpile.journal import JournalEntry
from stockpile.web.audit_journal import entries_told
from stockpile.web.committee_evidence import facts, pack
from stockpile.web.committee_reading import Case
from stockpile.web.committee_result import Recounting, bars, votes
from stockpile.web.committee_words import titled
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import number, say


def decision_looked_into(signed: SignedIn, found: Case, entries: list[JournalEntry]) -> None:
    """Facts and the recount in front; below them the votes, the electorate, the effect and the journal."""
    with ui.element("section").classes("panel"):
        about = found.proposal
        title = titled(about.title, about.operation, about.subject, state=about.state)
        text("h2", say("Decision {number}: {title}", number=str(found.number), title=title))
        facts(found)
        kind, _, plan = found.proposal.subject.partition(":")
        if kind == "plan" and plan.isdigit():
            ui.link(say("Look into plan {number}", number=plan), f"/audit/plans/{plan}")
        if found.proposal.rights_version:
            told = say("Voted under decision rights, version {number}", number=number(found.proposal.rights_version))
            text("p", told)
        if found.proposal.outcome:
            Recounting(signed, found.number)
    if found.count is not None:
        with ui.element("section").classes("panel"):
            text("h2", say("Votes"))
            bars(found.count)
            votes(found)
        with ui.element("section").classes("panel"):
            text("h2", say("Who had a vote, as frozen when it was opened"))
            _electorate(found)
    with ui.element("section").classes("panel"):
        pack(found)
    with ui.element("section").classes("panel"):
        text("h2", say("What the journal says of it"))
        entries_told(entries, found.region.time_zone)


def _electorate(found: Case) -> None:
    columns = [("member", say("Municipality")), ("people", say("Inhabitants")), ("part", say("Takes part"))]
    rows: list[dict[str, Any]] = [
        {
            "key": one.member_code,
            "member": found.members[one.member_code].name,
            "people": one.weight,
            "part": say("no: an interest is touched") if one.recused else say("yes"),
        }
        for one in found.electors
    ]
    framed_table(columns, rows, numbers=("people",), title=say("Electorate"))
