"""Figures of the answer to a surge: how much, how fast, how fair, and whether it was explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.allocation import queries as allocation
from stockpile.allocation import rules as deciding
from stockpile.allocation.tables import Override, PlanLine, PlanResult, Request, Surge
from stockpile.inventory.tables import Transfer, TransferLine
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.stocking import end_of, items, start_of
from stockpile.transparency.redaction import fairness


def _plans(session: Session, period: Period) -> dict[int, dict[str, Any]]:
    """Plans approved in the period, in surges of its level, by number."""
    first, last = start_of(session, period), end_of(session, period)
    levels = {row.id: row.level for row in session.exec(select(Surge))}
    return {
        head["id"]: head
        for head in reversed(allocation.plan_heads(session))
        if head["state"] == deciding.APPROVED
        and first <= head["approved_at"] < last
        and period.level in (None, levels[head["surge_id"]])
        and period.surge in (None, head["surge_id"])
    }


def results(session: Session, period: Period) -> list[PlanResult]:
    """Results of the period's plans, read once per snapshot: most figures are made of them."""
    known: dict[Period, list[PlanResult]] = session.info.setdefault("results of periods", {})
    if period not in known:
        known[period] = _readresults(session, period)
    return known[period]


def _readresults(session: Session, period: Period) -> list[PlanResult]:
    query = select(PlanResult).where(col(PlanResult.plan_id).in_(list(_plans(session, period))))
    query = query.where(PlanResult.member_code == period.member) if period.member else query
    wanted = items(session, period)
    ordered = query.order_by(col(PlanResult.plan_id), col(PlanResult.id))
    return [row for row in session.exec(ordered) if row.item_code in wanted]


def _needs(rows: Iterable[PlanResult]) -> dict[tuple[str, str], tuple[int, int]]:
    return fairness.need_once((r.member_code, r.item_code, r.validated, r.got) for r in rows if r.reachable)


def _filled(rows: Iterable[PlanResult]) -> Found:
    by_item: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for (_, item), (got, need) in _needs(rows).items():
        by_item[item][0] += got
        by_item[item][1] += need
    told = tuple({"item": item, "given": got, "needed": need} for item, (got, need) in sorted(by_item.items()))
    sums = by_item.values()
    return Found(sum(got for got, _ in sums), sum(need for _, need in sums), told)


def fill_rate(session: Session, period: Period) -> Found:
    """Given over needed, in base units, where stock can lawfully reach."""
    return _filled(results(session, period))


def p1_fill(session: Session, period: Period) -> Found:
    """The same for requests that save lives."""
    rows = results(session, period)
    urgent = set(session.exec(select(Request.id).where(Request.priority == 1)))
    return _filled(row for row in rows if row.request_id in urgent)


def by_member(session: Session, period: Period) -> list[dict[str, Any]]:
    """Packs given and needed by municipality over its items, in the order of codes."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    packs = items(session, period)
    for (member, item), (got, need) in _needs(results(session, period)).items():
        sums[member][0] += got // packs[item].pack_size
        sums[member][1] += need // packs[item].pack_size
    return [{"municipality": m, "given": got, "needed": need} for m, (got, need) in sorted(sums.items()) if need]


def min_fill(session: Session, period: Period) -> Found:
    """The lowest fill of a municipality, in packs over its items."""
    rows = by_member(session, period)
    if not rows:
        return Found(None, None)
    lowest = min(rows, key=lambda row: (row["given"] / row["needed"], row["municipality"]))
    return Found(lowest["given"], lowest["needed"], tuple(rows))


def unreached(session: Session, period: Period) -> Found:
    """Results that no lawful stock can reach, over all results."""
    return _by_plan(results(session, period), "out", lambda row: not row.reachable)


def _by_plan(rows: Iterable[PlanResult], name: str, of: Callable[[PlanResult], bool]) -> Found:
    """How many results of each plan are so, under this name, over its results."""
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        sums[row.plan_id][0] += of(row)
        sums[row.plan_id][1] += 1
    told = tuple({"plan": plan, name: so, "of": every} for plan, (so, every) in sorted(sums.items()))
    return Found(sum(so for so, _ in sums.values()), sum(every for _, every in sums.values()), told)


@dataclass(frozen=True, slots=True)
class Decided:
    """A request with what the first plan of the period that decided it gave, when it was asked and when approved."""

    result: PlanResult
    asked_at: datetime
    approved_at: datetime


def decided(session: Session, period: Period) -> list[Decided]:
    """Every request that a plan of the period decided, by its first such plan."""
    known: dict[Period, list[Decided]] = session.info.setdefault("decisions of periods", {})
    if period not in known:
        known[period] = _read_decided(session, period)
    return known[period]


def _read_decided(session: Session, period: Period) -> list[Decided]:
    plans, first = _plans(session, period), dict[int, PlanResult]()
    for row in results(session, period):
        first.setdefault(row.request_id, row)
    asked = allocation.requests_by_number(session, first)
    return [
        Decided(row, asked[number].requested_at, plans[row.plan_id]["approved_at"]) for number, row in first.items()
    ]


def _waited(session: Session, period: Period) -> list[dict[str, Any]]:
    """Hours from request to approval of each request that a plan of the period decided first."""
    return [
        {"request": one.result.request_id, "plan": one.result.plan_id, "hours": hours(one.asked_at, one.approved_at)}
        for one in decided(session, period)
    ]


def hours(first: datetime, last: datetime) -> float:
    """Hours from one instant to another."""
    return (last - first).total_seconds() / 3600


def request_to_decision(session: Session, period: Period) -> Found:
    """Mean hours from request to decision."""
    told = _waited(session, period)
    return Found(round(sum(row["hours"] for row in told), 2), len(told), tuple(told))


def decided_48h(session: Session, period: Period) -> Found:
    """Requests decided within 48 hours."""
    told = _waited(session, period)
    return Found(sum(1 for row in told if row["hours"] <= 48), len(told), tuple(told))


def _received(session: Session, period: Period) -> list[tuple[Transfer, datetime]]:
    """Transfers of plans that were received in the period, with when the plan was approved."""
    first, last = start_of(session, period), end_of(session, period)
    query = select(Transfer).where(col(Transfer.received_at) >= first, col(Transfer.received_at) < last)
    approved = {f"plan:{head['id']}": head["approved_at"] for head in allocation.plan_heads(session)}
    rows = session.exec(query.order_by(col(Transfer.id)))
    return [(row, approved[row.source]) for row in rows if approved.get(row.source)]


def decision_to_receipt(session: Session, period: Period) -> Found:
    """Mean hours from approval to receipt."""
    told: tuple[dict[str, Any], ...] = tuple(
        {"transfer": row.id, "hours": hours(at, row.received_at)}
        for row, at in _received(session, period)
        if row.received_at
    )
    return Found(round(sum(row["hours"] for row in told), 2), len(told), told)


def need_by_met(session: Session, period: Period) -> Found:
    """Received lines that came by the instant for which they were asked."""
    came = {row.id: row.received_at for row, _ in _received(session, period) if row.received_at is not None}
    lines = session.exec(select(TransferLine.transfer_id, TransferLine.reference, TransferLine.member_code)).all()
    due = {f"request:{number}": at for number, at in session.exec(select(Request.id, Request.need_by))}
    told = tuple(
        {"transfer": transfer, "request": int(reference.partition(":")[2]), "met": came[transfer] <= due[reference]}
        for transfer, reference, member in lines
        if transfer in came and reference in due and period.member in (None, member)
    )
    return Found(sum(row["met"] for row in told), len(told), told)


def plan_seconds(session: Session, period: Period) -> Found:
    """Mean seconds to compute a plan."""
    rows = list(_plans(session, period).values())
    told = tuple({"plan": row["id"], "seconds": row["solve_ms"] / 1000} for row in rows)
    return Found(sum(row["solve_ms"] for row in rows) / 1000, len(rows), told)


def fair_plans(session: Session, period: Period) -> Found:
    """Approved plans that the independent checker proves to keep the fair rule or their policy."""
    rows = list(_plans(session, period).values())
    told = tuple({"plan": row["id"], "fair": row["fair"], "kept": bool(row["kept"])} for row in rows)
    return Found(sum(1 for row in rows if row["fair"] or row["kept"]), len(rows), told)


def override_rate(session: Session, period: Period) -> Found:
    """Lines that people changed, over all plan lines."""
    numbers = list(_plans(session, period))
    changed = session.exec(
        select(func.count(func.distinct(Override.plan_line_id))).where(
            col(Override.plan_id).in_(numbers), col(Override.confirmed_by).is_not(None)
        )
    ).one()
    lines = session.exec(select(func.count(col(PlanLine.id))).where(col(PlanLine.plan_id).in_(numbers))).one()
    return Found(changed, lines)


def explanation_coverage(session: Session, period: Period) -> Found:
    """Results that carry a reason code and a sentence, over all results."""
    return _by_plan(results(session, period), "kept", lambda row: bool(row.reason_code and row.reason))


FIGURES = {
    one.__name__: one
    for one in (
        fill_rate,
        p1_fill,
        min_fill,
        unreached,
        request_to_decision,
        decided_48h,
        decision_to_receipt,
        need_by_met,
        plan_seconds,
        fair_plans,
        override_rate,
        explanation_coverage,
    )
}
