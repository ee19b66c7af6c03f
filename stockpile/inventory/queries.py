"""Reading stock: what stands where, what may move, what is on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from stockpile.catalogue.tables import Item
from stockpile.db import table_of
from stockpile.errors import NotFound
from stockpile.inventory import eligibility, rules
from stockpile.inventory.eligibility import Goods, Restriction
from stockpile.inventory.eligible_rows import by_its_owner, time_zones
from stockpile.inventory.keeping import ReceivingRule
from stockpile.inventory.tables import (
    Balance,
    Beneficiary,
    Lane,
    Lot,
    LotRestriction,
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
    recalled: bool = False
    restrictions: tuple[Restriction, ...] = ()

    def goods(self) -> Goods:
        """What eligibility is asked about: available stock of the pool."""
        return Goods(self.expiry, self.on_hold, self.recalled, restrictions=self.restrictions)


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


def needs_release(session: Session, site_code: str, item: Item) -> bool:
    """Whether what comes in of an item at a site waits in quarantine for a pharmacist's release."""
    rule = session.get(ReceivingRule, site_code) or ReceivingRule(site_code=site_code)
    by_site = (rule.release_cold_chain and item.cold_chain) or (rule.release_controlled and item.controlled)
    return item.needs_release or by_site


def pool_stock(session: Session) -> list[Stock]:
    """What the pool has available at its depots, by item, expiry, lot and site."""
    b, lot_, site_ = table_of(Balance).c, table_of(Lot).c, table_of(Site).c
    query = (
        select_columns(
            lot_.id, lot_.item_code, lot_.code, lot_.expiry, lot_.on_hold, b.site_code, b.quantity, lot_.recalled
        )
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .join(table_of(Site), site_.code == b.site_code)
        .where(b.owner == rules.POOL, b.status == rules.AVAILABLE, b.quantity > 0, site_.kind == rules.DEPOT)
        .order_by(lot_.item_code, lot_.expiry, lot_.code, b.site_code)
    )
    found = restrictions(session)
    return [Stock(*row, found.get(row.id, ())) for row in session.connection().execute(query)]


def usable_pool_stock(session: Session, at: datetime) -> list[Stock]:
    """What of the pool's available stock is usable where it lies at that instant."""
    zones = {code: site_.time_zone for code, site_ in sites(session).items()}
    return [one for one in pool_stock(session) if usable(one.goods(), at, zones[one.site])]


def usable(goods: Goods, at: datetime, time_zone: str) -> bool:
    """Whether these goods are usable where they lie, in that time zone, by whoever may have them."""
    here = eligibility.here(time_zone)
    return eligibility.obstacle(goods, eligibility.IN_GENERAL, leaves=at, route=here) is None


def goods(
    lot_: Lot,
    restricted: Mapping[int, tuple[Restriction, ...]],
    *,
    owner: str = rules.POOL,
    status: str = rules.AVAILABLE,
) -> Goods:
    """What eligibility is asked about a lot; `restricted` as `restrictions` gives them."""
    return Goods(lot_.expiry, lot_.on_hold, lot_.recalled, status, owner, restricted.get(lot_.id or 0, ()))


def restrictions(session: Session, lots: Iterable[int] | None = None) -> dict[int, tuple[Restriction, ...]]:
    """What restricts these lots (all, unless told) now, by number, with who has been admitted to the goods."""
    query = select(LotRestriction).where(col(LotRestriction.lifted_at).is_(None)).order_by(col(LotRestriction.id))
    if lots is not None:
        query = query.where(col(LotRestriction.lot_id).in_(sorted(lots)))
    rows = list(session.exec(query))
    admitted: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in session.exec(select(Beneficiary)) if rows else ():
        admitted[one.kind, one.value].add(one.member_code)
    found: dict[int, tuple[Restriction, ...]] = {}
    for row in rows:
        restriction = Restriction(row.kind, row.value, frozenset(admitted[row.kind, row.value]))
        found[row.lot_id] = (*found.get(row.lot_id, ()), restriction)
    return found


def floors(session: Session, on: date) -> dict[str, int]:
    """The reserve floor of each item on that day, in base units."""
    query = select(ReserveFloor).where(ReserveFloor.effective_from <= on).order_by(col(ReserveFloor.effective_from))
    return {row.item_code: row.quantity for row in session.exec(query)}


def member_stock(session: Session, at: datetime) -> dict[tuple[str, str], int]:
    """Base units that members own and may use at that instant, by (member, item)."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    query = (
        select_columns(b.owner, lot_.item_code, func.sum(b.quantity))
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .join(table_of(Site), table_of(Site).c.code == b.site_code)
        .where(b.owner != rules.POOL, b.quantity > 0, by_its_owner(time_zones(session), at))
        .group_by(b.owner, lot_.item_code)
    )
    return {(owner, item): int(quantity) for owner, item, quantity in session.connection().execute(query)}


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


def member_lots(session: Session, site_code: str, at: datetime) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """(lot id, base units) that members own at a point of use and may use at that instant, first-expiring first."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    query = (
        select_columns(b.owner, lot_.item_code, lot_.id, b.quantity)
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .join(table_of(Site), table_of(Site).c.code == b.site_code)
        .where(b.site_code == site_code, b.owner != rules.POOL, b.quantity > 0)
        .where(by_its_owner(time_zones(session), at))
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


def sent_for(session: Session, *, source: str, reference: str, item: str) -> dict[str, int]:
    """Base units of an item that a source's transfers hold for a reference, by what became of them; none of zero.

    What waits and what is under way counts without what was cancelled; what came counts as it was received whole.
    """
    transfer, line, lot = table_of(Transfer).c, table_of(TransferLine).c, table_of(Lot).c
    query = (
        select_columns(transfer.state, func.sum(line.quantity - line.cancelled), func.sum(line.received))
        .join_from(Transfer, TransferLine, line.transfer_id == transfer.id)
        .join(Lot, lot.id == line.lot_id)
        .where(transfer.source == source, line.reference == reference, lot.item_code == item)
        .group_by(transfer.state)
    )
    found = {rules.APPROVED: 0, rules.DISPATCHED: 0, rules.RECEIVED: 0}
    for state, quantity, received in session.execute(query).all():
        at = state if state in (rules.APPROVED, rules.DISPATCHED) else rules.RECEIVED
        found[at] += int(received if at == rules.RECEIVED else quantity)
    return {state: units for state, units in found.items() if units}


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
    recalled: bool


def balances(session: Session, *, after: int = 0, limit: int = 100, **narrow: Any) -> list[Standing]:
    """Balances above zero with numbers greater than `after`, in their order, narrowed by what is given.

    `narrow`: item, lot (batch code), lot_id, site, owner, status; None narrows nothing.
    """
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    columns = (b.id, lot_.id, lot_.item_code, lot_.code, lot_.expiry, lot_.on_hold, b.site_code, b.owner, b.status)
    query = (
        select_columns(*columns, b.quantity, lot_.recalled)
        .join_from(table_of(Balance), table_of(Lot), lot_.id == b.lot_id)
        .where(b.id > after, b.quantity > 0)
        .order_by(b.id)
        .limit(limit)
    )
    return [Standing(*tuple(row)) for row in session.connection().execute(query.where(*narrowed(narrow)))]


def narrowed(narrow: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """What balances and lots must fulfil: item, lot (batch code), lot_id, site, owner, status; None asks nothing."""
    b, lot_ = table_of(Balance).c, table_of(Lot).c
    by = {"item": lot_.item_code, "lot": lot_.code, "lot_id": lot_.id}
    by |= {"site": b.site_code, "owner": b.owner, "status": b.status}
    return [by[name] == value for name, value in narrow.items() if value is not None]


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


def lots_by_number(session: Session, numbers: Iterable[int]) -> dict[int, Lot]:
    """These lots by their numbers, read at once."""
    return {found.id or 0: found for found in session.exec(select(Lot).where(col(Lot.id).in_(sorted(numbers))))}


def lock_lots(session: Session, numbers: Iterable[int]) -> dict[int, Lot]:
    """Read these lots anew and hold them, in order: a hold and a dispatch of the same lot wait for each other."""
    query = select(Lot).where(col(Lot.id).in_(sorted(numbers))).order_by(col(Lot.id))
    locked = session.exec(query.with_for_update(key_share=True).execution_options(populate_existing=True))
    return {found.id or 0: found for found in locked}
