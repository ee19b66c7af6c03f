"""Reading plans, runs, the duty roster, risks, disputes and reviews."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, TypeVar

from sqlmodel import Session, col, select

from stockpile.contingency import rules
from stockpile.contingency.tables import (
    ContingencyPlan,
    ContingencyRun,
    ContingencyStep,
    ContingencyTransfer,
    Dispute,
    DutyWatch,
    Review,
    ReviewAction,
    SharedRisk,
)
from stockpile.db import Table
from stockpile.errors import NotFound
from stockpile.governance import queries as governance

Row = TypeVar("Row", bound=Table)


class Unknown(NotFound):
    """Nothing of that kind has this number."""

    code = "unknown_contingency"


def one(session: Session, kind: type[Row], number: int, *, lock: bool = False) -> Row:
    """The row of that kind and number; refuses where there is none. `lock` holds it until the transaction ends."""
    found = session.get(kind, number, with_for_update=lock or None, populate_existing=lock)
    if found is None:
        name = str(kind.__tablename__).replace("_", " ")
        raise Unknown(f"there is no {name} {number}", field="number", value=number)
    return found


def plans(session: Session) -> list[ContingencyPlan]:
    """All plans, by name and version."""
    return list(session.exec(select(ContingencyPlan).order_by(col(ContingencyPlan.name), col(ContingencyPlan.version))))


def runs(session: Session) -> list[ContingencyRun]:
    """All runs, the newest first."""
    return list(session.exec(select(ContingencyRun).order_by(col(ContingencyRun.id).desc())))


def steps(session: Session, run: int) -> list[ContingencyStep]:
    """The steps of a run in their order."""
    query = select(ContingencyStep).where(ContingencyStep.run_id == run)
    return list(session.exec(query.order_by(col(ContingencyStep.number))))


def transfers(session: Session, run: int) -> list[ContingencyTransfer]:
    """The transfers agreed beforehand that a run put forward."""
    query = select(ContingencyTransfer).where(ContingencyTransfer.run_id == run)
    return list(session.exec(query.order_by(col(ContingencyTransfer.id))))


def watches(session: Session, *, at: datetime | None = None) -> list[DutyWatch]:
    """The duty roster by office and time; `at`: who is on duty at that instant."""
    query = select(DutyWatch).order_by(col(DutyWatch.office), col(DutyWatch.starts_at))
    if at is not None:
        query = query.where(col(DutyWatch.starts_at) <= at, col(DutyWatch.ends_at) > at)
    return list(session.exec(query))


def risks(session: Session) -> list[SharedRisk]:
    """The shared risks, the gravest first."""
    rows = session.exec(select(SharedRisk).order_by(col(SharedRisk.id))).all()
    return sorted(rows, key=lambda row: (row.state != rules.OPEN, -rules.score(row.likelihood, row.impact)))


def disputes(session: Session) -> list[Dispute]:
    """The disputes, the newest first."""
    return list(session.exec(select(Dispute).order_by(col(Dispute.id).desc())))


def open_disputes(session: Session, party: str) -> list[int]:
    """The disputes of a party that are not settled: nobody leaves with one."""
    rows = [row for row in disputes(session) if row.stage != rules.SETTLED]
    return [row.id for row in rows if row.id is not None and party in (row.claimant, row.respondent)]


def reviews(session: Session) -> list[dict[str, Any]]:
    """The reviews with their actions, the newest first."""
    found = session.exec(select(Review).order_by(col(Review.id).desc())).all()
    return [{"review": row, "actions": actions(session, row.id or 0)} for row in found]


def actions(session: Session, review: int) -> list[ReviewAction]:
    """The actions that follow from a review."""
    query = select(ReviewAction).where(ReviewAction.review_id == review)
    return list(session.exec(query.order_by(col(ReviewAction.id))))


def overdue(session: Session, *, on: date) -> list[ReviewAction]:
    """Actions that were due before that day and are not done."""
    query = select(ReviewAction).where(col(ReviewAction.done_at).is_(None), col(ReviewAction.due) < on)
    return list(session.exec(query.order_by(col(ReviewAction.due), col(ReviewAction.id))))


def names(session: Session) -> dict[int | None, str]:
    """The names of accounts, by number."""
    return {row.id: row.name for row in governance.accounts(session)}
