"""Reading shelves: bins, what lies where, a bin for put-away, and where to pick."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func
from sqlmodel import Session, col, select

from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.tables import Item
from stockpile.errors import NotFound
from stockpile.inventory import queries, room, rules
from stockpile.inventory.keeping import Bin, BinContent
from stockpile.inventory.tables import Balance, Lot, Transfer, TransferLine


class UnknownBin(NotFound):
    """The site has no bin of this code."""

    code = "unknown_bin"


@dataclass(frozen=True, slots=True)
class Lying:
    """Base units of one lot, owner and status in a bin; `bin` None: in no bin."""

    bin: str | None
    lot_id: int
    item: str
    lot: str
    expiry: date
    owner: str
    status: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Pick:
    """So many base units of a line to take from a bin (None: from what lies in no bin)."""

    transfer: int
    line: int
    item: str
    lot: str
    expiry: date
    bin: str | None
    quantity: int


@dataclass(frozen=True, slots=True)
class Suggested:
    """A bin that fits, and why it comes where it does in the list."""

    bin: str
    same_item: bool
    free_ml: int | None


def bin_of(session: Session, site: str, code: str) -> Bin:
    """One bin of a site; refuses an unknown code."""
    found = session.exec(select(Bin).where(Bin.site_code == site, Bin.code == code)).one_or_none()
    if found is None:
        raise UnknownBin(f"{site} has no bin {code}", field="bin", value=code)
    return found


def bins(session: Session, site: str) -> list[Bin]:
    """The bins of a site in the order of their codes."""
    queries.site(session, site)
    return list(session.exec(select(Bin).where(Bin.site_code == site).order_by(col(Bin.code))))


def lying(session: Session, site: str, *, item: str | None = None) -> list[Lying]:
    """What lies where at a site, first-expiring first; a lot's bins by code, then what of it lies in no bin."""
    queries.site(session, site)
    here = (Balance.site_code == site, Balance.quantity > 0, Balance.status != rules.IN_TRANSIT)
    query = select(Balance, Lot).join(Lot, col(Lot.id) == col(Balance.lot_id)).where(*here)
    query = query.where(Lot.item_code == item) if item else query
    in_bins = _in_bins(session, site)
    found: list[Lying] = []
    for balance, lot in session.exec(query.order_by(col(Lot.item_code), col(Lot.expiry), col(Lot.id), col(Balance.id))):
        binned = in_bins.get(balance.id or 0, [])
        rest = balance.quantity - sum(quantity for _, quantity in binned)
        found += [
            Lying(code, balance.lot_id, lot.item_code, lot.code, lot.expiry, balance.owner, balance.status, quantity)
            for code, quantity in [*binned, (None, rest)]
            if quantity
        ]
    return found


def _in_bins(session: Session, site: str) -> dict[int, list[tuple[str | None, int]]]:
    """By balance: the bins in which it lies, in the order of their codes, and base units."""
    query = select(BinContent, Bin).join(Bin, col(Bin.id) == col(BinContent.bin_id)).where(Bin.site_code == site)
    found: dict[int, list[tuple[str | None, int]]] = defaultdict(list)
    query = query.where(BinContent.quantity > 0).order_by(col(Bin.code)).execution_options(populate_existing=True)
    for content, one in session.exec(query):
        found[content.balance_id].append((one.code, content.quantity))
    return dict(found)


def volume_ml(session: Session, bin_id: int) -> int:
    """The packed volume of what lies in a bin."""
    query = (
        select(Item, func.sum(BinContent.quantity))
        .join(Lot, col(Lot.item_code) == col(Item.code))
        .join(Balance, col(Balance.lot_id) == col(Lot.id))
        .join(BinContent, col(BinContent.balance_id) == col(Balance.id))
        .where(BinContent.bin_id == bin_id)
        .group_by(col(Item.code))
    )
    return sum(
        room.packed_ml(int(quantity), volume_ml=item.volume_ml, pack_size=item.pack_size)
        for item, quantity in session.exec(query)
    )


def suggest(session: Session, site: str, *, lot_id: int, quantity: int) -> list[Suggested]:
    """Bins in which a lot fits: its storage class and enough room; those with the same item first, then by code."""
    item = catalogue.item(session, queries.lot(session, lot_id).item_code)
    needed = room.packed_ml(quantity, volume_ml=item.volume_ml, pack_size=item.pack_size)
    with_item = {one.bin for one in lying(session, site, item=item.code)}
    found: list[Suggested] = []
    for one in bins(session, site):
        free = None if one.capacity_ml is None else one.capacity_ml - volume_ml(session, one.id or 0)
        if one.storage_class == room.kept_in(item) and (free is None or free >= needed):
            found.append(Suggested(one.code, one.code in with_item, free))
    return sorted(found, key=lambda s: (not s.same_item, s.bin))


def picks(session: Session, number: int) -> list[Pick]:
    """Where to take the lines of an approved transfer, so that transfers of one depot never name the same units twice.

    Lines are served in the order of their numbers over all transfers that wait
    at the depot; bins before what lies in no bin.
    """
    origin = queries.transfer(session, number).origin
    left: dict[int, dict[str | None, int]] = defaultdict(dict)
    for one in lying(session, origin):
        if (one.owner, one.status) == (rules.POOL, rules.RESERVED):
            left[one.lot_id][one.bin] = one.quantity
    query = (
        select(TransferLine, Lot)
        .join(Transfer, col(Transfer.id) == col(TransferLine.transfer_id))
        .join(Lot, col(Lot.id) == col(TransferLine.lot_id))
        .where(Transfer.origin == origin, Transfer.state == rules.APPROVED)
        .order_by(col(Lot.expiry), col(TransferLine.id))
    )
    found: list[Pick] = []
    for line, lot in session.exec(query):
        wanted = line.quantity - line.cancelled
        places = left[line.lot_id]
        for place in places:
            taken = min(wanted, places[place])
            places[place], wanted = places[place] - taken, wanted - taken
            if taken and line.transfer_id == number:
                found.append(Pick(number, line.id or 0, lot.item_code, lot.code, lot.expiry, place, taken))
    return found
