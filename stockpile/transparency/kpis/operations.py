"""Remedial actions: a disparity that a figure shows gets an owner and a day. Baselines: what was before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import ROLES, require, require_other
from stockpile.transparency.kpis import queries, rules
from stockpile.transparency.kpis.tables import KpiBaseline, OutsidePurchase, RemedialAction

DAYS_TO_ACT: Final = 30
MOST_FOUND: Final = 20


class RemedyClosed(Conflict):
    """The action is closed already."""

    code = "remedy_closed"


def open_remedy(
    session: Session, act: Act, *, kpi: str, disparity: str, owner: str, due: date, member: str | None = None
) -> RemedialAction:
    """Open an action against what a figure shows; the figure as it stands is kept as its baseline."""
    require(act.actor, "remedy.open")
    queries.kpi(kpi)
    if member is not None:
        governance.member(session, member)
    offices = {*ROLES, *governance.members(session)}
    if owner not in offices:
        raise Invalid(f"owner: an office: {', '.join(ROLES)}, or the code of a municipality", field="owner")
    if due <= governance.local_day(session, act.at):
        raise Invalid("due: a day to come", field="due")
    return _opened(session, act, rules.Disparity(kpi, member, disparity, owner), due)


def open_found(session: Session, act: Act) -> list[RemedialAction]:
    """Open an action for every disparity that the figures show and that has none open, the widest gaps first.

    At most MOST_FOUND a time, so that whoever owns them can read them; due in DAYS_TO_ACT days.
    """
    require(act.actor, "remedy.find")
    open_now = {(row["kpi"], row["municipality"]) for row in queries.remedies(session) if row["state"] == "open"}
    found = [one for one in queries.disparities(session, at=act.at) if (one.kpi, one.member) not in open_now]
    due = governance.local_day(session, act.at) + timedelta(days=DAYS_TO_ACT)
    return [_opened(session, act, one, due) for one in found[:MOST_FOUND]]


def _opened(session: Session, act: Act, found: rules.Disparity, due: date) -> RemedialAction:
    kpi, member, disparity, owner = found.kpi, found.member, found.words, found.owner
    kept = _as_it_stands(session, act, kpi, member)
    row = RemedialAction(
        kpi=kpi,
        disparity=disparity,
        member_code=member,
        owner=owner,
        due=due,
        state="open",
        baseline=json.dumps(kept),
        opened_by=act.actor.id,
        opened_at=act.at,
    )
    session.add(row)
    session.flush()
    payload = {"kpi": kpi, "owner": owner, "due": due.isoformat(), "before": kept}
    journal.record(session, act, action="remedy.open", subject=f"remedy:{row.id}", payload=payload, reason=disparity)
    return row


def _as_it_stands(session: Session, act: Act, kpi: str, member: str | None) -> dict[str, Any]:
    """The figure of the newest year, of a municipality where the action is about one."""
    newest = queries.last_year(session, act.at)
    now = queries.figure(session, kpi, rules.Period(newest.starts, newest.ends, member=member))
    return {name: now[name] for name in ("numerator", "denominator", "value", "starts", "ends")}


def close_remedy(session: Session, act: Act, *, number: int, outcome: str) -> RemedialAction:
    """Close an action with what came of it, in words and as the figure then stands; never who opened it."""
    require(act.actor, "remedy.close")
    row = session.get(RemedialAction, number, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no remedial action {number}", field="remedy", value=number)
    require_other(act.actor, {row.opened_by: f"opened remedial action {number}"})
    if row.state != "open":
        raise RemedyClosed(f"remedial action {number} is closed", state=row.state)
    if not outcome.strip():
        raise Invalid("outcome: say what came of it", field="outcome")
    row.state, row.outcome, row.closed_by, row.closed_at = "closed", outcome, act.actor.id, act.at
    after = _as_it_stands(session, act, row.kpi, row.member_code)
    row.result = json.dumps(after)
    session.add(row)
    payload = {"state": "closed", "before": json.loads(row.baseline), "after": after}
    journal.record(session, act, action="remedy.close", subject=f"remedy:{number}", payload=payload, reason=outcome)
    return row


def set_baseline(
    session: Session,
    act: Act,
    *,
    kpi: str,
    starts: date,
    ends: date,
    numerator: int,
    denominator: int,
    source: str,
    member: str | None = None,
) -> KpiBaseline:
    """Note what a headline figure was before the region began, with its source; a later note takes its place.

    Numerator and denominator are those that the figure itself has, in its units.
    """
    require(act.actor, "baseline.set")
    told = [one.kpi for one in rules.HEADLINES]
    if kpi not in told:
        raise Invalid(f"kpi: a baseline is kept of {', '.join(told)}", field="kpi", value=kpi)
    if member is not None:
        governance.member(session, member)
    if not starts <= ends < governance.local_day(session, act.at):
        raise Invalid("ends: a baseline is of a time that is over, from its first day on", field="ends")
    if numerator < 0 or denominator <= 0:
        raise Invalid("denominator: above zero, and the numerator not below", field="denominator")
    if not source.strip():
        raise Invalid("source: say where these numbers are written", field="source")
    row = KpiBaseline(
        kpi=kpi,
        member_code=member,
        starts=starts,
        ends=ends,
        numerator=numerator,
        denominator=denominator,
        source=source,
        set_by=act.actor.id,
        set_at=act.at,
    )
    session.add(row)
    session.flush()
    days = {"starts": starts.isoformat(), "ends": ends.isoformat()}
    payload = {"member": member, "numerator": numerator, "denominator": denominator, **days}
    journal.record(session, act, action="baseline.set", subject=f"kpi:{kpi}", payload=payload, reason=source)
    return row


@dataclass(frozen=True, slots=True)
class Outside:
    """What a member bought from the first day through the last outside the unified contracts, in minor units."""

    member: str
    starts: date
    ends: date
    value_minor: int
    source: str


def note_outside(session: Session, act: Act, *, notes: Sequence[Outside]) -> list[OutsidePurchase]:
    """Note what members bought outside, all or nothing; a later note of the same days takes an earlier one's place.

    Refuses days to come, and days that overlap others of the member without being the same.
    """
    for place, note in enumerate(notes, start=1):
        require(act.actor, "outside.note", member=note.member)
        governance.member(session, note.member)
        _check_outside(session, act, note, place)
        session.add(_row_of(act, note))
        session.flush()
        days = {"starts": note.starts.isoformat(), "ends": note.ends.isoformat()}
        payload = {**days, "value_minor": note.value_minor}
        subject = f"member:{note.member}"
        journal.record(session, act, action="outside.note", subject=subject, payload=payload, reason=note.source)
    return queries.outside_notes(session)


def _row_of(act: Act, note: Outside) -> OutsidePurchase:
    return OutsidePurchase(
        member_code=note.member,
        starts=note.starts,
        ends=note.ends,
        value_minor=note.value_minor,
        source=note.source,
        noted_by=act.actor.id,
        noted_at=act.at,
    )


def _check_outside(session: Session, act: Act, note: Outside, place: int) -> None:
    if not note.starts <= note.ends < governance.local_day(session, act.at):
        raise Invalid(f"note {place}: the days are over, from the first on", field="ends", row=place)
    if note.value_minor < 0 or not note.source.strip():
        raise Invalid(f"note {place}: a sum from nothing on, and where it is written", field="source", row=place)
    for other in queries.outside_notes(session):
        if other.member_code != note.member or (other.starts, other.ends) == (note.starts, note.ends):
            continue
        if other.starts <= note.ends and note.starts <= other.ends:
            told = f"{note.member} told of {other.starts} to {other.ends}: give the same days, or others"
            raise Invalid(f"note {place}: {told}", field="starts", row=place)
