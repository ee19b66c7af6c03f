"""How the demonstration's municipalities behave: what they ask, and what their patients use.

The municipalities are cautious: they ask on what was reported, spikes and all,
and some ask more than they need. What they use is what was admitted.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

from sqlmodel import Session

from stockpile.allocation import queries as allocation
from stockpile.allocation.operations import RequestDraft
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.demand import queries as demand
from stockpile.demand import rules as demand_rules
from stockpile.demand.operations import DayReport
from stockpile.governance import queries as governance
from stockpile.governance.tables import Member
from stockpile.inventory import queries as inventory
from stockpile.inventory.operations import Use
from stockpile.region.reading import Rows

NEEDED_WITHIN = timedelta(hours=36)
OVER_ASKING_PERCENT = (100, 100, 100, 125, 150, 200)
"""What a municipality asks in percent of what it expects to need; which one it is goes by a hash of its code."""
ASK_BELOW_PERCENT = 40
"""A municipality asks for an item once its cover falls below this part of what it expects to use, and at least half
a pack is missing."""
USEFUL_MINIMUM_ONE_IN = 12
"""One pair of municipality and item in so many says that less than two packs are of no use to it."""


def reports_of(rows: Rows, day: date) -> list[DayReport]:
    """What municipalities report of a day, by the templates."""
    return [
        DayReport(row.member, row.cases, row.cases_suppressed, row.admissions, row.basis)
        for row in rows["caseload"]
        if row.date == day
    ]


def drafts(session: Session, *, at: datetime, cover_days: int, country: str) -> list[RequestDraft]:
    """What the municipalities of a country ask for at that instant."""
    items = {code: item for code, item in catalogue.items(session).items() if item.use_per_admission_milli}
    reported = _reported(session, at.date())
    stocked, coming = inventory.member_stock(session, at), inventory.on_the_way(session)
    own, waiting = demand.own_stock(session), {(member, item) for member, item, _ in allocation.waiting(session)}
    found = []
    for member in governance.members(session).values():
        for item in items.values():
            pair = (member.code, item.code)
            if member.country != country or pair in waiting:
                continue
            cover = own.get(pair, 0) + stocked.get(pair, 0) + coming.get(pair, 0)
            quantity = _wanted(member, item, reported.get(member.code, 0), cover_days=cover_days, cover=cover)
            if quantity:
                found.append(_draft(member, item, quantity, at=at, own=own.get(pair, 0)))
    return found


def used(session: Session, *, day: date) -> dict[str, list[Use]]:
    """What patients admitted that day use over their stay, by point of use, in base units."""
    items = [item for item in catalogue.items(session).values() if item.use_per_admission_milli]
    places = inventory.points_of_use(session)
    uses: dict[str, list[Use]] = defaultdict(list)
    for report in demand.reports(session, day=day):
        for item in items:
            quantity = _rounded(report.accepted_milli or 0, item, draw=f"{day}/{report.member_code}/{item.code}")
            if quantity:
                uses[places[report.member_code]].append(Use(report.member_code, item.code, quantity))
    return dict(uses)


def own_first(uses: Iterable[Use], own: Mapping[tuple[str, str], int]) -> tuple[list[Use], dict[str, dict[str, int]]]:
    """What is used from the pool after a municipality's own cover; what is left of that, by municipality and item."""
    from_pool: list[Use] = []
    left: dict[str, dict[str, int]] = {}
    for one in uses:
        mine = min(one.quantity, own.get((one.member, one.item), 0))
        if mine:
            left.setdefault(one.member, {})[one.item] = own[one.member, one.item] - mine
        if one.quantity > mine:
            from_pool.append(Use(one.member, one.item, one.quantity - mine))
    return from_pool, left


def _reported(session: Session, today: date) -> dict[str, int]:
    """Mean admissions a day (thousandths) over the last seven days as reported, catch-ups and all."""
    sums: dict[str, list[int]] = defaultdict(list)
    for back in range(demand_rules.TRAILING_DAYS):
        for report in demand.reports(session, day=today - timedelta(days=back)):
            if report.admissions is not None:
                sums[report.member_code].append(report.admissions * 1000)
    return {member: sum(values) // len(values) for member, values in sums.items()}


def _wanted(member: Member, item: Item, admissions_milli: int, *, cover_days: int, cover: int) -> int:
    expected = demand_rules.expected_use(
        admissions_milli_per_day=admissions_milli,
        use_per_admission_milli=item.use_per_admission_milli,
        days=cover_days,
    )
    if cover * 100 >= expected * ASK_BELOW_PERCENT or (expected - cover) * 2 < item.pack_size:
        return 0
    factor = OVER_ASKING_PERCENT[_draw(member.code) % len(OVER_ASKING_PERCENT)]
    return demand_rules.whole_packs_up((expected - cover) * factor // 100, item.pack_size)


def _draft(member: Member, item: Item, quantity: int, *, at: datetime, own: int) -> RequestDraft:
    picky = _draw(f"{member.code}/{item.code}") % USEFUL_MINIMUM_ONE_IN == 0
    return RequestDraft(
        member=member.code,
        item=item.code,
        quantity=quantity,
        need_by=at + NEEDED_WITHIN,
        justification="admissions of the last seven days",
        own_stock=own,
        minimum_useful=min(quantity, 2 * item.pack_size) if picky else 0,
    )


def _rounded(admissions_milli: int, item: Item, *, draw: str) -> int:
    """Use in whole base units, rounded up or down by a draw so that it is right on average."""
    whole, rest = divmod(admissions_milli * item.use_per_admission_milli, 1_000_000)
    return whole + (1 if _draw(draw) % 1_000_000 < rest else 0)


def _draw(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
