"""Figures that compare over time and among members: forecast and use, prices, what pooling saves, how soon is told."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import mean, pstdev
from typing import Any

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.allocation import queries as allocation
from stockpile.contracts import queries as contracts
from stockpile.contracts import rules as ordering
from stockpile.contracts.tables import CallOff, CallOffLine
from stockpile.demand.forecasting import queries as forecasting
from stockpile.demand.forecasting import rules as foreseeing
from stockpile.demand.forecasting.tables import Forecast
from stockpile.demand.tables import CaseloadReport
from stockpile.governance import queries as governance
from stockpile.transparency.kpis import stocking
from stockpile.transparency.kpis.rules import UNKNOWN_OUTSIDE, UNKNOWN_PLAN, Found, Period
from stockpile.transparency.kpis.stocking import days, end_of, start_of
from stockpile.transparency.kpis.tables import OutsidePurchase
from stockpile.transparency.ocds import releases
from stockpile.transparency.ocds import rules as publishing

NINTH_DECILE = "0.9"
WEEK_DAYS = 7
FEWEST_DAYS = 14
"""Days of reports below which nothing is said of how needs vary."""
UNDONE = (ordering.CANCELLED, ordering.REJECTED)


def _foreseen(session: Session, period: Period) -> list[dict[str, Any]]:
    """First periods of forecasts for all sites together, that lie in the period: forecast, ninth decile, and use."""
    wanted, told = stocking.items(session, period), []
    for row in session.exec(select(Forecast).where(Forecast.site_code == "").order_by(col(Forecast.id))):
        month = row.period == foreseeing.MONTH
        ends = forecasting.following_month(row.starts) if month else row.starts + timedelta(days=7)
        if row.item_code in wanted and period.starts <= row.starts and ends <= period.ends + timedelta(days=1):
            high = json.loads(row.quantiles).get(NINTH_DECILE, [None])[0]
            mean_ = json.loads(row.means)[0] / 1000
            told.append((row.item_code, row.starts, ends - timedelta(days=1), mean_, high))
    used = forecasting.used_by_day(session, {item for item, *_ in told}) if told else {}
    return [
        {"item": item, "starts": first.isoformat(), "ends": last.isoformat(), "forecast": mean_}
        | {"p90": None if high is None else high / 1000}
        | {"used": sum(used[item].get(day, 0) for day in days(first, last))}
        for item, first, last, mean_, high in told
    ]


def forecast_error(session: Session, period: Period) -> Found:
    """What was forecast for all sites together less what was used, over what was used (WAPE): first periods alone."""
    rows = _foreseen(session, period)
    off = sum(abs(row["forecast"] - row["used"]) for row in rows)
    return Found(round(off, 3), sum(row["used"] for row in rows), tuple(rows))


def forecast_bias(session: Session, period: Period) -> Found:
    """What was forecast beyond what was used (below it: negative), over what was used: first periods alone."""
    rows = _foreseen(session, period)
    return Found(
        round(sum(row["forecast"] - row["used"] for row in rows), 3), sum(r["used"] for r in rows), tuple(rows)
    )


def forecast_mape(session: Session, period: Period) -> Found:
    """Each forecast's error over what was used, where any was, added up over the periods forecast (MAPE)."""
    rows = [row for row in _foreseen(session, period) if row["used"]]
    parts = (abs(row["forecast"] - row["used"]) / row["used"] for row in rows)
    return Found(round(sum(parts), 6), len(rows), tuple(rows))


def forecast_mase(session: Session, period: Period) -> Found:
    """Each forecast's error over the mean step between the periods of use before it (MASE), over the forecasts.

    After Hyndman and Koehler (2006): below 1 it is better than to say that what was used last is used again. Forecasts
    before which use never changed, or fewer than two periods are known, are not counted.
    """
    rows = _foreseen(session, period)
    used = forecasting.used_by_day(session, {row["item"] for row in rows}) if rows else {}
    told: list[dict[str, Any]] = []
    for row in rows:
        step = usual_step(used[row["item"]], date.fromisoformat(row["starts"]), date.fromisoformat(row["ends"]))
        if step:
            off = round(abs(row["forecast"] - row["used"]), 3)
            told.append({"item": row["item"], "starts": row["starts"], "error": off, "usual_step": round(step, 3)})
    return Found(round(sum(row["error"] / row["usual_step"] for row in told), 6), len(told), tuple(told))


def usual_step(used: Mapping[date, int], first: date, last: date) -> float:
    """Mean change of use from one period to the next, of the whole periods of the same length before; 0: unknown."""
    week, sums = (last - first).days == WEEK_DAYS - 1, list[int]()
    began = min(used, default=first)
    while True:
        ends = first - timedelta(days=1)
        first = first - timedelta(days=WEEK_DAYS) if week else ends.replace(day=1)
        if first < began:
            break
        sums.append(sum(used.get(day, 0) for day in days(first, ends)))
    return mean(abs(later - earlier) for later, earlier in pairwise(sums)) if len(sums) > 1 else 0.0


def pinball_loss(session: Session, period: Period) -> Found:
    """Pinball loss of the ninth decile, over what was used: nine tenths of what came above it, a tenth of what did not.

    Of two bands that hold as often the narrower one loses less.
    """
    rows = [row for row in _foreseen(session, period) if row["p90"] is not None]
    told = tuple(
        {name: row[name] for name in ("item", "starts", "p90", "used")} | {"loss": _pinball(row["used"] - row["p90"])}
        for row in rows
    )
    return Found(round(sum(row["loss"] for row in told), 3), sum(row["used"] for row in told), told)


def _pinball(above: float) -> float:
    return round(max(0.9 * above, -0.1 * above), 6)


def forecast_coverage(session: Session, period: Period) -> Found:
    """Periods in which no more was used than the ninth decile of the forecast, over periods that had one."""
    rows = [row for row in _foreseen(session, period) if row["p90"] is not None]
    return Found(sum(1 for row in rows if row["used"] <= row["p90"]), len(rows), tuple(rows))


def price_variance(session: Session, period: Period) -> Found:
    """Standard deviation of the pack prices that members paid, over their mean, both added up over items."""
    wanted, first, last = stocking.items(session, period), start_of(session, period), end_of(session, period)
    query = (
        select(CallOff.member_code, CallOffLine)
        .join(CallOffLine, col(CallOffLine.calloff_id) == col(CallOff.id))
        .where(col(CallOff.member_code).is_not(None), col(CallOff.id).in_(_ordered(session, first, last)))
    )
    paid: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for member, line in session.exec(query):
        if line.item_code in wanted and member is not None:
            sums = paid[line.item_code][member]
            sums[0] += line.packs * line.pack_price_minor
            sums[1] += line.packs
    spread = {item: [money / packs for money, packs in by.values()] for item, by in sorted(paid.items()) if len(by) > 1}
    told = tuple(
        {"item": item, "municipality": member, "price_minor": round(money / packs, 2)}
        for item in spread
        for member, (money, packs) in sorted(paid[item].items())
    )
    means = sum(mean(prices) for prices in spread.values())
    return Found(round(sum(pstdev(prices) for prices in spread.values()), 3), round(means, 3), told)


def _ordered(session: Session, first: datetime, last: datetime) -> list[int]:
    """The orders approved in a period."""
    return [one.id or 0 for one in contracts.calloffs(session) if one.approved_at and first <= one.approved_at < last]


def pooling_gain(session: Session, period: Period) -> Found:
    """What stock against chance is saved by keeping it together: deviations of members' admissions less that of all.

    Stock against chance grows with the standard deviation of a day's need, at the same service and lead time; needs
    follow admissions. Counted are the members that reported on every day of the period on which any did.
    """
    query = select(CaseloadReport).where(CaseloadReport.day >= period.starts, CaseloadReport.day <= period.ends)
    came: dict[str, dict[date, int]] = defaultdict(dict)
    for row in session.exec(query.order_by(CaseloadReport.member_code)):
        if row.admissions is not None:
            came[row.member_code][row.day] = row.admissions
    seen = sorted({day for told in came.values() for day in told})
    whole = [[told[day] for day in seen] for told in came.values() if len(told) == len(seen)]
    if len(seen) < FEWEST_DAYS or len(whole) < 2:
        return Found(None, None)
    apart = sum(pstdev(one) for one in whole)
    together = pstdev([sum(day) for day in zip(*whole, strict=True)])
    return Found(round(apart - together, 6), round(apart, 6), ({"municipalities": len(whole), "days": len(seen)},))


def smoothing_gain(session: Session, period: Period) -> Found:
    """By how much the newest nightly plan of the period lowers the peak month over the mean month.

    1 - (peak / mean of the plan) / (the same if no budget spread the orders), of the months that either spends in. A
    week counts to the month of its Monday. The run tells both in the journal; it plans for all items together. Rows
    tell the part of each month, no money that suppliers could wait for.
    """
    if period.item or period.member:
        return Found(None, None)
    first, last = start_of(session, period), end_of(session, period)
    newest: tuple[datetime, dict[str, Any]] | None = None
    for entry in journal.entries(session, action="reorder.run"):
        if first <= entry.effective_at < last and (newest is None or entry.effective_at >= newest[0]):
            payload = json.loads(entry.payload)
            told_both = sum(payload.get("spend_by_week", ())) and sum(payload.get("spend_before_by_week", ()))
            newest = (entry.effective_at, payload) if told_both else newest
    if newest is None:
        return Found(None, None, note=UNKNOWN_PLAN)
    today = governance.local_day(session, newest[0])
    after, before = (_by_month(today, newest[1][name]) for name in ("spend_by_week", "spend_before_by_week"))
    months = sorted({*after, *before})
    peaks = [max(by.values()) * len(months) / sum(by.values()) for by in (before, after)]
    shares = [{one: by.get(one, 0) * 1000 // sum(by.values()) for one in months} for by in (before, after)]
    told = tuple({"month": one, "before_permille": shares[0][one], "after_permille": shares[1][one]} for one in months)
    return Found(round(peaks[0] - peaks[1], 4), round(peaks[0], 4), told)


def _by_month(today: date, weeks: Sequence[int]) -> dict[str, int]:
    """Money of weeks from that of today on, by the month of each Monday; months without money are left out."""
    monday, spent = today - timedelta(days=today.weekday()), defaultdict[str, int](int)
    for number, minor in enumerate(weeks):
        if minor:
            spent[(monday + timedelta(weeks=number)).isoformat()[:7]] += minor
    return dict(spent)


def publication_lag(session: Session, period: Period) -> Found:
    """Hours from the approval of a plan to its first publication, over plans first published in the period."""
    first, last = start_of(session, period), end_of(session, period)
    approved = {head["id"]: head["approved_at"] for head in allocation.plan_heads(session)}
    told = []
    for entry in journal.entries(session, action="plan.publish"):
        payload = json.loads(entry.payload)
        since = approved.get(payload["plan"])
        if payload["version"] == 1 and since is not None and first <= entry.effective_at < last:
            hours = (entry.effective_at - since).total_seconds() / 3600
            told.append({"plan": payload["plan"], "hours": round(hours, 3)})
    return Found(round(sum(row["hours"] for row in told), 3), len(told), tuple(told))


def joint_share(session: Session, period: Period) -> Found:
    """Money ordered together for members that told what they bought outside, over that and what they bought outside.

    A member's part is what it ordered itself, and of what the pool ordered the part of its population (rounded down),
    on the days that it told of, where they lie in the period. Where no member told anything the figure is unknown.
    """
    members = governance.members(session)
    people = sum(one.population for one in members.values())
    orders = [one for one in contracts.calloffs(session) if one.approved_at and one.state not in UNDONE]
    told: list[dict[str, Any]] = []
    for note in outside(session, period):
        inner = Period(note.starts, note.ends)
        first, last = start_of(session, inner), end_of(session, inner)
        inside = [one for one in orders if one.approved_at and first <= one.approved_at < last]
        own = sum(one.cost_minor for one in inside if one.member_code == note.member_code)
        pooled = sum(one.cost_minor for one in inside if one.member_code is None)
        joint = own + pooled * members[note.member_code].population // people
        days_told = {"starts": note.starts.isoformat(), "ends": note.ends.isoformat()}
        told.append(
            {"municipality": note.member_code, **days_told, "joint_minor": joint, "outside_minor": note.value_minor}
        )
    if not told:
        return Found(None, None, note=UNKNOWN_OUTSIDE)
    joint = sum(row["joint_minor"] for row in told)
    return Found(joint, joint + sum(row["outside_minor"] for row in told), tuple(told))


def outside(session: Session, period: Period) -> list[OutsidePurchase]:
    """What members told of days that lie in the period: the newest note of the same days, by member and day."""
    query = select(OutsidePurchase).where(OutsidePurchase.starts >= period.starts, OutsidePurchase.ends <= period.ends)
    query = query.where(OutsidePurchase.member_code == period.member) if period.member else query
    newest = {(one.member_code, one.starts): one for one in session.exec(query.order_by(col(OutsidePurchase.id)))}
    return [newest[key] for key in sorted(newest)]


def ocds_coverage(session: Session, period: Period) -> Found:
    """Fields that releases carry, over those that they should (ocds.rules.TOLD_OF), by contract, order and amendment.

    Counted are contracts that ran, orders approved and amendments made in the period, as the books have them: one
    that no release tells of lacks all of its fields.
    """
    return _covered(session, period, publishing.TOLD_OF)


def ocds_record_coverage(session: Session, period: Period) -> Found:
    """The same over whole records: every field that the mapping has, those of extensions too (ocds.rules.WHOLE)."""
    return _covered(session, period, publishing.WHOLE)


def _covered(session: Session, period: Period, wanted: Mapping[str, Sequence[str]]) -> Found:
    if period.item or period.member:
        return Found(None, None)
    told: list[dict[str, Any]] = []
    at = end_of(session, period)
    read: dict[datetime, dict[str, Any]] = session.info.setdefault("records until", {})
    compiled = read.get(at) or read.setdefault(at, releases.compiled(session, at=at))
    for kind, process, name in releases.books(session, start_of(session, period), end_of(session, period)):
        found = compiled.get(process, {})
        if kind == "amendment":
            known = {one["id"]: one for told_of in found.get("contracts", []) for one in told_of.get("amendments", [])}
            found = known.get(name, {})
        fields = wanted.get(kind, ())
        if not fields:
            continue
        empty = publishing.lacking(found, fields)
        told.append(
            {"kind": kind, "process": process, "told": len(fields) - len(empty), "of": len(fields)}
            | {"lacking": ", ".join(empty)}
        )
    return Found(sum(row["told"] for row in told), sum(row["of"] for row in told), tuple(told))


FIGURES = {
    one.__name__: one
    for one in (
        forecast_error,
        forecast_bias,
        forecast_mape,
        forecast_mase,
        pinball_loss,
        forecast_coverage,
        price_variance,
        pooling_gain,
        smoothing_gain,
        publication_lag,
        joint_share,
        ocds_coverage,
        ocds_record_coverage,
    )
}
