"""Figures of buying, suppliers, money, and of trust: grievances, publications, reports."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts.procurement import queries as tenders
from stockpile.demand.tables import CaseloadReport
from stockpile.governance import queries as governance
from stockpile.inventory.rules import CONSUMPTION
from stockpile.inventory.tables import Lot, Movement, Posting
from stockpile.settlement import queries as settlement
from stockpile.settlement import rules as settling
from stockpile.transparency.grievances import queries as grievances
from stockpile.transparency.grievances import rules as clocks
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.stocking import end_of, start_of
from stockpile.transparency.ocds import queries as contracting
from stockpile.transparency.ocds.tables import ContractHistory

LIFE_COSTS = (settling.PURCHASE, settling.TRANSPORT, settling.STORAGE, settling.EXPIRY)


def _due(session: Session, period: Period) -> list[dict[str, Any]]:
    """Order lines due in the period."""
    first, last = period.starts.isoformat(), period.ends.isoformat()
    rows = contracting.order_rows(session)
    return [r for r in rows if r["due"] and first <= r["due"] <= last and period.item in (None, r["item"])]


def otif(session: Session, period: Period) -> Found:
    """Order lines on time and in full, over lines due."""
    rows = _due(session, period)
    good = [r for r in rows if r["received"] >= r["quantity"] and r["last_delivery"] and r["last_delivery"] <= r["due"]]
    return Found(len(good), len(rows), tuple({"order": r["order"], "item": r["item"], "met": r in good} for r in rows))


def in_full(session: Session, period: Period) -> Found:
    """Order lines in full, over lines due."""
    rows = _due(session, period)
    return Found(sum(1 for r in rows if r["received"] >= r["quantity"]), len(rows))


def days_late(session: Session, period: Period) -> Found:
    """Mean days late over lines due; early counts as none."""
    rows = _due(session, period)
    late = sum(max(0, _days(r["due"], r["last_delivery"])) for r in rows if r["last_delivery"])
    return Found(late, len(rows))


def call_off_lead(session: Session, period: Period) -> Found:
    """Mean days from approval to the last delivery of a line."""
    rows = [r for r in _due(session, period) if r["last_delivery"] and r["approved_at"]]
    return Found(sum(_days(r["approved_at"][:10], r["last_delivery"]) for r in rows), len(rows))


def _days(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def ceiling_burn(session: Session, period: Period) -> Found:
    """What is ordered under all contracts that run in the period, over their ceilings."""
    rows = contracting.contract_rows(session, on=period.ends)
    rows = [r for r in rows if r["starts"] <= period.ends.isoformat() and r["ends"] >= period.starts.isoformat()]
    told = tuple(
        {"contract": r["contract"], "ordered": r["ordered_minor"], "ceiling": r["ceiling_minor"]} for r in rows
    )
    return Found(sum(r["ordered"] for r in told), sum(r["ceiling"] for r in told), told)


def _ordered(session: Session, period: Period) -> list[tuple[str, str, int, int, int]]:
    """(contract, month, packs, price, first tier's price) of each line ordered in the period."""
    tiers = contracts.tiers(session)
    first, last = period.starts.isoformat(), period.ends.isoformat()
    return [
        (r["contract"], r["approved_at"][:7], r["packs"], r["pack_price_minor"], tiers[r["contract"], r["item"]][0][1])
        for r in contracting.order_rows(session)
        if r["approved_at"] and first <= r["approved_at"][:10] <= last and (r["contract"], r["item"]) in tiers
    ]


def tier_saving(session: Session, period: Period) -> Found:
    """Money below the first price tier (the declared baseline), over what that tier would have cost."""
    rows = _ordered(session, period)
    base = sum(packs * first for _, _, packs, _, first in rows)
    return Found(base - sum(packs * price for _, _, packs, price, _ in rows), base)


def cycle_time(session: Session, period: Period) -> Found:
    """Mean days from the plan of a tender to its first signed contract, over tenders first signed in the period."""
    told: list[dict[str, Any]] = []
    for one in tenders.tenders(session):
        signed = min((row.signed_at for row in tenders.signed(session, one.id or 0)), default=None)
        if signed is not None and start_of(session, period) <= signed < end_of(session, period):
            told.append({"tender": one.code, "days": (signed - one.planned_at).days})
    return Found(sum(row["days"] for row in told), len(told), tuple(told))


def lcc(session: Session, period: Period) -> Found:
    """What was settled for purchase, transport, storage and expiry in the period, over the packs issued to use.

    Told over all items and the whole region: costs are not booked item by item.
    """
    if period.item or period.member:
        return Found(None, None)
    first, last = start_of(session, period), end_of(session, period)
    costs: dict[str, int] = defaultdict(int)
    for number in (one.id or 0 for one in settlement.periods(session)):
        for event in settlement.events(session, number):
            if event.kind in LIFE_COSTS and first <= event.incurred_at < last:
                costs[event.kind] += event.amount_minor
    if not costs:
        return Found(None, None)
    told = tuple({"kind": kind, "minor": minor} for kind, minor in sorted(costs.items()))
    return Found(sum(costs.values()), _packs_used(session, first, last), told)


def _packs_used(session: Session, first: datetime, last: datetime) -> int:
    """Whole packs issued to use, less what came back from there."""
    used: dict[str, int] = defaultdict(int)
    for sign, side in ((1, col(Movement.to_external)), (-1, col(Movement.from_external))):
        query = (
            select(Lot.item_code, func.sum(Movement.quantity))
            .join(Lot, col(Lot.id) == col(Movement.lot_id))
            .join(Posting, col(Posting.id) == col(Movement.posting_id))
            .where(side == CONSUMPTION, col(Posting.effective_at) >= first, col(Posting.effective_at) < last)
            .group_by(col(Lot.item_code))
        )
        for item, quantity in session.exec(query):
            used[item] += sign * int(quantity)
    sizes = {code: item.pack_size for code, item in catalogue.items(session).items()}
    return sum(max(0, quantity) // sizes[item] for item, quantity in used.items())


def hhi(session: Session, period: Period) -> Found:
    """Sum over suppliers of their squared share of the money ordered: 1 is one supplier for all."""
    supplier = {row.code: row.supplier_code for row in contracting.all_contracts(session)}
    spent: dict[str, int] = defaultdict(int)
    for contract, _, packs, price, _ in _ordered(session, period):
        spent[supplier[contract]] += packs * price
    total = sum(spent.values())
    if not total:
        return Found(None, None)
    return Found(round(sum((one / total) ** 2 for one in spent.values()), 4), 1)


def smoothing(session: Session, period: Period) -> Found:
    """Money of the peak month over the mean of all months of the period."""
    spent: dict[str, int] = defaultdict(int)
    for _, month, packs, price, _ in _ordered(session, period):
        spent[month] += packs * price
    months = (period.ends.year - period.starts.year) * 12 + period.ends.month - period.starts.month + 1
    return Found(max(spent.values(), default=0), round(sum(spent.values()) / months, 2))


def cost_per_head(session: Session, period: Period) -> Found:
    """Major money units ordered per inhabitant of the region."""
    spent = sum(packs * price for _, _, packs, price, _ in _ordered(session, period))
    return Found(spent / 100, sum(member.population for member in governance.members(session).values()))


def _bids(session: Session) -> dict[str, int]:
    query = select(ContractHistory.ocid, ContractHistory.bids).where(col(ContractHistory.bids).is_not(None))
    return {ocid: bids for ocid, bids in session.exec(query) if bids is not None}


def bids_per_lot(session: Session, period: Period) -> Found:
    """Mean bids of the tenders taken in that tell them."""
    bids = _bids(session)
    return Found(sum(bids.values()), len(bids))


def single_bid(session: Session, period: Period) -> Found:
    """Tenders taken in with a single bid, over those that tell bids."""
    bids = _bids(session)
    return Found(sum(1 for one in bids.values() if one == 1), len(bids))


def _clocks(session: Session, period: Period, step: str) -> list[clocks.Clock]:
    last = end_of(session, period)
    return [
        clock
        for row in grievances.all_of(session)
        for clock in clocks.clocks(grievances.times(session, row))
        if clock.step == step and start_of(session, period) <= row.received_at < last
        if clock.done is not None or clock.due < last
    ]


def grievance_ack(session: Session, period: Period) -> Found:
    """Acknowledged in time, over acknowledgements that were due or done."""
    found = _clocks(session, period, "acknowledge")
    return Found(sum(1 for one in found if not one.missed(end_of(session, period))), len(found))


def grievance_resolved(session: Session, period: Period) -> Found:
    """Decided in time, over decisions that were due or done."""
    found = _clocks(session, period, "decide")
    return Found(sum(1 for one in found if not one.missed(end_of(session, period))), len(found))


def appeal_upheld(session: Session, period: Period) -> Found:
    """Decided grievances that were upheld in whole or part."""
    decided = [row for row in grievances.all_of(session) if row.decided_at is not None]
    inside = [
        r for r in decided if r.decided_at and start_of(session, period) <= r.decided_at < end_of(session, period)
    ]
    return Found(sum(1 for r in inside if (r.final_verdict or r.verdict) != "not_upheld"), len(inside))


def data_timeliness(session: Session, period: Period) -> Found:
    """Caseload reports of the period with figures, over all reports."""
    query = select(CaseloadReport.admissions).where(
        CaseloadReport.day >= period.starts, CaseloadReport.day <= period.ends
    )
    query = query.where(CaseloadReport.member_code == period.member) if period.member else query
    rows = session.exec(query).all()
    return Found(sum(1 for one in rows if one is not None), len(rows))


FIGURES = {
    one.__name__: one
    for one in (
        otif,
        in_full,
        days_late,
        call_off_lead,
        ceiling_burn,
        tier_saving,
        cycle_time,
        lcc,
        hhi,
        smoothing,
        cost_per_head,
        bids_per_lot,
        single_bid,
        grievance_ack,
        grievance_resolved,
        appeal_upheld,
        data_timeliness,
    )
}
