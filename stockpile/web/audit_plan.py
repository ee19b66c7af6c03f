"""A plan looked into: what it was computed from, what became of it, and computing it again byte for byte."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from stockpile.allocation.planning import Watch
from stockpile.governance.rules import require
from stockpile.transparency.replay import queries as replaying
from stockpile.transparency.replay.queries import Replay
from stockpile.web.acting import known_caller
from stockpile.web.audit_journal import entries_told
from stockpile.web.audit_reading import RIGHT, PlanCase
from stockpile.web.committee_evidence import line
from stockpile.web.committee_words import STATES, named, titled
from stockpile.web.crisis_rules import method_name, rule_name, state_name
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import button, text, told
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import instant, ngettext, number, say
from stockpile.web.working import Working


def plan_looked_into(signed: SignedIn, found: PlanCase, limit_seconds: float) -> None:
    """Facts and the button that replays in front; below them the inputs, the stock of that second, votes, journal."""
    with ui.element("section").classes("panel"):
        text("h2", say("Plan {number}", number=str(found.number)))
        _facts(found)
        Recompute(signed, found.number, limit_seconds)
    with ui.element("section").classes("panel"):
        text("h2", say("Votes and changes"))
        _votes(found)
    with ui.element("section").classes("panel"):
        text("h2", say("What was asked"))
        _requests(found)
    with ui.element("section").classes("panel"):
        when = instant(found.view.plan.planned_at, found.region.time_zone)
        text("h2", say("The stock at that second"))
        _stock(found, when)
    with ui.element("section").classes("panel"):
        text("h2", say("What the journal says of it"))
        entries_told(found.entries, found.region.time_zone)


def _facts(found: PlanCase) -> None:
    plan, zone = found.view.plan, found.region.time_zone
    rights = str(found.rights_version) if found.rights_version else say("none: the committee was not constituted")
    with ui.element("dl").classes("answer"):
        line(say("State"), f"{state_name(plan.state)}, {method_name(plan.method)}")
        line(say("Computed"), say("{who}, {when}", who=found.planned_by, when=instant(plan.planned_at, zone)))
        if plan.approved_at is not None:
            line(
                say("Approved"), say("{who}, {when}", who=found.view.approved_by, when=instant(plan.approved_at, zone))
            )
        line(say("Rule"), f"{rule_name(plan.rule)} ({plan.rule})")
        line(say("Computed with"), plan.versions)
        line(say("Decision rights, version"), rights)
        proven = say("An independent check proved that this plan keeps the rule.")
        line(
            say("Proof"),
            proven if plan.fair or plan.kept else say("It is NOT proven that this plan keeps its rule."),
        )
    text("p", say("Inputs SHA-256 {digest}", digest=plan.problem_digest)).classes("quiet digest")
    text("p", say("Plan SHA-256 {digest}", digest=plan.answer_digest)).classes("quiet digest")


def _votes(found: PlanCase) -> None:
    if not found.decisions:
        text("p", say("The committee has not voted on this plan.")).classes("quiet")
    with ui.element("ul").classes("rows"):
        for head in found.decisions:
            with ui.element("li"):
                ui.link(
                    f"{head['id']} {titled(head['title'], head['operation'], head['subject'], state=head['state'])}",
                    f"/audit/decisions/{head['id']}",
                )
                text("span", named(STATES, head["state"])).classes("quiet")
        for one in found.overrides:
            who = found.names.get(one.confirmed_by or 0, say("nobody yet"))
            change = say(
                "Line {line} was changed from {old} to {new} by {who}, confirmed by {second}: {why}",
                line=str(one.plan_line_id),
                old=number(one.old_quantity),
                new=number(one.new_quantity),
                who=found.names[one.proposed_by],
                second=who,
                why=one.reason,
            )
            text("li", change)


def _requests(found: PlanCase) -> None:
    columns = [
        ("request", say("Request")),
        ("member", say("Municipality")),
        ("item", say("Item")),
        ("asked", say("Asked")),
        ("validated", say("Validated")),
        ("got", say("Got")),
    ]
    rows: list[dict[str, Any]] = [
        {
            "key": one.id,
            "request": one.request_id,
            "member": found.members[one.member_code].name,
            "item": f"{one.item_code} {found.view.items[one.item_code].name}",
            "asked": one.asked,
            "validated": one.validated,
            "got": one.got,
        }
        for one in found.results
    ]
    framed_table(columns, rows, numbers=("asked", "validated", "got"), title=say("Requests, in base units"))


def _stock(found: PlanCase, when: str) -> None:
    differ = sum(not one.agrees for one in found.stock)
    verdict = (
        ngettext(
            "{n} lot stood otherwise in the ledger than the plan counted.",
            "{n} lots stood otherwise in the ledger than the plan counted.",
            differ,
        )
        if differ
        else say("The plan counted every lot as the ledger had it on {when}, by what was recorded then.", when=when)
    )
    text("p", verdict).classes("refusal" if differ else "")
    columns = [
        ("item", say("Item")),
        ("lot", say("Lot")),
        ("counted", say("Packs counted")),
        ("ledger", say("Packs in the ledger")),
        ("agrees", say("Agrees")),
    ]
    rows = [
        {
            "key": f"{one.item}/{one.lot}",
            "item": one.item,
            "lot": found.lots[one.lot],
            "counted": one.packs,
            "ledger": one.packs if one.agrees else one.stood,
            "agrees": say("yes") if one.agrees else say("no"),
        }
        for one in sorted(found.stock, key=lambda one: (one.agrees, one.item, one.lot))
    ]
    framed_table(columns, rows, numbers=("counted", "ledger"), title=say("Lots that the plan could use"))


class Recompute:
    """The button that rebuilds the plan from what is stored, computes it again, and tells the verdict."""

    def __init__(self, signed: SignedIn, plan: int, limit_seconds: float) -> None:
        self._signed, self._plan, self._limit = signed, plan, limit_seconds
        with ui.element("div").classes("asking"):
            button(say("Recompute"), self._again, main=True)
            self._masked = ui.checkbox(say("Also with all names hidden"))
        self._working = Working(signed)
        self._verdict = ui.element("div").classes("found").props("role=status")

    async def _again(self) -> None:
        masked = bool(self._masked.value)
        self._verdict.clear()
        found = await self._working.run(lambda watch: self._replay(watch, masked))
        if found is not None:
            with self._verdict:
                verdict(found)

    def _replay(self, watch: Watch, masked: bool) -> Replay:
        caller = known_caller(self._signed, self._limit)
        require(caller.actor, RIGHT)
        return replaying.replay(
            self._signed.engine, self._plan, limit_seconds=self._limit, mask=masked, cancel=watch.cancel
        )


def verdict(found: Replay) -> None:
    """What computing again gave, in words: the same byte for byte, or what differs."""
    wrong = [*found.differences, *(one for vote in found.votes for one in vote["differences"])]
    if wrong:
        text("p", say("NOT the same.")).classes("verdict wrong")
        for one in wrong:
            told("p", one)
    else:
        text("p", say("The same, byte for byte.")).classes("verdict right")
    text("p", say("Computed again: SHA-256 {digest}", digest=found.recomputed)).classes("digest")
    text("p", say("Stored: SHA-256 {digest}", digest=found.answer_digest)).classes("digest")
    _aside(say("Stood otherwise in the ledger by what was recorded then"), found.stock_then)
    _aside(say("Limits and substitutes that were otherwise by what was recorded then"), found.carried_then)
    _aside(say("Stands otherwise by what was entered since"), found.stock_since)
    if found.masked is not None:
        text("p", _masked(found))


def _aside(heading: str, lines: list[str]) -> None:
    if lines:
        text("h3", heading)
        for one in lines:
            told("p", one)


def _masked(found: Replay) -> str:
    assert found.masked is not None
    changed, most = len(found.masked.changed), found.masked.most_packs
    if not found.masked.same_fills:
        return say("With all names hidden the fills are NOT the same: {n} claims differ.", n=number(changed))
    same = say(
        "With all names hidden the fills are the same; {n} claims that were tied change places, by {packs} packs at "
        "most.",
        n=number(changed),
        packs=number(most),
    )
    if not found.masked.set_aside:
        return same
    kept = say(
        "Not compared, for useful minima set somebody aside there: {items}.", items=", ".join(found.masked.set_aside)
    )
    return f"{same} {kept}"
