"""Available-to-promise by date, and the work list of what expires soon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.contracts.rules import OPEN_STATES
from stockpile.contracts.tables import CallOff, CallOffLine, PriceTier
from stockpile.db import table_of
from stockpile.inventory import queries as inventory
from stockpile.inventory import rules as stock
from stockpile.inventory.outlook import rules
from stockpile.inventory.tables import Balance, Lot, Site, Transfer, TransferLine


@dataclass(frozen=True, slots=True)
class Expiring:
    """A lot at a depot that expires soon, its value at the contract's price (minor units), and what to do about it."""

    lot_id: int
    item: str
    item_name: str
    lot: str
    site: str
    expiry: date
    days_left: int
    quantity: int
    value_minor: int
    use: rules.BestUse


def promise(session: Session, *, item: str, by: date) -> rules.Promise:
    """What can be promised of an item by a date; `expiring` is what is no longer usable then (use time counted in)."""
    goods = catalogue.item(session, item)
    usable_to = by + timedelta(days=goods.use_days)
    standing = _standing(session, item)
    available = [row for row in standing if row[0] == stock.AVAILABLE]
    picked, lapsing = _reservations(session, item=item, by=by)
    return rules.Promise(
        on_hand=sum(quantity for _, _, _, quantity in available),
        reserved=sum(quantity for status, _, _, quantity in standing if status == stock.RESERVED),
        held=sum(quantity for _, _, on_hold, quantity in available if on_hold),
        expiring=sum(q for _, expiry, on_hold, q in available if not on_hold and expiry < usable_to),
        floor=inventory.floors(session, by).get(item, 0),
        inbound=_inbound(session, item=item, by=by),
        picked=picked,
        lapsing=lapsing,
    )


def expiring(session: Session, *, today: date, within_days: int, wanted: Mapping[str, int]) -> list[Expiring]:
    """Lots of the pool that expire within so many days, the most valuable first, each with its best use.

    `wanted`: validated need that no plan has served, by item.
    """
    items, prices = catalogue.items(session), _pack_prices(session)
    left = dict(wanted)
    found = []
    for row in inventory.pool_stock(session):
        days_left = (row.expiry - today).days
        if days_left > within_days:
            continue
        item = items[row.item]
        use = rules.best_use(
            quantity=row.quantity,
            days_left=days_left - item.use_days,
            wanted=left.get(row.item, 0) if days_left >= item.use_days else 0,
            routine_milli_per_day=item.baseline_milli_per_day,
        )
        left[row.item] = left.get(row.item, 0) - use.move
        value = row.quantity * prices.get(row.item, 0) // item.pack_size
        found.append(
            Expiring(
                lot_id=row.lot_id,
                item=row.item,
                item_name=item.name,
                lot=row.lot,
                site=row.site,
                expiry=row.expiry,
                days_left=days_left,
                quantity=row.quantity,
                value_minor=value,
                use=use,
            )
        )
    return sorted(found, key=lambda one: (-one.value_minor, one.expiry, one.lot_id, one.site))


def _standing(session: Session, item: str) -> list[tuple[str, date, bool, int]]:
    b, lot, site = table_of(Balance).c, table_of(Lot).c, table_of(Site).c
    query = (
        select_columns(b.status, lot.expiry, lot.on_hold, func.sum(b.quantity))
        .join_from(table_of(Balance), table_of(Lot), lot.id == b.lot_id)
        .join(table_of(Site), site.code == b.site_code)
        .where(lot.item_code == item, b.owner == stock.POOL, site.kind == stock.DEPOT, b.quantity > 0)
        .group_by(b.status, lot.expiry, lot.on_hold)
    )
    return [
        (status, expiry, bool(on_hold), int(quantity))
        for status, expiry, on_hold, quantity in session.connection().execute(query)
    ]


def _reservations(session: Session, *, item: str, by: date) -> tuple[int, int]:
    """Base units reserved and picked, and those whose reservation ends by that day."""
    query = (
        select(Transfer.picked_at, Transfer.expires_at, TransferLine.quantity - TransferLine.cancelled)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .where(Lot.item_code == item, Transfer.state == stock.APPROVED)
    )
    picked = lapsing = 0
    for picked_at, expires_at, quantity in session.exec(query):
        picked += int(quantity) if picked_at else 0
        lapsing += int(quantity) if not picked_at and expires_at and expires_at.date() <= by else 0
    return picked, lapsing


def _inbound(session: Session, *, item: str, by: date) -> int:
    query = (
        select(CallOff.expected_at, CallOffLine.quantity - CallOffLine.received)
        .join(CallOff, col(CallOff.id) == col(CallOffLine.calloff_id))
        .where(CallOffLine.item_code == item, col(CallOff.state).in_(OPEN_STATES))
    )
    return sum(int(quantity) for expected, quantity in session.exec(query) if expected and expected.date() <= by)


def _pack_prices(session: Session) -> dict[str, int]:
    """The lowest first-tier price per pack of each item, minor units."""
    query = select(PriceTier.item_code, func.min(PriceTier.pack_price_minor)).where(PriceTier.from_packs == 1)
    return {item: int(price) for item, price in session.exec(query.group_by(col(PriceTier.item_code)))}
