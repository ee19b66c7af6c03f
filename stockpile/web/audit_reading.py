"""What the auditor's screens show, read through the queries of the domains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session

from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.tables import Override, PlanResult
from stockpile.governance import queries as governance
from stockpile.governance.committee import queries as committee
from stockpile.governance.rules import require
from stockpile.governance.tables import Member, Region
from stockpile.inventory import queries as inventory
from stockpile.journal import JournalEntry
from stockpile.transparency.replay import queries as replaying
from stockpile.transparency.replay.queries import Counted
from stockpile.transparency.sealing import queries as sealing
from stockpile.transparency.sealing.tables import TreeHead
from stockpile.transparency.sending import queries as sending
from stockpile.web.committee_reading import Head
from stockpile.web.committee_words import titled
from stockpile.web.crisis_reading import PlanView, plan_view

PLAN, DECISION = "plans", "decisions"
KINDS: Final = (PLAN, DECISION)
RIGHT: Final = "verify"


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that can be looked into: a plan, or a decision of the committee; `what` and `state` are codes.

    `at`: when a plan was computed; when a proposal was decided, as the committee's own page has it, else proposed.
    """

    kind: str
    number: int
    at: datetime
    what: str
    state: str
    by: str

    @property
    def path(self) -> str:
        """Where it is looked into."""
        return f"/audit/{self.kind}/{self.number}"

    def matches(self, words: str) -> bool:
        """Whether it has all these words, in its number, title, state or account; a number only as a whole.

        >>> from datetime import UTC
        >>> floor = Decided(DECISION, 17, datetime(2020, 3, 30, tzinfo=UTC), "Reserve of 400", "open", "coordinator")
        >>> [floor.matches(words) for words in ("reserve 17", "coord reserve", "reserve 7", "rejected")]
        [True, True, False, False]
        """
        told = f"{self.number} {self.what} {self.state} {self.by}".lower()
        whole = set(told.split())
        return all(one in (whole if one.isdigit() else told) for one in words.lower().split())


@dataclass(frozen=True, slots=True)
class Desk:
    """What an auditor begins with: every decision, newest first, the journal's newest head, and who is sent heads."""

    region: Region
    now: datetime
    decisions: list[Decided]
    head: TreeHead | None
    taken_by: list[str]
    unsealed: int
    sent_to: list[dict[str, Any]]


def desk(session: Session, act: Act) -> Desk:
    """The auditor's desk; refuses who may not verify."""
    require(act.actor, RIGHT)
    head = sealing.latest(session)
    return Desk(
        region=governance.region(session),
        now=act.at,
        decisions=decisions(session),
        head=head,
        taken_by=[one.member_code for one in sealing.witnesses(session, head.size)] if head else [],
        unsealed=sealing.unsealed(session),
        sent_to=[one for one in sending.told(session, act.actor) if one["state"] != "ended"],
    )


def _decided(one: Head, names: Mapping[int | None, str]) -> Decided:
    title = titled(one["title"], one["operation"], one["subject"], state=one["state"])
    at = one["decided_at"] or one["proposed_at"]
    return Decided(DECISION, one["id"], at, title, one["state"], names[one["proposed_by"]])


def decisions(session: Session) -> list[Decided]:
    """Every plan and every proposal of the committee, newest first."""
    names = {one.id: one.name for one in governance.accounts(session)}
    plans = [
        Decided(PLAN, one["id"], one["planned_at"], one["rule"], one["state"], names[one["planned_by"]])
        for one in allocation.plan_heads(session)
    ]
    proposals = [_decided(one, names) for one in committee.heads(session)]
    return sorted([*plans, *proposals], key=lambda one: (one.at, one.kind, one.number), reverse=True)


@dataclass(frozen=True, slots=True)
class PlanCase:
    """A plan with everything that it was computed from, and everything the journal says of it.

    `stock` by lot: as counted, and as the ledger stood at that second by what was recorded then; `lots` names them.
    `decisions`: heads of the committee's decisions on this plan.
    """

    region: Region
    now: datetime
    members: dict[str, Member]
    view: PlanView
    results: list[PlanResult]
    stock: list[Counted]
    lots: dict[str, str]
    entries: list[JournalEntry]
    overrides: list[Override]
    decisions: list[Head]
    rights_version: int
    planned_by: str
    names: dict[int, str]

    @property
    def number(self) -> int:
        """The plan's number."""
        assert self.view.plan.id is not None, "a plan that was read has its number"
        return self.view.plan.id


def plan_case(session: Session, act: Act, number: int) -> PlanCase:
    """One plan for an audit; refuses who may not verify, and an unknown number."""
    require(act.actor, RIGHT)
    view = plan_view(session, number)
    entries = replaying.entries_of(session, f"plan:{number}")
    rights = committee.in_force(session, at=view.plan.planned_at)
    names = {one.id: one.name for one in governance.accounts(session) if one.id is not None}
    stock = replaying.counted(session, view.plan, known=replaying.recorded(entries))
    return PlanCase(
        region=governance.region(session),
        now=act.at,
        members=governance.members(session),
        view=view,
        results=allocation.plan_results(session, number),
        stock=stock,
        lots=_lots(session, stock),
        entries=entries,
        overrides=allocation.overrides(session, number),
        decisions=[one for one in committee.heads(session) if one["subject"] == f"plan:{number}"],
        rights_version=rights.version if rights else 0,
        planned_by=names[view.plan.planned_by],
        names=names,
    )


def _lots(session: Session, stock: list[Counted]) -> dict[str, str]:
    """By lot and depot as problems name them (4@D-BE): the lot's code and the depot's name."""
    sites, named = inventory.sites(session), {}
    for one in stock:
        lot, _, site = one.lot.partition("@")
        named[one.lot] = f"{inventory.lot(session, int(lot)).code}, {sites[site].name}"
    return named


def entries_of(session: Session, act: Act, subject: str) -> list[JournalEntry]:
    """What the journal says of a subject; refuses who may not verify."""
    require(act.actor, RIGHT)
    return replaying.entries_of(session, subject)
