"""Taking in reports: a day's caseload is judged as it comes, and a person may release what was flagged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, delete

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.db import insert_missing
from stockpile.demand import queries, rules
from stockpile.demand.tables import CaseloadReport, OwnStock
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import require

CUMULATIVE_BASIS = "reported_cumulative_start"


@dataclass(frozen=True, slots=True)
class DayReport:
    """One municipality's figures for one day; `admissions` None where none were reported."""

    member: str
    cases: int
    cases_suppressed: bool
    admissions: int | None
    basis: str


class DayReported(Conflict):
    """The member has reported this day already."""

    code = "day_reported"


def report_day(session: Session, act: Act, *, day: date, reports: Sequence[DayReport]) -> list[CaseloadReport]:
    """Take in a day's reports; returns them as stored, flagged where they are not taken at their word.

    A country whose total jumps like a catch-up of the reporting (rules.is_catch_up)
    has all its reports of that day flagged, and its members' usual day is
    accepted in their place. The country's total is that of the whole day, so
    that figures sent one municipality at a time are judged together: those
    taken in earlier that day are flagged with the rest, unless a person
    released them. Refuses unknown members, days in the future and a day
    reported before.
    """
    members = governance.members(session)
    for number, report in enumerate(reports, start=1):
        require(act.actor, "caseload.report", member=report.member)
        if report.member not in members:
            raise Invalid(f"row {number}: no member has the code {report.member}", field="member", row=number)
    if day > governance.local_day(session, act.at):
        raise Invalid(f"{day} is in the future", field="day")
    governance.lock_region(session)
    earlier = queries.reports(session, day=day)
    _refuse_reported(day, {row.member_code for row in earlier}, {report.member for report in reports})
    country_of = {code: member.country for code, member in members.items()}
    caught_up = _catch_ups(session, day, _given(earlier, reports), country_of)
    usual = queries.accepted(session, before=day)
    rows = [_judged(day, report, country_of[report.member] in caught_up, usual) for report in reports]
    session.add_all(rows)
    again = _flag_earlier(session, [row for row in earlier if country_of[row.member_code] in caught_up], usual)
    counts = {"reports": len(rows), "flagged": sum(row.flag != "" for row in rows), "catch_up": sorted(caught_up)}
    counts |= {"flagged_earlier": again} if again else {}
    journal.record(session, act, action="caseload.report", subject=f"day:{day}", payload=counts)
    return rows


def release_flag(session: Session, act: Act, *, day: date, member: str, reason: str) -> CaseloadReport:
    """Accept a flagged report as it was given, with a person's reason."""
    require(act.actor, "caseload.release", member=member)
    report = session.get(CaseloadReport, (day, member))
    if report is None:
        raise NotFound(f"{member} has no report for {day}", field="member", value=member)
    if report.flag == rules.NOT_FLAGGED:
        raise Conflict(f"the report of {member} for {day} is not flagged")
    if not reason.strip():
        raise Invalid("accepting a flagged report needs a reason", field="reason")
    report.flag, report.accepted_milli = rules.NOT_FLAGGED, (report.admissions or 0) * 1000
    report.released_at = act.recorded_at
    session.add(report)
    subject = f"day:{day}:{member}"
    journal.record(session, act, action="caseload.release", subject=subject, payload={}, reason=reason)
    return report


def declare_own_stock(session: Session, act: Act, *, member: str, quantities: dict[str, int]) -> None:
    """What a member says it holds itself of each item, in base units; replaces what it said of these items before."""
    require(act.actor, "request.submit", member=member)
    governance.member(session, member)
    for item, quantity in quantities.items():
        catalogue.item(session, item)
        if quantity < 0:
            raise Invalid(f"own stock of {item} is {quantity}, below zero", field="quantity")
    session.exec(delete(OwnStock).where(col(OwnStock.member_code) == member, col(OwnStock.item_code).in_(quantities)))
    rows = [{"member_code": member, "item_code": item, "quantity": quantity} for item, quantity in quantities.items()]
    insert_missing(session, OwnStock, rows)
    journal.record(session, act, action="own_stock.declare", subject=f"member:{member}", payload=quantities)


def _refuse_reported(day: date, stored: set[str], members: set[str]) -> None:
    again = sorted(members & stored)
    if again:
        raise DayReported(f"{day} was reported before by {', '.join(again[:5])}", field="day", members=again)


def _given(earlier: Sequence[CaseloadReport], reports: Sequence[DayReport]) -> dict[str, int]:
    """Admissions of the whole day by member, as they were given, whether a person released them or not."""
    given = {row.member_code: row.admissions for row in earlier if row.basis != CUMULATIVE_BASIS}
    given |= {report.member: report.admissions for report in reports}
    return {member: admissions for member, admissions in given.items() if admissions is not None}


def _flag_earlier(session: Session, rows: Sequence[CaseloadReport], usual: dict[str, list[int]]) -> int:
    """Flag what came in earlier that day before its country was seen to catch up; returns how many reports."""
    changed = 0
    for row in rows:
        if row.flag != rules.NOT_FLAGGED or row.admissions is None or row.released_at is not None:
            continue
        trailing = rules.trailing_mean_milli(usual.get(row.member_code, []))
        row.flag, row.accepted_milli = rules.CATCH_UP, rules.share_of_spike(row.admissions, trailing)
        session.add(row)
        changed += 1
    return changed


def _catch_ups(session: Session, day: date, given: dict[str, int], country_of: dict[str, str]) -> set[str]:
    totals = rules.totals_by_country(given, country_of)
    return {
        country
        for country, total in totals.items()
        if rules.is_catch_up(
            total,
            queries.daily_totals(session, before=day, members={m for m, c in country_of.items() if c == country}),
        )
    }


def _judged(day: date, report: DayReport, caught_up: bool, usual: dict[str, list[int]]) -> CaseloadReport:
    flag, accepted = rules.NOT_FLAGGED, None if report.admissions is None else report.admissions * 1000
    if report.basis == CUMULATIVE_BASIS:
        flag, accepted = rules.CUMULATIVE_START, None
    elif caught_up and report.admissions is not None:
        trailing = rules.trailing_mean_milli(usual.get(report.member, []))
        flag, accepted = rules.CATCH_UP, rules.share_of_spike(report.admissions, trailing)
    return CaseloadReport(
        day=day,
        member_code=report.member,
        cases=report.cases,
        cases_suppressed=report.cases_suppressed,
        admissions=report.admissions,
        basis=report.basis,
        flag=flag,
        accepted_milli=accepted,
    )
