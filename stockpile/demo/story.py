"""The days of a scenario, step by step; each step happens once, however often the story is told.

A step is one unit of work under one actor with an idempotency key. A story
that was cut off goes on where it stopped: steps done give their stored reply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from stockpile import idempotency
from stockpile.actor import Act, Actor
from stockpile.allocation import approval, operations, planning
from stockpile.allocation import queries as allocation
from stockpile.contracts import operations as contracts
from stockpile.contracts import queries as orders
from stockpile.db import reading, transact
from stockpile.demand import operations as demand
from stockpile.demand import queries as reports
from stockpile.demo import municipalities, offices
from stockpile.demo.scenarios import WAVE, Scenario, days_of, hour_of
from stockpile.errors import Refusal
from stockpile.governance import operations as governance
from stockpile.governance import queries
from stockpile.governance.committee import queries as committee
from stockpile.inventory import operations as inventory
from stockpile.inventory import queries as stock
from stockpile.inventory import transfers
from stockpile.jobs import operations as jobs
from stockpile.region.reading import Rows

FIRST_DAY = WAVE.first
COVER_DAYS = 3
Say = Callable[[str], None]
Work = Callable[[Session], dict[str, Any]]


@dataclass(slots=True)
class Story:
    """Everything the telling needs; `plans` collects the plans of the week."""

    engine: Engine
    actors: Mapping[str, Actor]
    rows: Rows
    say: Say
    limit_seconds: float
    scenario: Scenario = WAVE
    surge: int = 0
    plans: list[int] = field(default_factory=list)
    plan_ms: list[int] = field(default_factory=list)
    requests: int = 0
    calloffs_received: int = 0


class StepRefused(RuntimeError):
    """A step of the demonstration was refused: a fault of ours, with the refusal's words."""


def tell(story: Story) -> None:
    """Tell the whole week, then the delivery of what was reordered."""
    _declare(story)
    for day in days_of(story.scenario.first, story.scenario.last):
        _morning(story, day)
        _share(story, day)
        _deliver(story, day)
        _ratify(story, day)
        _evening(story, day)
        if day + timedelta(days=1) == story.scenario.reorder:
            _reorder(story, hour_of(story.scenario.reorder, 2))
    _receive_orders(story)
    _publish(story)


def _declare(story: Story) -> None:
    scenario, first = story.scenario, hour_of(story.scenario.first, 5)

    def declare(session: Session) -> dict[str, Any]:
        surge = operations.declare_surge(
            session,
            _act(story, "coordinator", first),
            hazard=scenario.hazard,
            level=scenario.level,
            evidence=scenario.evidence,
            cover_days=COVER_DAYS,
            review_by=first + timedelta(days=30),
        )
        return {"surge": surge.id}

    story.surge = int(_step(story, "coordinator", first, "declare", declare)["surge"])
    for note in scenario.notes:
        story.say(f"{scenario.first}  {note}")
    _authorise_borders(story, first)
    if scenario.substitutes:
        _substitute(story, first)


def _substitute(story: Story, at: datetime) -> None:
    """What may stand for what is proposed by the storekeepers and approved by the pharmacist, country by country."""

    def propose(session: Session) -> dict[str, Any]:
        act = _act(story, "logistics", at)
        return {"numbers": offices.propose_substitutes(session, act, substitutes=story.scenario.substitutes)}

    numbers = _step(story, "logistics", at, "propose-substitutes", propose)["numbers"]

    def approve(session: Session) -> dict[str, Any]:
        offices.approve_substitutes(session, _act(story, "pharmacist", at), numbers=numbers)
        return {"approved": len(numbers)}

    done = _step(story, "pharmacist", at, "approve-substitutes", approve)["approved"]
    story.say(f"{story.scenario.first}  {done} substitutes approved, by model and country")


def _authorise_borders(story: Story, at: datetime) -> None:
    """The authorities of the three countries let controlled items cross while the surge lasts."""

    def authorise(session: Session) -> dict[str, Any]:
        act = _act(story, "pharmacist", at)
        return {"authorisations": offices.authorise_borders(session, act, last=story.scenario.last)}

    made = _step(story, "pharmacist", at, "authorise-borders", authorise)["authorisations"]
    if made:
        story.say(f"{at.date()}  {made} simulated authorisations for controlled items to cross a border are registered")


def _morning(story: Story, day: date) -> None:
    """Yesterday's and today's reports come in, and the municipalities ask."""
    _report(story, day)
    at = hour_of(day, 6)
    for country in ("nl", "be", "de"):
        account = f"requests-{country}"

        def ask(session: Session, account: str = account, country: str = country) -> dict[str, Any]:
            act = _act(story, account, at)
            drafts = municipalities.drafts(session, at=at, cover_days=COVER_DAYS, country=country.upper())
            drafts = [replace(one, justification=story.scenario.justification) for one in drafts]
            rows = operations.submit(session, act, surge_id=story.surge, drafts=drafts) if drafts else []
            return {"requests": len(rows), "validated": sum(1 for row in rows if row.validated)}

        story.requests += int(_step(story, account, at, f"{day}/ask", ask)["requests"])


def _report(story: Story, day: date) -> None:
    at = hour_of(day, 5)

    def report(session: Session) -> dict[str, Any]:
        act = _act(story, "coordinator", at)
        governance.set_clock(session, act)
        rows = demand.report_day(session, act, day=day, reports=municipalities.reports_of(story.rows, day))
        return {"flagged": sum(row.flag != "" for row in rows)}

    if _step(story, "coordinator", at, f"{day}/report", report)["flagged"]:
        _tell_flagged(story, day)


def _tell_flagged(story: Story, day: date) -> None:
    with reading(story.engine) as session:
        flagged = reports.flagged(session, day)
    said = sum(row.admissions or 0 for row in flagged)
    accepted = sum(row.accepted_milli or 0 for row in flagged) // 1000
    countries = ", ".join(sorted({row.member_code[:2] for row in flagged}))
    story.say(
        f"{day}  {countries} reports {said} admissions, far above its usual day: a catch-up of the reporting, "
        f"flagged. Planning goes on with {accepted} until a person accepts the report."
    )


def _share(story: Story, day: date) -> None:
    """The plan of the day: computed, checked, approved by another person."""
    at = hour_of(day, 7)
    stored = _done(story, "coordinator", f"{day}/plan")
    if stored is None:
        made = planning.draft(
            story.engine, _act(story, "coordinator", at), surge_id=story.surge, limit_seconds=story.limit_seconds
        )

        def store(session: Session) -> dict[str, Any]:
            plan = planning.store(session, _act(story, "coordinator", at), made=made)
            return {"plan": plan.id, "ms": plan.solve_ms, "method": plan.method, "fair": plan.fair}

        stored = _step(story, "coordinator", at, f"{day}/plan", store)
    approved = hour_of(day, 8)

    def approve(session: Session) -> dict[str, Any]:
        made = approval.approve(session, _act(story, "committee", approved), plan_number=stored["plan"])
        return {"transfers": len(made)}

    transfers_made = _step(story, "committee", approved, f"{day}/approve", approve)["transfers"]
    story.plans.append(int(stored["plan"]))
    story.plan_ms.append(int(stored["ms"]))
    _tell_plan(story, day, stored, transfers_made)


def _tell_plan(story: Story, day: date, stored: Mapping[str, Any], transfers_made: int) -> None:
    with reading(story.engine) as session:
        results = allocation.plan_results(session, stored["plan"])
    served, reached = sum(1 for r in results if r.got), sum(1 for r in results if r.reachable)
    proof = "proven fair by the checker" if stored["fair"] else f"{stored['method']}, not worst supplied first"
    story.say(
        f"{day}  plan {stored['plan']}: {len(results)} validated requests, {served} served, "
        f"{len(results) - reached} beyond lawful reach; {proof}; {transfers_made} transfers approved by the committee"
    )


def _deliver(story: Story, day: date) -> None:
    """Every depot dispatches; every point of use receives."""
    leaves, arrives = hour_of(day, 9), hour_of(day, 16)
    source = f"plan:{story.plans[-1]}"
    with reading(story.engine) as session:
        due = stock.transfers(session, source=source)
    for depot in sorted({transfer.origin for transfer in due}):
        numbers = [t.id for t in due if t.origin == depot and t.id is not None]

        def send(session: Session, numbers: list[int] = numbers) -> dict[str, Any]:
            return {"posting": transfers.dispatch(session, _both(story, leaves), numbers=numbers)}

        _step(story, "logistics", leaves, f"{day}/dispatch/{depot}", send)
    for place in sorted({transfer.destination for transfer in due}):
        numbers = [t.id for t in due if t.destination == place and t.id is not None]

        def take(session: Session, numbers: list[int] = numbers) -> dict[str, Any]:
            posting = transfers.receive_whole(session, _both(story, arrives), numbers=numbers)
            return {"posting": posting}

        _step(story, "logistics", arrives, f"{day}/receive/{place}", take)


def _ratify(story: Story, day: date) -> None:
    """The seats ratify what was approved provisionally: level 3 acts at once and answers within 72 hours."""
    with reading(story.engine) as session:
        number = committee.newest_on(session, f"plan:{story.plans[-1]}")
        fair = allocation.plan(session, story.plans[-1]).fair
    reason = "the checker proves the plan fair" if fair else "it is not proven fair, and could not wait"
    told = _vote(story, number, hour_of(day, 18), reason)
    story.say(f"{day}  plan {story.plans[-1]} is {told} (decision {number})")


def _vote(story: Story, number: int, at: datetime, reason: str) -> str:
    """Every seat votes for a decision; how it ended."""
    for account, _, _ in offices.SEATS:

        def vote(session: Session, account: str = account) -> dict[str, Any]:
            return offices.vote(session, _act(story, account, at), number=number, reason=reason)

        _step(story, account, at, f"decision-{number}/vote", vote)
    with reading(story.engine) as session:
        return offices.result(session, number)


def _evening(story: Story, day: date) -> None:
    """What the day's patients use is issued: own cover first, then what came from the pool."""
    at = hour_of(day, 20)

    def use(session: Session) -> dict[str, Any]:
        act = _both(story, at)
        own, asked, issued = reports.own_stock(session), 0, 0
        left: dict[str, dict[str, int]] = {}
        for place, uses in sorted(municipalities.used(session, day=day).items()):
            from_pool, kept = municipalities.own_first(uses, own)
            left |= kept
            asked += sum(one.quantity for one in from_pool)
            given = inventory.issue(
                session, act, site=place, uses=from_pool, key=f"demo:{day}:use:{place}", allow_partial=True
            )
            issued += sum(quantity for _, quantity in given)
        for member, quantities in sorted(left.items()):
            account = f"requests-{member[:2].lower()}"
            demand.declare_own_stock(session, _act(story, account, at), member=member, quantities=quantities)
        return {"asked": asked, "issued": issued}

    _step(story, "logistics", at, f"{day}/use", use)


def _reorder(story: Story, at: datetime) -> None:
    """The nightly run proposes; the committee decides on the one that arrives first."""
    ran = jobs.run(story.engine, _act(story, "scheduler", at), job="reorder", limit_seconds=story.limit_seconds)
    proposed = [int(number) for number in ran.outcome["calloffs"]]
    story.say(
        f"{story.scenario.reorder}  nightly reorder ({ran.outcome['status'].lower()}): {len(proposed)} call-offs with "
        f"{ran.outcome['lines']} lines proposed for EUR {ran.outcome['spend_minor'] / 100:,.2f}"
    )
    if not proposed:
        return
    with reading(story.engine) as session:
        first = offices.first_to_arrive(session, proposed, on=at.date())
        voted_on = offices.needs_vote(session, first, at=at)
    decision, approved_at = _decide_order(story, first, at) if voted_on else None, at + timedelta(hours=6)

    def approve(session: Session) -> dict[str, Any]:
        act = replace(_act(story, "committee", approved_at), decision=decision)
        calloff = contracts.approve(session, act, number=first)
        return {"calloff": calloff.id, "expected_at": str(calloff.expected_at)}

    done = _step(story, "committee", approved_at, "approve-calloff", approve)
    told = f"by decision {decision}" if decision else "by the committee on duty"
    story.say(f"{at.date()}  call-off {first} approved {told}, due {done['expected_at'][:10]}")


def _decide_order(story: Story, number: int, at: datetime) -> int:
    """An order above EUR 50,000 is the committee's: the buyer proposes, the seats vote; the decision's number."""
    put_at = at + timedelta(hours=1)

    def put(session: Session) -> dict[str, Any]:
        return offices.put_order(session, _act(story, "buyer", put_at), number=number)

    decision, value_minor = _step(story, "buyer", put_at, "propose-order", put).values()

    def begin(session: Session) -> dict[str, Any]:
        return offices.open_vote(session, _act(story, "committee", put_at), number=decision)

    _step(story, "committee", put_at, "open-order", begin)
    told = _vote(story, decision, at + timedelta(hours=5), "the nightly run finds it short for the weeks ahead")
    story.say(f"{at.date()}  order {number} for EUR {value_minor / 100:,.2f} is {told} (decision {decision})")
    return int(decision)


def _receive_orders(story: Story) -> None:
    """The days go on with reports alone until what was ordered arrives and is received."""
    approved = _done(story, "committee", "approve-calloff")
    if approved is None:
        return
    due = datetime.fromisoformat(approved["expected_at"])
    for day in days_of(story.scenario.last + timedelta(days=1), due.date()):
        _report(story, day)
    _receive_order(story, int(approved["calloff"]), due)


def _receive_order(story: Story, number: int, at: datetime) -> None:
    def receive(session: Session) -> dict[str, Any]:
        act = _both(story, at)
        governance.set_clock(session, _act(story, "coordinator", at))
        calloff = orders.calloff(session, number)
        expiry = at.date() + timedelta(days=540)
        lines = [
            inventory.ReceiptLine(line.item_code, f"C{number}", expiry, line.quantity, calloff_line=line.id)
            for line in orders.lines(session, number)
        ]
        posting = inventory.receive(session, act, site=calloff.deliver_to, lines=lines, key=f"demo:calloff:{number}")
        return {"posting": posting, "lines": len(lines), "site": calloff.deliver_to}

    done = _step(story, "logistics", at, f"receive-calloff/{number}", receive)
    story.calloffs_received += 1
    story.say(f"{at.date()}  call-off {number} delivered and received at {done['site']}: {done['lines']} lines")


def _publish(story: Story) -> None:
    """The night after the story: use is forecast, and what the policy lets be told by now is published."""
    with reading(story.engine) as session:
        at = queries.effective_now(session, real_now=datetime.now(UTC))
    act = _act(story, "scheduler", at)
    jobs.run(story.engine, act, job="forecast", limit_seconds=story.limit_seconds)
    ran = jobs.run(story.engine, act, job="publications", limit_seconds=story.limit_seconds)
    story.say(f"{at.date()}  {len(ran.outcome['plans'])} plans published at /public, stock pooled by country")


def report_before(session: Session, act: Act, rows: Rows, *, first: date = FIRST_DAY) -> None:
    """Take in the reports up to the day before the story begins."""
    for day in sorted({row.date for row in rows["caseload"] if row.date < first}):
        demand.report_day(session, act, day=day, reports=municipalities.reports_of(rows, day))


def _step(story: Story, account: str, at: datetime, key: str, work: Work) -> dict[str, Any]:
    act = _act(story, account, at)

    def refuse(refusal: Refusal) -> idempotency.Reply:
        raise StepRefused(f"{key}: {refusal.message}")

    def once(session: Session) -> idempotency.Reply:
        return idempotency.once(
            session,
            act,
            key=f"demo/{key}",
            request=key.encode(),
            work=lambda inner: idempotency.Reply(200, work(inner)),
            refuse=refuse,
        )

    body: dict[str, Any] = transact(story.engine, once).body
    return body


def _done(story: Story, account: str, key: str) -> dict[str, Any] | None:
    with reading(story.engine) as session:
        stored = idempotency.stored(session, story.actors[account], f"demo/{key}")
    return stored.body if stored else None


def _act(story: Story, account: str, at: datetime) -> Act:
    return Act(actor=story.actors[account], at=at, recorded_at=datetime.now(UTC))


def _both(story: Story, at: datetime) -> Act:
    """An act of the storekeepers with the pharmacist as second person, for controlled items may be among the goods."""
    return replace(_act(story, "logistics", at), second=story.actors["pharmacist"])
