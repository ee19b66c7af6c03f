"""Telling suppliers once a month what to expect of each quarter: what is learned of use, in their usual parts."""

from __future__ import annotations

from sqlmodel import Session

from stockpile import bulk, journal
from stockpile.actor import Act
from stockpile.contracts import queries as contracts
from stockpile.demand.forecasting import queries as forecasts
from stockpile.demand.forecasting.queries import Foreseen
from stockpile.demand.forecasting.rules import INTERMITTENT, SMOOTH
from stockpile.demand.outlooks import queries, rules
from stockpile.demand.outlooks.tables import SupplierOutlook
from stockpile.governance import queries as governance
from stockpile.governance.rules import require

LEARNED = (SMOOTH, INTERMITTENT)


def issue(session: Session, act: Act) -> int:
    """Tell every supplier what to expect of its items in the next four quarters; returns how many figures.

    Once a month; a second time that month changes nothing. An item is told
    where its use is forecast from enough, and a contract of the supplier is
    valid. The band adds up the 5 % and 95 % quantiles of the periods, as if all
    turned out low or high together: it is wide rather than wrong.
    """
    require(act.actor, "forecast.run")
    today = governance.local_day(session, act.at)
    if queries.issued_in(session, today):
        return 0
    valid = contracts.contracts_valid(session, today)
    lines = contracts.contract_lines(session)
    pairs = [(one.item_code, valid[one.contract_code].supplier_code) for one in lines if one.contract_code in valid]
    bought = queries.bought_since(session, act.at - queries.YEAR)
    suppliers = queries.suppliers_of(pairs)
    rows = []
    for one in forecasts.foreseen(session, site="", until=today.isoformat()):
        if one.kind in LEARNED and one.item in suppliers:
            those = suppliers[one.item]
            parts = rules.shares({name: bought.get((one.item, name), 0) for name in those}, those)
            rows += [row for name, part in parts.items() if part for row in _rows(one, name, part, act, session)]
    if rows:
        bulk.insert(session, SupplierOutlook, rows)
        payload = {"figures": len(rows), "suppliers": sorted({str(row["supplier_code"]) for row in rows})}
        journal.record(session, act, action="outlook.issue", subject=f"day:{today}", payload=payload)
    return len(rows)


def _rows(one: Foreseen, supplier: str, part: int, act: Act, session: Session) -> list[dict[str, object]]:
    today = governance.local_day(session, act.at)
    found: list[dict[str, object]] = []
    for quarter in rules.ahead(today):
        mean, low, high = (
            rules.over(quarter, starts=one.starts, period_days=one.days, milli=milli) * part // 1000
            for milli in (one.means, one.quantiles["0.05"], one.quantiles["0.95"])
        )
        found.append(
            {
                "issued": today,
                "supplier_code": supplier,
                "item_code": one.item,
                "quarter": quarter,
                "low": min(low, mean),
                "expected": mean,
                "high": max(high, mean),
            }
        )
    return found
