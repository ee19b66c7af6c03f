"""Remedial actions: a disparity that a figure shows gets an owner and a day."""

from __future__ import annotations

import json
from datetime import date

from sqlmodel import Session

from stockpile import journal
from stockpile.actor import Act
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import ROLES, require, require_other
from stockpile.transparency.kpis import queries, rules
from stockpile.transparency.kpis.tables import RemedialAction


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
    newest = queries.last_year(session, act.at)
    period = rules.Period(newest.starts, newest.ends, member=member)
    before = queries.figure(session, kpi, period)
    kept = {name: before[name] for name in ("numerator", "denominator", "value", "starts", "ends")}
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


def close_remedy(session: Session, act: Act, *, number: int, outcome: str) -> RemedialAction:
    """Close an action with what came of it; by another person than who opened it."""
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
    session.add(row)
    journal.record(
        session, act, action="remedy.close", subject=f"remedy:{number}", payload={"state": "closed"}, reason=outcome
    )
    return row
