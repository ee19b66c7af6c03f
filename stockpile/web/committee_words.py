"""What the committee's operations, states, bodies and majorities are called on the screens, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from stockpile.governance.committee import gate, rules
from stockpile.governance.committee.rules import Count, Right
from stockpile.web.speech import N_, money, ngettext, number, percent, say

OPERATIONS: Final = {
    "agreement.adopt": N_("A new version of the agreement"),
    "calloff.approve": N_("An order under a contract"),
    "contract.adopt": N_("A contract, or a new version of one"),
    "contract.terms": N_("Terms of a contract"),
    "finding.accept": N_("The risk of an auditor's finding is accepted"),
    "floor.set": N_("A reserve that may not leave the pool"),
    "limit.set": N_("The value up to which one person may act alone"),
    "member.admit": N_("A municipality joins"),
    "member.release": N_("A municipality leaves"),
    "member.suspend": N_("A municipality is suspended"),
    "plan.approve": N_("A plan that shares stock out"),
    "policy.adopt": N_("The rule by which stock is shared"),
    "promise.set": N_("What members are entitled to, or a depot keeps back"),
    "rights.change": N_("Who decides what"),
    "tender.award": N_("The lots of a tender go to the best bids"),
}
"""What the committee is asked to decide; tests compare with the standard rights."""
BY_TWO: Final = {
    "contingency.adopt": N_("A plan for emergencies is adopted"),
    "contingency.release": N_("A transfer that was agreed beforehand leaves"),
    "count.approve": N_("A count is accepted"),
    "owner.confirm": N_("Stock changes its owner"),
    "plan.override": N_("A line of a plan is changed by hand"),
    "preemption.approve": N_("Reserved stock goes to a more urgent need"),
    "request.validate": N_("A request is confirmed"),
    "second.confirm": N_("A step that needs a second person"),
    "settlement.close": N_("A settlement is closed"),
    "stock.witness": N_("A posting is witnessed"),
    "substitute.approve": N_("An item may stand for another"),
    "tender.release": N_("The result of a tender is told to the bidders"),
    "tender.review": N_("An objection against a tender is decided"),
}
"""What two people do without a vote: their names in a change of the decision rights."""
SUBJECTS: Final = {
    "agreement": N_("the agreement"),
    "calloff": N_("order {what}"),
    "contract": N_("contract {what}"),
    "finding": N_("finding {what}"),
    "item": N_("item {what}"),
    "limit": N_("limit: {what}"),
    "member": N_("municipality {what}"),
    "plan": N_("plan {what}"),
    "policy": N_("rule {what}"),
    "rights": N_("the decision rights"),
    "site": N_("site {what}"),
    "tender": N_("tender {what}"),
}
"""What a decision is about, by the kind that stands before its colon."""
LIMITS: Final = {"adjustment": N_("correcting stock"), "floor": N_("changing a reserve")}
IF_NOT: Final = {
    "agreement.adopt": N_("The agreement stays as it is."),
    "calloff.approve": N_("The order is not placed; what it would bring does not come."),
    "contract.adopt": N_("The contract stays as it is; a new one does not come about."),
    "contract.terms": N_("The contract's terms stay as they are."),
    "finding.accept": N_("The finding stays open until it is mended."),
    "floor.set": N_("The reserve stays as it is."),
    "limit.set": N_("The limit stays as it is."),
    "member.admit": N_("The municipality stays outside."),
    "member.release": N_("The municipality stays a member."),
    "member.suspend": N_("The municipality keeps its rights."),
    "plan.approve": N_("Nothing leaves the depots under this plan."),
    "policy.adopt": N_("Stock goes on being shared by the rule in force."),
    "promise.set": N_("Entitlements and buffers stay as they are."),
    "rights.change": N_("Who decides what stays as it is."),
    "tender.award": N_("Nobody gets the lots; the tender stays open or is cancelled."),
}
IF_NOT_RATIFIED: Final = N_(
    "It was done already, as an emergency. What was shipped stays where it is and goes to settlement; nothing more is "
    "dispatched under it."
)
EMERGENCIES: Final = {
    rules.PROVISIONAL: N_("Emergency: done already, to be ratified"),
    rules.RATIFIED: N_("Emergency: done at once, and ratified since"),
    rules.NOT_RATIFIED: N_("Emergency: done at once, and not ratified: nothing more is dispatched under it"),
}
"""What was done before it was voted on, by how that vote stands."""
STATES: Final = {
    rules.DRAFT: N_("draft"),
    rules.TABLED: N_("on the table, vote not open yet"),
    rules.OPEN: N_("vote is open"),
    rules.WITHDRAWN: N_("withdrawn"),
    rules.ADOPTED: N_("adopted"),
    rules.REJECTED: N_("rejected"),
    rules.LAPSED: N_("lapsed: too few voted"),
    rules.PROVISIONAL: N_("done as an emergency, to be ratified"),
    rules.RATIFIED: N_("ratified"),
    rules.NOT_RATIFIED: N_("not ratified"),
}
BODIES: Final = {
    rules.STANDING: N_("who holds the role, alone"),
    rules.FOUR_EYES: N_("two people"),
    rules.COMMITTEE: N_("the committee"),
    rules.EMERGENCY: N_("two people at once, then ratified"),
}
CHOICES: Final = {rules.FOR: N_("For"), rules.AGAINST: N_("Against"), rules.ABSTAIN: N_("Abstain")}
CAPACITIES: Final = {
    rules.SEAT: N_("seat"),
    rules.ALTERNATE: N_("alternate"),
    rules.CARETAKER: N_("caretaker"),
    "delegation": N_("delegation"),
}


def named(words: Mapping[str, str], code: str) -> str:
    """What a code is called in the page's language; a code without words as it is."""
    return say(words[code]) if code in words else code


def operation(code: str) -> str:
    """What an operation is called in the page's language."""
    return named(OPERATIONS if code in OPERATIONS else BY_TWO, code)


def about(subject: str) -> str:
    """What a decision is about, in the page's language: of plan:2, plan 2."""
    kind, _, what = subject.partition(":")
    if kind not in SUBJECTS:
        return subject
    return say(SUBJECTS[kind], what=named(LIMITS, what) if kind == "limit" else what)


def titled(title: str, code: str, subject: str, *, state: str) -> str:
    """The title as a person gave it; what an emergency wrote for itself, in the page's language, as it stands now."""
    if title != gate.ratifying(code, subject):
        return title
    what, told = operation(code), about(subject)
    if state == rules.RATIFIED:
        return say("Ratified: {what} ({subject})", what=what, subject=told)
    if state == rules.NOT_RATIFIED:
        return say("Not ratified: {what} ({subject})", what=what, subject=told)
    return say("To be ratified: {what} ({subject})", what=what, subject=told)


def if_not_adopted(operation: str, *, emergency: bool) -> str:
    """What follows where a proposal is not adopted, or an emergency not ratified."""
    return say(IF_NOT_RATIFIED) if emergency else say(IF_NOT.get(operation, N_("Nothing changes.")))


def majority(right: Right, count: Count | None) -> list[str]:
    """What it takes to be adopted, in sentences; with the count also in municipalities and people."""
    if count is None:
        return [_unanimity() if right.majority == rules.UNANIMITY else _double(right), _quorum(right)]
    quorum = say(
        "At least {quorum} of {all} municipalities must vote at all.",
        quorum=number(count.quorum),
        all=number(count.members),
    )
    if right.majority == rules.UNANIMITY:
        return [_unanimity(), quorum]
    needed = say(
        "{members} of {all} municipalities must vote for it, and they must have {people} of {everyone} inhabitants.",
        members=number(count.members_needed),
        all=number(count.members),
        people=number(count.population_needed),
        everyone=number(count.population),
    )
    return [needed, quorum]


def _unanimity() -> str:
    return say("Nobody may vote against it.")


def _double(right: Right) -> str:
    return say(
        "{members} of the municipalities with {people} of the inhabitants must vote for it.",
        members=percent(right.members_percent * 10),
        people=percent(right.population_percent * 10),
    )


def _quorum(right: Right) -> str:
    return say("At least {quorum} of the municipalities must vote at all.", quorum=right.quorum)


def majority_name(right: Right) -> str:
    """The majority of a right in few words; empty where no vote is taken."""
    if right.body not in (rules.COMMITTEE, rules.EMERGENCY):
        return ""
    if right.majority == rules.UNANIMITY:
        return say("nobody against")
    members, people = percent(right.members_percent * 10), percent(right.population_percent * 10)
    return say("{members} of municipalities, {people} of inhabitants", members=members, people=people)


def from_where(right: Right, currency: str) -> str:
    """From which value and level of surge on a right counts."""
    told = []
    if right.from_minor:
        told.append(say("from {money} on", money=money(right.from_minor, currency)))
    if right.from_level:
        told.append(say("from surge level {level} on", level=number(right.from_level)))
    return ", ".join(told) or say("always")


def time_left(deadline: datetime, now: datetime) -> str:
    """How long a vote goes on, in the two largest units."""
    left = deadline - now
    if left <= timedelta(0):
        return say("The time is over; the result is written down by the next run.")
    hours, minutes = left.seconds // 3600, left.seconds % 3600 // 60
    if left.days:
        two = ngettext("{n} day", "{n} days", left.days), ngettext("{n} hour", "{n} hours", hours)
    else:
        two = ngettext("{n} hour", "{n} hours", hours), ngettext("{n} minute", "{n} minutes", minutes)
    return say("{first} and {second} left", first=two[0], second=two[1])


def pressing(deadline: datetime | None, now: datetime) -> bool:
    """Whether a vote ends within a day."""
    return deadline is not None and deadline - now <= timedelta(days=1)
