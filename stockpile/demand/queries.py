"""Reading caseload and own cover."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from sqlalchemy import func, tuple_
from sqlmodel import Session, col, select

from stockpile.demand import growth, rules
from stockpile.demand.tables import CaseloadReport, OwnStock


def accepted(session: Session, *, before: date, days: int = rules.TRAILING_DAYS) -> dict[str, list[int]]:
    """Accepted admissions (thousandths) of the `days` days up to the day before `before`, oldest first, by member."""
    query = (
        select(CaseloadReport.member_code, CaseloadReport.accepted_milli)
        .where(CaseloadReport.day >= before - timedelta(days=days), CaseloadReport.day < before)
        .where(col(CaseloadReport.accepted_milli).is_not(None))
        .order_by(col(CaseloadReport.day))
    )
    found: dict[str, list[int]] = defaultdict(list)
    for member, milli in session.exec(query):
        found[member].append(milli or 0)
    return dict(found)


def daily_totals(session: Session, *, before: date, members: set[str]) -> list[int]:
    """Accepted admissions of these members together, per day of the last seven before `before`, oldest first."""
    query = (
        select(col(CaseloadReport.day), func.sum(col(CaseloadReport.accepted_milli)))
        .where(CaseloadReport.day >= before - timedelta(days=rules.TRAILING_DAYS), CaseloadReport.day < before)
        .where(col(CaseloadReport.accepted_milli).is_not(None), col(CaseloadReport.member_code).in_(sorted(members)))
        .group_by(col(CaseloadReport.day))
        .order_by(col(CaseloadReport.day))
    )
    return [int(milli or 0) // 1000 for _, milli in session.exec(query)]


def usual_admissions(session: Session, today: date) -> dict[str, int]:
    """Expected admissions a day (thousandths) by member: the accepted mean of the last seven days, today included."""
    trailing = accepted(session, before=today + timedelta(days=1))
    return {member: rules.trailing_mean_milli(days) for member, days in trailing.items()}


def weekly_admissions(session: Session, today: date) -> list[dict[str, int]]:
    """Accepted admissions (thousandths a week) by member in the last weeks, oldest first, the last ending today.

    A member that reported on fewer than five days of a week is left out of it.
    """
    weeks = []
    for back in range(growth.WEEKS_BACK - 1, -1, -1):
        ends = today - timedelta(days=growth.WEEK * back)
        by_member = accepted(session, before=ends + timedelta(days=1), days=growth.WEEK)
        weeks.append(
            {
                member: sum(days) * growth.WEEK // len(days)
                for member, days in by_member.items()
                if len(days) >= rules.FEWEST_DAYS
            }
        )
    return weeks


def flagged(session: Session, day: date) -> list[CaseloadReport]:
    """The reports of a day that planning did not take at their word."""
    query = select(CaseloadReport).where(CaseloadReport.day == day, CaseloadReport.flag != rules.NOT_FLAGGED)
    return list(session.exec(query.order_by(col(CaseloadReport.member_code))))


def reports(
    session: Session,
    *,
    day: date | None = None,
    member: str | None = None,
    after: tuple[date, str] | None = None,
    limit: int | None = None,
) -> list[CaseloadReport]:
    """Reports of a day or of a member, in order of day and member, those after the (day, member) given."""
    order = (col(CaseloadReport.day), col(CaseloadReport.member_code))
    query = select(CaseloadReport).order_by(*order).limit(limit)
    query = query.where(tuple_(*order) > tuple_(*after)) if after else query
    query = query.where(CaseloadReport.day == day) if day else query
    query = query.where(CaseloadReport.member_code == member) if member else query
    return list(session.exec(query))


def own_stock(session: Session) -> dict[tuple[str, str], int]:
    """What members say they hold themselves, in base units, by (member, item)."""
    return {(row.member_code, row.item_code): row.quantity for row in session.exec(select(OwnStock))}
