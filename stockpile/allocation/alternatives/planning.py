"""Answering what else could have been: in a child process, under a time limit, on a snapshot; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.allocation import check as checker
from optimizer.allocation.conflict import conflicts
from optimizer.allocation.pool import ProblemError
from optimizer.allocation.problem import ClaimFacts, ItemPolicy
from optimizer.allocation.whatif import (
    Answer,
    Change,
    CloseLane,
    Delivery,
    LoseDepot,
    StoreAtMost,
    changed_problem,
)
from optimizer.outcome import Outcome
from optimizer.sharing.compare import Comparison, Question, compare_asked
from optimizer.sharing.supposing import Supposition, suppose
from optimizer.solver import run_limited
from stockpile.allocation.alternatives import queries, rules
from stockpile.allocation.alternatives.rules import Case, Compared, Pair, Supposed
from stockpile.allocation.planning import UNWATCHED, Watch
from stockpile.allocation.policies import rules as policies
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory

SOON = timedelta(days=30)
Value = TypeVar("Value")


class NoAnswer(Conflict):
    """The answer did not come in time, or the solver failed; nothing has changed."""

    code = "no_answer"


class ImpossibleSupposition(Invalid):
    """What is supposed contradicts the plan that it is about."""

    code = "impossible_supposition"


@dataclass(frozen=True, slots=True)
class Lost:
    """Nothing leaves this depot."""

    depot: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing goes from this depot to this municipality."""

    depot: str
    member: str


@dataclass(frozen=True, slots=True)
class More:
    """So many base units more of an item at a depot, in whole packs; `expiry` None: with all its life ahead."""

    item: str
    depot: str
    quantity: int
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """A municipality can take in so many millilitres of everything together."""

    member: str
    volume_ml: int


@dataclass(frozen=True, slots=True)
class Ruled:
    """Another sharing rule, for one item or (None) for all."""

    rule: str
    item: str | None = None


Circumstance = Lost | Closed | More | Room | Ruled


def compare(
    engine: Engine,
    *,
    plan: int,
    chosen: Sequence[str] = (),
    item: str | None = None,
    wanted: Callable[[Pair], bool] = lambda pair: True,
    limit_seconds: float,
    watch: Watch = UNWATCHED,
) -> Compared:
    """A plan, or one item of it, beside every rule that this service knows (or the chosen, by id); no lock is held.

    Rules are compared on the stock of each item alone: without what can be carried and without substitutes.
    `watch` hears of every item done. Refuses an unknown plan or rule, and an answer that takes longer than the limit.
    """
    known = policies.selectable()
    for rule in chosen:
        _known_rule(rule)
    with reading(engine) as session:
        about, currency = queries.case(session, plan), governance.region(session).currency
    entitled = about.entitled
    selected = tuple(policies.in_tiers(rule, entitled=entitled) for rule in known if rule in chosen or not chosen)
    pools = tuple(pool for pool in about.problem.pools if item in (None, pool.item))
    narrowed = replace(about.problem, pools=pools, policies=(), dispatch=(), vehicles=(), storage=(), substitutes=())
    question = Question(narrowed, selected, about.facts, (about.at + SOON).date())
    outcome = run_limited(compare_asked, question, limit_seconds=limit_seconds, **watch.given())
    found: Comparison = _answered(outcome)
    return rules.compared(
        replace(about, problem=narrowed),
        found,
        planned=rules.packs_by_pair(about.problem, about.plan),
        seconds=round(outcome.seconds, 3),
        currency=currency,
        wanted=wanted,
        without=rules.left_aside(about.problem),
    )


def what_if(
    engine: Engine,
    *,
    surge: int,
    plan: int | None = None,
    circumstances: Sequence[Circumstance],
    limit_seconds: float,
    watch: Watch = UNWATCHED,
) -> Supposed:
    """What a plan of the surge (its newest, unless told) would be under other circumstances; nothing is stored.

    Refuses what is unknown or contradicts itself, and where the answer takes longer than `limit_seconds`.
    """
    with reading(engine) as session:
        weighed = any(isinstance(one, Ruled) for one in circumstances)
        about = queries.case(session, plan or queries.newest_plan(session, surge), weighed=weighed)
        if about.surge != surge:
            raise Invalid(f"plan {about.number} belongs to surge {about.surge}, not {surge}", field="plan")
        changes, notes = _changes(session, about, circumstances)
    supposition = Supposition(about.problem, about.plan, tuple(changes), _policies(about, circumstances))
    _refuse_contradictions(supposition)
    outcome = run_limited(suppose, supposition, limit_seconds=limit_seconds, **watch.given())
    answer: Answer = _answered(outcome)
    verdict = checker.check(answer.problem, answer.plan)
    if not verdict.feasible:
        raise NoAnswer(f"the checker refused the solver's answer: {'; '.join(verdict.findings[:3])}")
    seconds = round(outcome.seconds, 3)
    return rules.supposed(about, answer, proven=verdict.kept, findings=verdict.findings, seconds=seconds, notes=notes)


def _answered(outcome: Outcome[Value]) -> Value:
    if outcome.value is None:
        raise NoAnswer(f"{outcome.detail}: ask about fewer rules or items, or again later", status=outcome.status)
    return outcome.value


def _known_rule(rule: str) -> None:
    known = policies.selectable()
    if rule not in known:
        raise Invalid(f"there is no rule {rule} to choose: {', '.join(known)}", field="rule", value=rule)


def _changes(session: Session, about: Case, circumstances: Sequence[Circumstance]) -> tuple[list[Change], list[str]]:
    """The circumstances as the optimizer's changes, and what there is to say of those that change nothing."""
    changes: list[Change] = []
    notes: list[str] = []
    for number, one in enumerate(circumstances, start=1):
        try:
            change = _change(session, about, one, number=number)
        except _NothingChanges as reason:
            notes.append(str(reason))
        else:
            changes += [change] if change else []
    return changes, notes


class _NothingChanges(Exception):
    """A circumstance that does not touch the plan."""


def _change(session: Session, about: Case, one: Circumstance, *, number: int) -> Change | None:
    if isinstance(one, Ruled):
        return None
    if isinstance(one, More):
        return _more(session, about, one, number=number)
    if isinstance(one, Room):
        _asking(about, one.member)
        return StoreAtMost(one.member, one.volume_ml, about.volume_ml)
    inventory.site(session, one.depot)
    if isinstance(one, Closed):
        _asking(about, one.member)
    if one.depot not in {lot.site for pool in about.problem.pools for lot in pool.lots}:
        raise _NothingChanges(f"no stock that this plan could use lay at {one.depot}")
    return LoseDepot(one.depot) if isinstance(one, Lost) else CloseLane(one.depot, one.member)


def _asking(about: Case, member: str) -> None:
    if member not in about.names:
        raise Invalid(f"no member has the code {member}", field="member", value=member)
    if member not in {claim.municipality for pool in about.problem.pools for claim in pool.claims}:
        raise _NothingChanges(f"{about.names[member]} asks for nothing in this plan that stock can reach")


def _more(session: Session, about: Case, one: More, *, number: int) -> Change:
    pack_size = catalogue.item(session, one.item).pack_size
    if one.quantity <= 0 or one.quantity % pack_size:
        raise Invalid(f"{one.item} comes in whole packs of {pack_size}", field="quantity", value=one.quantity)
    pool = queries.delivery(
        session,
        about,
        item=one.item,
        depot=one.depot,
        quantity=one.quantity,
        expiry=one.expiry,
        number=number,
    )
    if not pool.lanes:
        raise _NothingChanges(f"no request of this plan for {one.item} can be reached lawfully from {one.depot}")
    return Delivery(pool)


def _policies(about: Case, circumstances: Sequence[Circumstance]) -> tuple[ItemPolicy, ...] | None:
    """The policies of the supposition: those of the plan, or others where a rule is supposed."""
    ruled = [one for one in circumstances if isinstance(one, Ruled)]
    if not ruled:
        return None
    found = {one.item: one for one in about.problem.policies}
    for one in ruled:
        _known_rule(one.rule)
        if one.item not in (None, *(pool.item for pool in about.problem.pools)):
            raise Invalid(f"{one.item} is not shared in plan {about.number}", field="item", value=one.item)
        for pool in about.problem.pools:
            if one.item in (None, pool.item):
                found[pool.item] = _by_rule(about, pool.item, one.rule)
    default = policies.DEFAULT_IN_FORCE.policy
    return tuple(found[pool.item] for pool in about.problem.pools if _differs(found.get(pool.item), default))


def _differs(one: ItemPolicy | None, default: str) -> bool:
    return one is not None and one.policy != default


def _by_rule(about: Case, item: str, rule: str) -> ItemPolicy:
    if rule == policies.DEFAULT.sharing.id:
        return ItemPolicy(item, policies.DEFAULT_IN_FORCE.policy)
    facts = tuple(ClaimFacts(claim, **known) for claim, known in about.facts[item].items())
    return ItemPolicy(item, policies.in_tiers(rule, entitled=about.entitled).canonical().decode(), facts=facts)


def _refuse_contradictions(one: Supposition) -> None:
    try:
        changed = changed_problem(one.problem, one.changes)
    except ProblemError as failure:
        raise ImpossibleSupposition(str(failure), field="changes") from failure
    broken = conflicts(changed) if one.policies is None else []
    if broken:
        raise ImpossibleSupposition(f"then promises could not be kept: {broken[0].sentence()}", field="changes")
    named = {policy.item for policy in one.policies or ()}
    if any({swap.item, swap.of} & named for swap in changed.substitutes):
        raise ImpossibleSupposition(
            "substitutes stand in under the fair rule only: leave the other rule out, or name another item",
            field="changes",
        )
