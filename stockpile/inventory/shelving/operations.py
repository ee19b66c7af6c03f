"""Bins and put-away, and how much a site can keep."""

from __future__ import annotations

from sqlmodel import Session, col, select

from stockpile import journal
from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.rules import STORAGE_CLASSES
from stockpile.db import insert_once
from stockpile.errors import Conflict, Invalid
from stockpile.governance.rules import require
from stockpile.inventory import binning, queries, room
from stockpile.inventory.keeping import Bin, SiteCapacity
from stockpile.inventory.ledger import Account
from stockpile.inventory.shelving import queries as shelves
from stockpile.inventory.tables import Balance


class BinKnown(Conflict):
    """The site has a bin of this code."""

    code = "bin_known"


class DoesNotFit(Conflict):
    """The bin is for another storage class, or too small."""

    code = "does_not_fit"


def make_bin(
    session: Session, act: Act, *, site: str, code: str, storage_class: str, capacity_ml: int | None = None
) -> Bin:
    """A new bin at a site, for one storage class; `capacity_ml` None: no limit is known."""
    require(act.actor, "stock.shelve", site=site)
    queries.site(session, site)
    _known(storage_class)
    row = {"site_code": site, "code": code, "storage_class": storage_class, "capacity_ml": capacity_ml}
    number = insert_once(session, Bin, row)
    if number is None:
        raise BinKnown(f"{site} has a bin {code} already", field="code", value=code)
    journal.record(session, act, action="bin.make", subject=f"bin:{number}", payload=row)
    return session.get_one(Bin, number)


def put_away(
    session: Session,
    act: Act,
    *,
    account: Account,
    quantity: int,
    to_bin: str | None,
    from_bin: str | None = None,
) -> None:
    """Lay base units of a balance from no bin (or `from_bin`) into a bin; `to_bin` None takes them out to be picked.

    Refuses more than lies there, a bin of another storage class, and one without enough room.
    """
    require(act.actor, "stock.shelve", site=account.site)
    if to_bin == from_bin or quantity <= 0:
        raise Invalid("say how many go from one place to another: a bin, or no bin", field="to_bin")
    balance = _balance(session, account)
    if from_bin is None and (there := binning.unbinned(session, balance)) < quantity:
        raise binning.NotInBin(f"{there} of it lie in no bin, {quantity} asked", there=there, asked=quantity)
    if from_bin is not None:
        source = shelves.bin_of(session, account.site, from_bin)
        binning.shift(session, bin_id=source.id or 0, balance_id=balance.id or 0, change=-quantity)
    if to_bin is not None:
        _lay(session, balance, account, quantity, to_bin)
    payload = {"lot": account.lot_id, "quantity": quantity, "from": from_bin, "to": to_bin}
    subject = f"balance:{balance.id}"
    journal.record(session, act, action="stock.shelve", subject=subject, payload=payload)


def _lay(session: Session, balance: Balance, account: Account, quantity: int, code: str) -> None:
    sink = shelves.bin_of(session, account.site, code)
    session.refresh(sink, with_for_update=True)
    item = catalogue.item(session, queries.lot(session, account.lot_id).item_code)
    if room.kept_in(item) != sink.storage_class:
        raise DoesNotFit(
            f"bin {code} is for {sink.storage_class} goods, {item.code} is kept {room.kept_in(item)}", field="to_bin"
        )
    needed = room.packed_ml(quantity, volume_ml=item.volume_ml, pack_size=item.pack_size)
    free = None if sink.capacity_ml is None else sink.capacity_ml - shelves.volume_ml(session, sink.id or 0)
    if free is not None and needed > free:
        raise DoesNotFit(
            f"bin {code} has {free} ml free, this takes {needed} ml", field="to_bin", free_ml=free, needed_ml=needed
        )
    binning.shift(session, bin_id=sink.id or 0, balance_id=balance.id or 0, change=quantity)


def _balance(session: Session, account: Account) -> Balance:
    queries.lot(session, account.lot_id)
    query = select(Balance).where(Balance.lot_id == account.lot_id, Balance.site_code == account.site)
    query = query.where(Balance.owner == account.owner, col(Balance.status) == account.status)
    found = session.exec(query).one_or_none()
    if found is None:
        raise binning.NotInBin(f"nothing of this lot stands at {account.site}", there=0)
    return binning.lock(session, found)


def set_capacity(session: Session, act: Act, *, site: str, storage_class: str, capacity_ml: int) -> SiteCapacity:
    """Say how much of a storage class a site can keep, in millilitres of packed volume."""
    require(act.actor, "capacity.set", site=site)
    queries.site(session, site)
    _known(storage_class)
    payload = {"storage_class": storage_class, "capacity_ml": capacity_ml}
    journal.record(session, act, action="capacity.set", subject=f"site:{site}", payload=payload)
    return session.merge(SiteCapacity(site_code=site, storage_class=storage_class, capacity_ml=capacity_ml))


def _known(storage_class: str) -> None:
    if storage_class not in STORAGE_CLASSES:
        raise Invalid(f"there is no storage class {storage_class}: {', '.join(STORAGE_CLASSES)}", field="storage_class")
