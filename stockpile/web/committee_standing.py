"""What stands: decisions adopted and not carried out yet, what was approved beforehand, and who decides what."""

from __future__ import annotations

from typing import Any, Final

from nicegui import ui

from stockpile.governance.committee import rules
from stockpile.governance.committee.rules import Right
from stockpile.web.committee_reading import Head, Inbox
from stockpile.web.committee_words import BODIES, OPERATIONS, from_where, majority_name, named, operation, titled
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import text
from stockpile.web.places import COMMITTEE_ROOM
from stockpile.web.speech import day, instant, money, ngettext, number, say

VOTED: Final = (rules.COMMITTEE, rules.EMERGENCY)


def standing(found: Inbox) -> None:
    """The part of the committee's room that tells what holds without a further vote."""
    with ui.element("section").classes("panel"):
        text("h2", say("Standing decisions"))
        text("h3", say("Adopted, and still to be carried out"))
        _permits([one for one in found.heads.values() if _permits_still(one, found)], found)
        text("h3", say("Approved beforehand"))
        _beforehand(found)
        text("h3", say("Who decides what"))
        _rights(found)


def _permits_still(head: Head, found: Inbox) -> bool:
    over = head["valid_until"] is not None and head["valid_until"] < found.now
    return head["state"] == rules.ADOPTED and head["executed_at"] is None and not over


def _permits(heads: list[Head], found: Inbox) -> None:
    if not heads:
        text("p", say("Nothing: every adopted decision is carried out, or its time is over.")).classes("quiet")
        return
    with ui.element("ul").classes("rows"):
        for head in heads:
            with ui.element("li"):
                ui.link(
                    f"{head['id']} {titled(head['title'], head['operation'], head['subject'], state=head['state'])}",
                    f"{COMMITTEE_ROOM}/{head['id']}",
                )
                until = instant(head["valid_until"], found.region.time_zone)
                text("span", say("permitted until {when}", when=until)).classes("quiet")


def _beforehand(found: Inbox) -> None:
    if not found.beforehand:
        text("p", say("Nothing is approved beforehand.")).classes("quiet")
        return
    with ui.element("ul").classes("rows"):
        for one in found.beforehand:
            told = say(
                "Orders of class {priority} and less critical, up to {limit} a night, until {until}, by {who}: {why}",
                priority=number(one.from_priority),
                limit=money(one.limit_minor, found.region.currency),
                until=day(one.ends),
                who=one.set_by,
                why=one.reason,
            )
            text("li", told)


def _rights(found: Inbox) -> None:
    version = found.version
    assert version is not None, "shown where the committee is constituted"
    told = say(
        "Version {version}, in force since {when}.",
        version=number(version.version),
        when=instant(version.effective_from, found.region.time_zone),
    )
    text("p", told)
    if version.decision_id:
        ui.link(say("By decision {number}", number=str(version.decision_id)), f"{COMMITTEE_ROOM}/{version.decision_id}")
    columns = [
        ("what", say("What")),
        ("from", say("From")),
        ("body", say("Decided by")),
        ("majority", say("Majority")),
        ("quorum", say("Quorum")),
        ("hours", say("Hours to vote")),
    ]
    shown = [one for one in found.rights if one.operation in OPERATIONS or one.body in VOTED]
    rows = [_row(one, found.region.currency) for one in sorted(shown, key=lambda one: one.body not in VOTED)]
    framed_table(columns, rows, numbers=("hours",), title=say("Decision rights in force"))
    others = len(found.rights) - len(shown)
    text("p", ngettext("{n} other step needs no vote.", "{n} other steps need no vote.", others)).classes("quiet")


def _row(right: Right, currency: str) -> dict[str, Any]:
    voted = right.body in VOTED
    hours = right.ratify_hours if right.body == rules.EMERGENCY else right.vote_hours
    return {
        "key": f"{right.operation}/{right.from_minor}/{right.from_level}",
        "what": operation(right.operation),
        "from": from_where(right, currency),
        "body": named(BODIES, right.body),
        "majority": majority_name(right),
        "quorum": right.quorum if voted else "",
        "hours": hours if voted else "",
    }
