"""From plan to transfers: overrides by two people, and approval by someone who made none of it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Engine, update
from sqlmodel import Session, col, select

from optimizer.allocation import check as checker
from optimizer.allocation.plan import Line, Plan, PoolPlan, plan_from_json
from optimizer.allocation.problem import Problem, problem_from_json
from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import operations, planning, queries, rules, snapshot
from stockpile.allocation.tables import Override, PlanLine, PlanResult, Request
from stockpile.allocation.tables import Plan as StoredPlan
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading, rows_changed, transact
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance.committee import gate
from stockpile.governance.committee.gate import Effect, Urgency
from stockpile.governance.rules import require, require_other
from stockpile.inventory import queries as inventory
from stockpile.inventory import transfers
from stockpile.inventory.tables import Transfer


class PlanState(Conflict):
    """The plan is not in the state that this needs."""

    code = "plan_state"


class StalePlan(Conflict):
    """Stock, requests or lanes have changed since the plan was computed: compute it again."""

    code = "stale_plan"


class NotAccepted(Conflict):
    """The independent checker does not accept the plan as it stands."""

    code = "plan_not_accepted"


class Unconfirmed(Conflict):
    """An override waits for a second person."""

    code = "override_unconfirmed"


def propose_override(
    session: Session, act: Act, *, plan_number: int, line_id: int, new_quantity: int, reason: str
) -> Override:
    """Propose another quantity for a line (base units, whole packs); it counts once a second person confirms it."""
    require(act.actor, "plan.override")
    plan = queries.plan(session, plan_number, lock=True)
    _require_computed(session, plan)
    line = _line(session, plan_number, line_id)
    _check_override(session, line, new_quantity, reason)
    override = Override(
        plan_id=plan_number,
        plan_line_id=line_id,
        old_quantity=line.quantity,
        new_quantity=new_quantity,
        reason=reason,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(override)
    session.flush()
    payload = {"line": line_id, "old": line.quantity, "new": new_quantity, "override": override.id}
    journal.record(session, act, action="plan.override", subject=f"plan:{plan_number}", payload=payload, reason=reason)
    return override


def confirm_override(session: Session, act: Act, *, number: int) -> Override:
    """Confirm another person's override: the line changes, and the checker judges the plan as it then stands."""
    require(act.actor, "plan.approve")
    override = session.get(Override, number)
    if override is None:
        raise NotFound(f"there is no override {number}", field="override", value=number)
    if override.confirmed_by is not None:
        raise Conflict(f"override {number} is confirmed already")
    require_other(act.actor, {override.proposed_by: f"proposed override {number}"})
    plan = queries.plan(session, override.plan_id, lock=True)
    session.refresh(override)
    if override.confirmed_by is not None:
        raise Conflict(f"override {number} is confirmed already")
    _require_computed(session, plan)
    line = _line(session, override.plan_id, override.plan_line_id)
    if line.quantity != override.old_quantity:
        raise Conflict(f"line {line.id} was {override.old_quantity} when this was proposed and is {line.quantity} now")
    line.quantity, line.reason_code, line.reason = override.new_quantity, rules.OVERRIDDEN, override.reason
    override.confirmed_by, override.confirmed_at = act.actor.id, act.at
    session.add_all([line, override])
    session.flush()
    _judge_again(session, plan)
    payload = {"override": number, "feasible": plan.feasible, "fair": plan.fair, "kept": plan.kept}
    journal.record(session, act, action="plan.override.confirm", subject=f"plan:{plan.id}", payload=payload)
    return override


def approve(session: Session, act: Act, *, plan_number: int) -> list[Transfer]:
    """Approve a plan: its stock is reserved and one transfer per depot and point of use opened.

    Refuses who planned it, overrode it or made one of its requests; a plan
    that the checker does not accept; and a plan whose stock, requests or lanes
    have changed since (StalePlan).
    """
    require(act.actor, "plan.approve")
    plan = queries.plan(session, plan_number)
    _claim(session, plan)
    operations.open_surge(session, plan.surge_id, at=act.at)
    lines = queries.plan_lines(session, plan_number)
    results = queries.plan_results(session, plan_number)
    requests = queries.requests_by_number(session, {result.request_id for result in results}, lock=True)
    leaving = {_leaving(session, line, requests) for line in lines}
    catalogue.lock(session, {request.item_code for request in requests.values()} | leaving)
    require_other(act.actor, _authors(session, plan, requests))
    problem = _fresh_problem(session, act, plan, requests)
    _accept(session, plan, problem, lines)
    parts = [_part(line, requests[line.request_id]) for line in lines if line.quantity]
    made = transfers.arrange(session, act, source=f"plan:{plan_number}", parts=parts) if parts else []
    _conclude(session, results, requests)
    plan.approved_by, plan.approved_at = act.actor.id, act.at
    session.add(plan)
    under = gate.decide(session, act, _effect(session, act, plan, lines, requests))
    payload = {"problem": plan.problem_digest, "plan": plan.answer_digest, "transfers": [t.id for t in made]}
    journal.record(session, act, action="plan.approve", subject=f"plan:{plan_number}", payload=payload | under.told)
    return made


def _effect(
    session: Session, act: Act, plan: StoredPlan, lines: Sequence[PlanLine], requests: dict[int, Request]
) -> Effect:
    """What is approved, at the level of its surge; how soon it is needed, and what it takes of the pool."""
    surge = queries.surge(session, plan.surge_id)
    digests = {"problem": plan.problem_digest, "plan": plan.answer_digest, "lines": _lines_digest(lines)}
    served = [requests[line.request_id] for line in lines if line.quantity]
    soonest = min((one.need_by for one in served), default=None)
    urgency = Urgency(
        began_at=surge.declared_at,
        hours_left=(soonest - act.at).total_seconds() / 3600 if soonest else None,
        pool_permille=_pool_permille(session, lines, requests),
    )
    return Effect("plan.approve", f"plan:{plan.id}", digests, level=surge.level, urgency=urgency)


def _pool_permille(session: Session, lines: Sequence[PlanLine], requests: dict[int, Request]) -> int:
    """What a plan, reserved already, takes of all that the pool had available, in packs, rounded up."""
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    taken = sum(line.quantity // sizes[_leaving(session, line, requests)] for line in lines)
    left = sum(one.quantity // sizes[one.item] for one in inventory.pool_stock(session))
    return -(-taken * 1000 // (taken + left)) if taken else 0


def _leaving(session: Session, line: PlanLine, requests: dict[int, Request]) -> str:
    """The item of which a line sends: the one asked for, or its substitute."""
    if line.stands_for is None:
        return requests[line.request_id].item_code
    return inventory.lot(session, line.lot_id).item_code


def _lines_digest(lines: Sequence[PlanLine]) -> str:
    """SHA-256 over what is really sent, overrides included: the plan's own digest does not know them."""
    sent = sorted([line.request_id, line.lot_id, line.site_code, line.quantity] for line in lines)
    return hashlib.sha256(journal.canonical(sent).encode()).hexdigest()


def _claim(session: Session, plan: StoredPlan) -> None:
    """Take the plan from computed to approved; of two who try at once, one is refused."""
    claimed = update(StoredPlan).where(col(StoredPlan.id) == plan.id, col(StoredPlan.state) == rules.COMPUTED)
    taken = rows_changed(session, claimed.values(state=rules.APPROVED))
    session.refresh(plan)
    if not taken:
        _require_computed(session, plan)
        raise PlanState(f"plan {plan.id} is {plan.state}", state=plan.state)


def recompute_if_stale(engine: Engine, act: Act, *, plan_number: int, limit_seconds: float) -> int | None:
    """Compute a plan again whose stock, needs or lanes have changed; the new plan's number, or None where it stands.

    The old plan is superseded, and approving it is then refused with the number of the new one.
    """
    with reading(engine) as session:
        plan = queries.plan(session, plan_number)
        if plan.state != rules.COMPUTED:
            return None
        results = queries.plan_results(session, plan_number)
        requests = queries.requests_by_number(session, {result.request_id for result in results})
        try:
            _fresh_problem(session, act, plan, requests)
            return None
        except StalePlan:
            surge_id = plan.surge_id
    made = planning.draft(engine, act, surge_id=surge_id, limit_seconds=limit_seconds)
    return transact(engine, lambda session: planning.store(session, act, made=made, replaces=plan_number)).id


def _require_computed(session: Session, plan: StoredPlan) -> None:
    if plan.state == rules.SUPERSEDED:
        newest = queries.plan_heads(session, plan.surge_id, limit=1)[0]
        same = newest["answer_digest"] == plan.answer_digest
        why = "with the same outcome" if same else "because needs, stock, lanes or the policy changed"
        raise PlanState(
            f"plan {plan.id} was computed again, {why}: see plan {newest['id']}, which is {newest['state']}",
            state=plan.state,
            newest=newest["id"],
        )
    if plan.state != rules.COMPUTED:
        raise PlanState(f"plan {plan.id} is {plan.state}", state=plan.state)


def _line(session: Session, plan_number: int, line_id: int) -> PlanLine:
    line = session.get(PlanLine, line_id)
    if line is None or line.plan_id != plan_number:
        raise NotFound(f"plan {plan_number} has no line {line_id}", field="line", value=line_id)
    return line


def _check_override(session: Session, line: PlanLine, new_quantity: int, reason: str) -> None:
    if line.stands_for is not None:
        raise Invalid(
            f"line {line.id} is a substitute, by the ratio that a pharmacist approved: compute the plan again for a "
            "request that takes none",
            field="line",
        )
    request = queries.request(session, line.request_id)
    pack_size = catalogue.item(session, request.item_code).pack_size
    if new_quantity < 0 or new_quantity % pack_size or new_quantity == line.quantity:
        raise Invalid(
            f"an override needs another quantity than {line.quantity}, in whole packs of {pack_size}",
            field="new_quantity",
        )
    if not reason.strip():
        raise Invalid("an override needs a reason", field="reason")


def _authors(session: Session, plan: StoredPlan, requests: dict[int, Request]) -> dict[int, str]:
    authors = {
        request.requested_by: f"made request {request.id}, which this plan serves" for request in requests.values()
    }
    by_hand = {row.validated_by: row.id for row in requests.values() if row.validated_by is not None}
    authors |= {account: f"validated request {number} by hand" for account, number in by_hand.items()}
    for override in queries.overrides(session, plan.id or 0):
        if override.confirmed_by is None:
            raise Unconfirmed(f"override {override.id} waits for a second person", override=override.id)
        authors[override.proposed_by] = f"proposed override {override.id}"
    while plan.replaces is not None:
        authors[plan.planned_by] = f"computed plan {plan.id}"
        plan = queries.plan(session, plan.replaces)
    return authors | {plan.planned_by: f"computed plan {plan.id}"}


def _fresh_problem(session: Session, act: Act, plan: StoredPlan, requests: dict[int, Request]) -> Problem:
    stale = [request.id for request in requests.values() if request.state != rules.VALIDATED]
    if stale:
        raise StalePlan(f"request {stale[0]} is no longer open: compute the plan again", requests=stale)
    now = snapshot.take(session, [requests[number] for number in sorted(requests)], at=act.at)
    if now.problem.digest() != plan.problem_digest:
        raise StalePlan(
            f"stock, needs or lanes have changed since plan {plan.id} was computed: compute it again",
            computed_for=plan.problem_digest,
            now=now.problem.digest(),
        )
    return now.problem


def _accept(session: Session, plan: StoredPlan, problem: Problem, lines: Sequence[PlanLine]) -> None:
    verdict = checker.check(problem, _as_it_stands(session, plan, lines))
    overridden = any(line.reason_code == rules.OVERRIDDEN for line in lines)
    if not verdict.feasible or not (verdict.labelled or overridden):
        raise NotAccepted(
            f"the checker does not accept plan {plan.id}: {'; '.join(verdict.findings[:5])}",
            findings=list(verdict.findings),
        )


def _judge_again(session: Session, plan: StoredPlan) -> None:
    lines = queries.plan_lines(session, plan.id or 0)
    verdict = checker.check(problem_from_json(plan.problem), _as_it_stands(session, plan, lines))
    plan.feasible, plan.fair, plan.findings = verdict.feasible, verdict.fair, "\n".join(verdict.findings)
    plan.kept, plan.checked = verdict.kept, "\n".join(verdict.checked)
    session.add(plan)
    got: dict[int, int] = defaultdict(int)
    for line in lines:
        got[line.request_id] += line.counts
    for result in session.exec(select(PlanResult).where(PlanResult.plan_id == plan.id)):
        if result.got != got[result.request_id]:
            result.got, result.reason_code = got[result.request_id], rules.OVERRIDDEN
            result.reason = "changed by a person and confirmed by another: see the plan's overrides"
            session.add(result)


def _as_it_stands(session: Session, plan: StoredPlan, lines: Sequence[PlanLine]) -> Plan:
    """The stored plan with its lines as they are now, overrides included; swaps of substitutes stand as they are."""
    computed = plan_from_json(plan.answer)
    items = catalogue.items(session)
    requests = queries.requests_by_number(session, {line.request_id for line in lines})
    by_item: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        request = requests[line.request_id]
        packs = line.quantity // items[request.item_code].pack_size
        if packs and line.stands_for is None:
            lot = f"{line.lot_id}@{line.site_code}"
            by_item[request.item_code].append(Line(lot, snapshot.drop_id(request), packs))
    pools = tuple(
        PoolPlan(pool.item, tuple(by_item.get(pool.item, ())), pool.set_aside, pool.bottlenecks)
        for pool in computed.pools
    )
    return replace(computed, pools=pools)


def _part(line: PlanLine, request: Request) -> transfers.Part:
    return transfers.Part(
        origin=line.site_code,
        destination=request.point_of_use,
        lot_id=line.lot_id,
        member=request.member_code,
        reference=f"request:{request.id}",
        quantity=line.quantity,
        priority=request.priority,
    )


def _conclude(session: Session, results: Sequence[PlanResult], requests: dict[int, Request]) -> None:
    for result in results:
        request = requests[result.request_id]
        request.allocated = result.got
        request.state = rules.state_after(got=result.got, validated=result.validated)
        session.add(request)
