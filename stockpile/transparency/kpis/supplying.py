"""Figures of what suppliers keep to: shelf life, rotation, options, outlooks; of emissions and how tenders are won."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import mean, median
from typing import Any

from sqlmodel import Session, col, func, select

from stockpile.contracts import queries as orders
from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.procurement.rules import EMISSION, PRICE, WITHDRAWN
from stockpile.contracts.procurement.tables import Tender
from stockpile.contracts.scorecards import queries as scorecards
from stockpile.contracts.tables import CallOff, CallOffLine, Contract, Delivery, Supplier
from stockpile.contracts.terms import queries as terms
from stockpile.contracts.terms.rules import BEFORE_SIGNATURE
from stockpile.demand.outlooks import queries as outlooks
from stockpile.transparency.kpis.rules import UNKNOWN_SIZE, Found, Period
from stockpile.transparency.kpis.stocking import end_of, start_of

ADOPTED = "adopted"
SMALL = ("micro", "small", "medium")


def _suppliers(session: Session) -> list[str]:
    return list(session.exec(select(Supplier.code).order_by(col(Supplier.code))))


def _kept(session: Session, period: Period, share: str) -> Found:
    """A share of the scorecards, added up over all suppliers."""
    told = []
    for code in _suppliers(session):
        found = scorecards.scorecard(session, code, since=period.starts, until=period.ends)[share]
        if found["of"]:
            told.append({"supplier": code, "kept": found["kept"], "of": found["of"]})
    return Found(sum(row["kept"] for row in told), sum(row["of"] for row in told), tuple(told))


def residual_life_compliance(session: Session, period: Period) -> Found:
    """Deliveries that lasted as long as their contract asks, over deliveries whose expiry is known."""
    return _kept(session, period, "shelf_life_kept")


def on_time(session: Session, period: Period) -> Found:
    """Order lines that came whole by their day, over lines due."""
    return _kept(session, period, "on_time")


def rejected_share(session: Session, period: Period) -> Found:
    """Base units of deliveries in the period that were rejected, over those delivered."""
    first, last = start_of(session, period), end_of(session, period)
    query = (
        select(Delivery, CallOffLine.item_code)
        .join(CallOffLine, col(CallOffLine.id) == col(Delivery.calloff_line_id))
        .where(col(Delivery.arrived_at) >= first, col(Delivery.arrived_at) < last)
        .order_by(col(Delivery.id))
    )
    told: tuple[dict[str, Any], ...] = tuple(
        {"delivery": came.id, "item": item, "rejected": came.rejected, "delivered": came.quantity}
        for came, item in session.exec(query)
        if period.item in (None, item)
    )
    return Found(sum(row["rejected"] for row in told), sum(row["delivered"] for row in told), told)


def rejection_ppm(session: Session, period: Period) -> Found:
    """The same by supplier, in parts per million."""
    first, last = start_of(session, period), end_of(session, period)
    query = (
        select(Contract.supplier_code, func.sum(Delivery.rejected), func.sum(Delivery.quantity))
        .join(CallOff, col(CallOff.contract_code) == col(Contract.code))
        .join(CallOffLine, col(CallOffLine.calloff_id) == col(CallOff.id))
        .join(Delivery, col(Delivery.calloff_line_id) == col(CallOffLine.id))
        .where(col(Delivery.arrived_at) >= first, col(Delivery.arrived_at) < last)
        .group_by(col(Contract.supplier_code))
        .order_by(col(Contract.supplier_code))
    )
    query = query.where(CallOffLine.item_code == period.item) if period.item else query
    told: tuple[dict[str, Any], ...] = tuple(
        {"supplier": supplier, "rejected": int(back), "delivered": int(came)}
        for supplier, back, came in session.exec(query)
    )
    return Found(sum(row["rejected"] for row in told), sum(row["delivered"] for row in told), told)


def rotation_compliance(session: Session, period: Period) -> Found:
    """Rotations done by their day, over rotations due."""
    return _kept(session, period, "rotation_kept")


def surge_option_response(session: Session, period: Period) -> Found:
    """Lines of surge options delivered in time, over lines of options that were called and are due."""
    return _kept(session, period, "options_answered")


def supplier_outlook_accuracy(session: Session, period: Period) -> Found:
    """Accuracy of outlooks whose quarter is over, in thousandths, over a thousand for each of them."""
    told = [
        {"supplier": code, "item": one.item, "quarter": one.quarter, "permille": one.accuracy_permille}
        for code in _suppliers(session)
        for one in outlooks.told(session, supplier=code, today=period.ends)
        if one.accuracy_permille is not None and one.issued >= period.starts and period.item in (None, one.item)
    ]
    return Found(sum(int(str(row["permille"])) for row in told), 1000 * len(told), tuple(told))


def emissions(session: Session, period: Period) -> Found:
    """Declared milligrams of CO2 equivalent of what was delivered so far, over the base units that are declared."""
    codes = session.exec(select(Contract.code).order_by(col(Contract.code)))
    rows = [tenders.emissions(session, code) for code in codes]
    told = tuple(
        {"contract": row["contract"], "mg": row["total_mg"], "units": row["declared_units"]}
        for row in rows
        if row["declared_units"]
    )
    return Found(sum(row["mg"] for row in told), sum(row["units"] for row in told), told)


def green_share(session: Session, period: Period) -> Found:
    """Tenders whose award weighs emissions, over tenders evaluated in the period."""
    first, last = start_of(session, period), end_of(session, period)
    told = tuple(
        {"tender": one.code, "green": any(row.kind == EMISSION for row in tenders.rubric(session, one.id or 0))}
        for one in tenders.tenders(session)
        if one.evaluated_at is not None and first <= one.evaluated_at < last
    )
    return Found(sum(1 for row in told if row["green"]), len(told), told)


def lots_share(session: Session, period: Period) -> Found:
    """Tenders divided into several lots, over tenders evaluated in the period."""
    first, last = start_of(session, period), end_of(session, period)
    told: tuple[dict[str, Any], ...] = tuple(
        {"tender": one.code, "lots": len(tenders.lots(session, one.id or 0))}
        for one in tenders.tenders(session)
        if one.evaluated_at is not None and first <= one.evaluated_at < last
    )
    return Found(sum(1 for row in told if row["lots"] > 1), len(told), told)


def price_only(session: Session, period: Period) -> Found:
    """Tenders that nothing but the price decided, over tenders evaluated in the period."""
    first, last = start_of(session, period), end_of(session, period)
    told = tuple(
        {"tender": one.code, "price_only": {row.kind for row in tenders.rubric(session, one.id or 0)} == {PRICE}}
        for one in tenders.tenders(session)
        if one.evaluated_at is not None and first <= one.evaluated_at < last
    )
    return Found(sum(1 for row in told if row["price_only"]), len(told), told)


def tender_to_award(session: Session, period: Period) -> Found:
    """Mean days from the publication of a tender to its award, over tenders awarded in the period."""
    first, last = start_of(session, period), end_of(session, period)
    told: tuple[dict[str, Any], ...] = tuple(
        {"tender": one.code, "days": (one.awarded_at - one.published_at).days}
        for one in tenders.tenders(session)
        if one.published_at is not None and one.awarded_at is not None and first <= one.awarded_at < last
    )
    return Found(sum(row["days"] for row in told), len(told), told)


def award_saving(session: Session, period: Period) -> Found:
    """Money of winning bids below the mean valid bid of their lot (the declared baseline), over those means.

    Lots with two valid bids or more, of tenders evaluated in the period, over their estimated quantities.
    """
    told: list[dict[str, Any]] = []
    for one, offers in _offers(session, period):
        won = {row.bid_id for row in tenders.results(session, one.id or 0) if row.rank == 1}
        for lot, costs in sorted(offers.items()):
            best = next((cost for bid, cost in costs if bid in won), None)
            if best is not None and len(costs) > 1:
                base = round(mean(cost for _, cost in costs))
                told.append({"tender": one.code, "lot": lot, "saved_minor": base - best, "of_minor": base})
    return Found(sum(row["saved_minor"] for row in told), sum(row["of_minor"] for row in told), tuple(told))


def _offers(session: Session, period: Period) -> list[tuple[Tender, dict[str, list[tuple[int, int]]]]]:
    """Tenders evaluated in the period, each with the valid bids of every lot: number and cost in minor units."""
    first, last, found = start_of(session, period), end_of(session, period), []
    for one in sorted(tenders.tenders(session), key=lambda row: row.code):
        if one.evaluated_at is not None and first <= one.evaluated_at < last:
            lots: dict[str, list[tuple[int, int]]] = {row.lot: [] for row in tenders.lots(session, one.id or 0)}
            for offer in tenders.offers(session, one.id or 0):
                lots[offer.lot].append((offer.bid, offer.cost_minor))
            found.append((one, lots))
    return found


def _bids_by_lot(session: Session, period: Period) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"tender": one.code, "lot": lot, "bids": len(costs)}
        for one, lots in _offers(session, period)
        for lot, costs in sorted(lots.items())
    )


def lot_bids(session: Session, period: Period) -> Found:
    """Mean valid bids of a lot, over the lots of our tenders evaluated in the period."""
    told = _bids_by_lot(session, period)
    return Found(sum(row["bids"] for row in told), len(told), told)


def lot_bids_median(session: Session, period: Period) -> Found:
    """Median of the valid bids of a lot, over the same lots."""
    told = _bids_by_lot(session, period)
    return Found(median(row["bids"] for row in told), 1, told) if told else Found(None, None)


def lot_single_bid(session: Session, period: Period) -> Found:
    """Lots with a single valid bid, over lots with any, of our tenders evaluated in the period."""
    told = tuple(row for row in _bids_by_lot(session, period) if row["bids"])
    return Found(sum(1 for row in told if row["bids"] == 1), len(told), told)


def amended_contracts(session: Session, period: Period) -> Found:
    """Contracts with an amendment adopted in the period, over contracts in force at its end."""
    first, last = start_of(session, period), end_of(session, period)
    told = []
    for code in orders.contracts_valid(session, period.ends):
        adopted = [one.decided_at for one in terms.versions(session, code) if one.version > 1 and one.state == ADOPTED]
        told.append({"contract": code, "amended": any(at is not None and first <= at < last for at in adopted)})
    return Found(sum(1 for row in told if row["amended"]), len(told), tuple(told))


def sme_share(session: Session, period: Period) -> Found:
    """Contracts running in the period with micro to medium suppliers, over those with suppliers of known size.

    Sizes after EU Recommendation 2003/361/EC. Suppliers of unknown size are among the rows, and in neither number.
    """
    rows = session.exec(select(Contract).where(Contract.starts <= period.ends, Contract.ends >= period.starts))
    sizes = _sizes(session)
    return _small(
        {"contract": one.code, "supplier": one.supplier_code, "size": sizes[one.supplier_code]}
        for one in sorted(rows, key=lambda row: row.code)
        if one.state not in BEFORE_SIGNATURE
    )


def sme_bid_share(session: Session, period: Period) -> Found:
    """Bids of micro to medium suppliers, over bids of suppliers of known size, of tenders evaluated in the period."""
    first, last, sizes = start_of(session, period), end_of(session, period), _sizes(session)
    return _small(
        {"tender": one.code, "lot": bid.lot, "supplier": bid.supplier_code, "size": sizes[bid.supplier_code]}
        for one in sorted(tenders.tenders(session), key=lambda row: row.code)
        if one.evaluated_at is not None and first <= one.evaluated_at < last
        for bid in tenders.bids(session, one.id or 0)
        if bid.state != WITHDRAWN
    )


def _sizes(session: Session) -> dict[str, str | None]:
    return {one.code: one.size for one in session.exec(select(Supplier))}


def _small(found: Iterable[dict[str, Any]]) -> Found:
    """The rows with a small supplier over those with a known one; of rows without any of those it is unknown."""
    told = tuple({**row, "size": row["size"] or "unknown"} for row in found)
    known = sum(1 for row in told if row["size"] != "unknown")
    if not known:
        return Found(None, None, told, UNKNOWN_SIZE if told else "")
    return Found(sum(1 for row in told if row["size"] in SMALL), known, told)


FIGURES = {
    one.__name__: one
    for one in (
        on_time,
        rejected_share,
        rejection_ppm,
        residual_life_compliance,
        rotation_compliance,
        surge_option_response,
        supplier_outlook_accuracy,
        emissions,
        green_share,
        lots_share,
        price_only,
        tender_to_award,
        award_saving,
        lot_bids,
        lot_bids_median,
        lot_single_bid,
        amended_contracts,
        sme_share,
        sme_bid_share,
    )
}
