"""Any figure for any period, all figures of the newest year, the peer benchmark, remedial actions, red flags."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any, Final

from sqlmodel import Session, col, select

from stockpile.allocation.tables import Surge
from stockpile.catalogue import queries as catalogue
from stockpile.contracts import queries as contracts
from stockpile.contracts.procurement import queries as tenders
from stockpile.contracts.procurement import rules as steps
from stockpile.errors import NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import BUYER, COMMITTEE, COORDINATOR, LOGISTICS
from stockpile.transparency.kpis import (
    answering,
    buying,
    deciding,
    enduring,
    flags,
    levels,
    listing,
    rules,
    sharing,
    stocking,
    supplying,
)
from stockpile.transparency.kpis.rules import Found, Period
from stockpile.transparency.kpis.tables import KpiBaseline, OutsidePurchase, RemedialAction
from stockpile.transparency.ocds import queries as contracting
from stockpile.transparency.ocds.tables import ContractHistory
from stockpile.transparency.ocds.tendering import tender_ocid

Rows = list[dict[str, Any]]
YEAR: Final = timedelta(days=365)
SHORTEST_TENDER: Final = timedelta(days=15)
SHORT: Final = "Was the time to bid too short?"
OF_SUPPLIERS: Final = {
    "R025": "Why does it win so few of so many bids?",
    "R038": "Why were so many of its bids disqualified?",
    "R048": "Why does it supply goods of such different kinds?",
}
NOTHING: Final = "no facts yet"


class NoSuchFigure(NotFound):
    """No figure has this code."""

    code = "unknown_kpi"


FIGURES: Final[dict[str, Callable[[Session, Period], Found]]] = {
    **stocking.FIGURES,
    **levels.FIGURES,
    **answering.FIGURES,
    **sharing.FIGURES,
    **buying.FIGURES,
    **deciding.FIGURES,
    **supplying.FIGURES,
    **enduring.FIGURES,
}


def kpi(code: str) -> rules.Kpi:
    """A figure's description; refuses an unknown code."""
    found = listing.BY_CODE.get(code)
    if found is None or code not in FIGURES:
        raise NoSuchFigure(f"there is no figure {code[:100]}", field="kpi")
    return found


def figure(session: Session, code: str, period: Period, *, outside: bool = False) -> dict[str, Any]:
    """One figure of a period with numerator, denominator and drill-down: run it again, and it is the same.

    `outside`: as those see it who have no account, without quantities in store.
    """
    known = kpi(code)
    found = FIGURES[code](session, period)
    return {
        "kpi": code,
        "name": known.name,
        **rules.parts(known, found, outside=outside),
        "numerator_is": known.numerator,
        "denominator_is": known.denominator,
        "unit": known.unit,
        "target": known.target,
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "filters": {"member": period.member, "item": period.item, "level": period.level},
        "note": found.note,
        "rows": list(found.rows),
    }


def last_year(session: Session, at: datetime) -> Period:
    """The 365 days that end today in the region."""
    today = governance.local_day(session, at)
    return Period(today - YEAR, today)


def figures(session: Session, *, at: datetime) -> Rows:
    """Every figure of the newest year as the public sees it; where there is nothing to tell, a note says so."""
    period = last_year(session, at)
    told = []
    for one in listing.KPIS:
        found = FIGURES[one.code](session, period)
        told.append(_row(period, one, found, note="" if rules.value(one, found) is not None else found.note or NOTHING))
    return told


def _row(period: Period, known: rules.Kpi, found: Found, *, note: str) -> dict[str, Any]:
    return {
        "kpi": known.code,
        "name": known.name,
        **rules.parts(known, found, outside=True),
        "unit": known.unit,
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "target": known.target,
        "note": note,
    }


def baselines(session: Session, kpi: str) -> list[KpiBaseline]:
    """What a figure was before: the newest note of the whole region, or else the newest of each member."""
    query = select(KpiBaseline).where(KpiBaseline.kpi == kpi).order_by(col(KpiBaseline.id))
    newest = {row.member_code: row for row in session.exec(query)}
    return [newest[None]] if None in newest else [newest[code] for code in sorted(newest, key=str)]


def before_and_after(session: Session, *, at: datetime) -> Rows:
    """The headline figures of the time before beside those of the newest year; sources for those who sign in.

    Members' baselines are added up, numerators and denominators; `told_by`: how many there are (0: none, so that
    there is nothing to compare), None where one stands for the whole region.
    """
    period = last_year(session, at)
    return [_compared(session, period, one) for one in rules.HEADLINES]


def _compared(session: Session, period: Period, one: rules.Headline) -> dict[str, Any]:
    known, rows = kpi(one.kpi), baselines(session, one.kpi)
    whole = bool(rows) and rows[0].member_code is None
    sums = (sum(row.numerator for row in rows), sum(row.denominator for row in rows))
    told = Found(*sums) if rows else Found(None, None)
    now = FIGURES[one.kpi](session, period)
    before, after = rules.value(known, told), rules.value(known, now)
    change = rules.change_percent(before, after)
    return {
        "kpi": one.kpi,
        "name": known.name,
        "promise": one.promise,
        "unit": known.unit,
        "before": before,
        "before_numerator": told.numerator,
        "before_denominator": told.denominator,
        "before_starts": min((row.starts.isoformat() for row in rows), default=None),
        "before_ends": max((row.ends.isoformat() for row in rows), default=None),
        "told_by": None if whole else len(rows),
        "after": after,
        "after_numerator": now.numerator,
        "after_denominator": now.denominator,
        "starts": period.starts.isoformat(),
        "ends": period.ends.isoformat(),
        "change_percent": change,
        "kept": None if change is None else (change < 0) == one.less_is_better and change != 0,
    }


def sources(session: Session) -> Rows:
    """Every baseline that counts, with where it is written and since when."""
    rows = [row for one in rules.HEADLINES for row in baselines(session, one.kpi)]
    return [row.model_dump(mode="json", exclude={"set_by"}) for row in rows]


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


def disparities(session: Session, *, at: datetime) -> list[rules.Disparity]:
    """What the figures of the newest year show to be amiss, and municipalities far below their peers, by office.

    Peers are compared in each surge of the newest year; of several the newest counts. The widest gaps come first.
    """
    period = last_year(session, at)
    found = []
    for known in listing.KPIS:
        worth = rules.value(known, FIGURES[known.code](session, period))
        if rules.missed(known, worth):
            days = f"from {period.starts} to {period.ends}"
            words = f"{known.name}: {worth} {known.unit} {days}, should be {known.target}"
            found.append(rules.Disparity(known.code, None, words, _office(known.code)))
    return found + _far_below(session, period)


def _office(code: str) -> str:
    """Which office answers for a figure: that whose work it tells."""
    by_kind = (
        *((LOGISTICS, stocking), (LOGISTICS, levels), (COORDINATOR, sharing), (COORDINATOR, answering)),
        *((BUYER, buying), (BUYER, supplying)),
    )
    return next((office for office, figures_ in by_kind if code in figures_.FIGURES), COMMITTEE)


def _far_below(session: Session, period: Period) -> list[rules.Disparity]:
    first = stocking.start_of(session, period)
    recent = {row.id for row in session.exec(select(Surge)) if (row.closed_at or row.review_by) >= first}
    newest = {row["municipality"]: row for row in benchmark(session) if row["surge"] in recent}
    far = [
        row
        for row in newest.values()
        if rules.far_below(row["fill_permille"], peer_median=row["peer_median_permille"], low=row["low_permille"])
    ]
    far.sort(key=lambda row: (row["fill_permille"] - row["peer_median_permille"], row["municipality"]))
    return [
        rules.Disparity(
            "fill_rate",
            row["municipality"],
            f"{row['name']} got {row['fill_permille'] / 10} % of its need in surge {row['surge']}; half of its "
            f"{row['peers']} peers got {row['peer_median_permille'] / 10} % or more",
            COORDINATOR,
        )
        for row in far
    ]


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
            "after": json.loads(row.result) if row.result else None,
        }
        for row in session.exec(query)
    ]


def red_flags(session: Session) -> Rows:
    """Flags after the OCP's Cardinal: R003 and R018 on imported tenders, and on our own also R024, R028, R035, R036,
    R058; on suppliers R025, R038 and R048 (`ocid` None, as elsewhere `supplier` is).
    """
    return [{"ocid": None, "supplier": None, **row} for row in (*_tender_flags(session), *_supplier_flags(session))]


def _tender_flags(session: Session) -> Rows:
    told: Rows = [*_own_flags(session), *_margins(session)]
    seen: set[tuple[str, str]] = set()
    for row in session.exec(select(ContractHistory).order_by(col(ContractHistory.id))):
        found = []
        if row.tender_starts and row.tender_ends and row.tender_ends - row.tender_starts < SHORTEST_TENDER:
            found.append(("R003", SHORT, f"{(row.tender_ends - row.tender_starts).days} days"))
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
        if one.published_at is not None and one.closes is not None and one.closes - one.published_at < SHORTEST_TENDER:
            days = f"{(one.closes - one.published_at).days} days"
            told.append({"ocid": tender_ocid(one.code), "flag": "R003", "about": SHORT, "value": days})
        for lot in tenders.lots(session, number):
            bids = [(offer.cost_minor, offer in valid) for offer in (*valid, *out) if offer.lot == lot.lot]
            for flag, about, value in flags.bid_flags(bids):
                told.append(
                    {"ocid": tender_ocid(one.code), "flag": flag, "about": about, "value": f"lot {lot.lot}: {value}"}
                )
    return told


def _margins(session: Session) -> Rows:
    """Lots of our own tenders that the lowest bid won unusually narrowly, or by unusually much, among all of them."""
    margins: dict[str, float] = {}
    ocid: dict[str, str] = {}
    for one in tenders.tenders(session):
        number = one.id or 0
        costs = {offer.bid: (offer.lot, offer.cost_minor) for offer in tenders.offers(session, number)}
        for row in tenders.results(session, number) if one.evaluated_at is not None else ():
            lot, cost = costs.get(row.bid_id, ("", 0))
            others = sorted(other for bid, (name, other) in costs.items() if name == lot and bid != row.bid_id)
            if row.rank == 1 and cost and others and others[0] >= cost:
                place = f"{one.code} lot {lot}"
                margins[place], ocid[place] = 100 * (others[0] - cost) / cost, tender_ocid(one.code)
    about = {
        "R024": "Why did the next bid cost nearly the same?",
        "R058": "Why was the winning bid so far below the next?",
    }
    flagged = flags.margin_flags(margins).items()
    return [
        {"ocid": ocid[place], "flag": flag, "about": about[flag], "value": f"lot {place.split(' lot ')[-1]}: {seen}"}
        for place, (flag, seen) in flagged
    ]


def _supplier_flags(session: Session) -> Rows:
    """Suppliers that are unusual among all by how their bids on our own tenders fared, or by what they supply."""
    submitted, valid, won = Counter[str](), Counter[str](), Counter[str]()
    for one in (tender for tender in tenders.tenders(session) if tender.evaluated_at is not None):
        by_number = {bid.id: bid for bid in tenders.bids(session, one.id or 0) if bid.state != steps.WITHDRAWN}
        best = (row.bid_id for row in tenders.results(session, one.id or 0) if row.rank == 1)
        submitted.update(bid.supplier_code for bid in by_number.values())
        valid.update(bid.supplier_code for bid in by_number.values() if bid.state == steps.SUBMITTED)
        won.update(by_number[number].supplier_code for number in best)
    bids = {name: flags.Bids(submitted[name], valid[name], won[name]) for name in submitted}
    found = [*flags.bidder_flags(bids), *((name, "R048", seen) for name, seen in flags.variety_flags(_kinds(session)))]
    return [{"supplier": name, "flag": flag, "about": OF_SUPPLIERS[flag], "value": seen} for name, flag, seen in found]


def _kinds(session: Session) -> dict[str, int]:
    """How many divisions of the CPV (its first two digits) the goods on each supplier's contracts are of."""
    items, kinds = catalogue.items(session), defaultdict[str, set[str]](set)
    supplier = {row.code: row.supplier_code for row in contracting.all_contracts(session)}
    for line in contracts.contract_lines(session):
        if items[line.item_code].cpv:
            kinds[supplier[line.contract_code]].add(items[line.item_code].cpv[:2])
    return {name: len(found) for name, found in kinds.items()}


def outside_notes(session: Session) -> list[OutsidePurchase]:
    """What members told of purchases outside the unified contracts, by member and day; the newest of the same days."""
    always = Period(date.min, date.max)
    return enduring.outside(session, always)
