"""What is published: surges, who got what and why, the fairness panel, decisions, and the files of each plan."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile.allocation import queries as allocation
from stockpile.allocation import rules as deciding
from stockpile.allocation.tables import Plan, PlanResult, Surge
from stockpile.catalogue import queries as catalogue
from stockpile.contingency import queries as contingency
from stockpile.contingency import rules as reviewing
from stockpile.errors import Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.journal import JournalEntry
from stockpile.transparency.publishing.tables import Publication
from stockpile.transparency.redaction import fairness, rules

Rows = list[dict[str, Any]]


class NotPublished(NotFound):
    """There is no such publication."""

    code = "not_published"


class WrongPeriod(Invalid):
    """A period that cannot be read."""

    code = "wrong_period"


DECISIONS: Final = {
    "surge.declare": "a surge was declared",
    "surge.close": "a surge was closed",
    "plan.approve": "an allocation was approved",
    "plan.publish": "an allocation was published",
    "calloff.approve": "an order was approved",
    "floor.set": "a reserve floor was set",
    "contract.terms": "terms of a contract were set",
    "period.close": "a period was closed",
    "figure.set": "a figure of the rules was set",
    "grievance.decide": "a grievance was decided",
    "grievance.buffer": "an appeal was served from the buffer",
    "remedy.open": "a remedial action was opened",
    "remedy.close": "a remedial action was closed",
    "decision.open": "a vote of the committee began",
    "decision.provisional": "an emergency was carried out, to be ratified",
    "decision.adopted": "the committee adopted a decision",
    "decision.rejected": "the committee rejected a decision",
    "decision.lapsed": "a vote lapsed without a quorum",
    "decision.ratified": "the committee ratified an emergency",
    "decision.not_ratified": "an emergency was not ratified",
    "rights.change": "the decision rights were changed",
    "policy.adopt": "a sharing policy was adopted",
    "contract.adopt": "an amendment of a contract was adopted",
    "tender.award": "the lots of a tender were awarded",
    "agreement.adopt": "a version of the agreement was adopted",
    "member.active": "a municipality was admitted",
    "member.suspended": "a municipality was suspended",
    "member.exited": "a municipality left",
    "promise.set": "an entitlement or a buffer was set",
    "settlement.close": "a settlement was closed",
}
"""The decisions that are told, by the journal's action; others are in the sealed journal for auditors."""


def versions(session: Session, plan_number: int) -> list[Publication]:
    """All published versions of a plan, oldest first."""
    query = select(Publication).where(Publication.plan_id == plan_number)
    return list(session.exec(query.order_by(col(Publication.version))))


def version(session: Session, plan_number: int, number: int | None = None) -> Publication:
    """One version of a plan's publication, the newest when none is named; refuses where there is none."""
    found = [row for row in versions(session, plan_number) if number in (None, row.version)]
    if not found:
        which = "is not published" if number is None else f"has no published version {number}"
        raise NotPublished(f"plan {plan_number} {which}", field="plan", value=plan_number)
    return found[-1]


def publications(session: Session) -> Rows:
    """One row per published version of a plan: its files, their hashes, and what is left out."""
    query = select(Publication).order_by(col(Publication.plan_id), col(Publication.version))
    return [
        {
            "plan": row.plan_id,
            "version": row.version,
            "published_at": row.published_at.isoformat(),
            "policy": row.policy,
            "correction": row.correction,
            "problem_file": f"/public/plans/{row.plan_id}/{row.version}/problem.json",
            "problem_sha256": row.problem_digest,
            "plan_file": f"/public/plans/{row.plan_id}/{row.version}/plan.json",
            "plan_sha256": row.answer_digest,
            "fair": row.fair,
            "withheld": "; ".join(f"{one['item']}: {one['reason']}" for one in json.loads(row.withheld)),
        }
        for row in session.exec(query)
    ]


def surges(session: Session) -> Rows:
    """One row per surge, newest first."""
    approved: dict[int, int] = defaultdict(int)
    for plan in _approved(session):
        approved[plan["surge_id"]] += 1
    return [
        {
            "surge": row.id,
            "hazard": row.hazard,
            "level": row.level,
            "declared_at": row.declared_at.isoformat(),
            "state": row.state,
            "closed_at": row.closed_at.isoformat() if row.closed_at else None,
            "plans": approved[row.id or 0],
        }
        for row in session.exec(select(Surge).order_by(col(Surge.id).desc()))
    ]


def _approved(session: Session) -> Rows:
    return [head for head in reversed(allocation.plan_heads(session)) if head["state"] == deciding.APPROVED]


def results(session: Session, *, surge: int | None = None, member: str | None = None) -> list[PlanResult]:
    """Results of approved plans for items that are not controlled, in the order of plans."""
    numbers = [head["id"] for head in _approved(session) if surge in (None, head["surge_id"])]
    controlled = [item.code for item in catalogue.items(session).values() if item.controlled]
    query = select(PlanResult).where(col(PlanResult.plan_id).in_(numbers), col(PlanResult.item_code).not_in(controlled))
    query = query.where(PlanResult.member_code == member) if member else query
    return list(session.exec(query.order_by(col(PlanResult.plan_id), col(PlanResult.id))))


def allocations(session: Session, *, surge: int | None = None, member: str | None = None) -> Rows:
    """One row per plan, municipality and item that is not controlled: who got what and why, base units."""
    heads = {head["id"]: head for head in _approved(session)}
    members, items = governance.members(session), catalogue.items(session)
    merged: dict[tuple[int, str, str], list[PlanResult]] = defaultdict(list)
    for row in results(session, surge=surge, member=member):
        merged[row.plan_id, row.member_code, row.item_code].append(row)
    told = []
    for (plan, code, item), rows in merged.items():
        head, got, need = heads[plan], sum(r.got for r in rows), sum(r.validated for r in rows)
        told.append(
            {
                "surge": head["surge_id"],
                "plan": plan,
                "approved_at": head["approved_at"].isoformat(),
                "municipality": code,
                "name": members[code].name,
                "country": members[code].country,
                "item": item,
                "item_name": items[item].name,
                "unit": items[item].base_unit,
                "asked": sum(r.asked for r in rows),
                "validated": need,
                "got": got,
                "fill_permille": deciding.permille(got, need),
                "reason_code": rows[0].reason_code,
                "reason": rules.explanation(rows[0].reason_code),
                "rule": head["rule"],
                "method": head["method"],
            }
        )
    return told


def totals(session: Session) -> Rows:
    """One row per surge and municipality: packs asked, given, and the lowest and median fill over its items."""
    return [row for head in surges(session) for row in _totals_of(session, head["surge"])]


def _totals_of(session: Session, surge: int) -> Rows:
    members, items = governance.members(session), catalogue.items(session)
    found: dict[str, list[PlanResult]] = defaultdict(list)
    for row in results(session, surge=surge):
        found[row.member_code].append(row)
    told = []
    for code, rows in sorted(found.items(), key=lambda one: members[one[0]].name):
        need = fairness.need_once((r.member_code, r.item_code, r.validated, r.got) for r in rows)
        fills = sorted(deciding.permille(got, wanted) for got, wanted in need.values() if wanted)
        given = sum(got // items[item].pack_size for (_, item), (got, _) in need.items())
        wanted = sum(wanted // items[item].pack_size for (_, item), (_, wanted) in need.items())
        told.append(
            {
                "surge": surge,
                "municipality": code,
                "name": members[code].name,
                "country": members[code].country,
                "items": len(need),
                "packs_needed": wanted,
                "packs_given": given,
                "lowest_fill_permille": fills[0] if fills else 1000,
                "median_fill_permille": fills[len(fills) // 2] if fills else 1000,
            }
        )
    return told


def controlled_sums(session: Session, *, at: datetime) -> Rows:
    """One row per plan, country and controlled item: sums over enough municipalities, after the delay."""
    ripe = [head for head in _approved(session) if head["approved_at"] + rules.CONTROLLED_DELAY <= at]
    controlled = [item.code for item in catalogue.items(session).values() if item.controlled]
    query = select(PlanResult).where(
        col(PlanResult.plan_id).in_([head["id"] for head in ripe]), col(PlanResult.item_code).in_(controlled)
    )
    members = governance.members(session)
    groups: dict[tuple[int, str, str], list[PlanResult]] = defaultdict(list)
    for row in session.exec(query.order_by(col(PlanResult.id))):
        groups[row.plan_id, row.item_code, members[row.member_code].country].append(row)
    return [
        {
            "plan": plan,
            "item": item,
            "country": country,
            "validated": sum(r.validated for r in rows),
            "got": sum(r.got for r in rows),
        }
        for (plan, item, country), rows in sorted(groups.items())
        if len({r.member_code for r in rows if r.got}) >= rules.FEWEST_MEMBERS
    ]


def fairness_panel(session: Session) -> Rows:
    """One row per surge and item: lowest and median fill, and given per head, highest over lowest, with its alert."""
    members, items = governance.members(session), catalogue.items(session)
    told = []
    for head in surges(session):
        by_item: dict[str, list[PlanResult]] = defaultdict(list)
        for row in results(session, surge=head["surge"]):
            by_item[row.item_code].append(row)
        for code, rows in sorted(by_item.items()):
            need = fairness.need_once((r.member_code, code, r.validated, r.got) for r in rows if r.reachable)
            shares = [fairness.Share(m, members[m].population, want, got) for (m, _), (got, want) in need.items()]
            panel = fairness.panel(shares)
            told.append({"surge": head["surge"], "item": code, "item_name": items[code].name, **panel.row(members)})
    return told


def decisions(session: Session, *, limit: int = 1000) -> Rows:
    """One row per told decision, newest first: when, what, about what, and its place in the journal."""
    query = select(JournalEntry).where(col(JournalEntry.action).in_(DECISIONS)).order_by(col(JournalEntry.id).desc())
    return [
        {
            "entry": row.id,
            "at": row.effective_at.isoformat(),
            "action": row.action,
            "what": DECISIONS[row.action],
            "about": about(row.subject),
            "leaf_hash": row.leaf_hash,
        }
        for row in session.exec(query.limit(limit))
    ]


def about(subject: str) -> str:
    """What a decision is about: numbers and codes that are public themselves, nothing else."""
    kind, _, key = subject.partition(":")
    return subject if kind in PUBLIC_SUBJECTS and ":" not in key else kind


PUBLIC_SUBJECTS: Final = frozenset(
    {
        *("surge", "plan", "calloff", "contract", "grievance", "remedy", "figure", "decision", "rights"),
        *("member", "settlement", "tender"),
    }
)


def municipalities(session: Session) -> Rows:
    """The members, by name."""
    rows = sorted(governance.members(session).values(), key=lambda m: (m.name, m.code))
    return [{"municipality": m.code, "name": m.name, "country": m.country, "population": m.population} for m in rows]


def named(rows: Iterable[dict[str, Any]], **wanted: Any) -> Rows:
    """The rows with these values."""
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def plan_of(session: Session, number: int) -> Plan:
    """An approved plan; refuses every other, for a plan that waits is not public."""
    found = session.get(Plan, number)
    if found is None or found.state != deciding.APPROVED:
        raise NotPublished(f"plan {number} is not published", field="plan", value=number)
    return found


def peer_reviews(session: Session) -> Rows:
    """Reviews of one municipality by another that are concluded, newest first, with how their actions were kept."""
    members = governance.members(session)
    told = []
    for found in contingency.reviews(session):
        row, actions = found["review"], found["actions"]
        if row.kind != reviewing.PEER or row.state != reviewing.CLOSED:
            continue
        late = sum(one.done_at is None or governance.local_day(session, one.done_at) > one.due for one in actions)
        told.append(
            {
                "review": row.id,
                "reviewer": row.reviewer,
                "reviewer_name": members[row.reviewer].name,
                "municipality": row.member_code,
                "name": members[row.member_code].name,
                "opened_at": row.opened_at.isoformat(),
                "closed_at": row.closed_at.isoformat(),
                "actions": len(actions),
                "done_in_time": len(actions) - late,
                "done_late": late,
            }
        )
    return told
