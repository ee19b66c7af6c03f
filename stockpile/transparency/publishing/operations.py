"""Publishing what was decided: the public problem and plan of each approved plan, once its delay is over."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict

from sqlmodel import Session, col, select

from optimizer.allocation.check import check
from optimizer.allocation.plan import plan_from_json
from optimizer.allocation.problem import problem_from_json
from stockpile import journal
from stockpile.actor import Act
from stockpile.allocation import queries as allocation
from stockpile.allocation import rules as deciding
from stockpile.allocation.tables import Plan
from stockpile.catalogue import queries as catalogue
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import queries as inventory
from stockpile.inventory.rules import DEPOT
from stockpile.transparency.publishing import queries, rules
from stockpile.transparency.publishing.tables import Publication
from stockpile.transparency.redaction import rules as redaction


class NotYet(Conflict):
    """The plan may not be published now."""

    code = "not_to_be_published_yet"


class NoCorrection(Invalid):
    """What is published already is corrected only with a reason."""

    code = "correction_without_reason"


def publish_due(session: Session, act: Act) -> list[Publication]:
    """Publish every approved plan whose delay is over and that is not published; returns the new publications."""
    require(act.actor, "publications.run")
    published = set(session.exec(select(Publication.plan_id)))
    ripe = act.at - redaction.PLAN_DELAY
    due = select(Plan.id).where(Plan.state == deciding.APPROVED, col(Plan.approved_at) <= ripe).order_by(col(Plan.id))
    waiting = [number for number in session.exec(due) if number is not None and number not in published]
    return [publish(session, act, plan_number=number) for number in waiting]


def publish(session: Session, act: Act, *, plan_number: int, correction: str = "") -> Publication:
    """Publish one approved plan whose delay is over. A second time only as a correction with its reason.

    The journal keeps the hashes of the public and of the full files.
    """
    require(act.actor, "publications.run")
    plan = allocation.plan(session, plan_number, lock=True)
    if plan.state != deciding.APPROVED or plan.approved_at is None:
        raise NotYet(f"plan {plan_number} is {plan.state}: only approved plans are published", state=plan.state)
    if plan.approved_at + redaction.PLAN_DELAY > act.at:
        ripe = (plan.approved_at + redaction.PLAN_DELAY).isoformat()
        raise NotYet(f"plan {plan_number} may be published from {ripe} on", from_=ripe)
    earlier = queries.versions(session, plan_number)
    if earlier and not correction.strip():
        raise NoCorrection(f"plan {plan_number} is published: say what the new version corrects", field="correction")
    row = _row(session, act, plan, version=len(earlier) + 1, correction=correction)
    session.add(row)
    session.flush()
    payload = {
        "plan": plan_number,
        "version": row.version,
        "policy": row.policy,
        "public": {"problem": row.problem_digest, "plan": row.answer_digest},
        "full": {"problem": plan.problem_digest, "plan": plan.answer_digest},
        "withheld": [one["item"] for one in json.loads(row.withheld)],
    }
    journal.record(
        session, act, action="plan.publish", subject=f"plan:{plan_number}", payload=payload, reason=correction
    )
    return row


def _row(session: Session, act: Act, plan: Plan, *, version: int, correction: str) -> Publication:
    problem = problem_from_json(plan.problem)
    depots = {site.code: site.country for site in inventory.sites(session).values() if site.kind == DEPOT}
    made = rules.public_plan(
        problem,
        plan_from_json(plan.answer, problem),
        countries=depots,
        controlled=frozenset(item.code for item in catalogue.items(session).values() if item.controlled),
        told=_groups_told(session),
    )
    assert plan.id is not None
    noted = [*made.withheld, *_changed(session, plan.id, {pool.item for pool in made.problem.pools})]
    return Publication(
        plan_id=plan.id,
        version=version,
        policy=redaction.VERSION,
        correction=correction,
        problem=made.problem.canonical().decode(),
        problem_digest=made.problem.digest(),
        answer=made.plan.canonical().decode(),
        answer_digest=made.plan.digest(),
        fair=check(made.problem, made.plan).fair,
        withheld=journal.canonical([asdict(one) for one in noted]),
        blocks=journal.canonical(made.blocks),
        published_by=act.actor.id,
        published_at=act.at,
    )


def _changed(session: Session, plan_number: int, told: set[str]) -> list[rules.Withheld]:
    """The told items of which people changed lines."""
    lines = {line.id: line.request_id for line in allocation.plan_lines(session, plan_number)}
    changed = {lines[one.plan_line_id] for one in allocation.overrides(session, plan_number) if one.confirmed_by}
    items = {request.item_code for request in allocation.requests_by_number(session, changed).values()}
    return [rules.Withheld(item, rules.CHANGED) for item in sorted(items & told)]


def _groups_told(session: Session) -> dict[str, list[list[str]]]:
    """The groups of depots over which an item's stock was published before, by item."""
    told: dict[str, list[list[str]]] = defaultdict(list)
    for text in set(session.exec(select(Publication.blocks))):
        for item, groups in json.loads(text).items():
            told[item] += list(groups.values())
    return told
