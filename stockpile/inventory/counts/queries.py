"""Reading counts: blind for who counts, with the book for who approves."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func
from sqlmodel import Session, col, select

from stockpile import bulk
from stockpile.catalogue.tables import Item
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.inventory import rules as stock
from stockpile.inventory.counts import rules
from stockpile.inventory.counts.tables import Count, CountLine
from stockpile.inventory.keeping import Bin, BinContent
from stockpile.inventory.tables import Balance, Lot


class UnknownCount(NotFound):
    """No count has this number."""

    code = "unknown_count"


@dataclass(frozen=True, slots=True)
class ToCount:
    """Something to count at a site; the book is not shown."""

    lot_id: int
    item: str
    lot: str
    owner: str
    status: str
    attempts: int
    recount: bool
    serialised: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """The last word on one line: what was counted against the book at that instant, in base units.

    Of a serialised item: the pieces of the book that were not found, and those found that the book has not there.
    """

    lot_id: int
    owner: str
    status: str
    counted: int
    book: int
    attempts: int
    open_recount: bool
    counters: tuple[int, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the book must change."""
        return bool(self.counted != self.book or self.missing or self.extra)


def count(session: Session, number: int) -> Count:
    """One count; refuses an unknown number."""
    found = session.get(Count, number)
    if found is None:
        raise UnknownCount(f"there is no count {number}", field="count", value=number)
    return found


def bin_of(session: Session, site: str, code: str) -> Bin:
    """One bin of a site, to be counted; refuses an unknown code."""
    found = session.exec(select(Bin).where(Bin.site_code == site, Bin.code == code)).one_or_none()
    if found is None:
        raise NotFound(f"{site} has no bin {code}", field="bin", value=code)
    return found


def lines(session: Session, number: int) -> dict[tuple[int, str, str], list[CountLine]]:
    """What was counted, by lot, owner and status, first attempt first."""
    found: dict[tuple[int, str, str], list[CountLine]] = defaultdict(list)
    query = select(CountLine).where(CountLine.count_id == number).order_by(col(CountLine.attempt))
    for line in session.exec(query):
        found[line.lot_id, line.owner, line.status].append(line)
    return dict(found)


def to_count(session: Session, number: int) -> list[ToCount]:
    """What stands at the site, or lies in the bin, by the book, without its figures, and which lines want a recount."""
    site = count(session, number).site_code
    done = lines(session, number)
    query = (
        select(Balance, Lot, Item)
        .join(Lot, col(Lot.id) == col(Balance.lot_id))
        .join(Item, col(Item.code) == col(Lot.item_code))
        .where(Balance.site_code == site, Balance.quantity > 0, Balance.status != stock.IN_TRANSIT)
        .order_by(col(Lot.item_code), col(Lot.expiry), col(Lot.code))
    )
    bin_id = count(session, number).bin_id
    if bin_id is not None:
        lies = (BinContent.bin_id == bin_id, BinContent.quantity > 0)
        query = query.join(BinContent, col(BinContent.balance_id) == col(Balance.id)).where(*lies)
    return [
        ToCount(
            lot_id=balance.lot_id,
            item=lot.item_code,
            lot=lot.code,
            owner=balance.owner,
            status=balance.status,
            attempts=len(attempts),
            recount=bool(attempts) and wants_recount(attempts),
            serialised=item.serialised,
        )
        for balance, lot, item in session.exec(query)
        for attempts in (done.get((balance.lot_id, balance.owner, balance.status), []),)
    ]


@dataclass(frozen=True, slots=True)
class Counted:
    """Base units of an item that stand at a site, and when the longest uncounted of its shelves was counted last.

    A shelf is a lot with its owner and status; only approved counts count. None: one of them was never counted.
    """

    quantity: int
    last: datetime | None


def counted(session: Session, site: str) -> dict[str, Counted]:
    """Every item that stands at a site, with its last count."""
    shelf = (col(CountLine.lot_id), col(CountLine.owner), col(CountLine.status))
    last = (
        select(*shelf, func.max(col(CountLine.counted_at)).label("at"))
        .join(Count, col(Count.id) == col(CountLine.count_id))
        .where(Count.site_code == site, Count.state == rules.APPROVED)
        .group_by(*shelf)
        .subquery()
    )
    b = table_of(Balance).c
    query = (
        select(col(Lot.item_code), b.quantity, last.c.at)
        .join(Balance, col(Balance.lot_id) == col(Lot.id))
        .outerjoin(last, and_(last.c.lot_id == b.lot_id, last.c.owner == b.owner, last.c.status == b.status))
        .where(b.site_code == site, b.quantity > 0, b.status != stock.IN_TRANSIT)
    )
    found: dict[str, list[tuple[int, datetime | None]]] = defaultdict(list)
    for item, quantity, at in session.connection().execute(query):
        found[item].append((quantity, bulk.instant(at)))
    return {item: _together(shelves) for item, shelves in sorted(found.items())}


def _together(shelves: list[tuple[int, datetime | None]]) -> Counted:
    known = [at for _, at in shelves if at is not None]
    return Counted(sum(units for units, _ in shelves), min(known) if len(known) == len(shelves) else None)


def wants_recount(attempts: list[CountLine]) -> bool:
    """Whether these attempts at one line leave it open: a large difference that no second count has confirmed."""
    last = attempts[-1]
    large = rules.needs_recount(counted=last.counted, book=last.book)
    return large and not rules.settled([line.counted - line.book for line in attempts])


def differences(session: Session, number: int) -> list[Difference]:
    """Every counted line with its difference, for who approves."""
    return [
        Difference(
            lot_id=lot_id,
            owner=owner,
            status=status,
            counted=attempts[-1].counted,
            book=attempts[-1].book,
            attempts=len(attempts),
            open_recount=wants_recount(attempts),
            counters=tuple(sorted({line.counted_by for line in attempts})),
            missing=_without(attempts[-1].book_serials, attempts[-1].serials),
            extra=_without(attempts[-1].serials, attempts[-1].book_serials),
        )
        for (lot_id, owner, status), attempts in sorted(lines(session, number).items())
    ]


def _without(these: str, those: str) -> tuple[str, ...]:
    return tuple(sorted(set(json.loads(these or "[]")) - set(json.loads(those or "[]"))))
