"""What a scan means here: the item, the lot on record, the order it belongs to. Reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from stockpile.actor import Act
from stockpile.catalogue import queries as catalogue
from stockpile.catalogue.scans import Scan, read_scan
from stockpile.catalogue.tables import Item, TradeItem
from stockpile.contracts import queries as contracts
from stockpile.contracts.queries import OpenLine
from stockpile.errors import Conflict, Invalid, NotFound
from stockpile.governance import queries as governance
from stockpile.governance.rules import allowed
from stockpile.http import LARGEST_NUMBER
from stockpile.inventory import opening, queries, serialised
from stockpile.inventory import rules as stock
from stockpile.inventory.eligibility import lasts
from stockpile.inventory.quality.tables import ExpiryExtension
from stockpile.inventory.scanning import rules
from stockpile.inventory.scanning.rules import Warned
from stockpile.inventory.scanning.tables import Pallet
from stockpile.inventory.tables import Balance, Lot, Serial, Site, Transfer, TransferLine


class NothingIdentified(Invalid):
    """The scan names neither a GTIN nor an SSCC."""

    code = "nothing_identified"


class UnknownPallet(NotFound):
    """No pallet of ours has this SSCC."""

    code = "unknown_pallet"


class PalletDiffers(Conflict):
    """The label says something else than the pallet on record."""

    code = "pallet_differs"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A receipt line filled in as far as it is known; quantity in base units, `lot` and `expiry` None: to be typed.

    `gtin`: that of the scanned pack.
    """

    item: str
    lot: str | None
    expiry: date | None
    quantity: int
    calloff_line: int | None
    gtin: str


@dataclass(frozen=True, slots=True)
class Prefill:
    """What a scan fills in. `line` is for a receipt at `site`; `next`: what can be done, best first.

    `piece`: where the piece with the scanned serial stands, or how it left.
    """

    read: str
    site: str | None
    line: DraftLine
    item_name: str
    base_unit: str
    gtin: str
    pack: str
    pack_units: int
    packs: int
    lot_id: int | None
    serial: str | None
    sscc: str | None
    open_lines: tuple[OpenLine, ...]
    warnings: tuple[Warned, ...]
    next: tuple[str, ...]
    piece: Serial | None = None


def pallet(session: Session, sscc: str) -> Pallet:
    """The pallet with this SSCC; refuses an unknown one."""
    found = session.exec(select(Pallet).where(Pallet.sscc == sscc)).one_or_none()
    if found is None:
        raise UnknownPallet(
            f"no pallet of ours has the SSCC {sscc}: scan the label that names its content", field="sscc", value=sscc
        )
    return found


def prefill(session: Session, act: Act, *, text: str, site: str | None = None) -> Prefill:
    """What the scanned text fills in at a site; it has no effect.

    Refuses, besides what `read_scan` refuses: an unknown GTIN, an unknown SSCC
    without a GTIN, an expiry that is not the one on record of the lot (unless
    it was extended), a label that contradicts the pallet on record. What the scan
    does not say is taken from the lot on record. Expired and held lots are warned of.
    """
    scan = read_scan(text, today=governance.local_day(session, act.at))
    named = queries.site(session, site) if site is not None else None
    goods = _goods(session, scan)
    opened = contracts.open_lines(session, item=goods.item.code, site=site)
    place = named or _only_site(session, opened)
    expiry, extended = _expiry(session, scan, goods.known)
    order = _order(opened, goods.quantity) if place is not None and place.kind == stock.DEPOT else None
    today = stock.local_day(act.at, place.time_zone) if place else governance.local_day(session, act.at)
    situation = _situation(session, place, goods.known, expired=expiry is not None and not lasts(expiry, on=today))
    warnings = (
        *rules.lot_warnings(lot=goods.lot, expiry=expiry, today=today, held_for=_held_for(goods.known)),
        *extended,
        *_best_before(scan, expiry),
        *rules.serial_warnings(
            goods.item.serialised, scan.serial, serialised.words(goods.piece) if goods.piece else None
        ),
        *rules.order_warnings(
            goods.quantity, goods.item.base_unit, site_kind=situation.site_kind, opened=[one.open for one in opened]
        ),
    )
    return Prefill(
        read=str(scan),
        site=place.code if place else None,
        line=DraftLine(
            goods.item.code, goods.lot, expiry, goods.quantity, order.line if order else None, goods.pack.gtin
        ),
        item_name=goods.item.name,
        base_unit=goods.item.base_unit,
        gtin=goods.pack.gtin,
        pack=goods.pack.name,
        pack_units=goods.pack.units,
        packs=goods.packs,
        lot_id=goods.known.id if goods.known else None,
        serial=scan.serial,
        sscc=scan.sscc,
        open_lines=tuple(opened),
        warnings=warnings,
        next=rules.next_steps(situation, lambda right: _may(act, right, place)),
        piece=goods.piece,
    )


@dataclass(frozen=True, slots=True)
class _Goods:
    """What was scanned, as far as the records know it."""

    item: Item
    pack: TradeItem
    packs: int
    quantity: int
    lot: str | None
    known: Lot | None
    piece: Serial | None


def _goods(session: Session, scan: Scan) -> _Goods:
    unit = _pallet_of(session, scan)
    pack = catalogue.trade_item(session, _gtin(scan, unit))
    packs = scan.count or (unit.count if unit else 1)
    piece = (
        next(iter(serialised.standing(session, item=pack.item_code, serial=scan.serial)), None) if scan.serial else None
    )
    lot_id = unit.lot_id if unit else piece.lot_id if piece else None
    code, known = scan.lot or (queries.lot(session, lot_id).code if lot_id is not None else None), None
    if code is not None:
        product = catalogue.product_of(session, catalogue.item(session, pack.item_code), pack.gtin)
        known = session.exec(select(Lot).where(Lot.gtin == product, Lot.code == code)).one_or_none()
    _check_pallet(unit, pack, packs, known, scan)
    return _Goods(catalogue.item(session, pack.item_code), pack, packs, _quantity(packs, pack), code, known, piece)


def prefill_text(found: Prefill) -> str:
    """The prefilled line for people, one fact per line, warnings at the end."""
    line = found.line
    order = next((one for one in found.open_lines if one.line == line.calloff_line), None)
    facts = {
        "read": found.read,
        "item": f"{line.item} - {found.item_name}",
        "lot": line.lot,
        "expiry": line.expiry,
        "quantity": f"{line.quantity} {found.base_unit} ({found.packs} x {found.pack} of {found.pack_units})",
        "serial": found.serial,
        "SSCC": found.sscc,
        "site": found.site,
        "order": f"call-off {order.calloff}, line {order.line}, {order.open} {found.base_unit} open" if order else None,
        "next": ", ".join(found.next).replace("_", " ") or None,
    }
    lines = [f"{name:<9} {'-' if value is None else value}" for name, value in facts.items()]
    return "\n".join([*lines, *(f"! {one.message}" for one in found.warnings)])


def _may(act: Act, right: str, place: Site | None) -> bool:
    return allowed(act.actor, right, site=place.code if place else None)


def _pallet_of(session: Session, scan: Scan) -> Pallet | None:
    """Our pallet that the scan names; one of a supplier is not on record and needs a GTIN beside it."""
    if scan.sscc is None:
        return None
    if scan.gtin is None:
        return pallet(session, scan.sscc)
    return session.exec(select(Pallet).where(Pallet.sscc == scan.sscc)).one_or_none()


def _gtin(scan: Scan, unit: Pallet | None) -> str:
    gtin = scan.gtin or (unit.gtin if unit else None)
    if gtin is None:
        raise NothingIdentified(
            f"{scan} names no item: scan the symbol with the GTIN (01) or, on a pallet, the SSCC (00)", field="text"
        )
    return gtin


def _check_pallet(unit: Pallet | None, pack: TradeItem, packs: int, known: Lot | None, scan: Scan) -> None:
    if unit is None:
        return
    said = (pack.gtin, packs, known.id if known else None)
    if said != (unit.gtin, unit.count, unit.lot_id):
        raise PalletDiffers(
            f"pallet {unit.sscc} is on record with {unit.count} of {unit.gtin}, lot {unit.lot_id}; "
            f"the scan says {scan}",
            field="sscc",
            value=unit.sscc,
        )


def _expiry(session: Session, scan: Scan, known: Lot | None) -> tuple[date | None, tuple[Warned, ...]]:
    """The expiry that counts, and a word where the label's was extended since."""
    if known is None or scan.expiry in (None, known.expiry):
        return (known.expiry if known else scan.expiry), ()
    earlier = select(col(ExpiryExtension.old_expiry)).where(ExpiryExtension.lot_id == known.id)
    if scan.expiry in set(session.exec(earlier)):
        return known.expiry, (
            Warned("extended", f"the label says {scan.expiry}; the expiry was extended to {known.expiry}"),
        )
    raise opening.ExpiryDiffers(
        f"lot {known.code} of {known.item_code} is on record with expiry {known.expiry}; the label says {scan.expiry}",
        field="expiry",
        on_record=known.expiry,
        scanned=scan.expiry,
    )


def _quantity(packs: int, pack: TradeItem) -> int:
    quantity = packs * pack.units
    if quantity > LARGEST_NUMBER:
        raise Invalid(f"{packs} times {pack.units} base units are more than can be booked", field="quantity")
    return quantity


def _only_site(session: Session, opened: list[OpenLine]) -> Site | None:
    """Where the orders deliver, if all deliver to one site."""
    sites = {one.deliver_to for one in opened}
    return queries.site(session, sites.pop()) if len(sites) == 1 else None


def _order(opened: list[OpenLine], quantity: int) -> OpenLine | None:
    """The line this belongs to: the earliest that is open for all of it, or else the earliest."""
    return next((one for one in opened if one.open >= quantity), opened[0] if opened else None)


def _held_for(known: Lot | None) -> str | None:
    return known.hold_reason if known is not None and known.on_hold else None


def _best_before(scan: Scan, expiry: date | None) -> tuple[Warned, ...]:
    if scan.best_before is None or expiry is not None:
        return ()
    return (Warned("best_before", f"the label says best before {scan.best_before}, which is not an expiry"),)


def _situation(session: Session, place: Site | None, known: Lot | None, *, expired: bool) -> rules.Situation:
    shelves: frozenset[tuple[str, str]] = frozenset()
    moving: list[Transfer] = []
    if place is not None and known is not None:
        there = select(Balance).where(Balance.lot_id == known.id, Balance.site_code == place.code, Balance.quantity > 0)
        shelves = frozenset((row.owner, row.status) for row in session.exec(there) if row.status != stock.IN_TRANSIT)
        lines = select(TransferLine.transfer_id).where(TransferLine.lot_id == known.id)
        moving = list(session.exec(select(Transfer).where(col(Transfer.id).in_(lines))))
    return rules.Situation(
        site_kind=place.kind if place else None,
        lot_known=known is not None,
        on_hold=known is not None and known.on_hold,
        expired=expired,
        shelves=shelves,
        leaving=any(place and (one.origin, one.state) == (place.code, stock.APPROVED) for one in moving),
        arriving=any(place and (one.destination, one.state) == (place.code, stock.DISPATCHED) for one in moving),
    )
