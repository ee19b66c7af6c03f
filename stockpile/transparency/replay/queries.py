"""Replaying a plan, and drawing samples from the journal that anybody draws alike."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.allocation import queries as allocation
from stockpile.allocation import replaying, standins
from stockpile.allocation.carrying import queries as carrying
from stockpile.allocation.replaying import Masked
from stockpile.allocation.tables import Plan
from stockpile.catalogue import queries as catalogue
from stockpile.db import reading
from stockpile.governance import queries as governance
from stockpile.governance.committee import queries as committee
from stockpile.inventory import rules as stock
from stockpile.inventory.periods import queries as periods

JUST_BEFORE: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Replay:
    """A plan replayed: `differences` is empty where everything is as it was.

    `stock_then`: lots of which the ledger, by what was recorded as the plan was
    computed, stood otherwise than the plan took for granted; `stock_since`: those
    of which it says otherwise by entries made since. `carried_then`: limits and substitutes of the problem that were
    otherwise by what was recorded as it was computed. `votes` are those of the committee on this plan.
    """

    plan: int
    planned_at: datetime
    state: str
    rule: str
    method: str
    rights_version: int
    problem_digest: str
    answer_digest: str
    recomputed: str
    approved: dict[str, Any] | None
    overrides: list[dict[str, Any]]
    votes: list[dict[str, Any]]
    stock_then: list[str]
    stock_since: list[str]
    carried_then: list[str]
    differences: list[str] = field(default_factory=list)
    masked: Masked | None = None

    @property
    def same(self) -> bool:
        """Whether everything is as it was."""
        return not self.differences


def replay(
    engine: Engine,
    number: int,
    *,
    limit_seconds: float,
    mask: bool = False,
    seed: str = "",
    cancel: Event | None = None,
) -> Replay:
    """Rebuild a plan from its stored inputs and compute it again; with `mask` also with all names hidden.

    The plan is solved outside any transaction, from one snapshot of what is stored; `cancel` ends that early.
    """
    with reading(engine) as session:
        plan = allocation.plan(session, number)
        told = entries_of(session, f"plan:{number}")
        differences = [*_inputs(plan), *_journaled(plan, told)]
        known = recorded(told)
        then, since = _stock(session, plan, known=known), _stock(session, plan, known=None)
        rights = committee.in_force(session, at=plan.planned_at)
        votes, overrides = _votes(session, number), _overrides(session, number)
        carried_then = [*_limits(session, plan, told), *_stand_ins(session, plan)]
    answer = replaying.again(plan.problem, method=plan.method, limit_seconds=limit_seconds, cancel=cancel)
    if answer != plan.answer:
        differences.append("the plan computed again is not byte for byte the plan that was stored")
    given = {"method": plan.method, "limit_seconds": limit_seconds, "seed": seed}
    hidden = replaying.masked(plan.problem, **given) if mask else None  # type: ignore[arg-type]
    return Replay(
        plan=number,
        planned_at=plan.planned_at,
        state=plan.state,
        rule=plan.rule,
        method=plan.method,
        rights_version=rights.version if rights else 0,
        problem_digest=plan.problem_digest,
        answer_digest=plan.answer_digest,
        recomputed=hashlib.sha256(answer.encode()).hexdigest(),
        approved=_approved(told),
        overrides=overrides,
        votes=votes,
        stock_then=then,
        stock_since=[one for one in since if one not in then],
        carried_then=carried_then,
        differences=differences,
        masked=hidden,
    )


def entries_of(session: Session, subject: str) -> list[journal.JournalEntry]:
    """What the journal says of one subject, such as plan:7, in the order written."""
    query = select(journal.JournalEntry).where(journal.JournalEntry.subject == subject)
    return list(session.exec(query.order_by(col(journal.JournalEntry.id))))


def _inputs(plan: Plan) -> list[str]:
    """Where the stored problem is not its own canonical text, or not that of its digest."""
    text, digest = replaying.canonical(plan.problem)
    found = [] if text == plan.problem else ["the stored problem is not in its canonical form"]
    return found + ([] if digest == plan.problem_digest else ["the stored problem is not that of its digest"])


def _journaled(plan: Plan, told: list[journal.JournalEntry]) -> list[str]:
    """Where the journal says another problem or plan, or an entry of it was changed."""
    found = [
        f"journal entry {one.id} ({one.action}) is not what its hash says"
        for one in told
        if journal.leaf_hash(one) != one.leaf_hash
    ]
    computed = [json.loads(one.payload) for one in told if one.action == "plan.compute"]
    if len(computed) != 1:
        return [*found, f"the journal tells {len(computed)} computations of this plan, not one"]
    digests = {"problem": plan.problem_digest, "plan": plan.answer_digest}
    return found + [
        f"the journal's {name} of this plan is another one"
        for name, digest in digests.items()
        if computed[0].get(name) != digest
    ]


@dataclass(frozen=True, slots=True)
class Counted:
    """A lot at its depot as a plan counted it, and as the ledger had it at that second, in packs.

    `stood` and `before`: with and without what took effect at that very instant.
    """

    item: str
    lot: str
    packs: int
    stood: int
    before: int

    @property
    def agrees(self) -> bool:
        """Whether the ledger says what the plan counted."""
        return self.packs in (self.stood, self.before)


def counted(session: Session, plan: Plan, *, known: datetime | None) -> list[Counted]:
    """Every lot that a plan could use, beside the ledger by what was recorded until `known` (None: by all since)."""
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    stood: list[dict[str, int]] = []
    for instant in (plan.planned_at, plan.planned_at - JUST_BEFORE):
        there: dict[str, int] = defaultdict(int)
        for one in periods.stock_at(session, instant, known=known, limit=None):
            if (one.owner, one.status) == (stock.POOL, stock.AVAILABLE):
                there[f"{one.lot_id}@{one.site}"] += one.quantity
        stood.append(there)
    return [
        Counted(item, lot, packs, *(there[lot] // sizes[item] for there in stood))
        for item, lot, packs in replaying.lots(plan.problem)
    ]


def recorded(told: Sequence[journal.JournalEntry]) -> datetime | None:
    """When a plan's computation was recorded, by the journal's entries of it; None where there is none."""
    return next((one.recorded_at for one in told if one.action == "plan.compute"), None)


def _stock(session: Session, plan: Plan, *, known: datetime | None) -> list[str]:
    """Lots of which the ledger, by what was recorded until `known`, says otherwise for that instant than the plan."""
    return [
        f"{one.item}, lot {one.lot}: the plan counted {one.packs} packs, the ledger says {one.stood}"
        for one in counted(session, plan, known=known)
        if not one.agrees
    ]


def _limits(session: Session, plan: Plan, told: Sequence[journal.JournalEntry]) -> list[str]:
    """Limits on what is carried that were otherwise, by the journal's entries before that of the computation."""
    computed = next((one for one in told if one.action == "plan.compute"), None)
    if computed is None:
        return []
    before = [
        one
        for action in ("carrying.limit", "plan.approve")
        for one in journal.entries(session, action=action)
        if (one.id or 0) < (computed.id or 0) and one.recorded_at <= computed.recorded_at
    ]
    said = [json.loads(one.payload) for one in before if one.action == "carrying.limit"]
    approved = [int(one.subject.partition(":")[2]) for one in before if one.action == "plan.approve"]
    today = governance.local_day(session, plan.planned_at).isoformat()
    latest = {
        (one["site"] or "", one["member"] or ""): one["volume_ml"]
        for one in sorted(said, key=lambda one: str(one["effective_from"]))
        if one["effective_from"] <= today
    }
    counting = {place: int(volume) for place, volume in latest.items() if volume is not None}
    there = carrying.less_sent(session, counting, at=plan.planned_at, plans=approved)
    taken = replaying.limits(plan.problem)
    return [
        f"{' to '.join(name for name in place if name)}: the plan counted {_litres(taken.get(place))} that day, the "
        f"journal says {_litres(there.get(place))}"
        for place in sorted({*taken, *there})
        if taken.get(place) != there.get(place)
    ]


def _litres(volume_ml: int | None) -> str:
    return "no limit" if volume_ml is None else f"{volume_ml / 1000:,.3f} l"


def _stand_ins(session: Session, plan: Plan) -> list[str]:
    """Substitutes of the problem that no pharmacist had approved, in this ratio and for that day, at that instant."""
    items, on = catalogue.items(session), governance.local_day(session, plan.planned_at)
    approved = {
        (one.substitute_code, one.item_code, *standins.packs_of(one, items))
        for one in catalogue.substitutions(session)
        if one.decided_at is not None
        and one.state in ("approved", "revoked")
        and one.decided_at <= plan.planned_at <= (one.revoked_at or plan.planned_at)
        and one.valid_from <= on <= (one.valid_through or on)
    }
    return [
        f"{packs} packs of {of} for {counts} of {item}: no approval of it counted then"
        for of, item, packs, counts in sorted(replaying.stand_ins(plan.problem) - approved)
    ]


def _approved(told: list[journal.JournalEntry]) -> dict[str, Any] | None:
    entry = next((one for one in told if one.action == "plan.approve"), None)
    if entry is None:
        return None
    return {"entry": entry.id, "by": entry.actor_name, "at": entry.effective_at, "leaf_hash": entry.leaf_hash}


def _overrides(session: Session, number: int) -> list[dict[str, Any]]:
    return [
        {"line": one.plan_line_id, "old": one.old_quantity, "new": one.new_quantity, "reason": one.reason}
        for one in allocation.overrides(session, number)
        if one.confirmed_by is not None
    ]


def _votes(session: Session, number: int) -> list[dict[str, Any]]:
    """Every vote of the committee on this plan, with its weight, and whether the count holds."""
    found = []
    for one in committee.proposals(session, limit=100_000):
        if one.subject == f"plan:{number}" and one.id is not None:
            wrong = committee.recount(session, one.id).differences if one.decided_at else []
            rows = [[v.member_code, v.choice, v.weight, v.reason] for v in committee.votes(session, one.id)]
            found.append({"decision": one.id, "state": one.state, "differences": wrong, "votes": rows})
    return found


@dataclass(frozen=True, slots=True)
class Drawn:
    """An entry drawn into a sample, and the number that drew it."""

    entry: int
    action: str
    subject: str
    actor: str
    effective_at: datetime
    leaf_hash: str
    draw: str


def sample(
    session: Session, *, seed: str, size: int, action: str | None = None, until: int | None = None
) -> list[Drawn]:
    """So many entries of the journal (of one action, up to an entry) that anybody draws alike from the same seed.

    Each entry's draw is SHA-256(seed / leaf hash); the smallest are taken, so
    nobody who does not know the seed can keep an entry out of the sample.
    """
    rows = [one for one in journal.entries(session, action=action) if until is None or (one.id or 0) <= until]
    drawn = [(hashlib.sha256(f"{seed}/{one.leaf_hash}".encode()).hexdigest(), one.id or 0, one) for one in rows]
    return [
        Drawn(number, one.action, one.subject, one.actor_name, one.effective_at, one.leaf_hash, draw)
        for draw, number, one in sorted(drawn, key=lambda row: row[:2])[:size]
    ]
