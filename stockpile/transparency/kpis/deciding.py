"""Figures of trust: who votes, what is ratified in time, findings, settlement, loans, damages, acknowledgements."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts.damages.tables import DamagesClaim
from stockpile.contracts.tables import CallOff
from stockpile.governance.committee import queries as committee
from stockpile.governance.committee import rules as counting
from stockpile.governance.committee.tables import Proposal
from stockpile.settlement import queries as settlement
from stockpile.settlement.rules import LOAN
from stockpile.settlement.tables import CostEvent, LoanReturn, SettlementPeriod
from stockpile.transparency.findings import queries as findings
from stockpile.transparency.grievances.rules import end_of as end_of_day
from stockpile.transparency.grievances.rules import working_days_later
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.stocking import end_of, start_of

ACKNOWLEDGE_DAYS = 1
ZONE = "UTC"


def _decided(session: Session, period: Period) -> list[Proposal]:
    first, last = start_of(session, period), end_of(session, period)
    query = select(Proposal).where(col(Proposal.decided_at) >= first, col(Proposal.decided_at) < last)
    return list(session.exec(query.order_by(col(Proposal.id))))


def member_participation(session: Session, period: Period) -> Found:
    """Votes cast over the votes that members had (recused ones apart), in decisions that fell in the period."""
    told = []
    for one in _decided(session, period):
        number = one.id or 0
        seats = {row.member_code for row in committee.electors(session, number) if not row.recused}
        cast = sum(1 for row in committee.votes(session, number) if row.member_code in seats)
        told.append({"decision": number, "cast": cast, "seats": len(seats)})
    return Found(sum(row["cast"] for row in told), sum(row["seats"] for row in told), tuple(told))


def ratification_in_time(session: Session, period: Period) -> Found:
    """Emergencies ratified in time, over those whose clock ended or that were answered in the period."""
    over = [one for one in _decided(session, period) if one.state in (counting.RATIFIED, counting.NOT_RATIFIED)]
    waiting = [one for one in committee.proposals(session, state=counting.PROVISIONAL, limit=1000) if one.deadline]
    first, last = start_of(session, period), end_of(session, period)
    missed = [one for one in waiting if one.deadline is not None and first <= one.deadline < last]
    told = tuple({"decision": one.id, "ratified": one.state == counting.RATIFIED} for one in (*over, *missed))
    return Found(sum(1 for row in told if row["ratified"]), len(told), told)


def overdue_loans(session: Session, period: Period) -> Found:
    """Loans out beyond their day at the end of the period, over loans out then."""
    told = _out(session, period)
    rows = tuple({name: row[name] for name in ("loan", "due_at", "overdue")} for row in told)
    return Found(sum(1 for row in rows if row["overdue"]), len(rows), rows)


def overdue_loan_value(session: Session, period: Period) -> Found:
    """What of loans beyond their day was not back at the end of the period, over what was out then, at their prices."""
    told = tuple(_out(session, period))
    return Found(
        sum(row["price_minor"] for row in told if row["overdue"]), sum(row["price_minor"] for row in told), told
    )


def _out(session: Session, period: Period) -> list[dict[str, Any]]:
    """Loans of which something was out at the end of the period, neither back nor sold, with what that is worth."""
    last, packs = end_of(session, period), catalogue.items(session)
    sold = dict(session.exec(select(CostEvent.id, CostEvent.incurred_at).where(CostEvent.kind == LOAN)).all())
    told: list[dict[str, Any]] = []
    for one in settlement.loans(session):
        query = select(LoanReturn.quantity).where(LoanReturn.loan_id == one.id, LoanReturn.returned_at < last)
        left = one.quantity - sum(session.exec(query))
        if one.lent_at < last and left and not (one.sold_by_event in sold and sold[one.sold_by_event] < last):
            worth = left * one.pack_price_minor // packs[one.item_code].pack_size
            late = {"overdue": one.due_at < last, "price_minor": worth}
            told.append({"loan": one.id, "due_at": one.due_at.isoformat()} | late)
    return told


def loan_return(session: Session, period: Period) -> Found:
    """Loans that were back in full by their day, over loans whose day fell in the period."""
    first, last = start_of(session, period), end_of(session, period)
    told = []
    for one in settlement.loans(session):
        if first <= one.due_at < last:
            query = select(LoanReturn.quantity).where(
                LoanReturn.loan_id == one.id, LoanReturn.returned_at <= one.due_at
            )
            back = sum(session.exec(query))
            told.append({"loan": one.id, "due_at": one.due_at.isoformat(), "in_time": back == one.quantity})
    return Found(sum(1 for row in told if row["in_time"]), len(told), tuple(told))


def _periods(session: Session, period: Period) -> list[SettlementPeriod]:
    """Settlement periods closed in the period."""
    first, last = start_of(session, period), end_of(session, period)
    return [one for one in settlement.periods(session) if one.closed_at is not None and first <= one.closed_at < last]


def settlement_error(session: Session, period: Period) -> Found:
    """What charges and costs of closed settlement periods differ by, in minor units, over the costs."""
    told: list[dict[str, Any]] = []
    for one in _periods(session, period):
        charged: dict[int, int] = defaultdict(int)
        for charge in settlement.charges(session, one.id or 0):
            charged[charge.event_id] += charge.amount_minor
        events: list[CostEvent] = settlement.events(session, one.id or 0)
        wrong = sum(abs(charged[event.id or 0] - event.amount_minor) for event in events)
        told.append({"period": one.name, "error": wrong, "cost": sum(abs(event.amount_minor) for event in events)})
    return Found(sum(row["error"] for row in told), sum(row["cost"] for row in told), tuple(told))


def settlement_days(session: Session, period: Period) -> Found:
    """Days from the end of a settlement period to its closing, over periods closed."""
    rows = _periods(session, period)
    told: tuple[dict[str, Any], ...] = tuple(
        {"period": one.name, "days": (one.closed_at - one.ends_at).total_seconds() / 86400}
        for one in rows
        if one.closed_at is not None
    )
    return Found(round(sum(row["days"] for row in told), 2), len(told), told)


def audit_findings_open(session: Session, period: Period) -> Found:
    """Findings whose answer or promised action is late at the end of the period, over findings not over."""
    last = end_of(session, period)
    rows = findings.issued(session, before=last)
    told = tuple({"finding": one.id, "late": findings.past_due(session, one, at=last)} for one in rows)
    return Found(sum(1 for row in told if row["late"]), len(told), told)


def ld_charged(session: Session, period: Period) -> Found:
    """Damages deducted over damages worked out for late orders decided in the period, in minor units."""
    first, last = start_of(session, period), end_of(session, period)
    query = select(DamagesClaim).where(col(DamagesClaim.decided_at) >= first, col(DamagesClaim.decided_at) < last)
    rows = session.exec(query.order_by(col(DamagesClaim.id))).all()
    told = tuple({"order": one.calloff_id, "charged": one.decided_minor or 0, "due": one.amount_minor} for one in rows)
    return Found(sum(row["charged"] for row in told), sum(row["due"] for row in told), told)


def calloff_ack(session: Session, period: Period) -> Found:
    """Orders acknowledged by the end of the next working day where they go, over orders sent whose day is over."""
    first, last = start_of(session, period), end_of(session, period)
    query = select(CallOff).where(col(CallOff.sent_at) >= first, col(CallOff.sent_at) < last)
    told = []
    for one in session.exec(query.order_by(col(CallOff.id))):
        assert one.sent_at is not None
        country = contracts.country_of(session, one)
        due = end_of_day(working_days_later(one.sent_at.date(), ACKNOWLEDGE_DAYS, country), ZONE)
        if one.acknowledged_at is not None or due < last:
            answered = one.acknowledged_at or last + timedelta(days=1)
            told.append({"order": one.id, "in_time": answered <= due})
    return Found(sum(1 for row in told if row["in_time"]), len(told), tuple(told))


FIGURES = {
    one.__name__: one
    for one in (
        member_participation,
        ratification_in_time,
        overdue_loans,
        overdue_loan_value,
        loan_return,
        settlement_error,
        settlement_days,
        audit_findings_open,
        ld_charged,
        calloff_ack,
    )
}
