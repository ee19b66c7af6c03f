"""The nightly reorder: computed on a snapshot, checked, and proposed as call-offs with a reason per line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlmodel import Session

from optimizer.reorder import baselines
from optimizer.reorder import check as checker
from optimizer.reorder.model import reorder
from optimizer.reorder.plan import Line, Plan
from optimizer.reorder.problem import Problem
from optimizer.solver import run_limited
from stockpile import journal
from stockpile.actor import Act
from stockpile.contracts import operations as contracts
from stockpile.contracts.operations import LineDraft
from stockpile.contracts.tables import CallOff
from stockpile.db import reading
from stockpile.governance.rules import require
from stockpile.reorder import queries


@dataclass(frozen=True, slots=True)
class Draft:
    """A reorder that has been computed and checked and is not proposed yet. `note`: why it is not the model's own."""

    problem: Problem
    plan: Plan
    solve_ms: int
    note: str


def draft(engine: Engine, act: Act, *, unmet: Mapping[str, int], limit_seconds: float) -> Draft:
    """Work out what to call off tonight, holding no lock.

    If the model gives nothing in time, or the checker refuses what it gives,
    the order-up-to rule that peers use does, and the note says so.
    """
    require(act.actor, "reorder.run")
    with reading(engine) as session:
        problem = queries.problem(session, at=act.at, unmet=unmet)
    outcome = run_limited(reorder, problem, limit_seconds=limit_seconds)
    note = outcome.detail
    if outcome.value is not None:
        verdict = checker.check(problem, outcome.value)
        if verdict.accepted:
            return Draft(problem, outcome.value, int(outcome.seconds * 1000), "")
        note = f"the checker refused the model's plan: {'; '.join(verdict.findings[:3])}"
    plan = baselines.order_up_to(problem)
    assert checker.check(problem, plan).feasible, "the order-up-to plan breaks a contract"
    return Draft(problem, plan, int(outcome.seconds * 1000), f"order-up-to instead of the optimum: {note}")


def propose(session: Session, act: Act, *, made: Draft, slot: str) -> list[CallOff]:
    """Propose one call-off per contract of the draft; each waits for another person's approval."""
    require(act.actor, "reorder.run")
    contracts.drop_earlier_proposals(session, act, slot=slot)
    pack_sizes = {offer.item: offer.pack_size for offer in made.problem.offers}
    by_contract: dict[str, list[Line]] = defaultdict(list)
    for line in made.plan.lines:
        by_contract[line.contract].append(line)
    deliver_to = queries.policy(session).deliver_to
    proposed = [
        contracts.propose(
            session,
            act,
            contract=contract,
            slot=slot,
            deliver_to=deliver_to,
            lines=[_draft_line(line, pack_sizes[line.item]) for line in lines],
        )
        for contract, lines in sorted(by_contract.items())
    ]
    _record(session, act, made, slot)
    return proposed


def _draft_line(line: Line, pack_size: int) -> LineDraft:
    return LineDraft(line.item, line.packs, pack_size, line.pack_price_minor, line.reason)


def _record(session: Session, act: Act, made: Draft, slot: str) -> None:
    payload = {
        "problem": made.problem.digest(),
        "plan": made.plan.digest(),
        "status": made.plan.status,
        "spend_minor": made.plan.spend_minor,
        "left_out": [[row.item, row.reason] for row in made.plan.left_out],
    }
    journal.record(session, act, action="reorder.run", subject=f"slot:{slot}", payload=payload, reason=made.note)
