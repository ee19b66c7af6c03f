"""Plans adopted by another, set in motion or drilled; transfers agreed beforehand wait for a named person."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import operations as allocation
from stockpile.allocation import queries as surges
from stockpile.catalogue import queries as catalogue
from stockpile.contingency import queries, rules
from stockpile.contingency.tables import (
    ContingencyPlan,
    ContingencyRun,
    ContingencyStep,
    ContingencyTransfer,
    DutyWatch,
)
from stockpile.errors import Conflict, Invalid
from stockpile.governance import queries as governance
from stockpile.governance.rules import require, require_other
from stockpile.inventory import queries as inventory
from stockpile.inventory import transfers
from stockpile.inventory.rules import DEPOT


class PlanState(Conflict):
    """The contingency plan, or its run, is not in the state that this needs."""

    code = "contingency_state"


class NotTriggered(Conflict):
    """The plan's trigger has not come."""

    code = "not_triggered"


class BelowFloor(Conflict):
    """The transfer would take what may not leave the pool, or more than is there."""

    code = "not_enough_for_transfer"


def note(
    session: Session, act: Act, action: str, subject: str, payload: Mapping[str, Any], *, reason: str = ""
) -> None:
    """A journal entry of this domain."""
    journal.record(session, act, action=action, subject=subject, payload=payload, reason=reason)


def propose(
    session: Session,
    act: Act,
    *,
    name: str,
    hazard: str,
    trigger_level: int,
    trigger: str,
    owner: str,
    steps: Sequence[Mapping[str, Any]],
    agreed: Sequence[Mapping[str, Any]],
) -> ContingencyPlan:
    """Propose a plan, or the next version of one: steps (office, what, within_hours), transfers (item, origin,
    member, quantity in base units). Another person adopts it."""
    require(act.actor, "contingency.propose")
    if not steps:
        raise Invalid("a plan needs at least one step", field="steps")
    for row, one in enumerate(agreed, start=1):
        _check_agreed(session, row, one)
    content = journal.canonical({"steps": [dict(one) for one in steps], "transfers": [dict(one) for one in agreed]})
    made = ContingencyPlan(
        name=name,
        version=1 + max((one.version for one in queries.plans(session) if one.name == name), default=0),
        hazard=hazard,
        trigger_level=trigger_level,
        trigger=trigger,
        owner=owner,
        content=content,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        state=rules.PROPOSED,
        proposed_by=act.actor.id,
        proposed_at=act.at,
    )
    session.add(made)
    session.flush()
    payload = {"name": name, "version": made.version, "digest": made.digest, "trigger_level": trigger_level}
    note(session, act, "contingency.propose", f"contingency:{made.id}", payload, reason=trigger)
    return made


def _check_agreed(session: Session, row: int, one: Mapping[str, Any]) -> None:
    item, origin = catalogue.item(session, one["item"]), inventory.site(session, one["origin"])
    governance.member(session, one["member"])
    if origin.kind != DEPOT:
        raise Invalid(f"transfer {row}: {origin.code} is no depot", field="transfers", row=row)
    if one["quantity"] <= 0 or one["quantity"] % item.pack_size:
        raise Invalid(
            f"transfer {row}: {one['quantity']} of {item.code} is not in whole packs of {item.pack_size}",
            field="transfers",
            row=row,
        )


def decide(session: Session, act: Act, *, number: int, adopt: bool, reason: str) -> ContingencyPlan:
    """Adopt or decline another person's plan; an adopted one replaces the version before it."""
    require(act.actor, "contingency.adopt")
    found = queries.one(session, ContingencyPlan, number, lock=True)
    if found.state != rules.PROPOSED:
        raise PlanState(f"contingency plan {number} is {found.state}", state=found.state)
    require_other(act.actor, {found.proposed_by: f"proposed contingency plan {number}"})
    for before in queries.plans(session) if adopt else ():
        if before.name == found.name and before.state == rules.ADOPTED:
            before.state = rules.REPLACED
            session.add(before)
    found.state = rules.ADOPTED if adopt else rules.DECLINED
    found.decided_by, found.decided_at = act.actor.id, act.at
    session.add(found)
    action = "contingency.adopt" if adopt else "contingency.decline"
    note(session, act, action, f"contingency:{number}", {"digest": found.digest}, reason=reason)
    return found


def start(session: Session, act: Act, *, number: int, surge: int | None = None) -> ContingencyRun:
    """Set an adopted plan in motion for an open surge of its level; without a surge it is a drill, and posts nothing.

    Its steps go to who is on duty, with their clocks. What was agreed
    beforehand is put forward, each transfer for a named person to confirm: of
    itself nothing moves.
    """
    require(act.actor, "contingency.start")
    plan = queries.one(session, ContingencyPlan, number, lock=True)
    if plan.state != rules.ADOPTED:
        raise PlanState(f"contingency plan {number} is {plan.state}: only an adopted one is used", state=plan.state)
    if surge is not None:
        _require_trigger(session, act, plan, surge)
    kind = rules.DRILL if surge is None else rules.ACTIVATION
    run = ContingencyRun(
        plan_id=number,
        kind=kind,
        surge_id=surge,
        state=rules.RUNNING,
        started_by=act.actor.id,
        started_at=act.at,
    )
    session.add(run)
    session.flush()
    assert run.id is not None
    _begin_steps(session, act, plan, run.id)
    _put_forward(session, act, plan, run)
    payload = {"kind": kind, "surge": surge, "digest": plan.digest, "run": run.id}
    note(session, act, "contingency.start", f"contingency:{number}", payload)
    return run


def _require_trigger(session: Session, act: Act, plan: ContingencyPlan, surge: int) -> None:
    allocation.open_surge(session, surge, at=act.at)
    found = surges.surge(session, surge)
    if found.level < plan.trigger_level or found.hazard != plan.hazard:
        raise NotTriggered(
            f"plan {plan.name} is for {plan.hazard} of level {plan.trigger_level} on; surge {surge} is "
            f"{found.hazard} of level {found.level}: drill it, or declare the surge anew",
            level=found.level,
        )


def _begin_steps(session: Session, act: Act, plan: ContingencyPlan, run: int) -> None:
    duty = {one.office: one.account_id for one in queries.watches(session, at=act.at)}
    session.add_all(
        ContingencyStep(
            run_id=run,
            number=number,
            office=one["office"],
            on_duty=duty.get(one["office"]),
            what=one["what"],
            due_at=act.at + timedelta(hours=one["within_hours"]),
        )
        for number, one in enumerate(rules.steps_of(json.loads(plan.content)), start=1)
    )


def _put_forward(session: Session, act: Act, plan: ContingencyPlan, run: ContingencyRun) -> None:
    """Each agreed transfer as a proposal, with what of it the depot could send now."""
    assert run.id is not None
    state = rules.DRILLED if run.kind == rules.DRILL else rules.WAITING
    for one in json.loads(plan.content)["transfers"]:
        there = sum(left for _, left in _lots(session, act, one["item"], one["origin"]))
        session.add(
            ContingencyTransfer(
                run_id=run.id,
                item_code=one["item"],
                origin=one["origin"],
                member_code=one["member"],
                quantity=one["quantity"],
                available=min(there, one["quantity"]),
                state=state,
            )
        )
    session.flush()


def _lots(session: Session, act: Act, item: str, origin: str) -> list[tuple[int, int]]:
    """What a depot could send of an item, first-expiring first: lot, base units."""
    stock = [one for one in inventory.usable_pool_stock(session, act.at) if (one.item, one.site) == (item, origin)]
    return [(one.lot_id, one.quantity) for one in sorted(stock, key=lambda one: (one.expiry, one.lot_id))]


def confirm(session: Session, act: Act, *, number: int, confirmed: bool, reason: str) -> ContingencyTransfer:
    """Confirm or refuse a transfer that was agreed beforehand, as another person than who set the plan in motion.

    Confirmed, its stock is reserved and a transfer opened, as an approved plan
    does; never below the reserve floor, and never in a drill.
    """
    require(act.actor, "contingency.release")
    found = queries.one(session, ContingencyTransfer, number, lock=True)
    run = queries.one(session, ContingencyRun, found.run_id, lock=True)
    if found.state != rules.WAITING or run.state != rules.RUNNING or run.kind != rules.ACTIVATION:
        raise PlanState(f"agreed transfer {number} is {found.state} in a run that is {run.state}", state=found.state)
    require_other(act.actor, {run.started_by: f"set the plan of run {run.id} in motion"})
    found.state = rules.CONFIRMED if confirmed else rules.REFUSED
    found.decided_by, found.decided_at, found.reason = act.actor.id, act.at, reason
    if confirmed:
        found.transfer_id = _arrange(session, act, found)
    session.add(found)
    payload = {"state": found.state, "transfer": found.transfer_id, "quantity": found.quantity}
    note(session, act, "contingency.release", f"contingency_transfer:{number}", payload, reason=reason)
    return found


def _arrange(session: Session, act: Act, found: ContingencyTransfer) -> int | None:
    catalogue.lock(session, {found.item_code})
    pool = sum(one.quantity for one in inventory.usable_pool_stock(session, act.at) if one.item == found.item_code)
    floor = inventory.floors(session, governance.local_day(session, act.at)).get(found.item_code, 0)
    parts = rules.first_to_expire(_lots(session, act, found.item_code, found.origin), found.quantity)
    if sum(part for _, part in parts) < found.quantity or pool - found.quantity < floor:
        raise BelowFloor(
            f"{found.origin} can send {sum(part for _, part in parts)} of {found.quantity} {found.item_code}; the "
            f"pool has {pool} and keeps {floor} as its reserve: decide on the floor first, or ask for it in the surge",
            pool=pool,
            floor=floor,
        )
    place = inventory.points_of_use(session)[found.member_code]
    source = f"contingency:{found.id}"
    made = transfers.arrange(
        session,
        act,
        source=source,
        parts=[transfers.Part(found.origin, place, lot, found.member_code, source, part) for lot, part in parts],
    )
    return made[0].id


def finish_step(session: Session, act: Act, *, run: int, number: int, remark: str) -> ContingencyStep:
    """Note that a step is done, by whom and when."""
    require(act.actor, "contingency.step")
    found = session.get(ContingencyStep, (run, number), with_for_update=True)
    if found is None:
        raise queries.Unknown(f"run {run} has no step {number}", field="number", value=number)
    if found.done_at is not None or queries.one(session, ContingencyRun, run).state != rules.RUNNING:
        raise PlanState(f"step {number} of run {run} is done already, or the run is over")
    found.done_at, found.done_by, found.note = act.at, act.actor.id, remark
    session.add(found)
    late = act.at > found.due_at
    note(session, act, "contingency.step", f"contingency_run:{run}", {"step": number, "late": late}, reason=remark)
    return found


def finish(session: Session, act: Act, *, run: int, lesson: str) -> ContingencyRun:
    """End a run with what was learned; transfers that nobody confirmed are refused with it."""
    require(act.actor, "contingency.start")
    found = queries.one(session, ContingencyRun, run, lock=True)
    if found.state != rules.RUNNING:
        raise PlanState(f"run {run} is {found.state}", state=found.state)
    for one in queries.transfers(session, run):
        if one.state == rules.WAITING:
            one.state, one.reason = rules.REFUSED, "nobody confirmed it before the run ended"
            session.add(one)
    found.state, found.ended_at, found.lesson = rules.OVER, act.at, lesson
    session.add(found)
    undone = [one.number for one in queries.steps(session, run) if one.done_at is None]
    note(session, act, "contingency.end", f"contingency_run:{run}", {"undone": undone}, reason=lesson)
    return found


def set_watch(
    session: Session, act: Act, *, office: str, account: str, starts_at: datetime, ends_at: datetime
) -> DutyWatch:
    """Put somebody on duty for an office; nobody else is on duty there at the same time."""
    require(act.actor, "duty.set")
    if starts_at >= ends_at or ends_at <= act.at:
        raise Invalid("a watch ends after it begins, and not before now", field="ends_at")
    holder = governance.account_by_name(session, account)
    assert holder.id is not None
    for one in queries.watches(session):
        if one.office == office and one.starts_at < ends_at and starts_at < one.ends_at:
            raise Conflict(
                f"{office} is kept from {one.starts_at:%Y-%m-%d %H:%M} to {one.ends_at:%Y-%m-%d %H:%M} UTC already",
                field="starts_at",
                watch=one.id,
            )
    made = DutyWatch(
        office=office,
        account_id=holder.id,
        starts_at=starts_at,
        ends_at=ends_at,
        set_by=act.actor.id,
        recorded_at=act.recorded_at,
    )
    session.add(made)
    session.flush()
    payload = {"account": account, "from": starts_at.isoformat(), "until": ends_at.isoformat()}
    note(session, act, "duty.set", f"office:{office}", payload)
    return made
