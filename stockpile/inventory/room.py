"""Whether a site has room: packed volume by storage class, against what the site can keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue.rules import storage_class
from stockpile.catalogue.tables import Item
from stockpile.db import table_of
from stockpile.errors import Conflict
from stockpile.governance.rules import Missing, allowed
from stockpile.inventory import rules
from stockpile.inventory.keeping import SiteCapacity
from stockpile.inventory.tables import Balance, Lot

OVERRIDE = "capacity.override"


class NoRoom(Conflict):
    """The site cannot keep so much of a storage class."""

    code = "no_room"


@dataclass(frozen=True, slots=True)
class Room:
    """Millilitres of a storage class at a site: what it can keep (None: nobody has said), keeps, and is on its way."""

    storage_class: str
    capacity_ml: int | None
    used_ml: int
    coming_ml: int

    @property
    def free_ml(self) -> int | None:
        """What is left beside what is kept and on its way; less than nothing where it is overfull."""
        return None if self.capacity_ml is None else self.capacity_ml - self.used_ml - self.coming_ml


def packed_ml(quantity: int, *, volume_ml: int, pack_size: int) -> int:
    """The packed volume of base units, a part of a millilitre counted whole.

    >>> packed_ml(15, volume_ml=100, pack_size=10)
    150
    """
    return -(-quantity * volume_ml // pack_size)


def kept_in(item: Item) -> str:
    """The storage class of an item."""
    return storage_class(cold_chain=item.cold_chain, controlled=item.controlled, storage=item.storage)


def rooms(session: Session, site: str, *, lock: bool = False) -> dict[str, Room]:
    """The room at a site by storage class: every class that has a capacity or stock there."""
    query = select_rows(SiteCapacity).where(SiteCapacity.site_code == site).order_by(col(SiteCapacity.storage_class))
    limits = {x.storage_class: x.capacity_ml for x in session.exec(query.with_for_update() if lock else query)}
    if lock and not limits:
        return {}
    used: dict[str, int] = defaultdict(int)
    coming: dict[str, int] = defaultdict(int)
    b, lot, item = table_of(Balance).c, table_of(Lot).c, Item
    standing = (
        select(Item, b.status, func.sum(b.quantity))
        .join_from(table_of(Balance), table_of(Lot), lot.id == b.lot_id)
        .join(item, col(Item.code) == lot.item_code)
        .where(b.site_code == site, b.quantity > 0)
        .group_by(col(Item.code), b.status)
    )
    for one, status, quantity in session.execute(standing):
        volume = packed_ml(int(quantity), volume_ml=one.volume_ml, pack_size=one.pack_size)
        (coming if status == rules.IN_TRANSIT else used)[kept_in(one)] += volume
    return {kind: Room(kind, limits.get(kind), used[kind], coming[kind]) for kind in sorted({*limits, *used, *coming})}


def check(session: Session, act: Act, *, site: str, incoming: Iterable[tuple[Item, int]], override: str = "") -> None:
    """Refuse base units of items for which a site has no room, naming class and volumes.

    `override`: the reason of somebody (or of the second person) who may fill a
    site beyond what it can keep; it goes into the journal. A site without a
    capacity for a class has room for it.
    """
    there = rooms(session, site, lock=True)
    if not there:
        return
    volumes: dict[str, int] = defaultdict(int)
    for item, quantity in incoming:
        volumes[kept_in(item)] += packed_ml(quantity, volume_ml=item.volume_ml, pack_size=item.pack_size)
    over = {kind: ml for kind, ml in sorted(volumes.items()) if _exceeds(there, kind, ml)}
    if not over:
        return
    if not override.strip():
        raise _no_room(site, there, over)
    second = act.second is not None and allowed(act.second, OVERRIDE, site=site)
    if not (allowed(act.actor, OVERRIDE, site=site) or second):
        raise Missing(f"{act.actor.name} may not fill {site} beyond its capacity", right=OVERRIDE, site=site)
    journal.record(session, act, action=OVERRIDE, subject=f"site:{site}", payload=over, reason=override)


def _exceeds(there: Mapping[str, Room], kind: str, volume: int) -> bool:
    free = there[kind].free_ml if kind in there else None
    return free is not None and volume > free


def _no_room(site: str, there: Mapping[str, Room], over: Mapping[str, int]) -> NoRoom:
    named = "; ".join(
        f"{kind}: {volume / 1000:.1f} l more, {max(0, there[kind].free_ml or 0) / 1000:.1f} l free of "
        f"{(there[kind].capacity_ml or 0) / 1000:.1f} l"
        for kind, volume in over.items()
    )
    facts = [
        {"storage_class": kind, "asked_ml": volume, "free_ml": there[kind].free_ml} for kind, volume in over.items()
    ]
    return NoRoom(
        f"{site} has no room for this ({named}). Store it elsewhere, or give a reason for `over_capacity` by somebody "
        "who may fill it beyond its capacity",
        field="site",
        site=site,
        over=facts,
    )
