"""Figures of how long an answer takes: mean, median and the time within which nine of ten were answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from sqlmodel import Session

from stockpile import journal
from stockpile.transparency.kpis import sharing
from stockpile.transparency.kpis.rules import Found, Period, within

Waits = Callable[[Session, Period], Sequence[dict[str, Any]]]


def _acknowledged(session: Session, period: Period) -> dict[int, datetime]:
    """When each request had the validated need that was decided on: as it was asked, or as a person last revised it."""
    known: dict[Period, dict[int, datetime]] = session.info.setdefault("acknowledgements of periods", {})
    if period not in known:
        known[period] = _read_acknowledged(session, sharing.decided(session, period))
    return known[period]


def _read_acknowledged(session: Session, found: Sequence[sharing.Decided]) -> dict[int, datetime]:
    at = {one.result.request_id: one.asked_at for one in found}
    approved = {one.result.request_id: one.approved_at for one in found}
    for entry in journal.entries(session, action="request.validate"):
        number = int(entry.subject.partition(":")[2])
        if number in at and entry.effective_at <= approved[number]:
            at[number] = max(at[number], entry.effective_at)
    return at


def _to_ack(session: Session, period: Period) -> Sequence[dict[str, Any]]:
    """Hours from each request to the validated need that was decided on."""
    at = _acknowledged(session, period)
    return [
        {"request": number, "plan": one.result.plan_id, "hours": sharing.hours(one.asked_at, at[number])}
        for one in sharing.decided(session, period)
        for number in (one.result.request_id,)
    ]


def _to_decision(session: Session, period: Period) -> Sequence[dict[str, Any]]:
    """Hours from the validated need of each request to the approval of the plan that decided it."""
    at = _acknowledged(session, period)
    return [
        {"request": number, "plan": one.result.plan_id, "hours": sharing.hours(at[number], one.approved_at)}
        for one in sharing.decided(session, period)
        for number in (one.result.request_id,)
    ]


def request_to_ack(session: Session, period: Period) -> Found:
    """Mean hours from request to the validated need that was decided on."""
    return _mean(_to_ack(session, period))


def ack_to_decision(session: Session, period: Period) -> Found:
    """Mean hours from the validated need to the decision."""
    return _mean(_to_decision(session, period))


def _mean(told: Sequence[dict[str, Any]]) -> Found:
    return Found(round(sum(row["hours"] for row in told), 2), len(told), tuple(told))


def _half(waits: Waits) -> Callable[[Session, Period], Found]:
    """The median of these hours."""
    return _of(waits, lambda found: round(median(found), 4))


def _nine_of_ten(waits: Waits) -> Callable[[Session, Period], Found]:
    """The hours within which nine of ten were done: the smallest of them that no more than a tenth exceed."""
    return _of(waits, lambda found: round(within(found, 900), 4))


def _of(waits: Waits, statistic: Callable[[list[float]], float]) -> Callable[[Session, Period], Found]:
    def figure(session: Session, period: Period) -> Found:
        told = tuple(waits(session, period))
        return Found(statistic([row["hours"] for row in told]), 1, told) if told else Found(None, None)

    return figure


WAITS: dict[str, Waits] = {
    "request_to_ack": _to_ack,
    "ack_to_decision": _to_decision,
    "request_to_decision": lambda session, period: sharing.request_to_decision(session, period).rows,
    "decision_to_receipt": lambda session, period: sharing.decision_to_receipt(session, period).rows,
}
FIGURES: dict[str, Callable[[Session, Period], Found]] = {
    "request_to_ack": request_to_ack,
    "ack_to_decision": ack_to_decision,
    **{f"{name}_median": _half(waits) for name, waits in WAITS.items()},
    **{f"{name}_p90": _nine_of_ten(waits) for name, waits in WAITS.items()},
}
