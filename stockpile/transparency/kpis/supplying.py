"""Figures of what suppliers keep to: shelf life, rotation, options, outlooks; of emissions and how tenders are won."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.procurement.rules import EMISSION
from stockpile.contracts.scorecards import queries as scorecards
from stockpile.contracts.tables import Contract, Supplier
from stockpile.demand.outlooks import queries as outlooks
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.stocking import end_of, start_of


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


FIGURES = {
    one.__name__: one
    for one in (
        residual_life_compliance,
        rotation_compliance,
        surge_option_response,
        supplier_outlook_accuracy,
        emissions,
        green_share,
    )
}
