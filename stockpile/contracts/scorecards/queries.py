"""A supplier's scorecard and what its deliveries teach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile.contracts import queries as orders
from stockpile.contracts import rules as states
from stockpile.contracts.calloffs.rules import business_days
from stockpile.contracts.scorecards import rules
from stockpile.contracts.scorecards.rules import Line, Share
from stockpile.contracts.scorecards.tables import RotationDuty
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, Delivery, Supplier
from stockpile.contracts.terms import queries as agreed
from stockpile.contracts.terms import rules as terms_rules
from stockpile.errors import NotFound
from stockpile.governance import queries as governance

NEVER_PLACED: Final = (*states.WAITING_STATES, states.REJECTED, states.CANCELLED)


class UnknownSupplier(NotFound):
    """No supplier has this code."""

    code = "unknown_supplier"


def supplier(session: Session, code: str) -> Supplier:
    """One supplier; refuses an unknown code."""
    found = session.get(Supplier, code)
    if found is None:
        raise UnknownSupplier(f"there is no supplier {code}", field="supplier", value=code)
    return found


@dataclass(frozen=True, slots=True)
class _Placed:
    """An order that stands, with its lines and what came of each."""

    calloff: CallOff
    lines: list[CallOffLine]
    came: list[Delivery]
    due: date


def scorecard(session: Session, code: str, *, since: date, until: date) -> dict[str, Any]:
    """The scorecard of a supplier over the lines due in a period: each share with numerator and denominator."""
    supplier(session, code)
    placed = _placed(session, code, since=since, until=until)
    lines = [_line(session, one, line, until) for one in placed for line in one.lines]
    late = sum(line.days_late for line in lines)
    on_time = sum(line.on_time for line in lines)
    score = rules.delivery_score(lines=len(lines), on_time=on_time, days_late=late)
    return {
        "supplier": code,
        "since": since,
        "until": until,
        "lines_due": len(lines),
        "in_full_on_time": rules.in_full_on_time(lines).told(),
        "on_time": Share(len(lines), on_time).told(),
        "delivery_score_milli": round(score * 1000) if score is not None else None,
        "days_late": late,
        "days_late_mean_milli": round(1000 * late / len(lines)) if lines else None,
        "shelf_life_kept": _shelf_life(session, placed).told(),
        "rotation_kept": _rotation(session, code, since=since, until=until).told(),
        "options_answered": _options(session, placed, lines).told(),
        "acknowledged_in_one_business_day": _acknowledged(session, placed).told(),
        "rejected_permille": _rejected(placed),
    }


def _placed(session: Session, code: str, *, since: date, until: date) -> list[_Placed]:
    query = (
        select(CallOff)
        .join(Contract, col(Contract.code) == col(CallOff.contract_code))
        .where(Contract.supplier_code == code, col(CallOff.state).not_in(NEVER_PLACED))
        .where(col(CallOff.expected_at).is_not(None))
        .order_by(col(CallOff.id))
    )
    found = []
    for calloff in session.exec(query):
        assert calloff.expected_at is not None
        due = governance.local_day(session, calloff.expected_at)
        if since <= due <= until:
            number = calloff.id or 0
            found.append(_Placed(calloff, orders.lines(session, number), orders.deliveries(session, number), due))
    return found


def _line(session: Session, one: _Placed, line: CallOffLine, until: date) -> Line:
    """A line: late until all of it has come, or until the end of the period where something never came."""
    came = [row for row in one.came if row.calloff_line_id == line.id]
    whole = line.received >= line.quantity
    days = [governance.local_day(session, row.arrived_at) for row in came]
    last = max(days, default=until) if whole else until
    late = max(0, (last - one.due).days)
    complete = whole and not any(row.rejected for row in came)
    return Line(complete=complete, on_time=whole and late == 0, days_late=late)


def _shelf_life(session: Session, placed: Sequence[_Placed]) -> Share:
    asked = kept = 0
    for one in placed:
        items = {line.id: line.item_code for line in one.lines}
        for row in one.came:
            version, item = one.calloff.contract_version, items[row.calloff_line_id]
            terms = agreed.line_terms(session, one.calloff.contract_code, item, version=version)
            if row.expiry is not None and terms is not None:
                asked += 1
                left = (row.expiry - governance.local_day(session, row.arrived_at)).days
                kept += left >= terms.shelf_life_on_delivery_days
    return Share(asked, kept)


def _rotation(session: Session, code: str, *, since: date, until: date) -> Share:
    query = (
        select(RotationDuty)
        .join(Contract, col(Contract.code) == col(RotationDuty.contract_code))
        .where(Contract.supplier_code == code, RotationDuty.due_on >= since, RotationDuty.due_on <= until)
    )
    duties = list(session.exec(query))
    return Share(len(duties), sum(one.rotated_on is not None and one.rotated_on <= one.due_on for one in duties))


def _options(session: Session, placed: Sequence[_Placed], lines: Sequence[Line]) -> Share:
    flags = [one.calloff.kind == terms_rules.OPTION for one in placed for _ in one.lines]
    called = [line for line, option in zip(lines, flags, strict=True) if option]
    return Share(len(called), sum(line.on_time for line in called))


def _acknowledged(session: Session, placed: Sequence[_Placed]) -> Share:
    sent = [one.calloff for one in placed if one.calloff.sent_at is not None]
    return Share(len(sent), sum(_in_a_day(session, one) for one in sent))


def _in_a_day(session: Session, calloff: CallOff) -> bool:
    if calloff.acknowledged_at is None or calloff.sent_at is None:
        return False
    sent, answered = (governance.local_day(session, at) for at in (calloff.sent_at, calloff.acknowledged_at))
    return business_days(sent, answered, country=orders.country_of(session, calloff)) <= 1


def _rejected(placed: Sequence[_Placed]) -> int | None:
    came = sum(row.quantity for one in placed for row in one.came)
    rejected = sum(row.rejected for one in placed for row in one.came)
    return (2000 * rejected + came) // (2 * came) if came else None


def learned(session: Session, code: str, *, at: datetime) -> dict[str, Any]:
    """Lead time (order to arrival) and lateness of a supplier as its deliveries here teach them, with intervals.

    Beside them the record it came with; `enough` says whether there are
    deliveries enough here to go by them rather than by that record.
    """
    known = supplier(session, code)
    lead, late = _days(session, code, at=at)
    return {
        "supplier": code,
        "lead_time": rules.learned(lead),
        "lateness": rules.learned(late),
        "enough": len(lead) >= rules.FEWEST_TO_LEARN,
        "record_it_came_with": {
            "lead_p10_days": known.lead_p10_days,
            "lead_p50_days": known.lead_p50_days,
            "lead_p90_days": known.lead_p90_days,
            "on_time_permille": known.on_time_permille,
            "late_p95_days": known.late_p95_days,
        },
    }


def _days(session: Session, code: str, *, at: datetime) -> tuple[list[int], list[int]]:
    query = (
        select(CallOff.approved_at, Delivery.due_at, Delivery.arrived_at)
        .join(CallOffLine, col(CallOffLine.id) == col(Delivery.calloff_line_id))
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .join(Contract, col(Contract.code) == col(CallOff.contract_code))
        .where(Contract.supplier_code == code, Delivery.arrived_at <= at)
        .order_by(col(Delivery.id))
    )
    lead, late = [], []
    for placed, due, arrived in session.exec(query):
        lead += [_between(session, placed, arrived)] if placed else []
        late += [_between(session, due, arrived)] if due else []
    return lead, late


def _between(session: Session, start: datetime, end: datetime) -> int:
    return (governance.local_day(session, end) - governance.local_day(session, start)) // timedelta(days=1)
