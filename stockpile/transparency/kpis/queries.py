"""Any figure for any period, all figures of the newest year, the peer benchmark, remedial actions, red flags."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile.allocation.tables import Surge
from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.procurement import rules as steps
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.transparency.kpis import buying, rules, sharing, stocking
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.tables import RemedialAction
from stockpile.transparency.ocds.tables import ContractHistory
from stockpile.transparency.ocds.tendering import tender_ocid

Rows = list[dict[str, Any]]
YEAR: Final = timedelta(days=365)
SHORTEST_TENDER: Final = timedelta(days=15)


class NoSuchFigure(NotFound):
    """No figure has this code."""

    code = "unknown_kpi"


FIGURES: Final[dict[str, Callable[[Session, Period], Found]]] = {
    **stocking.FIGURES,
    **sharing.FIGURES,
    **buying.FIGURES,
}


def kpi(code: str) -> rules.Kpi:
    """A figure's description; refuses an unknown code."""
    found = rules.BY_CODE.get(code)
    if found is None or code not in FIGURES:
        why = rules.NOT_YET.get(code)
        raise NoSuchFigure(f"{code[:100]}: {why}" if why else f"there is no figure {code[:100]}", field="kpi")
    return found


def figure(session: Session, code: str, period: Period) -> dict[str, Any]:
    """One figure of a period with numerator, denominator and drill-down: run it again, and it is the same."""
    known = kpi(code)
    found = FIGURES[code](session, period)
    return {
        "kpi": code,
        "name": known.name,
        "numerator": found.numerator,
        "numerator_is": known.numerator,
        "denominator": found.denominator,
        "denominator_is": known.denominator,
        "value": rules.value(known, found),
        "unit": known.unit,
        "target": known.target,
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "filters": {"member": period.member, "item": period.item, "level": period.level},
        "rows": list(found.rows),
    }


def last_year(session: Session, at: datetime) -> Period:
    """The 365 days that end today in the region."""
    today = governance.local_day(session, at)
    return Period(today - YEAR, today)


def figures(session: Session, *, at: datetime) -> Rows:
    """Every figure of the newest year, and those that cannot be told yet with the reason."""
    period = last_year(session, at)
    told = []
    for one in rules.KPIS:
        found = FIGURES[one.code](session, period)
        told.append(_row(period, one, found, note="" if rules.value(one, found) is not None else "no facts yet"))
    nothing = Found(None, None)
    for code, why in rules.NOT_YET.items():
        told.append(_row(period, rules.Kpi(code, code.replace("_", " "), "", "", unit=""), nothing, note=why))
    return told


def _row(period: Period, known: rules.Kpi, found: Found, *, note: str) -> dict[str, Any]:
    return {
        "kpi": known.code,
        "name": known.name,
        "numerator": found.numerator,
        "denominator": found.denominator,
        "value": rules.value(known, found),
        "unit": known.unit,
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "target": known.target,
        "note": note,
    }


def benchmark(session: Session) -> Rows:
    """Fill of each municipality beside its peers: the third of the members that is nearest in population."""
    members = governance.members(session)
    by_size = sorted(members, key=lambda code: (members[code].population, code))
    third = -(-len(by_size) // 3)
    group_of = {code: place // third for place, code in enumerate(by_size)}
    told = []
    for surge in session.exec(select(Surge).order_by(col(Surge.id))):
        period = Period(surge.declared_at.date(), (surge.closed_at or surge.review_by).date(), surge=surge.id)
        fills = {r["municipality"]: r["given"] * 1000 // r["needed"] for r in sharing.by_member(session, period)}
        groups: dict[int, list[str]] = defaultdict(list)
        for code in fills:
            groups[group_of[code]].append(code)
        told += [
            _peer_row(surge.id or 0, members[code], [fills[peer] for peer in groups[group_of[code]]], fills[code])
            for code in sorted(fills, key=lambda one: members[one].name)
            if len(groups[group_of[code]]) >= rules.FEWEST_PEERS
        ]
    return told


def _peer_row(surge: int, member: Any, peers: list[int], fill: int) -> dict[str, Any]:
    low, high = rules.median_interval(peers)
    return {
        "surge": surge,
        "municipality": member.code,
        "name": member.name,
        "country": member.country,
        "peers": len(peers),
        "fill_permille": fill,
        "peer_median_permille": int(median(peers)),
        "quartile": rules.quartile(fill, peers),
        "low_permille": int(low),
        "high_permille": int(high),
    }


def remedies(session: Session) -> Rows:
    """Remedial actions, newest first."""
    query = select(RemedialAction).order_by(col(RemedialAction.id).desc())
    return [
        {
            "remedy": row.id,
            "kpi": row.kpi,
            "disparity": row.disparity,
            "owner": row.owner,
            "due": row.due.isoformat(),
            "state": row.state,
            "outcome": row.outcome,
            "municipality": row.member_code,
            "before": json.loads(row.baseline),
        }
        for row in session.exec(query)
    ]


def red_flags(session: Session) -> Rows:
    """Flags on tenders taken in and on our own: the OCP's Cardinal indicators R003, R018, R028, R035 and R036."""
    told: Rows = _own_flags(session)
    seen: set[tuple[str, str]] = set()
    for row in session.exec(select(ContractHistory).order_by(col(ContractHistory.id))):
        found = []
        if row.tender_starts and row.tender_ends and row.tender_ends - row.tender_starts < SHORTEST_TENDER:
            found.append(
                ("R003", "Was the time to bid too short?", f"{(row.tender_ends - row.tender_starts).days} days")
            )
        if row.bids == 1:
            found.append(("R018", "Why was there a single bid?", "1 bid"))
        for flag, about, value in found:
            if (row.ocid, flag) not in seen:
                seen.add((row.ocid, flag))
                told.append({"ocid": row.ocid, "flag": flag, "about": about, "value": value})
    return told


def _own_flags(session: Session) -> Rows:
    """Flags on our own tenders once their bids are compared."""
    told: Rows = []
    for one in tenders.tenders(session):
        if one.evaluated_at is None:
            continue
        number = one.id or 0
        valid, out = tenders.offers(session, number), tenders.offers(session, number, states=[steps.DISQUALIFIED])
        for lot in tenders.lots(session, number):
            bids = [(offer.cost_minor, offer in valid) for offer in (*valid, *out) if offer.lot == lot.lot]
            for flag, about, value in rules.bid_flags(bids):
                told.append(
                    {"ocid": tender_ocid(one.code), "flag": flag, "about": about, "value": f"lot {lot.lot}: {value}"}
                )
    return told
