"""Figures of buying, suppliers, money, and of trust: grievances, publications, reports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from statistics import pstdev
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

LIFE_COSTS = (settling.PURCHASE, settling.OPTION, settling.TRANSPORT, settling.STORAGE, settling.EXPIRY)
DISCOUNT = 0.04
"""A year, in real terms: what Commission Delegated Regulation (EU) 480/2014, article 19, takes money to be worth."""


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
    told = _told(_due(session, period), "met", lambda r: r["received"] >= r["quantity"])
    return Found(sum(1 for row in told if row["met"]), len(told), told)


def _told(
    rows: Iterable[dict[str, Any]], name: str, of: Callable[[dict[str, Any]], float | bool]
) -> tuple[dict[str, Any], ...]:
    """One row per order line: which one, and what is told of it under this name."""
    return tuple({"order": row["order"], "item": row["item"], name: of(row)} for row in rows)


def days_late(session: Session, period: Period) -> Found:
    """Mean days late over lines due; early counts as none, and what is not there whole is late up to the end."""
    told = _told(_due(session, period), "days", lambda r: _late(r, period.ends))
    return Found(sum(row["days"] for row in told), len(told), told)


def _late(row: dict[str, Any], ends: date) -> int:
    """Days from the due day to the last delivery, or to the end where the line is not there whole; early is none.

    >>> line = {"due": "2020-04-06", "quantity": 200, "received": 200, "last_delivery": "2020-04-09"}
    >>> [_late(line | more, date(2020, 5, 1)) for more in ({}, {"last_delivery": "2020-04-01"}, {"received": 80})]
    [3, 0, 25]
    """
    whole = row["last_delivery"] and row["received"] >= row["quantity"]
    return max(0, _days(row["due"], row["last_delivery"] if whole else ends.isoformat()))


def delivery_score(session: Session, period: Period) -> Found:
    """Points of a hundred as SPRS (Supplier Performance Risk System) counts them: 60 by lines on time, 40 by days late.

    0.6 x 100 x on time / lines + 0.4 x max(0, 100 - days late / lines), by supplier, weighed by its lines.
    """
    supplier_of = {row.code: row.supplier_code for row in contracting.all_contracts(session)}
    by: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _due(session, period):
        by[supplier_of[row["contract"]]].append(row)
    told: list[dict[str, Any]] = []
    for supplier, rows in sorted(by.items()):
        timely = sum(1 for r in rows if r["last_delivery"] and r["last_delivery"] <= r["due"])
        late = sum(_late(r, period.ends) for r in rows)
        points = 60 * timely / len(rows) + 0.4 * max(0.0, 100 - late / len(rows))
        told.append({"supplier": supplier, "lines": len(rows), "points": round(points, 3)})
    return Found(round(sum(r["points"] * r["lines"] for r in told), 3), sum(r["lines"] for r in told), tuple(told))


def call_off_lead(session: Session, period: Period) -> Found:
    """Mean days from approval to the last delivery of a line."""
    rows = [r for r in _due(session, period) if r["last_delivery"] and r["approved_at"]]
    told = _told(rows, "days", lambda r: _days(r["approved_at"][:10], r["last_delivery"]))
    return Found(sum(row["days"] for row in told), len(told), told)


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
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for contract, _, packs, price, first in rows:
        sums[contract][0] += packs * (first - price)
        sums[contract][1] += packs * first
    told: tuple[dict[str, Any], ...] = tuple(
        {"contract": code, "saved_minor": less, "of_minor": base} for code, (less, base) in sorted(sums.items())
    )
    return Found(sum(row["saved_minor"] for row in told), sum(row["of_minor"] for row in told), told)


def cycle_time(session: Session, period: Period) -> Found:
    """Mean days from the plan of a tender to its first signed contract, over tenders first signed in the period."""
    told: list[dict[str, Any]] = []
    for one in tenders.tenders(session):
        signed = min((row.signed_at for row in tenders.signed(session, one.id or 0)), default=None)
        if signed is not None and start_of(session, period) <= signed < end_of(session, period):
            told.append({"tender": one.code, "days": (signed - one.planned_at).days})
    return Found(sum(row["days"] for row in told), len(told), tuple(told))


def lcc(session: Session, period: Period) -> Found:
    """What was settled for purchase, options, transport, storage and expiry in the period, over the packs issued.

    Told over all items and the whole region: costs are not booked item by item.
    """
    return _over_life(session, period, LIFE_COSTS, by_year=0)


def lcc_discounted(session: Session, period: Period) -> Found:
    """The same and all other costs that were booked, each worth less by DISCOUNT a year after the first day.

    Sum of C / (1 + r)^t, t in years of 365 days. Settlement knows handling, energy and disposal only where members
    booked them as other costs; it knows neither harm to others nor what is left of the goods: they are not counted.
    """
    return _over_life(session, period, (*LIFE_COSTS, settling.OTHER), by_year=DISCOUNT)


def _over_life(session: Session, period: Period, kinds: Sequence[str], *, by_year: float) -> Found:
    """Costs of these kinds, told over all items and the whole region, over the packs issued; `by_year` discounts."""
    if period.item or period.member:
        return Found(None, None)
    first, last = start_of(session, period), end_of(session, period)
    costs: dict[str, float] = defaultdict(int)
    for number in (one.id or 0 for one in settlement.periods(session)):
        for event in settlement.events(session, number):
            if event.kind in kinds and first <= event.incurred_at < last:
                days = (governance.local_day(session, event.incurred_at) - period.starts).days
                costs[event.kind] += (
                    event.amount_minor / (1 + by_year) ** (days / 365) if by_year else event.amount_minor
                )
    if not costs:
        return Found(None, None)
    told = tuple({"kind": kind, "minor": round(minor)} for kind, minor in sorted(costs.items()))
    return Found(round(sum(costs.values()), 2), _packs_used(session, first, last), told)


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
    told = tuple({"supplier": code, "ordered_minor": one} for code, one in sorted(spent.items()))
    return Found(round(sum((one / total) ** 2 for one in spent.values()), 4), 1, told)


def hhi_by_item(session: Session, period: Period) -> Found:
    """The same of the money ordered for each item, over items ordered: 1 is one supplier for every item."""
    supplier = {row.code: row.supplier_code for row in contracting.all_contracts(session)}
    first, last = period.starts.isoformat(), period.ends.isoformat()
    spent: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in contracting.order_rows(session):
        if row["approved_at"] and first <= row["approved_at"][:10] <= last and period.item in (None, row["item"]):
            spent[row["item"]][supplier[row["contract"]]] += row["packs"] * row["pack_price_minor"]
    told: list[dict[str, Any]] = []
    for item, by in sorted(spent.items()):
        if total := sum(by.values()):
            share = sum((one / total) ** 2 for one in by.values())
            told.append({"item": item, "suppliers": len(by), "ordered_minor": total, "hhi": round(share, 4)})
    return Found(round(sum(row["hhi"] for row in told), 4), len(told), tuple(told))


def smoothing(session: Session, period: Period) -> Found:
    """Money of the peak month over the mean of all months of the period."""
    spent: dict[str, int] = defaultdict(int)
    for _, month, packs, price, _ in _ordered(session, period):
        spent[month] += packs * price
    told = tuple({"month": month, "ordered_minor": minor} for month, minor in sorted(spent.items()))
    return Found(max(spent.values(), default=0), round(sum(spent.values()) / _months(period), 2), told)


def spend_variation(session: Session, period: Period) -> Found:
    """Standard deviation of the money ordered a month over its mean, of all months of the period."""
    peak = smoothing(session, period)
    if not peak.denominator:
        return Found(None, None)
    spent = [row["ordered_minor"] for row in peak.rows]
    spent += [0] * (_months(period) - len(spent))
    return Found(round(pstdev(spent), 2), peak.denominator, peak.rows)


def _months(period: Period) -> int:
    return (period.ends.year - period.starts.year) * 12 + period.ends.month - period.starts.month + 1


def cost_per_head(session: Session, period: Period) -> Found:
    """Major money units ordered per inhabitant of the region."""
    spent: dict[str, int] = defaultdict(int)
    for contract, _, packs, price, _ in _ordered(session, period):
        spent[contract] += packs * price
    told = tuple({"contract": code, "ordered_minor": minor} for code, minor in sorted(spent.items()))
    people = sum(member.population for member in governance.members(session).values())
    return Found(sum(spent.values()) / 100, people, told)


def _bids(session: Session) -> dict[str, int]:
    query = select(ContractHistory.ocid, ContractHistory.bids).where(col(ContractHistory.bids).is_not(None))
    return {ocid: bids for ocid, bids in session.exec(query) if bids is not None}


def bids_per_lot(session: Session, period: Period) -> Found:
    """Mean bids of the tenders taken in that tell them."""
    told = _bids_told(session)
    return Found(sum(row["bids"] for row in told), len(told), told)


def _bids_told(session: Session) -> tuple[dict[str, Any], ...]:
    return tuple({"process": ocid, "bids": bids} for ocid, bids in sorted(_bids(session).items()))


def single_bid(session: Session, period: Period) -> Found:
    """Tenders taken in with a single bid, over those that tell bids."""
    told = _bids_told(session)
    return Found(sum(1 for row in told if row["bids"] == 1), len(told), told)


def _clocks(session: Session, period: Period, step: str) -> Found:
    """Steps done in time over steps that were due or done, by grievance."""
    last = end_of(session, period)
    told = tuple(
        {"grievance": row.id, "met": not clock.missed(last)}
        for row in grievances.all_of(session)
        for clock in clocks.clocks(grievances.times(session, row))
        if clock.step == step and start_of(session, period) <= row.received_at < last
        if clock.done is not None or clock.due < last
    )
    return Found(sum(1 for row in told if row["met"]), len(told), told)


def grievance_ack(session: Session, period: Period) -> Found:
    """Acknowledged in time, over acknowledgements that were due or done."""
    return _clocks(session, period, "acknowledge")


def grievance_resolved(session: Session, period: Period) -> Found:
    """Decided in time, over decisions that were due or done."""
    return _clocks(session, period, "decide")


def appeal_upheld(session: Session, period: Period) -> Found:
    """Decided grievances that were upheld in whole or part."""
    decided = [row for row in grievances.all_of(session) if row.decided_at is not None]
    inside = [
        r for r in decided if r.decided_at and start_of(session, period) <= r.decided_at < end_of(session, period)
    ]
    told = tuple({"grievance": r.id, "verdict": r.final_verdict or r.verdict} for r in inside)
    return Found(sum(1 for row in told if row["verdict"] != "not_upheld"), len(told), told)


def data_timeliness(session: Session, period: Period) -> Found:
    """Caseload reports of the period with figures, over all reports."""
    query = select(CaseloadReport).where(CaseloadReport.day >= period.starts, CaseloadReport.day <= period.ends)
    query = query.where(CaseloadReport.member_code == period.member) if period.member else query
    came: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for one in session.exec(query):
        came[one.member_code][0] += one.admissions is not None
        came[one.member_code][1] += 1
    told = tuple({"municipality": code, "kept": met, "of": due} for code, (met, due) in sorted(came.items()))
    return Found(sum(met for met, _ in came.values()), sum(due for _, due in came.values()), told)


FIGURES = {
    one.__name__: one
    for one in (
        otif,
        in_full,
        days_late,
        delivery_score,
        call_off_lead,
        ceiling_burn,
        tier_saving,
        cycle_time,
        lcc,
        lcc_discounted,
        hhi,
        hhi_by_item,
        smoothing,
        spend_variation,
        cost_per_head,
        bids_per_lot,
        single_bid,
        grievance_ack,
        grievance_resolved,
        appeal_upheld,
        data_timeliness,
    )
}
