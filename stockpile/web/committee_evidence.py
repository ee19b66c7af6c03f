"""The evidence of a proposal on one page: what, why, who, what it takes, what follows if not, and what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nicegui import ui

from stockpile import http
from stockpile.governance.committee import rules
from stockpile.governance.committee.rules import Right
from stockpile.web import committee_words as words
from stockpile.web.committee_plan import PlanFills
from stockpile.web.committee_policy import PolicyTrial
from stockpile.web.committee_reading import Case, Floor, Ordered, Policy
from stockpile.web.crisis_reading import PlanView
from stockpile.web.crisis_tables import framed_table
from stockpile.web.parts import button, text
from stockpile.web.sign_in import SignedIn
from stockpile.web.speech import amount, instant, money, say


def evidence(signed: SignedIn, found: Case) -> None:
    """Everything that a seat needs to decide, the most important first."""
    proposal = found.proposal
    with ui.element("section").classes("panel"):
        text("h2", words.titled(proposal.title, proposal.operation, proposal.subject, state=proposal.state))
        if found.emergency:
            text("p", say(words.EMERGENCIES[proposal.state])).classes("mark")
        ui.link(say("To the vote"), "#vote").classes("to-vote")
        facts(found)
    about: dict[type, Callable[[], object]] = {
        PlanView: lambda: PlanFills(found, _as(PlanView, found.subject)),
        Ordered: lambda: _ordered(found, _as(Ordered, found.subject)),
        Floor: lambda: _floor(found, _as(Floor, found.subject)),
        Policy: lambda: PolicyTrial(signed, found, _as(Policy, found.subject)),
    }
    if type(found.subject) in about:
        with ui.element("section").classes("panel"):
            about[type(found.subject)]()
    elif proposal.operation == "rights.change":
        with ui.element("section").classes("panel"):
            _rights(found)
    with ui.element("section").classes("panel"):
        pack(found)


def _as(kind: type, value: object) -> Any:
    assert isinstance(value, kind)
    return value


def facts(found: Case) -> None:
    """The proposal in a list of facts."""
    proposal, zone = found.proposal, found.region.time_zone
    by = say("{who}, {when}", who=found.names[proposal.proposed_by], when=instant(proposal.proposed_at, zone))
    with ui.element("dl").classes("answer"):
        line(say("What"), f"{words.operation(proposal.operation)} ({words.about(proposal.subject)})")
        line(say("State"), words.named(words.STATES, proposal.state))
        line(say("Proposed by"), by)
        if found.worth_minor:
            line(say("Value"), money(found.worth_minor, found.region.currency))
        if found.right is not None:
            if proposal.state not in rules.VOTED_ON and found.count is None:
                line(say("Decided by"), words.named(words.BODIES, found.right.body))
            line(say("What it takes"), *words.majority(found.right, found.count))
        line(say("If not adopted"), words.if_not_adopted(proposal.operation, emergency=found.emergency))
        interested = [found.members[one.member_code].name for one in found.electors if one.recused]
        if interested:
            line(say("Without a vote"), say("{names}: an interest of theirs is touched", names=", ".join(interested)))
        line(say("Evidence"), *json.loads(proposal.evidence))


def line(name: str, *sentences: str) -> None:
    """One line of a list of facts."""
    text("dt", name)
    with ui.element("dd"):
        for one in sentences:
            text("p", one)


def _ordered(found: Case, about: Ordered) -> None:
    order, currency = about.calloff, about.contract.currency
    text("h2", say("The order"))
    with ui.element("dl").classes("answer"):
        line(
            say("Contract"),
            say("{contract} with {supplier}", contract=order.contract_code, supplier=about.supplier),
        )
        line(say("Cost"), money(order.cost_minor, currency))
        line(say("Left under the contract's ceiling"), money(about.contract.remaining_minor, currency))
        line(say("Delivered to"), about.site)
        if order.expected_at:
            line(say("Expected"), instant(order.expected_at, found.region.time_zone))
    columns = [
        ("item", say("Item")),
        ("packs", say("Packs")),
        ("quantity", say("Quantity")),
        ("price", say("Price of a pack")),
        ("why", say("Why")),
    ]
    rows = [
        {
            "key": one.id,
            "item": f"{one.item_code} {about.items[one.item_code].name}",
            "packs": one.packs,
            "quantity": amount(one.quantity, about.items[one.item_code].base_unit),
            "price": money(one.pack_price_minor, currency),
            "why": one.reason,
        }
        for one in about.lines
    ]
    framed_table(columns, rows, numbers=("packs",), title=say("Lines of the order"))


def _floor(found: Case, about: Floor) -> None:
    unit = about.item.base_unit
    text("h2", f"{about.item.code} {about.item.name}")
    with ui.element("dl").classes("answer"):
        line(say("Reserve today"), amount(about.before, unit))
        line(say("Reserve proposed"), amount(int(found.payload.get("quantity", 0)), unit))
        line(say("From"), str(found.payload.get("effective_from", "")))
        line(say("In the pool, available"), amount(about.in_pool, unit))


def _rights(found: Case) -> None:
    """Which rows of the decision rights change, before and after."""
    text("h2", say("What changes in who decides what"))
    before = {(one.operation, one.from_minor, one.from_level): one for one in found.before}
    after = {
        (one.operation, one.from_minor, one.from_level): one for one in rules.rights_of(found.payload.get("rows", ()))
    }
    changed = [key for key in sorted(before | after) if before.get(key) != after.get(key)]
    if not changed:
        text("p", say("Nothing: the proposed rights are those in force."))
        return
    columns = [("what", say("What")), ("from", say("From")), ("before", say("Today")), ("after", say("Proposed"))]
    rows = [_changed(found, "/".join(map(str, key)), before.get(key), after.get(key)) for key in changed]
    framed_table(columns, rows, title=say("Changed rights"))


def _changed(found: Case, key: str, before: Right | None, after: Right | None) -> dict[str, Any]:
    known = after or before
    assert known is not None
    return {
        "key": key,
        "what": words.operation(known.operation),
        "from": words.from_where(known, found.region.currency),
        "before": _right_words(before),
        "after": _right_words(after),
    }


def _right_words(right: Right | None) -> str:
    if right is None:
        return say("no such row")
    return ", ".join(one for one in (words.named(words.BODIES, right.body), words.majority_name(right)) if one)


def pack(found: Case) -> None:
    """The effect word for word, with its hash, and everything as one file."""
    proposal = found.proposal
    text("h2", say("Evidence pack"))
    text("p", say("What is adopted is exactly this, and nothing else can be carried out under it."))
    with ui.element("details"):
        text("summary", say("The effect, word for word"))
        shown = json.dumps(found.payload, indent=2, ensure_ascii=False, sort_keys=True)
        with ui.element("div").classes("scrolls").props("tabindex=0 role=region") as frame:
            frame.props["aria-label"] = say("The effect, word for word")
            text("pre", shown)
    text("p", say("SHA-256 {digest}", digest=proposal.payload_hash)).classes("quiet digest")
    name = f"proposal-{proposal.id}.json"
    button(say("Download the evidence pack (JSON)"), lambda: ui.download.content(packed(found), name))


def packed(found: Case) -> str:
    """The proposal with its whole effect, electorate, votes and count, as one JSON text."""
    proposal = http.plain(found.proposal)
    for name in ("payload", "evidence", "interested", "rule", "outcome"):
        proposal[name] = json.loads(proposal[name]) if proposal[name] else None
    whole = {
        "proposal": proposal,
        "electors": http.plain(found.electors),
        "votes": http.plain(found.votes),
        "count": http.plain(found.count),
        "read_at": http.plain(found.now),
    }
    return json.dumps(whole, ensure_ascii=False, indent=2)
