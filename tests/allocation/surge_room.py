"""A surge in the small region, up to wherever a test begins; plans are solved in this process, to be quick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event
from typing import Any
from unittest import mock

from sqlalchemy import Engine

from optimizer.outcome import Outcome
from stockpile.actor import Act
from stockpile.allocation import operations, planning, queries
from stockpile.allocation.operations import RequestDraft
from stockpile.allocation.tables import Plan, PlanLine, PlanResult, Request, Surge
from stockpile.db import reading
from tests.conftest import NOW, Cast, acting
from tests.inventory.stockroom import do

TOMORROW = NOW + timedelta(days=1)
MEMBERS = ("BE-1", "BE-2", "DE-1", "DE-2", "NL-1")


def ask(member: str = "NL-1", item: str = "TAB", quantity: int = 120, **more: Any) -> RequestDraft:
    """A request as a municipality writes it."""
    plain: dict[str, Any] = {"need_by": TOMORROW, "justification": "the ward is full", "own_stock": 0}
    return RequestDraft(member=member, item=item, quantity=quantity, **(plain | more))


def surge(engine: Engine, cast: Cast, *, cover_days: int = 3, days: int = 14) -> int:
    """Declare a surge."""
    given = {"hazard": "epidemic", "level": 2, "evidence": "admissions doubled", "cover_days": cover_days}
    review_by = NOW + timedelta(days=days)
    made: Surge = do(engine, operations.declare_surge, acting(cast["coordinator3"]), review_by=review_by, **given)
    assert made.id is not None
    return made.id


def submitted(engine: Engine, cast: Cast, surge_id: int, *drafts: RequestDraft) -> list[Request]:
    """Submit requests as the municipalities' requester."""
    return do(engine, operations.submit, acting(cast["requester"]), surge_id=surge_id, drafts=drafts)


def everybody(item: str = "TAB", quantity: int = 1000) -> Sequence[RequestDraft]:
    """All five ask for more of an item than their caseload supports."""
    return [ask(member, item, quantity) for member in MEMBERS]


def drafted(engine: Engine, act: Act, surge_id: int) -> planning.Draft:
    """Compute a plan without a child process."""
    with mock.patch.object(planning, "run_limited", at_hand):
        return planning.draft(engine, act, surge_id=surge_id, limit_seconds=30)


def at_hand(
    function: Callable[[Any], Any], argument: Any, *, limit_seconds: float, cancel: Event | None = None
) -> Outcome[Any]:
    """Call the solver here and now; nobody cancels it."""
    assert limit_seconds > 0
    assert cancel is None or not cancel.is_set()
    return Outcome("solved", function(argument), 0.0)


def planned(engine: Engine, cast: Cast, surge_id: int, *, by: str = "coordinator", after_hours: float = 0) -> Plan:
    """Compute and store a plan."""
    act = acting(cast[by], after_hours=after_hours)
    return do(engine, planning.store, act, made=drafted(engine, act, surge_id))


def share_out(engine: Engine, cast: Cast, *drafts: RequestDraft) -> tuple[int, Plan]:
    """A surge with these requests and its plan: number of the surge, and the plan."""
    number = surge(engine, cast)
    submitted(engine, cast, number, *drafts)
    return number, planned(engine, cast, number)


def results(engine: Engine, plan: Plan) -> dict[tuple[str, str], PlanResult]:
    """What each (member, item) gets."""
    with reading(engine) as session:
        return {(row.member_code, row.item_code): row for row in queries.plan_results(session, plan.id or 0)}


def lines(engine: Engine, plan: Plan) -> list[PlanLine]:
    """The lines of a plan."""
    with reading(engine) as session:
        return queries.plan_lines(session, plan.id or 0)


def stored_plan(engine: Engine, plan: Plan) -> Plan:
    """The plan as it is stored now."""
    with reading(engine) as session:
        return queries.plan(session, plan.id or 0)
