"""What storing cost: what stood at a site as each day ended, in packed volume, at the rate of site and storage class.

A cubic metre is a million millilitres and a rate is in thousandths of a minor unit for a cubic metre and day, so that
the sum stays exact; it is rounded once, half up, for a site, class and owner over the whole span.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.rules import storage_class
from stockpile.db import table_of
from stockpile.governance import queries as governance
from stockpile.inventory.rules import IN_TRANSIT
from stockpile.inventory.tables import Balance, Lot, Movement, Posting
from stockpile.settlement.tables import StorageRate

ML_A_CUBIC_METRE: Final = 1_000_000
MILLI: Final = 1000

Place = tuple[str, str]
"""A site and a storage class."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing cost an owner at a site in one storage class, minor units; `at`: the last second of its last day."""

    site: str
    storage_class: str
    owner: str
    at: datetime
    amount_minor: int


def rates(session: Session) -> list[StorageRate]:
    """All rates, by site, class and day; of two for one day the later noted counts."""
    order = (StorageRate.site_code, StorageRate.storage_class, StorageRate.effective_from, StorageRate.id)
    return list(session.exec(select_rows(StorageRate).order_by(*(col(one) for one in order))))


def stored(session: Session, *, starts: datetime, ends: datetime) -> list[Stored]:
    """What storing cost in a span, by site, storage class and owner: for every day of the region that ended in it.

    Sites without a rate cost nothing, and what is on its way stands nowhere.
    """
    nights = list(_nights(starts, ends, ZoneInfo(governance.region(session).time_zone)))
    known: dict[Place, list[StorageRate]] = defaultdict(list)
    for one in rates(session):
        known[one.site_code, one.storage_class].append(one)
    if not nights or not known:
        return []
    items, steps = catalogue.items(session), _steps(session, {site for site, _ in known}, first=nights[0][0], ends=ends)
    sums: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    for (site, owner, code), changes in steps.items():
        item = items[code]
        kind = storage_class(cold_chain=item.cold_chain, controlled=item.controlled, storage=item.storage)
        volume = Fraction(item.volume_ml, item.pack_size * ML_A_CUBIC_METRE * MILLI)
        if (site, kind) in known:
            sums[site, kind, owner] += volume * _unit_rates(changes, nights, known[site, kind])
    return [
        Stored(site, kind, owner, nights[-1][0] - timedelta(seconds=1), int(amount + Fraction(1, 2)))
        for (site, kind, owner), amount in sorted(sums.items())
    ]


def _nights(starts: datetime, ends: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, date]]:
    """The midnights after `starts` up to and with `ends`, each with the day that it ends."""
    day = starts.astimezone(zone).date()
    while True:
        night = datetime.combine(day + timedelta(days=1), datetime.min.time(), tzinfo=zone).astimezone(starts.tzinfo)
        if night > ends:
            return
        yield night, day
        day += timedelta(days=1)


def _steps(
    session: Session, sites: set[str], *, first: datetime, ends: datetime
) -> dict[tuple[str, str, str], list[tuple[datetime, int]]]:
    """By site, owner and item: what stood there by the first night, and every change until the end, in order."""
    found: dict[tuple[str, str, str], list[tuple[datetime, int]]] = defaultdict(list)
    m, b, p, lot = table_of(Movement).c, table_of(Balance).c, table_of(Posting).c, table_of(Lot).c
    for sign, side in ((1, m.to_balance_id), (-1, m.from_balance_id)):
        legs = (
            select(b.site_code, b.owner, lot.item_code, func.sum(m.quantity).label("units"))
            .join_from(table_of(Movement), table_of(Balance), b.id == side)
            .join(table_of(Posting), p.id == m.posting_id)
            .join(table_of(Lot), lot.id == m.lot_id)
            .where(b.site_code.in_(sorted(sites)), b.status != IN_TRANSIT)
            .group_by(b.site_code, b.owner, lot.item_code)
        )
        for site, owner, item, units in session.execute(legs.where(p.effective_at <= first)):
            found[site, owner, item].append((first, sign * int(units)))
        within = legs.add_columns(p.effective_at).group_by(p.effective_at)
        for site, owner, item, units, at in session.execute(
            within.where(p.effective_at > first, p.effective_at <= ends)
        ):
            found[site, owner, item].append((at, sign * int(units)))
    return {key: sorted(changes) for key, changes in sorted(found.items())}


def _unit_rates(
    changes: Sequence[tuple[datetime, int]], nights: Sequence[tuple[datetime, date]], known: Sequence[StorageRate]
) -> int:
    """The sum over the nights of base units that stood there, times the rate of the day."""
    total = standing = place = 0
    for night, day in nights:
        while place < len(changes) and changes[place][0] <= night:
            standing += changes[place][1]
            place += 1
        total += standing * next((one.milli_per_m3_day for one in reversed(known) if one.effective_from <= day), 0)
    return total
