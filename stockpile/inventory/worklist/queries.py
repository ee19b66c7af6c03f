"""Reading what is to be done at a site now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.contracts import queries as contracts
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.counts import queries as counted
from stockpile.inventory.counts import rules as counting
from stockpile.inventory.counts.tables import Count
from stockpile.inventory.keeping import Bin
from stockpile.inventory.outlook import queries as outlook
from stockpile.inventory.tables import Lot, Transfer, TransferLine


@dataclass(frozen=True, slots=True)
class Goods:
    """One line of what leaves or comes; `quantity` in base units, `line` the number of the transfer's line."""

    line: int
    lot_id: int
    lot: str
    expiry: date
    item: str
    item_name: str
    base_unit: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Journey:
    """A transfer that leaves here or is on its way here, with its lines."""

    transfer: int
    origin: str
    destination: str
    destination_name: str
    source: str
    picked: bool
    expires_at: datetime | None
    due_at: datetime | None
    lines: tuple[Goods, ...]


@dataclass(frozen=True, slots=True)
class Ordered:
    """An open line of an approved call-off for this site; `open` in base units."""

    calloff: int
    line: int
    item: str
    item_name: str
    base_unit: str
    open: int
    expected_at: datetime | None


@dataclass(frozen=True, slots=True)
class OpenCount:
    """A count that is open at this site; `bin` None: the whole site."""

    number: int
    bin: str | None
    reason: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done at a site: the earliest first in each list."""

    site: str
    to_send: tuple[Journey, ...]
    arriving: tuple[Journey, ...]
    ordered: tuple[Ordered, ...]
    counts: tuple[OpenCount, ...]


@dataclass(frozen=True, slots=True)
class ToCount:
    """An item that wants counting at a site: its class, why it is of it, and by which day; never what the book says.

    `last_counted` is that of the longest uncounted of its shelves; None: one of them was never counted.
    """

    item: str
    item_name: str
    grade: str
    why: str
    last_counted: datetime | None
    due_on: date
    overdue_days: int


def to_count(session: Session, site: str, *, at: datetime) -> list[ToCount]:
    """What stands at a site by when it is to be counted again, the longest overdue first; refuses an unknown site.

    Classes are those of `counts.rules.classes` over what stands there at the contracts' prices, each currency by
    itself; controlled items and those of the first priority are critical. An item without a price is of class B.
    """
    zone = inventory.site(session, site).time_zone
    today = stock.local_day(at, zone)
    items, there = catalogue.items(session), counted.counted(session, site)
    grades = _grades(session, items, {code: one.quantity for code, one in there.items()})
    found = []
    for code, one in there.items():
        grade, why = grades[code]
        due = today if one.last is None else stock.local_day(one.last, zone) + timedelta(counting.EVERY_DAYS[grade])
        found.append(ToCount(code, items[code].name, grade, why, one.last, due, max(0, (today - due).days)))
    return sorted(found, key=lambda one: (one.due_on, one.grade, one.item))


def _grades(session: Session, items: dict[str, Item], there: dict[str, int]) -> dict[str, tuple[str, str]]:
    """The class of each item that stands at a site, and why."""
    prices = outlook.prices(session, items)
    worth: dict[str, dict[str, int]] = defaultdict(dict)
    for code, quantity in there.items():
        if code in prices:
            worth[prices[code].currency][code] = prices[code].of(quantity)
    graded = {code: (counting.B, "no price") for code in there}
    for one in worth.values():
        graded |= {code: (grade, "worth") for code, grade in counting.classes(one).items()}
    controlled = {code: (counting.A, "controlled") for code in there if items[code].controlled}
    return graded | {code: (counting.A, "priority 1") for code in there if items[code].priority == 1} | controlled


def work(session: Session, site: str) -> Work:
    """What is to be done at a site now; refuses an unknown site."""
    inventory.site(session, site)
    return Work(
        site=site,
        to_send=_journeys(session, state="approved", origin=site),
        arriving=_journeys(session, state="dispatched", destination=site),
        ordered=_ordered(session, site),
        counts=_counts(session, site),
    )


def waiting(session: Session) -> dict[str, int]:
    """By site how many transfers are to be sent from there or are on their way there, and order lines are expected.

    Sites without any are left out.
    """
    found: dict[str, int] = defaultdict(int, contracts.open_lines_by_site(session))
    for state, place in (("approved", col(Transfer.origin)), ("dispatched", col(Transfer.destination))):
        query = select(place, func.count()).where(Transfer.state == state).group_by(place)
        for site, many in session.exec(query):
            found[site] += many
    return dict(found)


def _journeys(session: Session, *, state: str, origin: str = "", destination: str = "") -> tuple[Journey, ...]:
    place = Transfer.origin == origin if origin else Transfer.destination == destination
    query = select(Transfer).where(Transfer.state == state, place).order_by(col(Transfer.id))
    found = list(session.exec(query))
    lines = _lines(session, [transfer.id or 0 for transfer in found])
    names = {code: site.name for code, site in inventory.sites(session).items()}
    return tuple(
        Journey(
            transfer=transfer.id or 0,
            origin=transfer.origin,
            destination=transfer.destination,
            destination_name=names[transfer.destination],
            source=transfer.source,
            picked=transfer.picked_at is not None,
            expires_at=transfer.expires_at,
            due_at=transfer.due_at,
            lines=tuple(lines[transfer.id or 0]),
        )
        for transfer in found
    )


def _lines(session: Session, transfers: Iterable[int]) -> dict[int, list[Goods]]:
    found: dict[int, list[Goods]] = defaultdict(list)
    query = (
        select(TransferLine, Lot, Item)
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .join(Item, col(Item.code) == col(Lot.item_code))
        .where(col(TransferLine.transfer_id).in_(list(transfers)), TransferLine.quantity > TransferLine.cancelled)
        .order_by(col(TransferLine.id))
    )
    for line, lot, item in session.exec(query):
        left = line.quantity - line.cancelled
        goods = Goods(line.id or 0, lot.id or 0, lot.code, lot.expiry, item.code, item.name, item.base_unit, left)
        found[line.transfer_id].append(goods)
    return found


def _ordered(session: Session, site: str) -> tuple[Ordered, ...]:
    items = {item.code: item for item in session.exec(select(Item))}
    return tuple(
        Ordered(one.calloff, one.line, code, items[code].name, items[code].base_unit, one.open, one.expected_at)
        for code, one in contracts.open_lines_at(session, site)
    )


def _counts(session: Session, site: str) -> tuple[OpenCount, ...]:
    query = (
        select(Count, Bin)
        .outerjoin(Bin, col(Bin.id) == col(Count.bin_id))
        .where(Count.site_code == site, Count.state == counting.OPEN)
        .order_by(col(Count.id))
    )
    return tuple(
        OpenCount(count.id or 0, found.code if found else None, count.reason, count.opened_at)
        for count, found in session.exec(query)
    )
