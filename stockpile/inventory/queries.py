"""Reading stock: what stands where, what may move, what is on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.inventory import rules
from stockpile.inventory.tables import (
    Balance,
    Lane,
    Lot,
    Movement,
    PointOfUse,
    ReserveFloor,
    Site,
    Transfer,
    TransferLine,
)


class UnknownSite(NotFound):
    """No site has this code."""

    code = "unknown_site"


class UnknownLot(NotFound):
    """No lot has this number, or this batch code for the item."""

    code = "unknown_lot"


class UnknownTransfer(NotFound):
    """No transfer has this number."""

    code = "unknown_transfer"


@dataclass(frozen=True, slots=True)
class Stock:
    """Base units of one lot at one site."""

    lot_id: int
    item: str
    lot: str
    expiry: date
    on_hold: bool
    site: str
    quantity: int


def sites(session: Session) -> dict[str, Site]:
    """All sites by code, in the order of their codes."""
    return {site.code: site for site in session.exec(select(Site).order_by(col(Site.code)))}


def site(session: Session, code: str) -> Site:
    """One site; refuses an unknown code."""
    found = session.get(Site, code)
    if found is None:
        raise UnknownSite(f"no site has the code {code}", field="site", value=code)
    return found


def points_of_use(session: Session) -> dict[str, str]:
    """Each member's usual point of use."""
    return {row.member_code: row.site_code for row in session.exec(select(PointOfUse))}


def routes(session: Session) -> dict[tuple[str, str], rules.Route]:
    """All ways from a depot to a point of use, with the time zone of the point of use."""
    query = select(Lane, Site.time_zone).join(Site, col(Site.code) == col(Lane.destination))
    return {
        (lane.origin, lane.destination): rules.Route(lane.minutes, lane.cold_chain, lane.cost_minor, zone)
        for lane, zone in session.exec(query)
    }


def lot(session: Session, number: int) -> Lot:
    """One lot by its number; refuses an unknown one."""
    found = session.get(Lot, number)
    if found is None:
        raise UnknownLot(f"there is no lot {number}", field="lot_id", value=number)
    return found


def pool_stock(session: Session) -> list[Stock]:
    """What the pool has available at its depots, by item, expiry, lot and site."""
    b, lot_, site_ = table_of(Balance).c, table_of(Lot).c, table_of(Site).c
    query = (
        select_columns(lot_.id, lot_.item_code, lot_.code, lot_.expiry, lot_.on_hold, b.site_code, b.quantity)
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .join(table_of(Site), site_.code == b.site_code)
        .where(b.owner == rules.POOL, b.status == rules.AVAILABLE, b.quantity > 0, site_.kind == rules.DEPOT)
        .order_by(lot_.item_code, lot_.expiry, lot_.code, b.site_code)
    )
    return [Stock(*row) for row in session.connection().execute(query)]


def floors(session: Session, on: date) -> dict[str, int]:
    """The reserve floor of each item on that day, in base units."""
    query = select(ReserveFloor).where(ReserveFloor.effective_from <= on).order_by(col(ReserveFloor.effective_from))
    return {row.item_code: row.quantity for row in session.exec(query)}


def member_stock(session: Session, today: date) -> dict[tuple[str, str], int]:
    """Base units that members own at points of use and may still use today, by (member, item)."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    query = (
        select_columns(b.owner, lot_.item_code, func.sum(b.quantity))
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .where(b.owner != rules.POOL, b.status == rules.AVAILABLE, b.quantity > 0, *_usable(today))
        .group_by(b.owner, lot_.item_code)
    )
    return {(owner, item): int(quantity) for owner, item, quantity in session.connection().execute(query)}


def _usable(today: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """What `rules.obstacle` asks of a lot where it lies: not on hold, and not past its expiry day."""
    lot_ = table_of(Lot).c
    return (lot_.on_hold.is_(False), lot_.expiry >= today)


def on_the_way(session: Session) -> dict[tuple[str, str], int]:
    """Base units promised to members and not yet received, by (member, item)."""
    line, transfer, lot_ = table_of(TransferLine).c, table_of(Transfer).c, table_of(Lot).c
    query = (
        select_columns(line.member_code, lot_.item_code, func.sum(line.quantity - line.cancelled))
        .join_from(table_of(TransferLine), table_of(Transfer), transfer.id == line.transfer_id)
        .join(table_of(Lot), lot_.id == line.lot_id)
        .where(transfer.state.in_((rules.APPROVED, rules.DISPATCHED)))
        .group_by(line.member_code, lot_.item_code)
    )
    return {(member, item): int(quantity) for member, item, quantity in session.connection().execute(query)}


def member_lots(session: Session, site_code: str, today: date) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """(lot id, base units) that members own at a point of use and may still use, first-expiring first."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    query = (
        select_columns(b.owner, lot_.item_code, lot_.id, b.quantity)
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .where(b.site_code == site_code, b.owner != rules.POOL, b.status == rules.AVAILABLE, b.quantity > 0)
        .where(*_usable(today))
        .order_by(lot_.expiry, lot_.id)
    )
    found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for owner, item, lot_id, quantity in session.connection().execute(query):
        found[owner, item].append((lot_id, quantity))
    return dict(found)


def transfer(session: Session, number: int) -> Transfer:
    """One transfer; refuses an unknown number."""
    found = session.get(Transfer, number)
    if found is None:
        raise UnknownTransfer(f"there is no transfer {number}", field="transfer", value=number)
    return found


def transfers(
    session: Session,
    *,
    state: str | None = None,
    source: str | None = None,
    destination: str | None = None,
    after: int = 0,
    limit: int | None = None,
) -> list[Transfer]:
    """Transfers with numbers greater than `after`, in their order, narrowed by state, source or destination."""
    query = select(Transfer).where(col(Transfer.id) > after).order_by(col(Transfer.id)).limit(limit)
    for column, value in (
        (Transfer.state, state),
        (Transfer.source, source),
        (Transfer.destination, destination),
    ):
        if value is not None:
            query = query.where(column == value)
    return list(session.exec(query))


def transfer_lines(session: Session, numbers: list[int]) -> list[TransferLine]:
    """The lines of these transfers."""
    query = select(TransferLine).where(col(TransferLine.transfer_id).in_(numbers)).order_by(col(TransferLine.id))
    return list(session.exec(query))


def waiting_for(session: Session, lot_id: int) -> list[int]:
    """The numbers of transfers that are to send this lot, or have it on the road."""
    query = (
        select(TransferLine.transfer_id)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .where(TransferLine.lot_id == lot_id, col(TransferLine.cancelled) < col(TransferLine.quantity))
        .where(col(Transfer.state).in_((rules.APPROVED, rules.DISPATCHED)))
        .distinct()
        .order_by(col(TransferLine.transfer_id))
    )
    return list(session.exec(query))


def cancelled_since(session: Session, *, source: str, member: str, item: str) -> list[str]:
    """Why a member did not get what was reserved of an item under that source: one sentence per cancelled line."""
    query = (
        select(TransferLine)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .where(Transfer.source == source, TransferLine.member_code == member, Lot.item_code == item)
        .where(TransferLine.cancelled > 0)
        .order_by(col(TransferLine.id))
    )
    found = [(line.cancelled, line.cancel_reason or "the lot was frozen") for line in session.exec(query)]
    return [f"{quantity} did not leave: {why}" for quantity, why in found]


def next_due(session: Session, at: datetime) -> list[Transfer]:
    """Transfers on the way that were due at that instant or before."""
    query = select(Transfer).where(Transfer.state == rules.DISPATCHED, col(Transfer.due_at) <= at)
    return list(session.exec(query.order_by(col(Transfer.id))))


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on one balance, in base units."""

    balance: int
    lot_id: int
    item: str
    lot: str
    expiry: date
    on_hold: bool
    site: str
    owner: str
    status: str
    quantity: int


def balances(session: Session, *, after: int = 0, limit: int = 100, item: str | None = None) -> list[Standing]:
    """Balances above zero with numbers greater than `after`, in their order."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    columns = (b.id, lot_.id, lot_.item_code, lot_.code, lot_.expiry, lot_.on_hold, b.site_code, b.owner, b.status)
    query = (
        select_columns(*columns, b.quantity)
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .where(b.id > after, b.quantity > 0)
        .order_by(b.id)
        .limit(limit)
    )
    query = query.where(lot_.item_code == item) if item else query
    return [Standing(*tuple(row)) for row in session.connection().execute(query)]


def movements(session: Session, *, after: int = 0, limit: int = 100) -> list[Movement]:
    """Movements with numbers greater than `after`, in their order."""
    query = select(Movement).where(col(Movement.id) > after).order_by(col(Movement.id)).limit(limit)
    return list(session.exec(query))


def lots(
    session: Session,
    *,
    after: int = 0,
    limit: int = 100,
    item: str | None = None,
    batch: str | None = None,
    held: bool | None = None,
    expires_by: date | None = None,
) -> list[Lot]:
    """Lots with numbers greater than `after`, in their order, narrowed by item, batch code, hold or last expiry day."""
    query = select(Lot).where(col(Lot.id) > after).order_by(col(Lot.id)).limit(limit)
    query = query.where(Lot.item_code == item) if item is not None else query
    query = query.where(Lot.code == batch) if batch is not None else query
    query = query.where(col(Lot.on_hold).is_(held)) if held is not None else query
    query = query.where(Lot.expiry <= expires_by) if expires_by is not None else query
    return list(session.exec(query))


def lock_lots(session: Session, numbers: Iterable[int]) -> None:
    """Read these lots anew and hold them, in order: a hold and a dispatch of the same lot wait for each other."""
    query = select(Lot).where(col(Lot.id).in_(sorted(numbers))).order_by(col(Lot.id))
    session.exec(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
