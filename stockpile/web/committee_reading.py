"""What the committee's screens show, read through the queries of the domains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlmodel import Session

from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation.policies import queries as policies
from stockpile.allocation.policies.rules import InForce
from stockpile.allocation.policies.tables import SharingPolicy
from stockpile.allocation.rules import APPROVED, DECLARED
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import queries as contracts
from stockpile.contracts.scorecards import queries as scorecards
from stockpile.contracts.tables import CallOff, CallOffLine, Contract
from stockpile.contracts.terms import queries as agreed
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.committee import gate, queries, rules
from stockpile.governance.committee.gate import Effect
from stockpile.governance.committee.rules import Count, Right
from stockpile.governance.committee.tables import Elector, Proposal, RightsVersion, Vote
from stockpile.governance.rules import require_any
from stockpile.governance.tables import Member, Region
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.reorder import preapproval
from stockpile.reorder.preapproval import Preapproved
from stockpile.web.crisis_reading import PlanView, plan_view

Head = Mapping[str, Any]
EVERY_BALANCE = 100_000
MOST_PAST: Final = 10


@dataclass(frozen=True, slots=True)
class Inbox:
    """A seat's view of the committee: what waits for it, what else is under way, what was decided, what stands.

    `waiting` by number the members whose vote may be given; heads of proposals newest first. `version` None: the
    committee is not constituted.
    """

    region: Region
    now: datetime
    version: RightsVersion | None
    members: dict[str, Member]
    speaks: dict[str, str]
    waiting: dict[int, list[str]]
    heads: dict[int, Head]
    names: dict[int, str]
    rights: tuple[Right, ...]
    beforehand: list[Preapproved]

    def among(self, *states: str) -> list[Head]:
        """Proposals in these states that do not wait for this seat, newest first."""
        return [one for one in self.heads.values() if one["state"] in states and one["id"] not in self.waiting]


def inbox(session: Session, act: Act) -> Inbox:
    """What whoever is signed in finds in the committee's room; refuses guests, who may read nothing of the region."""
    require_any(act.actor, "read")
    version = queries.in_force(session, at=act.at)
    return Inbox(
        region=governance.region(session),
        now=act.at,
        version=version,
        members=governance.members(session),
        speaks=queries.speaks_for(session, act.actor.id, "", at=act.at),
        waiting=queries.waiting(session, act.actor.id, at=act.at),
        heads={one["id"]: one for one in queries.heads(session)},
        names={one.id: one.name for one in governance.accounts(session) if one.id is not None},
        rights=queries.rights(version) if version else (),
        beforehand=[
            one for one in preapproval.rules(session, on=governance.local_day(session, act.at)) if one.in_force
        ],
    )


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that is to be approved, with its lines and items, the contract that it draws on, from whom and where to.

    `supplier` and `site`: by name, with the code behind.
    """

    calloff: CallOff
    lines: list[CallOffLine]
    items: dict[str, Item]
    contract: Contract
    supplier: str
    site: str


@dataclass(frozen=True, slots=True)
class Floor:
    """A reserve: the item, what is reserved before, and what the pool holds, in base units."""

    item: Item
    before: int
    in_pool: int


@dataclass(frozen=True, slots=True)
class Past:
    """A plan of a surge on which a rule can be tried, and the day it was computed for."""

    plan: int
    surge: int
    closed: bool
    on: date


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule that is to be adopted, the one in force, the newest plan on which both can be tried (0: none).

    `past`: approved plans of closed surges and of those that run, newest first, at most MOST_PAST.
    """

    row: SharingPolicy
    proposed: InForce
    in_force: InForce
    plan: int
    past: tuple[Past, ...]


Subject = PlanView | Ordered | Floor | Policy | None


@dataclass(frozen=True, slots=True)
class Case:
    """A proposal with all that a seat needs to vote on it.

    `right` None: nothing says yet who decides it; `count` None: the vote is not open. `free`: the members whose vote
    this account may give; `own`: those it speaks for. `before`: decision rights in force, for a change of them.
    """

    region: Region
    now: datetime
    proposal: Proposal
    names: dict[int, str]
    members: dict[str, Member]
    right: Right | None
    count: Count | None
    electors: list[Elector]
    votes: list[Vote]
    own: dict[str, str]
    free: list[str]
    account: int
    worth_minor: int
    subject: Subject
    before: tuple[Right, ...]

    @property
    def number(self) -> int:
        """The proposal's number."""
        assert self.proposal.id is not None, "a proposal that was read has its number"
        return self.proposal.id

    @property
    def emergency(self) -> bool:
        """Whether it was done already and is to be ratified, or was."""
        return self.proposal.state in (rules.PROVISIONAL, rules.RATIFIED, rules.NOT_RATIFIED)

    @property
    def voted_on(self) -> bool:
        """Whether votes are taken now."""
        deadline = self.proposal.deadline
        return self.proposal.state in rules.VOTED_ON and deadline is not None and deadline > self.now

    @property
    def payload(self) -> dict[str, Any]:
        """The effect's content."""
        found: dict[str, Any] = json.loads(self.proposal.payload)
        return found


def case(session: Session, act: Act, number: int) -> Case:
    """One proposal with its evidence; refuses guests, and an unknown number."""
    require_any(act.actor, "read")
    found = queries.proposal(session, number)
    version = queries.in_force(session, at=act.at)
    own = queries.speaks_for(session, act.actor.id, found.operation, at=act.at)
    subject = _subject(session, act, found)
    return Case(
        region=governance.region(session),
        now=act.at,
        proposal=found,
        names={one.id: one.name for one in governance.accounts(session) if one.id is not None},
        members=governance.members(session),
        right=_right(found, version),
        count=queries.counted(session, found, at=found.decided_at or act.at) if found.rule else None,
        electors=queries.electors(session, number),
        votes=queries.votes(session, number),
        own=own,
        free=queries.waiting(session, act.actor.id, at=act.at).get(number, []),
        account=act.actor.id,
        worth_minor=subject.calloff.cost_minor if isinstance(subject, Ordered) else 0,
        subject=subject,
        before=queries.rights(version) if version else (),
    )


def _right(found: Proposal, version: RightsVersion | None) -> Right | None:
    """The right that is voted under: as it was frozen, or as it would be now."""
    if found.rule:
        return queries.rule(found)
    if version is None:
        return None
    try:
        return gate.right_of(version, Effect(found.operation, found.subject, {}))
    except gate.DecisionRequired:
        return None


def _subject(session: Session, act: Act, found: Proposal) -> Subject:
    """What the proposal is about, where the service knows more of it than the proposal says itself."""
    readers = {"plan": _plan, "calloff": _ordered, "item": _floor, "policy": _policy}
    kind, _, key = found.subject.partition(":")
    if kind not in readers:
        return None
    try:
        return readers[kind](session, act, key)
    except (NotFound, ValueError):
        return None


def _plan(session: Session, act: Act, key: str) -> Subject:
    return plan_view(session, int(key))


def _ordered(session: Session, act: Act, key: str) -> Subject:
    found = contracts.calloff(session, int(key))
    contract = agreed.contract(session, found.contract_code)
    supplier, site = scorecards.supplier(session, contract.supplier_code), inventory.site(session, found.deliver_to)
    names = f"{supplier.name} ({supplier.code})", f"{site.name} ({site.code})"
    return Ordered(found, contracts.lines(session, int(key)), catalogue.items(session), contract, *names)


def _floor(session: Session, act: Act, key: str) -> Subject:
    today = governance.local_day(session, act.at)
    there = inventory.balances(session, limit=EVERY_BALANCE, item=key, owner=stock.POOL, status=stock.AVAILABLE)
    before = inventory.floors(session, today).get(key, 0)
    return Floor(catalogue.item(session, key), before, sum(one.quantity for one in there))


def _policy(session: Session, act: Act, key: str) -> Subject:
    row = policies.policy(session, int(key))
    surges = [row.surge_id] if row.surge_id else [one.id for one in allocation.surges(session) if one.id]
    plan, surge = 0, 0
    for surge in surges:
        newest = allocation.plan_heads(session, surge, limit=1)
        if newest:
            plan = int(newest[0]["id"])
            break
    in_force = policies.in_force(session, surge or (surges[0] if surges else 0))
    found = in_force[row.item_class or 1]
    return Policy(row, policies.as_it_counts(row), found, plan, _past(session, row))


def _past(session: Session, row: SharingPolicy) -> tuple[Past, ...]:
    known = {one.id: one.state for one in allocation.surges(session)}
    rows = [one for one in allocation.plans(session) if one.state == APPROVED and row.surge_id in (None, one.surge_id)]
    newest = sorted(rows, key=lambda one: -(one.id or 0))[:MOST_PAST]
    return tuple(
        Past(one.id or 0, one.surge_id, known[one.surge_id] != DECLARED, governance.local_day(session, one.planned_at))
        for one in newest
    )
