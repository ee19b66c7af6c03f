"""The nightly reorder: computed on a snapshot, checked, and proposed as call-offs with a reason per line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.reorder.horizon.check import check
from optimizer.reorder.horizon.infeasible import Question, answered
from optimizer.reorder.horizon.plan import Order
from optimizer.reorder.horizon.tonight import Tonight, order_up_to, plan_tonight
from optimizer.solver import run_limited
from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import operations as contracts
from stockpile.contracts import rules as orders
from stockpile.contracts.operations import LineDraft, Manner
from stockpile.contracts.shortages import operations as shortages
from stockpile.contracts.shortages.rules import QUICK
from stockpile.contracts.tables import CallOff
from stockpile.contracts.terms import rules as terms
from stockpile.db import reading
from stockpile.governance.rules import require
from stockpile.reorder import queries, telling
from stockpile.reorder.queries import ItemMove, Urgent
from stockpile.reorder.shaping import Case, Source

BLOCKED_SHARE: Final = 0.5
"""Of the time for a plan, what may go into telling which clauses keep it from serving every need."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A reorder that has been computed and checked and is not proposed yet. `note`: why it is not the model's own, or
    not computed where it should be.

    `blocked`: what keeps needs from being served, where the plan leaves some that an order could still reach.
    """

    case: Case
    made: Tonight
    first: Urgent
    moves: tuple[ItemMove, ...]
    solve_ms: int
    note: str
    blocked: Mapping[str, Any]

    @property
    def orders(self) -> tuple[Order, ...]:
        """What is ordered tonight; the plan's later weeks are planned anew every night."""
        return tuple(order for order in self.made.plan.orders if order.week == 0)

    def source(self, order: Order) -> Source:
        """The contract's way by which an order is placed."""
        return next(one for one in self.case.articles[order.line].sources if one.id == order.offer)

    def told(self) -> dict[str, Any]:
        """The run as people read it: service and its next point's price, cost, bound and gap, what stays open."""
        spend = sum(order.cost_minor for order in self.orders)
        moved = [[one.item, one.move.source, one.move.target, one.move.units] for one in self.moves]
        return {
            "lines": len(self.orders),
            "spend_minor": spend,
            "move_first": moved,
            "note": self.note,
            "blocked": dict(self.blocked),
            **telling.told(self.case, self.made),
        }


def draft(engine: Engine, act: Act, *, unmet: Mapping[str, int], limit_seconds: float) -> Draft:
    """Work out what to call off tonight, holding no lock.

    Unmet validated need is asked of what contracts keep for a surge first; the
    plan is for the rest. If the model gives nothing in time, or the checker
    refuses what it gives, the order-up-to rule that peers use does, and the
    note says so.
    """
    require(act.actor, "reorder.run")
    with reading(engine) as session:
        first = queries.urgent(session, at=act.at, unmet=unmet)
        case = queries.case(session, at=act.at, first=first, limit_seconds=limit_seconds)
        days = queries.policy(session).review_days
        moves = tuple(queries.redistribution(session, at=act.at, days=days))
    outcome = run_limited(plan_tonight, case.night, limit_seconds=limit_seconds)
    spent_ms, note = int(outcome.seconds * 1000), outcome.detail
    if outcome.value is not None:
        verdict = check(outcome.value.problem, outcome.value.plan)
        if verdict.accepted:
            blocked = _blocked(case, outcome.value, limit_seconds)
            return Draft(case, outcome.value, first, moves, spent_ms, note, blocked)
        note = f"the checker refused the model's plan: {'; '.join(verdict.findings[:3])}"
    made = order_up_to(case.night)
    assert check(made.problem, made.plan).feasible, "the order-up-to plan breaks a contract"
    note = f"order-up-to instead of the optimum: {note}"
    return Draft(case, made, first, moves, spent_ms, note, _blocked(case, made, limit_seconds))


def _blocked(case: Case, made: Tonight, limit_seconds: float) -> dict[str, Any]:
    """Which clauses keep needs from being served and how they could give; nothing where the plan serves them all."""
    missed = _missed(case, made)
    if not missed:
        return {}
    seconds = limit_seconds * BLOCKED_SHARE
    question = Question(case.night.problem, case.asked(missed=missed, standing=made.plan.orders), seconds * 0.3)
    outcome = run_limited(answered, question, limit_seconds=seconds)
    if outcome.value is None:
        return {"servable": None, "said": [f"which clauses conflict could not be told: {outcome.detail}"]}
    return telling.blocked(case, outcome.value)


def _missed(case: Case, made: Tonight) -> tuple[str, ...]:
    """The items that the plan leaves unserved, and those whose contract was closed for tonight."""
    unmet = {service.line for service in made.plan.services if service.unmet}
    pairs = zip(case.night.problem.lines, made.problem.lines, strict=True)
    return tuple(before.id for before, after in pairs if before.id in unmet or before.offers != after.offers)


def propose(session: Session, act: Act, *, made: Draft, slot: str) -> list[CallOff]:
    """Propose one call-off per contract of the draft, one more per surge option; each waits for another person."""
    require(act.actor, "reorder.run")
    contracts.drop_earlier_proposals(session, act, slot=slot)
    drafts: dict[tuple[str, str], list[tuple[Source, LineDraft]]] = defaultdict(list)
    for order in made.orders:
        source = made.source(order)
        own = f"{slot}/{source.item}/{terms.OPTION}" if source.option else slot
        drafts[source.contract, own].append((source, _line(made, order, source)))
    deliver_to = queries.policy(session).deliver_to
    proposed = [
        contracts.propose(
            session,
            act,
            contract=contract,
            slot=own,
            deliver_to=deliver_to,
            lines=[line for _, line in rows],
            manner=_manner(rows[0][0]),
        )
        for (contract, own), rows in sorted(drafts.items())
    ]
    _record(session, act, made, slot)
    return proposed


def propose_urgent(session: Session, act: Act, *, made: Draft, slot: str) -> list[shortages.Proposed]:
    """Ask surge options and immediate shares for unmet validated need, in one action."""
    return shortages.propose_for_shortages(
        session,
        act,
        unmet=made.first.units,
        deliver_to=queries.policy(session).deliver_to,
        slot=slot,
        reason="validated need of the surge that no plan serves",
        kinds=QUICK,
    )


def _manner(source: Source) -> Manner:
    if not source.option:
        return Manner()
    return Manner(kind=terms.OPTION, fee_minor=source.fee_minor)


def _line(made: Draft, order: Order, source: Source) -> LineDraft:
    packs = order.units * made.case.packs[order.line]
    price, size = orders.tier_price(source.tiers, packs), made.case.articles[order.line].pack_size
    return LineDraft(source.item, packs, size, price, telling.reason(made.case, made.made, order))


def _record(session: Session, act: Act, made: Draft, slot: str) -> None:
    plan = made.made.plan
    payload = {
        "problem": plan.problem_digest,
        "plan": plan.digest(),
        "status": plan.status,
        "cost_milli": plan.cost.total,
        "bound_milli": plan.bound,
        "spend_minor": sum(order.cost_minor for order in made.orders),
        "left_out": telling.left_out(made.case, made.made),
        "spend_by_week": telling.by_week(made.made),
        "spend_before_by_week": telling.before_smoothing(made.case),
    }
    journal.record(session, act, action="reorder.run", subject=f"slot:{slot}", payload=payload, reason=made.note)
