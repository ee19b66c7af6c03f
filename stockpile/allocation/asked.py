"""What municipalities asked for before, against what was found to be needed; and what one may ask for now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from sqlmodel import Session, col, select

from stockpile.allocation import queries, rules
from stockpile.allocation.tables import Request
from stockpile.catalogue.tables import Item
from stockpile.demand import queries as demand
from stockpile.demand import rules as demand_rules
from stockpile.governance import queries as governance
from stockpile.inventory import queries as inventory


@dataclass(frozen=True, slots=True)
class Past:
    """A municipality's earlier requests: how many, how many asked for more than was validated.

    `median_permille`: what it asked, in thousandths of what was validated, the median of its requests with a
    validated need; None where nothing was ever validated.
    """

    requests: int
    over: int
    median_permille: int | None


def past(session: Session) -> dict[str, Past]:
    """By member, over all requests that are no longer open and were not withdrawn."""
    closed = col(Request.state).not_in((*rules.OPEN_STATES, rules.WITHDRAWN))
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for member, quantity, validated in session.exec(
        select(Request.member_code, Request.quantity, Request.validated).where(closed)
    ):
        found[member].append((quantity, validated))
    return {member: _past(pairs) for member, pairs in found.items()}


def _past(pairs: list[tuple[int, int]]) -> Past:
    parts = [quantity * 1000 // validated for quantity, validated in pairs if validated]
    over = sum(1 for quantity, validated in pairs if quantity > validated)
    return Past(len(pairs), over, int(median(parts)) if parts else None)


@dataclass(frozen=True, slots=True)
class Needed:
    """What a municipality's reported admissions use of an item in `days` days, and what covers it; base units.

    `own`: what it says it holds; `there`: of its own in the ledger, promised, or validated already; `missing`: the
    rest, in whole packs.
    """

    days: int
    use: int
    own: int
    there: int
    missing: int


def needed(session: Session, *, surge_id: int, member: str, item: Item, at: datetime) -> Needed:
    """What a request of this municipality would be validated for now, by the same facts."""
    days, pair = queries.surge(session, surge_id).cover_days, (member, item.code)
    admissions = demand.usual_admissions(session, governance.local_day(session, at)).get(member, 0)
    use = demand_rules.expected_use(
        admissions_milli_per_day=admissions, use_per_admission_milli=item.use_per_admission_milli, days=days
    )
    asked = sum(units for key, units in queries.waiting(session).items() if key[:2] == pair)
    there = inventory.member_stock(session, at).get(pair, 0) + inventory.on_the_way(session).get(pair, 0) + asked
    own = demand.own_stock(session).get(pair, 0)
    missing = demand_rules.whole_packs_up(max(0, use - own - there), item.pack_size)
    return Needed(days, use, own, there, missing)
