"""Entries that took effect before they were recorded: bounded, in no closed period, right ever after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, select

from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid, Refusal
from stockpile.governance.tables import Region
from stockpile.inventory.periods import queries, rules
from stockpile.inventory.tables import Balance, Lot


class InFuture(Invalid):
    """The entry would take effect later than it is recorded."""

    code = "in_the_future"


class TooLate(Invalid):
    """The entry took effect longer ago than the region allows."""

    code = "too_late_to_record"


class PeriodClosed(Conflict):
    """The entry would take effect in a period that has been closed."""

    code = "period_closed"


class NotEnoughThen(Conflict):
    """The entry would leave less than nothing at a later instant, by what has been recorded since."""

    code = "not_enough_stock_then"


def dated(act: Act, effective_at: datetime | None) -> Act:
    """The act as of the instant at which it took effect; None: it takes effect as it is recorded."""
    return act if effective_at is None else replace(act, at=effective_at, clock=act.at)


def require_after(act: Act, earlier: datetime | None, what: str) -> None:
    """Refuse an act dated before what it follows."""
    if earlier is not None and act.clock is not None and act.at < earlier:
        raise Invalid(f"{_told(act.at)} lies before {what} ({_told(earlier)})", field="effective_at", earliest=earlier)


def closed(act: Act, closed_before: datetime | None) -> PeriodClosed | None:
    """Why an act in a closed period is not entered, and what to do instead; None where it lies after it."""
    if closed_before is None or act.at >= closed_before:
        return None
    return PeriodClosed(
        f"everything before {_told(closed_before)} is closed and stays as it is: {_told(act.at)} lies in it. "
        "Enter a correction as of today that names the old entry (POST /api/v1/corrections)",
        field="effective_at",
        closed_before=closed_before,
    )


def fault(session: Session, act: Act, rows: Sequence[Mapping[str, Any]]) -> Refusal | None:
    """Why a dated posting of these movements may not be entered, or None; its balances are locked.

    Refuses what lies ahead, too long ago or in a closed period, and what would
    leave a balance below zero at any later instant. The period cannot be closed
    meanwhile: the region's row is held.
    """
    assert act.clock is not None
    session.exec(select(Region.id).with_for_update(read=True)).all()
    bound = queries.figure(session, rules.BACKDATING_HOURS)
    if act.at > act.clock + rules.CLOCK_TOLERANCE:
        return InFuture(
            f"{_told(act.at)} lies ahead: it is {_told(act.clock)} now", field="effective_at", now=act.clock
        )
    if (act.clock - act.at).total_seconds() > bound * 3600:
        return TooLate(
            f"{_told(act.at)} is more than {bound} hours before {_told(act.clock)}: what is older is not entered late. "
            "Enter it as of today, with the date in the reason",
            field="effective_at",
            hours=bound,
        )
    return closed(act, queries.closed_before(session)) or _too_little_then(session, act.at, rows)


def _too_little_then(session: Session, at: datetime, rows: Sequence[Mapping[str, Any]]) -> NotEnoughThen | None:
    changes: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        for number, change in ((row["from_balance_id"], -row["quantity"]), (row["to_balance_id"], row["quantity"])):
            if number is not None:
                changes[number].append(change)
    taking = [number for number, made in changes.items() if min(made) < 0]
    for number, course in sorted(queries.courses(session, at, taking).items()):
        if not rules.bears(course, changes[number]):
            return _shortage(session, at, number, course, changes[number])
    return None


def _shortage(session: Session, at: datetime, number: int, course: rules.Course, changes: list[int]) -> NotEnoughThen:
    balance = session.get_one(Balance, number)
    lot = session.get_one(Lot, balance.lot_id)
    asked, net = -sum(change for change in changes if change < 0), sum(changes)
    falls = at if course.then < asked else queries.falls_at(session, at, number, net)
    where = f"{balance.site_code} of {lot.item_code} lot {lot.code} {balance.status} ({balance.owner})"
    told = f"there were {course.then}" if falls == at else f"{-net} taken then would have left less than nothing"
    return NotEnoughThen(
        f"{where}: {asked} are said to have left on {_told(at)}, but {told} on {_told(falls or at)}. "
        "Check the instant, and what was entered for the time after it",
        field="effective_at",
        item=lot.item_code,
        lot=lot.code,
        site=balance.site_code,
        owner=balance.owner,
        status=balance.status,
        there=course.then,
        asked=asked,
        falls_at=falls,
    )


def _told(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
